"""The CSV of the insurance task: its columns, and a reader that reports every problem in it."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


FILES = ("train.csv", "data.csv")  # Kaggle's name, and the article's
LABEL = "Response"
SHOWN = 10  # problems listed in full


@dataclass(frozen=True)
class ColumnRule:
    """The allowed values of a column, bounds included."""

    dtype: Literal["str", "int64", "float64"]
    levels: tuple[str, ...] = ()  # allowed text
    low: float = 0
    high: float = math.inf
    whole: bool = True  # codes are whole numbers, though the file writes 28.0

    def accepts(self, values: pd.Series) -> pd.Series:
        """Return which values are allowed, bool (rows,)."""
        if self.levels:
            return values.isin(self.levels)
        inside = (values >= self.low) & (values <= self.high) & (values < math.inf)
        return inside & (values % 1 == 0) if self.whole else inside

    def __str__(self) -> str:
        if self.levels:
            return f"one of {', '.join(map(repr, self.levels))}"
        kind = "a whole number" if self.whole else "a number"
        above = f"from {self.low:g} to {self.high:g}" if self.high < math.inf else "of 0 or more"
        return f"{kind} {above}"


FEATURES = {
    "Gender": ColumnRule("str", levels=("Male", "Female")),
    "Age": ColumnRule("int64", low=16, high=120),
    "Driving_License": ColumnRule("int64", high=1),
    "Region_Code": ColumnRule("float64"),
    "Previously_Insured": ColumnRule("int64", high=1),
    "Vehicle_Age": ColumnRule("str", levels=("< 1 Year", "1-2 Year", "> 2 Years")),
    "Vehicle_Damage": ColumnRule("str", levels=("Yes", "No")),
    "Annual_Premium": ColumnRule("float64", whole=False),
    "Policy_Sales_Channel": ColumnRule("float64"),
    "Vintage": ColumnRule("int64", high=100_000),
}
COLUMNS = FEATURES | {LABEL: ColumnRule("int64", high=1)}
OPTIONAL = {"id"}  # allowed, and left out: it describes no customer


def read(path: Path) -> pd.DataFrame:
    """Read the features and the label, in the order and with the types of `COLUMNS`.

    Args:
        path: the CSV, or a folder that holds it as train.csv or data.csv.

    Raises:
        UserError: naming every problem and its line in the file.
    """
    file = find(path)
    frame = _sound(file)
    return _with_problems_named(file) if frame is None else frame


def _sound(file: Path) -> pd.DataFrame | None:
    """Return the table if it is as `COLUMNS` says, else None: `read` then names what is not.

    It takes a tenth of the time.
    """
    import pandas as pd

    types = {name: "str" if rule.levels else "float64" for name, rule in COLUMNS.items()}
    types["id"] = "str"
    try:
        frame = pd.read_csv(file, dtype=types, keep_default_na=False, encoding="utf-8-sig")
    except ValueError:  # also of its parser, and of text that is not UTF-8
        return None
    if set(frame) - OPTIONAL != set(COLUMNS) or not isinstance(frame.index, pd.RangeIndex):
        return None
    if "id" in frame and frame["id"].duplicated().any():
        return None
    if not all(rule.accepts(frame[name]).all() for name, rule in COLUMNS.items()):
        return None
    return _typed(frame) if frame[LABEL].nunique() > 1 else None


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({name: column.dtype for name, column in COLUMNS.items()})[list(COLUMNS)]


def _with_problems_named(file: Path) -> pd.DataFrame:
    """Return the table, or raise UserError that names every problem."""
    import pandas as pd

    header, records = _records(file)
    _check_header(file, header)
    if not records:
        raise UserError(f"{file}: holds no rows; download it again")

    sound = [(line, record) for line, record in records if len(record) == len(header)]
    lines = [line for line, _ in sound]
    text = pd.DataFrame([record for _, record in sound], columns=header, dtype=str)
    frame, problems = _checked(text, lines)
    problems += _repeated_ids(text, lines)
    problems += [
        (line, f"line {line}: {_wrong_length(header, record)}")
        for line, record in records
        if len(record) != len(header)
    ]
    if problems:
        raise UserError(_summary(file, [problem for _, problem in sorted(problems)]))
    if frame[LABEL].nunique() == 1:
        raise UserError(
            f"{file}: column {LABEL} is {frame[LABEL].iloc[0]} in every row; "
            "both 0 and 1 are needed, take the labelled file"
        )
    return _typed(frame)


def find(path: Path) -> Path:
    """Return the CSV at or in `path`; UserError if there is none."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder; give one that holds {FILES[0]}")
    for name in FILES:
        if (path / name).is_file():
            return path / name
    raise UserError(f"{path}: holds neither {' nor '.join(FILES)}; put the data set there")


