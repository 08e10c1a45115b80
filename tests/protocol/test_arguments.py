"""Arguments as people write them: types, bounds, near misses, shortest form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from benchmark.protocol import arguments
from benchmark.protocol.arguments import Range
from benchmark.protocol.errors import UserError


@dataclass(frozen=True)
class Oven:
    """Every kind of argument that a strategy or a task may declare."""

    heat: Annotated[float, Range(0, 300)] = 180.0
    trays: Annotated[int, Range(1)] = 2
    share: Annotated[float, Range(0, 1, open_low=True)] = 0.5
    timer: Annotated[float | None, Range(0)] = None
    fuel: Literal["gas", "wood"] = "gas"
    name: str = "oven"


def bake(heat: Annotated[float, Range(0, 300)] = 180.0, trays: int = 2) -> None:
    """The same as a function."""


def bound(**given: Any) -> dict[str, Any]:
    return arguments.bind(Oven, given, "task 'oven'")


def test_what_is_not_given_is_spelled_out_in_the_declared_order() -> None:
    assert list(bound(fuel="wood").items()) == [
        ("heat", 180.0),
        ("trays", 2),
        ("share", 0.5),
        ("timer", None),
        ("fuel", "wood"),
        ("name", "oven"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("heat", "200", 200.0),
        ("heat", "0", 0.0),
        ("heat", "300", 300.0),
        ("heat", "1e2", 100.0),
        ("trays", "3", 3),
        ("trays", "3.0", 3),
        ("share", "1", 1.0),
        ("timer", "5", 5.0),
        ("timer", "None", None),
        ("timer", None, None),
        ("fuel", "wood", "wood"),
        ("name", "7", "7"),
    ],
)
def test_text_becomes_the_declared_type(name: str, text: str, value: Any) -> None:
    got = bound(**{name: text})[name]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("heat", "hot", "heat must be a number, not 'hot'"),
        ("heat", "nan", "heat must be a number, not 'nan'"),
        ("heat", "inf", "heat must be a number, not 'inf'"),
        ("heat", "None", "heat must be a number, not 'None'"),
        ("heat", "301", "heat must be between 0 and 300, not 301"),
        ("heat", "-1", "heat must be between 0 and 300, not -1"),
        ("trays", "2.5", "trays must be a whole number, not '2.5'"),
        ("trays", "0", "trays must be at least 1, not 0"),
        ("share", "0", "share must be between 0 and 1, 0 excluded, not 0"),
        ("timer", "-0.5", "timer must be at least 0, not -0.5"),
        ("fuel", "coal", "fuel must be one of gas, wood, not 'coal'"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, text: str, complaint: str) -> None:
    with pytest.raises(UserError) as error:
        bound(**{name: text})
    assert str(error.value) == f"task 'oven': {complaint}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("trais", "did you mean 'trays'?"), ("zzz", "known: fuel, heat, name, share, timer, trays")],
)
def test_an_unknown_name_is_answered_with_the_near_miss(name: str, hint: str) -> None:
    with pytest.raises(UserError) as error:
        bound(**{name: "1"})
    assert str(error.value) == f"task 'oven' has no argument '{name}': {hint}"


def test_an_argument_for_what_takes_none() -> None:
    def still() -> None: ...

    with pytest.raises(UserError, match="strategy 'still' has no argument 'x': it takes none"):
        arguments.bind(still, {"x": "1"}, "strategy 'still'")


@pytest.mark.parametrize("target", [Oven, bake])
def test_only_what_differs_from_the_defaults(target: Callable[..., Any]) -> None:
    given = arguments.bind(target, {"heat": "180.0", "trays": "3"}, "x")
    assert arguments.without_defaults(target, given) == {"trays": 3}


def test_described_as_a_person_would_write_it() -> None:
    assert arguments.describe(bake) == "heat=180, trays=2"


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (2, "2"), (0.75, "0.75"), (-0.0, "0"), (1e20, "1e+20"), (None, "None")],
)
def test_numbers_are_written_in_their_shortest_form(value: Any, text: str) -> None:
    assert arguments.as_text({"a": value, "b": "c"}, " ") == f"a={text} b=c"


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "text"),
    [
        (Range(0), [0, 1e9], [-1e-9], "at least 0"),
        (Range(0, open_low=True), [1e-9], [0, -1], "above 0"),
        (Range(1, 2), [1, 2], [0.99, 2.01], "between 1 and 2"),
        (Range(1, 2, open_low=True), [1.01, 2], [1, 2.01], "between 1 and 2, 1 excluded"),
    ],
)
def test_bounds(bounds: Range, inside: list[float], outside: list[float], text: str) -> None:
    assert all(value in bounds for value in inside)
    assert not any(value in bounds for value in outside)
    assert str(bounds) == text
