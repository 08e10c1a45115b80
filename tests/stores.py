"""Tracking stores in SQLite, copied and enlarged without training."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from pathlib import Path


def file_of(uri: str) -> Path:
    """The database of a store."""
    return Path(uri.removeprefix("sqlite:///"))


def copy_of(uri: str, folder: Path) -> str:
    """Copy a store with its artifacts into `folder`; return the address of the copy."""
    source = file_of(uri)
    target = Path(shutil.copy(source, folder / "mlflow.db"))
    if (source.parent / "mlruns").exists():
        shutil.copytree(source.parent / "mlruns", folder / "mlruns")
    database = sqlite3.connect(target)
    with database:
        for table, column in {"experiments": "artifact_location", "runs": "artifact_uri"}.items():
            move = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            database.execute(move, (source.parent.as_uri(), folder.as_uri()))
    database.close()
    return f"sqlite:///{target}"


def multiply(path: Path, runs: int) -> None:
    """Copy the tracked cells under other seeds until the store holds `runs` of them."""
    database = sqlite3.connect(path)
    of_cells = "SELECT run_uuid FROM tags WHERE key = 'skewbench.kind' AND value = 'cell'"
    cells = [row[0] for row in database.execute(of_cells)]
    for number in range(len(cells), runs):
        new = uuid.uuid4().hex
        for table in ("runs", "tags", "params", "latest_metrics"):
            names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            chosen = ", ".join("?" if name == "run_uuid" else name for name in names)
            database.execute(
                f"INSERT INTO {table} SELECT {chosen} FROM {table} WHERE run_uuid = ?",
                (new, cells[number % len(cells)]),
            )
        for key, value in {"skewbench.seed": str(number), "skewbench.cell": new}.items():
            database.execute(
                "UPDATE tags SET value = ? WHERE run_uuid = ? AND key = ?", (value, new, key)
            )
    database.commit()
    database.close()
