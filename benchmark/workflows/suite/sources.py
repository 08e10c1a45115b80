"""The data sets of a suite as users name them: a folder of tables, a list of tasks, a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.protocol.arguments import suggest
from benchmark.protocol.errors import UserError

TABLES = (".csv", ".tsv", ".data", ".parquet", ".pq")
PACKED = (".gz", ".bz2", ".xz", ".zip")
KEYS = ("task", "name", "data", "settings")  # of a task in a TOML file


@dataclass(frozen=True)
class Source:
    """A data set that a suite was asked for."""

    name: str
    task: str
    settings: str  # as --settings takes them
    data: str  # path; "" where the task knows it


@dataclass(frozen=True)
class LeftOut:
    """What a suite cannot use, and why."""

    name: str
    reason: str


Named = Source | LeftOut


def in_folder(folder: Path, settings: str) -> list[Named]:
    """Return every table of a folder as a source of the task csv, and what is none.

    The target is the last column unless the settings name one. Hidden files and READMEs are passed
    over.

    Raises:
        UserError: if the folder cannot be read or holds no table.
    """
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"--data {folder}: {error.strerror}: name a folder of tables") from None
    files = [file for file in files if not re.match(r"\.|readme\b", file.name, re.IGNORECASE)]
    tables = {file: name for file in files if (name := _table_name(file))}
    if not tables:
        raise UserError(f"--data {folder} holds no table ({', '.join(TABLES)})")
    spelled = Counter(name.lower() for name in tables.values())
    named: list[Named] = []
    for file in files:
        if file not in tables:
            named.append(LeftOut(file.name, f"no table: its name ends in none of {TABLES}"))
        elif spelled[tables[file].lower()] > 1:
            others = [f.name for f in tables if _same(tables[f], tables[file]) and f != file]
            reason = f"its name differs from that of {others[0]} in case or ending only: rename one"
            named.append(LeftOut(file.name, reason))
        else:
            named.append(Source(tables[file], "csv", _with_target(file, settings), str(file)))
    return named


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _table_name(file: Path) -> str:
    """Return the name of a table without its endings; "" for any other file."""
    bare = file.with_suffix("") if file.suffix.lower() in PACKED else file
    return bare.stem if bare.suffix.lower() in TABLES else ""


def _with_target(file: Path, settings: str) -> str:
    """Add the last column as the target, unless one is named or the header cannot be read."""
    if re.search(r"(^|[\s,])target=", settings):
        return settings
    last = _last_column(file)
    quoted = "'" + last.replace("'", "'\"'\"'") + "'"
    return f"target={quoted} {settings}".strip() if last else settings


def _last_column(file: Path) -> str:
    """Return the name of the last column; "" if the table says later what is wrong with it."""
    import pandas as pd
    import pyarrow.parquet as parquet

    try:
        if file.suffix.lower() in (".parquet", ".pq"):
            return str(parquet.read_schema(file).names[-1])
        return str(pd.read_csv(file, sep=None, engine="python", nrows=5).columns[-1]).strip()
    except Exception:  # whatever a broken file raises
        return ""


def in_list(text: str) -> list[Named]:
    """Read ``insurance, csv: data=a.csv target=y``: tasks, each with its settings after a colon.

    Raises:
        UserError: for text that is none.
    """
    entries: list[str] = []
    for piece in re.split(r",(?=(?:[^'\"]|'[^']*'|\"[^\"]*\")*$)", text):
        starts = re.match(r"\s*\w+\s*(:|$)", piece)
        if not starts and not entries:
            raise UserError(f"--tasks {text!r}: begin with the name of a task, as in csv: data=...")
        if starts:
            entries.append(piece.strip())
        else:
            entries[-1] += " " + piece.strip()
    return [_entry(entry) for entry in entries]


def _entry(entry: str) -> Source:
    task, _, settings = (part.strip() for part in entry.partition(":"))
    data = re.search(r"(?:^|\s)data=('[^']*'|\"[^\"]*\"|\S+)", settings)
    path = data.group(1).strip("'\"") if data else ""
    rest = settings.replace(data.group(0), "", 1).strip() if data else settings
    return Source(Path(path).stem or task, task, rest, path)


def in_toml(file: Path) -> list[Named]:
    """Read a TOML file with a table ``[[tasks]]`` per data set: task, name, data, settings.

    Raises:
        UserError: for a file that cannot be read, or unknown keys.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--tasks {file}: cannot be read ({error})") from None
    tables = content.get("tasks")
    if not isinstance(tables, list) or not tables or content.keys() - {"tasks"}:
        raise UserError(f"--tasks {file}: write a [[tasks]] for each data set and nothing else")
    return [_from_toml(table, file) for table in tables]


def _from_toml(table: dict[str, Any], file: Path) -> Source:
    for key in table:
        if key not in KEYS:
            raise UserError(f"--tasks {file}: a task has no {key!r}: {suggest(key, KEYS)}")
    data, settings = str(table.get("data", "")), table.get("settings", "")
    task = str(table.get("task", "csv"))
    if isinstance(settings, dict):
        settings = " ".join(f"{key}='{value}'" for key, value in settings.items())
    path = str(file.parent / data) if data else ""
    return Source(str(table.get("name") or Path(data).stem or task), task, str(settings), path)


def require_distinct(named: list[Named]) -> Iterator[Named]:
    """Yield the sources; those with the name of an earlier one are left out."""
    seen: set[str] = set()
    for one in named:
        if isinstance(one, Source) and one.name.lower() in seen:
            yield LeftOut(one.name, "another data set has this name: give it another, see TOML")
            continue
        seen.add(one.name.lower())
        yield one
