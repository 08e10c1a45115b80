"""Selection of strategies: written out, by a glob such as `*sampl*`, or `all`, less exclusions."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from benchmark.protocol import arguments
from benchmark.protocol.errors import UserError
from benchmark.protocol.grammar import StrategySpec, read_list
from benchmark.protocol.registry import strategies

ALL = "all"
WILDCARDS = "*?"


def is_pattern(item: str) -> bool:
    """Return whether an item stands for several strategies."""
    return item == ALL or any(wildcard in item for wildcard in WILDCARDS)


def has_pattern(text: str) -> bool:
    """Return whether a selection names strategies by `all` or a glob."""
    return any(map(is_pattern, split(text)))


def select(text: str, exclude: str = "") -> list[StrategySpec]:
    """Read a selection such as ``none, *sampl*, focal(gamma=1)+threshold``, in this order.

    Args:
        exclude: labels or globs of strategies to leave out, separated by commas.

    Raises:
        UserError: for what `read_list` raises it, for a pattern or an exclusion that matches
            nothing, or if nothing is left.
    """
    items = split(text)
    written = {item for item in items if not is_pattern(item)}
    chosen: list[str] = []
    for item in items:
        if is_pattern(item):
            taken = {*written, *chosen}
            chosen += [name for name in _matching(item) if name not in taken]
        else:
            chosen.append(item)
    specs = read_list(", ".join(chosen))
    return _without(specs, split(exclude)) if exclude.strip() else specs


def split(text: str) -> list[str]:
    """Split at the commas outside of brackets."""
    items, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth <= 0:
            items.append("")
        else:
            items[-1] += character
    return [item.strip() for item in items]


def _matching(pattern: str) -> list[str]:
    found = [name for name in strategies() if pattern == ALL or fnmatchcase(name, pattern)]
    if not found:
        raise UserError(f"no strategy matches {pattern!r}: see the command `strategies`")
    return found


def _without(specs: list[StrategySpec], excluded: Iterable[str]) -> list[StrategySpec]:
    labels = [spec.label for spec in specs]
    for pattern in excluded:
        if not any(fnmatchcase(label, pattern) for label in labels):
            close = arguments.suggest(pattern, labels)
            raise UserError(f"--exclude {pattern!r} matches none of the strategies: {close}")
    left = [
        spec for spec in specs if not any(fnmatchcase(spec.label, pattern) for pattern in excluded)
    ]
    if not left:
        raise UserError("--exclude leaves no strategy")
    return left
