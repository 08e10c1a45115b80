"""Arguments as users write them, bound to a signature: types, bounds, near misses.

Strategies (``focal(gamma=2)``) and task settings (``imbalance=20``) are read by the same rules:
annotations and defaults of the callable say what is allowed.
"""

from __future__ import annotations

import difflib
import inspect
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_origin

from benchmark.protocol.errors import UserError


@dataclass(frozen=True)
class Range:
    """Bounds of a number, for ``Annotated[float, Range(0, 1)]``. Both ends are allowed."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False  # excludes `low` itself

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and value <= self.high

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"{'above' if self.open_low else 'at least'} {_short(self.low)}"
        between = f"between {_short(self.low)} and {_short(self.high)}"
        return f"{between}, {_short(self.low)} excluded" if self.open_low else between


@dataclass(frozen=True)
class ByContent:
    """Mark of a setting that is a path: what lies there counts, and is in the data's digest."""


@dataclass(frozen=True)
class Space:
    """Values that a search tries, beside the bounds: ``Annotated[float, Range(0), Space(0, 5)]``.

    A tuple argument has one value per class and is searched with more than two classes; a
    `binary` one is searched with two classes.
    """

    low: float
    high: float
    log: bool = False  # sample uniformly in the logarithm
    binary: bool = False  # makes sense with two classes only


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a hint to follow an unknown name: the closest known name, or all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(known)}" if known else "it takes none"


@cache  # hints are evaluated anew each time; strategies are read once per run
def parameters(target: Callable[..., Any]) -> Mapping[str, tuple[Any, Any]]:
    """Return name -> (annotation, default) for every parameter of `target`."""
    hints = typing.get_type_hints(target, include_extras=True)
    if inspect.isclass(target):
        hints = typing.get_type_hints(target.__init__, include_extras=True)
    given = inspect.signature(target).parameters
    return MappingProxyType({name: (hints[name], given[name].default) for name in given})


def bind(target: Callable[..., Any], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return all arguments of `target`: defaults filled in, values of the declared types.

    Args:
        given: name -> value; text is converted to the declared type.
        where: name of `target` in errors, e.g. "strategy 'focal'".

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
    """Return the bound arguments that differ from their defaults."""
    declared = parameters(target)
    return {name: value for name, value in bound.items() if value != declared[name][1]}


def describe(target: Callable[..., Any]) -> str:
    """Format the parameters with their defaults, as users write them."""
    return as_text({name: default for name, (_, default) in parameters(target).items()}, ", ")


def as_text(arguments: Mapping[str, Any], separator: str) -> str:
    """Format arguments as ``gamma=2, alpha=0.75``, numbers in their shortest form.

    So 2 and 2.0 give the same text.
    """
    return separator.join(f"{name}={_short(value)}" for name, value in arguments.items())


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))}{',' * (len(value) == 1)})"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def quoted(value: str) -> str:
    """Quote text that could not be read back without quotes."""
    if value and not re.search(r"[\s,'\"]", value):
        return value
    # single quotes cannot hold a single quote: it is written between two quoted pieces
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _convert(value: Any, annotation: Any, where: str) -> Any:
    annotation, bounds, _ = annotated(annotation)
    # `float | None`, or plain `float`
    options = (annotation,) if get_origin(annotation) is Literal else get_args(annotation)
    options = options or (annotation,)
    if type(None) in options and value in (None, "None"):
        return None
    kind = next(option for option in options if option is not type(None))
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        if value not in choices:
            raise UserError(f"{where} must be one of {', '.join(map(str, choices))}, not {value!r}")
        return value
    if kind is str:
        return str(value)
    if get_origin(kind) is tuple:
        return tuple(_bounded(part, get_args(kind)[0], bounds, where) for part in _several(value))
    return _bounded(value, kind, bounds, where)


def by_content(target: Callable[..., Any]) -> set[str]:
    """Return the names of the parameters that are marked `ByContent`."""
    return {
        name
        for name, (annotation, _) in parameters(target).items()
        if ByContent() in get_args(annotation)[1:]
    }


def annotated(annotation: Any) -> tuple[Any, Range, Space | None]:
    """Return type, bounds and search space of ``Annotated[float, Range(0, 1), Space(0, 1)]``."""
    kind, *marks = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    bounds = next((mark for mark in marks if isinstance(mark, Range)), Range())
    return kind, bounds, next((mark for mark in marks if isinstance(mark, Space)), None)


def _several(value: Any) -> list[str]:
    """Split ``(1, 2.5)``, given as text or as a tuple, into the texts of its items."""
    return [part.strip() for part in str(value).strip("()[] ").split(",") if part.strip()]


def _bounded(value: Any, kind: type, bounds: Range, where: str) -> float | int:
    number = _number(value, kind, where)
    if number not in bounds:
        raise UserError(f"{where} must be {bounds}, not {_short(number)}")
    return number


def _number(value: Any, kind: type, where: str) -> float | int:
    expected = "a whole number" if kind is int else "a number"
    try:
        above, _, below = str(value).partition("/")  # 500/20000 is a number too
        number = float(above) / (float(below) if below else 1)
    except (TypeError, ValueError, ZeroDivisionError):
        raise UserError(f"{where} must be {expected}, not {value!r}") from None
    if not math.isfinite(number) or (kind is int and not number.is_integer()):
        raise UserError(f"{where} must be {expected}, not {value!r}")
    return int(number) if kind is int else number