def _records(file: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header, and each record with the line on which it begins."""
    rows: list[tuple[int, list[str]]] = []
    line = 1
    # bytes that are not UTF-8 become text that no column allows, so they are named with their line
    with file.open(newline="", encoding="utf-8-sig", errors="backslashreplace") as stream:
        reader = csv.reader(stream)
        try:
            for record in reader:
                rows.append((line, record))
                line = reader.line_num + 1
        except csv.Error as error:
            raise UserError(f"{file}: line {line}: {error}; is a quote not closed?") from None
    header = rows[0][1] if rows else []
    return header, [(line, record) for line, record in rows[1:] if record]


def _wrong_length(header: Sequence[str], record: Sequence[str]) -> str:
    """Say how many fields a record has, and where they are too few or too many."""
    counts = f"{len(record)} fields where the header has {len(header)}"
    if len(record) < len(header):
        return f"{counts}, none for column {header[len(record)]}"
    return f"{counts}, {record[len(header)]!r} after the last column, {header[-1]}"


def _repeated_ids(text: pd.DataFrame, lines: Sequence[int]) -> list[tuple[int, str]]:
    """Return (line, problem) of ids that occur twice, as in files that were joined wrongly."""
    first: dict[str, int] = {}
    ids = text.get("id", [])
    return [
        (line, f"line {line}, column id: {name!r} is the id of line {first[name]} too")
        for name, line in zip(ids, lines, strict=False)
        if first.setdefault(name, line) != line
    ]


def _check_header(file: Path, header: Sequence[str]) -> None:
    """Raise UserError for missing, unknown and repeated columns."""
    if not header:
        raise UserError(f"{file}: is empty; download it again")
    if len(header) == 1 and LABEL in header[0]:
        raise UserError(f"{file}: line 1: no commas; save it with ',' between the fields")
    if not all(name.isprintable() for name in header):
        raise UserError(f"{file}: is not a CSV in UTF-8; unpack or export it")
    problems = [f"line 1: column {name} is missing" for name in COLUMNS if name not in header]
    problems += [
        f"line 1: column {name or '(without a name)'} is unknown"
        for name in header
        if name not in COLUMNS and name not in OPTIONAL
    ]
    twice = sorted({name for name in header if header.count(name) > 1})
    problems += [f"line 1: column {name} is there twice" for name in twice]
    if problems:
        raise UserError(_summary(file, problems))


def _checked(text: pd.DataFrame, lines: list[int]) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    """Return the parsed table, and (line, problem) of every value that is not allowed."""
    import pandas as pd
    import pandera.pandas as pa

    frame = pd.DataFrame(
        {
            name: text[name] if column.levels else pd.to_numeric(text[name], errors="coerce")
            for name, column in COLUMNS.items()
        }
    )
    schema = pa.DataFrameSchema(
        {name: pa.Column(None, pa.Check(rule.accepts)) for name, rule in COLUMNS.items()}
    )
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        failures = errors.failure_cases[["index", "column"]].astype({"index": int})
        return frame, [
            (lines[row], f"line {lines[row]}, column {name}: {text[name][row]!r} is not {rule}")
            for row, name in failures.itertuples(index=False)
            for rule in [COLUMNS[name]]
        ]
    return frame, []


def _summary(file: Path, problems: Sequence[str]) -> str:
    """Format one problem in one line; several as a line that counts them, then one line each."""
    if len(problems) == 1:
        return f"{file}: {problems[0]}; correct it"
    shown = [f"\n  {problem}" for problem in problems[:SHOWN]]
    rest = len(problems) - SHOWN
    more = [f"\n  and {rest} more"] if rest > 0 else []
    return "".join([f"{file}: {len(problems)} problems; correct them", *shown, *more])
