"""How a text table is written: its encoding, separator and header, detected from the file."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.protocol.errors import UserError
from tasks.tables.packed import opened

SEPARATORS = (",;\t|", " ")  # spaces only if nothing else separates
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


@dataclass(frozen=True)
class Dialect:
    """How to read the records of a text table."""

    separator: str
    names: list[str]  # of the columns
    has_header: bool


def encoding(file: Path) -> str:
    """Return UTF-8 if the file is valid in it, UTF-16 by its mark, else Windows' Western encoding.

    Raises:
        UserError: if the file is damaged or no text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(file) as stream:
        start = stream.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        stream.seek(0)
        detected = "utf-8-sig"
        for block in iter(lambda: stream.read(1 << 20), b""):
            if b"\0" in block:
                raise UserError(f"{file} is no text: export it as CSV in UTF-8")
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                detected = "cp1252"
        return detected


def detect(file: Path, head: Sequence[str]) -> Dialect:
    """Detect separator and header from the first lines of a file.

    Columns without a name are called unnamed_1, ...; without a header column_1, ...

    Raises:
        UserError: if all fields are empty, no separator fits, or two columns have one name.
    """
    separator = _separator(file, head)
    rows = [
        strip_fields(fields)
        for _, fields in records(file, head, separator, strict=False)
        if any(fields)
    ]
    if not rows:
        raise UserError(f"{file} is empty")
    first, *others = rows
    has_header = _is_header(first, others)
    if has_header:
        # R leaves out the name of its row names
        unnamed = [""] if {len(fields) for fields in others} == {len(first) + 1} else []
        names = [name or f"unnamed_{number + 1}" for number, name in enumerate([*unnamed, *first])]
    else:
        names = [f"column_{number + 1}" for number in range(len(first))]
    require_distinct(file, names)
    return Dialect(separator, names, has_header)


def _separator(file: Path, head: Sequence[str]) -> str:
    """Return the separator that gives most lines of the head the same number of fields."""

    def agreement(separator: str) -> tuple[float, int]:
        widths = [len(fields) for _, fields in records(file, head, separator, strict=False)]
        width = Counter(widths).most_common(1)[0][0]
        return (widths.count(width) / len(widths), width) if width > 1 else (0.0, 1)

    for candidates in SEPARATORS:
        best = max(candidates, key=agreement)
        if agreement(best)[0] > 0.5:
            return best
    raise UserError(
        f"{file}: line 1 has one field, {head[0].strip()[:40]!r}: separate fields by a comma, "
        "a semicolon, a tab or |"
    )


def _is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Return whether the first line names columns.

    It does not if it holds numbers, unless they count 0, 1, 2, ..., or if each of its fields
    comes again in its column.
    """
    numbers = [float(field) for field in first if NUMBER.fullmatch(field)]
    if numbers and (len(numbers) == 1 or not np.all(np.diff(numbers) == 1)):
        return False
    columns = [set(column) for column in zip(*others, strict=False)]
    return len(columns) < len(first) or not all(map(set.__contains__, columns, first))


def records(
    file: Path, lines: Iterable[str], separator: str, strict: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Yield every record that is not empty, with the line on which it begins."""
    if separator == " ":
        lines = (" ".join(line.split()) for line in lines)
    reader = csv.reader(
        lines, delimiter=separator, skipinitialspace=separator != " ", strict=strict
    )
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        if strict:
            raise UserError(f"{file}, line {line}: {error}; is a quote not closed?") from None


def strip_fields(record: Iterable[str]) -> list[str]:
    """Return the fields of a record without spaces around them."""
    return [field.strip() for field in record]


def require_distinct(file: Path, names: Sequence[str]) -> None:
    """Raise UserError if two columns have one name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{file}: two columns are called {twice[0]!r}: rename one")
