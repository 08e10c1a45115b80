"""Images that belong together, such as the frames of a video: named by their files or a table."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from tasks.images.files import count_files

TABLE = ".csv"  # suffix of a setting `group` that names a table


def read(group: str, names: Sequence[str]) -> tuple[Ints, str]:
    """Return the group of each file, (files,), and a line that says how many there are.

    A file that is named nowhere is a group by itself.

    Args:
        group: a regular expression, of which the first bracket (or, without one, the whole match)
            names the group; or a CSV with a line of headings and two columns, file and group.
        names: files, relative to the folder of the data.

    Raises:
        UserError: for a pattern or a table that cannot be read, or that names no group.
    """
    found = _of_table(Path(group), names) if is_table(group) else _of_pattern(group, names)
    if not any(found):
        raise UserError(f"group={group} names no group of any file, such as {names[0]}")
    alone = found.count("")
    keys = [
        f"group {key}" if key else f"file {name}" for key, name in zip(found, names, strict=True)
    ]
    _, groups = np.unique(keys, return_inverse=True)
    line = f"{len(set(found) - {''}):,} groups of images stay together, by group={group}"
    line += f"; {alone:,} images are in none of them" if alone else ""
    return groups.astype(np.int64), line


def is_table(group: str) -> bool:
    """Return whether the setting names a table, not a pattern."""
    return group.lower().endswith(TABLE)


def _of_pattern(group: str, names: Sequence[str]) -> list[str]:
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise UserError(f"group={group} is no regular expression: {error}") from None
    matches = [pattern.search(name) for name in names]
    return [(match[1 if pattern.groups else 0] or "") if match else "" for match in matches]


def _of_table(table: Path, names: Sequence[str]) -> list[str]:
    """Return the group of each file in a CSV; files may be given with or without their folders."""
    try:
        with table.expanduser().open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))[1:]
    except OSError as error:
        raise UserError(f"group={table} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table} is no CSV in UTF-8: {error}") from error
    bad = [number for number, row in enumerate(rows, start=2) if row and len(row) != 2]
    if bad:
        raise UserError(f"{table}, line {bad[0]}: not two columns, file and group")
    group_of = {file.strip(): group.strip() for file, group in filter(None, rows)}
    alone = Counter(Path(name).name for name in names)
    unknown = sorted(set(group_of) - set(names) - set(alone))
    if unknown:
        raise UserError(f"{table} names {count_files(unknown)} that are not in the data")
    shared = next((file for file in group_of if alone[file] > 1 and file not in names), "")
    if shared:
        raise UserError(
            f"{table} names {shared}, but {alone[shared]:,} files are called so: write their "
            f"folders too, as in {next(name for name in names if Path(name).name == shared)}"
        )
    return [group_of.get(name, group_of.get(Path(name).name, "")) for name in names]
