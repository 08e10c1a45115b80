"""The search space: a strategy with numbers left open.

Arguments that are written, as in ``focal(gamma=2)``, stay as they are. Of the others, those
that declare a ``Space`` are searched, or those that ``--space`` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from benchmark.protocol import arguments, grammar, registry
from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.errors import UserError

DIGITS = 3  # of a chosen number, so that the text of the strategy, which defines it, is short


@dataclass(frozen=True)
class Dimension:
    """One number to choose."""

    name: str  # of the argument, or part.argument where that is ambiguous
    low: float
    high: float
    log: bool
    whole: bool

    def rounded(self, value: float) -> float:
        """Round a number to what the strategy receives, within the ends of the dimension."""
        if self.whole:
            return int(value)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def __str__(self) -> str:
        ends = arguments.as_text({"": self.low, " ": self.high}, "..").replace("=", "")
        return f"{self.name}={ends.replace(' ', '')}{' log' * self.log}"


@dataclass(frozen=True)
class Argument:
    """An argument that is left open; with several dimensions it is a tuple of numbers."""

    part: int
    name: str
    per_class: bool  # one number per class; that of the first is 1, as only ratios matter
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True)
class Pattern:
    """A strategy with open arguments."""

    text: str  # as it was written: the strategy with defaults
    parts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # (name, what is written)
    open: tuple[Argument, ...]

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """All numbers to choose, in the order of the strategy."""
        return tuple(dimension for argument in self.open for dimension in argument.dimensions)

    def filled(self, values: Mapping[str, float]) -> str:
        """Return the strategy with these values, by dimension, as ``--strategies`` takes it."""
        words = []
        for number, (name, written) in enumerate(self.parts):
            given: dict[str, Any] = dict(written)
            for argument in self.open:
                if argument.part == number:
                    chosen = [values[dimension.name] for dimension in argument.dimensions]
                    given[argument.name] = (1, *chosen) if argument.per_class else chosen[0]
            words.append(f"{name}({arguments.as_text(given, ', ')})" if given else name)
        return grammar.read("+".join(words)).label

    def __str__(self) -> str:
        return ", ".join(map(str, self.dimensions))


@dataclass(frozen=True)
class _Open:
    """An argument that the user did not write."""

    part: int
    part_name: str
    name: str
    kind: Any
    bounds: Range
    space: Space | None  # declared

    @property
    def names(self) -> tuple[str, str]:
        """Return the names that ``--space`` takes: argument and part.argument."""
        return self.name, f"{self.part_name}.{self.name}"

    @property
    def per_class(self) -> bool:
        """Return whether it holds one number per class."""
        return any(get_origin(option) is tuple for option in (self.kind, *get_args(self.kind)))

    @property
    def whole(self) -> bool:
        return int in (self.kind, *get_args(self.kind))


def pattern(text: str, classes: int, spaces: str = "") -> Pattern:
    """Read a strategy and what is searched in it.

    Args:
        text: e.g. ``oversample+focal(gamma=2)``.
        spaces: what is searched instead of what the strategy declares, e.g.
            ``positive=1..50 tau=0..2``.

    Raises:
        UserError: if either cannot be read, or there is nothing to search.
    """
    calls = grammar.calls(text)
    unwritten = [
        _Open(number, call.name, name, *arguments.annotated(annotation))
        for number, call in enumerate(calls)
        for name, (annotation, _) in arguments.parameters(call.function).items()
        if name not in call.given
    ]
    chosen = _named(text, unwritten, _read(spaces)) if spaces else _declared(unwritten, classes)
    if not chosen:
        raise UserError(
            f"strategy {text!r} has nothing to search: none of its open arguments has a space. "
            f"These have one: {', '.join(_searchable())}"
        )
    names = [argument.name for argument, _ in chosen]
    result = Pattern(
        text,
        tuple((call.name, tuple(call.given.items())) for call in calls),
        tuple(
            _argument(argument, space, names.count(argument.name) == 1, classes)
            for argument, space in chosen
        ),
    )
    dimensions = result.dimensions
    if len({dimension.name for dimension in dimensions}) < len(dimensions):
        raise UserError(f"strategy {text!r} has a part twice: write the arguments of one of them")
    for ends in (
        {dimension.name: dimension.rounded(dimension.low) for dimension in dimensions},
        {dimension.name: dimension.rounded(dimension.high) for dimension in dimensions},
    ):
        result.filled(ends)  # refuses impossible values
    return result


def _declared(unwritten: list[_Open], classes: int) -> list[tuple[_Open, Space]]:
    """Return the open arguments with the spaces that the strategy declares for so many classes."""
    return [
        (argument, argument.space)
        for argument in unwritten
        if argument.space
        and (classes > 2 if argument.per_class else classes == 2 or not argument.space.binary)
    ]


def _named(
    text: str, unwritten: list[_Open], ends: Mapping[str, tuple[float, float]]
) -> list[tuple[_Open, Space]]:
    """Return the open arguments that ``--space`` names, by argument or by part.argument."""
    names = [name for argument in unwritten for name in argument.names]
    for name in set(ends) - set(names):
        raise UserError(
            f"--space: {text!r} has no open argument {name!r}: {arguments.suggest(name, names)}"
        )
    spaces = []
    for argument in unwritten:
        for name in set(argument.names) & set(ends):
            low, high = ends[name]
            log = argument.space is not None and argument.space.log and low > 0
            spaces.append((argument, Space(low, high, log)))
    return spaces


def _argument(argument: _Open, space: Space, unique: bool, classes: int) -> Argument:
    """Make the dimensions of an open argument; its name is qualified unless it is unique."""
    short, qualified = argument.names
    name = short if unique else qualified
    for end in (space.low, space.high):
        if end not in argument.bounds:
            raise UserError(f"--space: {name} must be {argument.bounds}, not {end:g}")
    per_class = [f"{name}.{label}" for label in range(1, classes)]
    dimensions = tuple(
        Dimension(label, space.low, space.high, space.log, argument.whole)
        for label in (per_class if argument.per_class else [name])
    )
    return Argument(argument.part, argument.name, argument.per_class, dimensions)


def _searchable() -> list[str]:
    """Return the names of the strategies that declare a space."""

    def declares(function: Callable[..., Any]) -> bool:
        marks = [arguments.annotated(kind) for kind, _ in arguments.parameters(function).values()]
        return any(space for _, _, space in marks)

    return [name for name, function in registry.strategies().items() if declares(function)]


def _read(spaces: str) -> dict[str, tuple[float, float]]:
    """Read ``positive=1..50 tau=0..2`` as name -> ends."""
    read: dict[str, tuple[float, float]] = {}
    for word in spaces.replace(",", " ").split():
        name, _, ends = word.partition("=")
        try:
            low, high = map(float, ends.split(".."))
        except ValueError:
            raise UserError(f"--space is written like positive=1..50, not {word!r}") from None
        if not low < high or name in read:
            raise UserError(f"--space: {word!r} must go from low to high, and be given once")
        read[name] = (low, high)
    return read
