"""Tables of any make: CSV whose separator, encoding and header are found out, or Parquet."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol.arrays import Bools
from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

PARQUET = (".parquet", ".pq")
ENDINGS = (".csv", ".tsv", ".txt", ".data", *PARQUET)
SEPARATORS = (",;\t|", " ")
LOOK = 200  # records from which the separator and the header are found out
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
BLOCK = 20_000  # rows that become columns at once
PACKED = {b"PK\x03\x04": "a ZIP archive or a spreadsheet", b"\x1f\x8b": "compressed by gzip"}


def find(path: Path) -> Path:
    """The table that `path` means: a file, or the only one in a folder."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS)
    if len(files) != 1:
        there = f"{len(files)} tables ({', '.join(file.name for file in files[:5])})"
        raise UserError(f"{path} holds {there if files else 'no table'}: name the file")
    return files[0]


def read(file: Path, encoding: str, most: int) -> RawTable:
    """The table in `file`; if it has more than `most` rows, so many of them at random.

    Args:
        encoding: "" finds it out.

    Raises:
        UserError: naming the line that cannot be read.
    """
    try:
        if file.suffix.lower() in PARQUET:
            table = sampled(_parquet(file), _of_frame, most, ())
        else:
            table = _read_text(file, encoding, most)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror or error}") from None
    if not len(table.frame):
        raise UserError(f"{file} holds no rows")
    return table


def _parquet(file: Path) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            _check_names(file, table.schema_arrow.names)
            for batch in table.iter_batches(BLOCK):
                yield batch.to_pandas(ignore_metadata=True)
    except pa.ArrowException as error:
        raise UserError(f"{file} is no whole Parquet file: {str(error).splitlines()[0]}") from None


def _read_text(file: Path, encoding: str, most: int) -> RawTable:
    known = encoding or _encoding(file)
    notes = (
        []
        if encoding or known.startswith("utf")
        else [f"not in UTF-8: read as {known}; encoding= names another"]
    )
    try:
        with file.open(newline="", encoding=known) as stream:
            head = [*itertools.islice(stream, LOOK)]
            if not any(line.strip() for line in head):
                raise UserError(f"{file} is empty")
            separator = _separator(file, head)
            first, *others = _stripped(
                fields for _, fields in _records(file, head, separator, strict=False) if any(fields)
            )
            stream.seek(0)
            records = _records(file, stream, separator)
            if _is_header(first, others):
                next(records)
                unnamed = [""] if {len(fields) for fields in others} == {len(first) + 1} else []
                first = [*unnamed, *first]  # R leaves out the name of its row names
                names = [name or f"unnamed_{number + 1}" for number, name in enumerate(first)]
            else:
                names = [f"column_{number + 1}" for number in range(len(first))]
                notes.append(f"no header line: the columns are called {names[0]} to {names[-1]}")
            _check_names(file, names)
            blocks = _blocks(file, records, len(names))
            frame_of = partial(_of_records, names)
            return sampled(blocks, frame_of, most, tuple(notes), separator == ";")
    except (UnicodeError, LookupError) as error:
        raise UserError(f"{file} is not in {known} ({error}): name its encoding=") from None


def _encoding(file: Path) -> str:
    """UTF-8 where that can be, else what Windows writes in the west."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as stream:
        start = stream.read(4)
        for magic, kind in PACKED.items():
            if start.startswith(magic):
                raise UserError(f"{file} is {kind}: unpack it, or export it as CSV")
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        stream.seek(0)
        known = "utf-8-sig"
        for block in iter(lambda: stream.read(1 << 20), b""):
            if b"\0" in block:
                raise UserError(f"{file} is no text: export it as CSV in UTF-8")
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                known = "cp1252"
        return known


def _separator(file: Path, head: Sequence[str]) -> str:
    """That by which most lines of the head have the same number of fields; at last, spaces."""

    def agreement(separator: str) -> tuple[float, int]:
        widths = [len(fields) for _, fields in _records(file, head, separator, strict=False)]
        width = Counter(widths).most_common(1)[0][0]
        return (widths.count(width) / len(widths), width) if width > 1 else (0.0, 1)

    for candidates in SEPARATORS:
        found = max(candidates, key=agreement)
        if agreement(found)[0] > 0.5:
            return found
    raise UserError(
        f"{file}: line 1 has one field, {head[0].strip()[:40]!r}: separate fields by a comma, "
        "a semicolon, a tab or |"
    )


def _records(
    file: Path, lines: Iterable[str], separator: str, strict: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Every record, as it stands, with the line on which it begins."""
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


