"""Arguments as people write them, bound to a signature: types, bounds, near misses.

Strategies (``focal(gamma=2)``) and task settings (``imbalance=20``) are read by the
same rules: the callable's own annotations and defaults say what is allowed.
"""

from __future__ import annotations

import difflib
import inspect
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from benchmark.protocol.errors import UserError


@dataclass(frozen=True)
class Range:
    """Bounds of a number, for ``Annotated[float, Range(0, 1)]``; both ends are allowed."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False  # `low` itself is not allowed

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and value <= self.high

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"{'above' if self.open_low else 'at least'} {_short(self.low)}"
        between = f"between {_short(self.low)} and {_short(self.high)}"
        return f"{between}, {_short(self.low)} excluded" if self.open_low else between


@dataclass(frozen=True)
class Space:
    """What a search tries, beside the bounds: ``Annotated[float, Range(0), Space(0, 5)]``.

    An argument that is a tuple has a value for every class, and is searched where there are more
    than two; where there are two, `binary` ones are.
    """

    low: float
    high: float
    log: bool = False  # all magnitudes alike
    binary: bool = False  # only of use for two classes


def suggest(name: str, known: Iterable[str]) -> str:
    """What to say after an unknown name: the near miss, or all there is."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(known)}" if known else "it takes none"


def parameters(target: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """Name -> (annotation, default) of everything that `target` takes."""
    hints = typing.get_type_hints(target, include_extras=True)
    if inspect.isclass(target):
        hints = typing.get_type_hints(target.__init__, include_extras=True)
    return {
        name: (hints[name], parameter.default)
        for name, parameter in inspect.signature(target).parameters.items()
    }


def bind(target: Callable[..., Any], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """All arguments of `target`, defaults spelled out, values of the declared type.

    Args:
        given: name -> value; text is converted to the declared type.
        where: how to call `target` in an error, e.g. "strategy 'focal'".

    Raises:
        UserError: for an unknown name, a wrong type or a value out of bounds.
    """
    declared = parameters(target)
    for name in given:
        if name not in declared:
            raise UserError(f"{where} has no argument {name!r}: {suggest(name, declared)}")
    return {
        name: _convert(given[name], annotation, f"{where}: {name}") if name in given else default
        for name, (annotation, default) in declared.items()
    }


def without_defaults(target: Callable[..., Any], bound: Mapping[str, Any]) -> dict[str, Any]:
    """Only those of the bound arguments that differ from the defaults."""
    declared = parameters(target)
    return {name: value for name, value in bound.items() if value != declared[name][1]}


def describe(target: Callable[..., Any]) -> str:
    """The arguments with their defaults, as a person would write them."""
    return as_text({name: default for name, (_, default) in parameters(target).items()}, ", ")


def as_text(arguments: Mapping[str, Any], separator: str) -> str:
    """``gamma=2, alpha=0.75``: numbers in their shortest form, so that 2 and 2.0 are one."""
    return separator.join(f"{name}={_short(value)}" for name, value in arguments.items())


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))}{',' * (len(value) == 1)})"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _quoted(value: str) -> str:
    """In quotes if it could not be read back without them."""
    if value and not re.search(r"[\s,'\"]", value):
        return value
    # what stands in single quotes cannot hold one: it is written between two such pieces
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _convert(value: Any, annotation: Any, where: str) -> Any:
    annotation, bounds, _ = annotated(annotation)
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        if value not in choices:
            raise UserError(f"{where} must be one of {', '.join(map(str, choices))}, not {value!r}")
        return value
    if annotation is str:
        return str(value)
    options = get_args(annotation) or (annotation,)  # `float | None` or plain `float`
    if type(None) in options and value in (None, "None"):
        return None
    kind = next(option for option in options if option is not type(None))
    if get_origin(kind) is tuple:
        return tuple(_bounded(one, get_args(kind)[0], bounds, where) for one in _several(value))
    return _bounded(value, kind, bounds, where)


def annotated(annotation: Any) -> tuple[Any, Range, Space | None]:
    """Type, bounds and search space of ``Annotated[float, Range(0, 1), Space(0, 1)]``."""
    kind, *marks = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    bounds = next((mark for mark in marks if isinstance(mark, Range)), Range())
    return kind, bounds, next((mark for mark in marks if isinstance(mark, Space)), None)


def _several(value: Any) -> list[str]:
    """``(1, 2.5)``, as text or as a tuple, in its parts."""
    return [one.strip() for one in str(value).strip("()[] ").split(",") if one.strip()]


def _bounded(value: Any, kind: type, bounds: Range, where: str) -> float | int:
    number = _number(value, kind, where)
    if number not in bounds:
        raise UserError(f"{where} must be {bounds}, not {_short(number)}")
    return number


def _number(value: Any, kind: type, where: str) -> float | int:
    wanted = "a whole number" if kind is int else "a number"
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UserError(f"{where} must be {wanted}, not {value!r}") from None
    if not math.isfinite(number) or (kind is int and not number.is_integer()):
        raise UserError(f"{where} must be {wanted}, not {value!r}")
    return int(number) if kind is int else number
