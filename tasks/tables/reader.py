"""Reader of tables: CSV, whose separator, encoding and header are detected, or Parquet.

A CSV may be compressed, and a table of Parquet may be a folder of files.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.protocol.arrays import Bools
from benchmark.protocol.errors import UserError
from tasks.tables import dialect
from tasks.tables.columns import first_few
from tasks.tables.packed import SUFFIXES as SUFFIXES_OF_PACKED
from tasks.tables.packed import opened
from tasks.tables.sampling import RawTable, sample

if TYPE_CHECKING:
    import pandas as pd


PARQUET = (".parquet", ".pq")
SUFFIXES = (".csv", ".tsv", ".txt", ".data", *PARQUET)
HEAD = 200  # lines from which separator and header are detected
BLOCK = 20_000  # rows that become columns at once


def find(path: Path) -> Path:
    """Return the table at `path`: a file, the only table in a folder, or a folder of Parquet files.

    Raises:
        UserError: if there is none, or if a folder holds several.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder")
    files = sorted(file for file in path.iterdir() if _is_table(file))
    if len(files) > 1 and all(_is_parquet(file) for file in files):
        return path
    if len(files) != 1:
        tables = f"{len(files)} tables ({', '.join(file.name for file in files[:5])})"
        raise UserError(f"{path} holds {tables if files else 'no table'}: name the file")
    return files[0]


def _is_table(file: Path) -> bool:
    packed = file.suffix.lower() in SUFFIXES_OF_PACKED
    return (Path(file.stem) if packed else file).suffix.lower() in SUFFIXES


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() in PARQUET


def read(file: Path, encoding: str, most: int) -> RawTable:
    """Read the table in `file`; if it has more than `most` rows, as many of them at random.

    Args:
        encoding: of a text file; "" detects it.

    Raises:
        UserError: naming the line that cannot be read.
    """
    try:
        if file.is_dir():
            files = sorted(filter(_is_parquet, file.iterdir()))
            names = first_few([part.name for part in files])
            notes = (f"{len(files)} Parquet files are read as one table: {names}",)
            table = sample(_parquet_blocks(files), _chosen_rows, most, notes)
        elif _is_parquet(file):
            table = sample(_parquet_blocks([file]), _chosen_rows, most, ())
        else:
            table = _read_text(file, encoding, most)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror or error}") from None
    if not len(table.frame):
        raise UserError(f"{file} holds no rows")
    return table


def _parquet_blocks(files: Sequence[Path]) -> Iterator[pd.DataFrame]:
    """Yield blocks of rows; UserError if a file is damaged or has other columns than the first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first: list[str] = []
    for file in files:
        try:
            with pq.ParquetFile(file) as table:
                names = table.schema_arrow.names
                dialect.require_distinct(file, names)
                first = first or names
                if {*names} != {*first}:
                    odd = first_few(sorted({*names} ^ {*first}))
                    raise UserError(f"{file} has other columns than {files[0].name}: {odd}")
                for batch in table.iter_batches(BLOCK):
                    yield batch.to_pandas(ignore_metadata=True)[first]
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{file} is no whole Parquet file: {reason}") from None


def _chosen_rows(block: pd.DataFrame, chosen: Bools) -> pd.DataFrame:
    return block[chosen]


def _read_text(file: Path, given_encoding: str, most: int) -> RawTable:
    """Read a text table; UserError naming the line that is wrong."""
    encoding = given_encoding or dialect.encoding(file)
    notes = []
    if not given_encoding and not encoding.startswith("utf"):
        notes.append(f"not in UTF-8: read as {encoding}; encoding= names another")
    try:
        with opened(file) as raw, io.TextIOWrapper(raw, encoding, newline="") as stream:
            head = [*itertools.islice(stream, HEAD)]
            if not any(line.strip() for line in head):
                raise UserError(f"{file} is empty")
            detected = dialect.detect(file, head)
            names = detected.names
            stream.seek(0)
            records = dialect.records(file, stream, detected.separator)
            if detected.has_header:
                next(records)
            else:
                notes.append(f"no header line: the columns are called {names[0]} to {names[-1]}")
            blocks = _text_blocks(file, records, len(names))
            semicolons = detected.separator == ";"
            return sample(blocks, partial(_text_frame, names), most, tuple(notes), semicolons)
    except (UnicodeError, LookupError) as error:
        raise UserError(f"{file} is not in {encoding} ({error}): name its encoding=") from None


def _text_blocks(
    file: Path, records: Iterable[tuple[int, list[str]]], width: int
) -> Iterator[list[list[str]]]:
    """Yield blocks of records; UserError for one that has another number of fields."""

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


def _text_frame(names: list[str], block: list[list[str]], chosen: Bools) -> pd.DataFrame:
    """Build columns of text from the chosen records."""
    import pandas as pd

    rows = [dialect.strip_fields(record) for record in itertools.compress(block, chosen)]
    return pd.DataFrame(rows, columns=names, dtype="str")