def _is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names columns.

    Numbers name columns only in a row, 0, 1, 2, ...; and values come again in their column.
    """
    numbers = [float(field) for field in first if NUMBER.fullmatch(field)]
    if numbers and (len(numbers) == 1 or not np.all(np.diff(numbers) == 1)):
        return False
    columns = [set(column) for column in zip(*others, strict=False)]
    return len(columns) < len(first) or not all(map(set.__contains__, columns, first))


def _check_names(file: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{file}: two columns are called {twice[0]!r}: rename one")


def _blocks(
    file: Path, records: Iterable[tuple[int, list[str]]], width: int
) -> Iterator[list[list[str]]]:
    def checked() -> Iterator[list[str]]:
        for line, record in records:
            if len(record) == width:
                if any(record):
                    yield record
            elif any(map(str.strip, record)):
                raise UserError(
                    f"{file}, line {line}: {len(record)} fields where the header has {width}"
                )

    rows = checked()
    while block := [*itertools.islice(rows, BLOCK)]:
        yield block


def _stripped(records: Iterable[list[str]]) -> list[list[str]]:
    return [[field.strip() for field in record] for record in records]


def _of_records(names: Sequence[str], block: list[list[str]], chosen: Bools) -> pd.DataFrame:
    import pandas as pd

    rows = _stripped(itertools.compress(block, chosen))
    return pd.DataFrame(rows, columns=list(names), dtype="str")


def _of_frame(block: pd.DataFrame, chosen: Bools) -> pd.DataFrame:
    return block[chosen]


@dataclass(frozen=True)
class RawTable:
    """The columns of a file, or of some of its rows drawn at random."""

    frame: pd.DataFrame  # of a CSV text, "" where there is nothing; of Parquet with its types
    notes: tuple[str, ...]  # what a person should know of how it was read
    semicolons: bool = False  # separate the fields, so a comma may separate decimals


def sampled(
    blocks: Iterable[Any],
    frame_of: Callable[[Any, Bools], pd.DataFrame],
    most: int,
    notes: tuple[str, ...],
    semicolons: bool = False,
) -> RawTable:
    """The rows of all blocks, in order; of more than `most` those that draw the lowest numbers.

    Args:
        frame_of: makes columns of those rows of a block that are chosen.
    """
    import pandas as pd

    rng = np.random.default_rng(0)
    kept: list[pd.DataFrame] = []
    drawn: list[NDArray[np.float64]] = []
    count = held = 0
    bar = 1.0  # from here on no row can be among the lowest
    for block in blocks:
        numbers = rng.random(len(block))
        below = numbers < bar
        kept.append(frame_of(block, below))
        drawn.append(numbers[below])
        count, held = count + len(block), held + int(below.sum())
        if held > 2 * most:
            kept, drawn = _lowest(kept, drawn, most)
            bar, held = float(drawn[0].max()), most
    if count > most:
        kept, _ = _lowest(kept, drawn, most)
        notes = (*notes, f"{count:,} rows: {most:,} of them drawn at random (rows={most})")
    frame = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()
    return RawTable(frame, notes, semicolons)


def _lowest(
    kept: Sequence[pd.DataFrame], drawn: Sequence[NDArray[np.float64]], most: int
) -> tuple[list[pd.DataFrame], list[NDArray[np.float64]]]:
    import pandas as pd

    numbers = np.concatenate(drawn)
    chosen = np.sort(np.argpartition(numbers, most - 1)[:most])
    return [pd.concat(kept, ignore_index=True).iloc[chosen]], [numbers[chosen]]
