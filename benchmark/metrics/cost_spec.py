"""Costs as users write them, before the classes that they are of are known."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.metrics.costs import Costs, Entry
from benchmark.protocol.arguments import as_text, quoted, suggest
from benchmark.protocol.errors import UserError
from benchmark.protocol.grammar import split_words

ERRORS = ("fp", "fn")  # a false positive and a false negative, of two classes
USUAL = 1.0  # cost of a wrong decision that is not written
HOW = "write fp=1,fn=10 or ACTUAL>PREDICTED=5, or name a CSV file"


@dataclass(frozen=True)
class CostSpec:
    """Costs by the names that users gave them: fp and fn, or ``ACTUAL>PREDICTED``."""

    given: Mapping[str, Entry]
    complete: bool = False  # whether every pair has to be given, as in a file

    def of(self, classes: Sequence[str]) -> Costs:
        """Return the costs of these classes; of two, the second is positive.

        Raises:
            UserError: for other classes than these, or a mistake that costs no more than the truth.
        """
        names = _pairs(classes)
        pairs: dict[str, Entry] = dict(self.given)
        if pairs.keys() <= {*ERRORS}:
            if len(classes) != 2:
                raise UserError(
                    f"--cost: fp and fn are of two classes, but there are {len(classes)}: "
                    "write ACTUAL>PREDICTED=5, or name a CSV file"
                )
            negative, positive = classes
            both = {"fp": f"{negative}>{positive}", "fn": f"{positive}>{negative}"}
            pairs = {both[name]: cost for name, cost in pairs.items()}
        for pair in pairs:
            if pair not in names:
                raise UserError(f"--cost: there are no classes {pair!r}: {suggest(pair, names)}")
        missing = [pair for pair in names if pair not in pairs]
        if self.complete and missing:
            raise UserError(f"--cost: the file has no cost of {missing[0]}")
        usual = {f"{actual}>{actual}": 0.0 for actual in classes}
        costs: dict[str, Entry] = {**dict.fromkeys(names, USUAL), **usual, **pairs}
        entries = tuple(
            tuple(costs[f"{actual}>{predicted}"] for predicted in classes) for actual in classes
        )
        _require_sense(entries, classes)
        return Costs(entries, tuple(classes))

    def __str__(self) -> str:
        """Return them as users write them, in one line."""
        return as_text({quoted(name): cost for name, cost in self.given.items()}, ", ")


def _pairs(classes: Sequence[str]) -> list[str]:
    return [f"{actual}>{predicted}" for actual in classes for predicted in classes]


def _require_sense(entries: Sequence[Sequence[Entry]], classes: Sequence[str]) -> None:
    """Raise UserError if a mistake costs no more than the truth: actual and predicted swapped?"""
    for row, (actual, costs) in enumerate(zip(classes, entries, strict=True)):
        for predicted, cost in zip(classes, costs, strict=True):
            right = costs[row]
            if predicted == actual or isinstance(cost, str) or isinstance(right, str):
                continue
            if cost <= right:
                raise UserError(
                    f"--cost: to predict {predicted!r} for {actual!r} costs {cost:g}, which must "
                    f"be above {right:g} of the right decision; in a file rows are actual classes"
                )


def read(text: str) -> CostSpec:
    """Read costs: ``fp=1,fn=10``, ``fn=amount`` of a column, ``cat>dog=5``, or a CSV file.

    Raises:
        UserError: for text that does not name costs.
    """
    if "=" not in text:
        return _from_file(Path(text).expanduser())
    given: dict[str, Entry] = {}
    for word in split_words(text, "--cost"):
        name, equals, value = word.rpartition("=")
        if not (name and equals and value) or (name not in ERRORS and ">" not in name):
            raise UserError(f"--cost: {word!r} is no cost: {HOW}")
        if name in given:
            raise UserError(f"--cost: {name} is given twice")
        given[name] = _entry(value, name, positive=name in ERRORS)
    if {*given} & {*ERRORS} and {*given} - {*ERRORS}:
        raise UserError("--cost: fp and fn stand alone: write all costs as ACTUAL>PREDICTED=5")
    return CostSpec(given)


def _entry(value: str, name: str, positive: bool) -> Entry:
    """Return a number, or else the name of a column."""
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number) or (positive and number <= 0):
        must = "above 0" if positive else "a finite number"
        raise UserError(f"--cost: {name} must be {must}, or a column, not {value}")
    return number


def _from_file(file: Path) -> CostSpec:
    """Read a matrix: predicted classes in the first line, an actual class before each other line.

    Raises:
        UserError: for a file that cannot be read, or is no square matrix.
    """
    try:
        lines = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UserError(f"--cost {file}: {reason}; {HOW}") from None
    header, *rows = [[cell.strip() for cell in line] for line in lines if any(line)] or [[]]
    predicted, actual = header[1:], [row[0] for row in rows]
    if not predicted or sorted(predicted) != sorted(actual) or len({*actual}) < len(actual):
        raise UserError(
            f"--cost {file}: the first line names the predicted classes, and the first column the "
            "same classes as actual ones, each once"
        )
    given: dict[str, Entry] = {}
    for row in rows:
        if len(row) != len(header) or not all(row):
            raise UserError(f"--cost {file}: the line of {row[0]!r} has an empty cell, or too many")
        for name, value in zip(predicted, row[1:], strict=True):
            pair = f"{row[0]}>{name}"
            given[pair] = _entry(value, pair, positive=False)
    return CostSpec(given, complete=True)
