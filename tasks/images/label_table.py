"""Kaggle's labels of images: train.csv with the columns Image and Id, and a folder train."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from benchmark.protocol.errors import UserError
from tasks.images.files import count_files, require_folder

TABLE, FOLDER = "train.csv", "train"
COLUMNS = ("Image", "Id")


def read(path: Path) -> list[tuple[Path, str]]:
    """Return the file and the class of every row; UserError says what is wrong, and where."""
    require_folder(path)
    table = path / TABLE
    if not table.is_file():
        raise UserError(f"{path} has no {TABLE} with the columns Image and Id")
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    rows = _rows(table)
    files = [name for name, _ in rows]
    outside = [name for name in files if Path(name).name != name]
    if outside:
        raise UserError(
            f"{table}: {count_files(outside)} not in {folder.name}: Image is a file's name"
        )
    present = {entry.name for entry in folder.iterdir()}
    missing = [name for name in files if name not in present]
    if missing:
        raise UserError(f"{table} names {count_files(missing)} that are not in {folder}")
    twice = [name for name, count in Counter(files).items() if count > 1]
    if twice:
        raise UserError(f"{table} names {count_files(twice)} twice")
    return [(folder / name, label) for name, label in rows]


def _rows(table: Path) -> list[tuple[str, str]]:
    """Return Image and Id of every row; UserError if a column or a value is missing."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                present = ", ".join(reader.fieldnames or ()) or "nothing"
                raise UserError(f"{table} has the columns {present}, not Image and Id")
            rows = [(row["Image"] or "", row["Id"] or "") for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table} is no CSV in UTF-8: {error}") from error
    for number, row in enumerate(rows, start=2):
        if not all(row):
            raise UserError(f"{table}, line {number}: Image or Id is empty")
    if not rows:
        raise UserError(f"{table} has no rows")
    return rows
