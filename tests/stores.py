"""Tracking stores in SQLite, copied and enlarged without training."""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse
from urllib.request import url2pathname

from benchmark.protocol.fingerprint import digest
from benchmark.tracking import tags

if TYPE_CHECKING:
    from mlflow.entities import Run


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


def unfolded(runs: Iterable[Run]) -> list[Run]:
    """Runs as MLflow's client gives them, with each of their tags by its own name."""
    found = list(runs)
    for run in found:
        tags.unfold(run.data.tags)
    return found


def tags_of(database: sqlite3.Connection, run: str) -> dict[str, str]:
    """The tags of a run, each by its own name."""
    found = dict(database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run,)))
    tags.unfold(found)
    return found


def change_tags(database: sqlite3.Connection, run: str, values: dict[str, str]) -> None:
    """Change tags of a cell's run."""
    found = tags_of(database, run)
    for key, value in tags.fold(found | values).items():
        database.execute(
            "UPDATE tags SET value = ? WHERE run_uuid = ? AND key = ?", (value, run, key)
        )


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
        change_tags(database, new, {tags.SEED: str(number), tags.CELL: new})
    database.commit()
    database.close()


def add_seeds(uri: str, seeds: int) -> None:
    """Give the cells of the first seed, with their artifacts, to further seeds, `seeds` in all."""
    database = sqlite3.connect(file_of(uri))
    of_cells = "SELECT run_uuid, artifact_uri FROM runs JOIN tags USING (run_uuid)"
    of_cells += " WHERE tags.key = 'skewbench.kind' AND tags.value = 'cell'"
    for run, artifacts in database.execute(of_cells).fetchall():
        found = tags_of(database, run)
        identity = found[tags.CONDITIONS], found[tags.STRATEGY]
        for seed in range(1, seeds):
            new = uuid.uuid4().hex
            for table in ("runs", "tags", "params", "latest_metrics"):
                names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                chosen = ", ".join("?" if name == "run_uuid" else name for name in names)
                copy = f"INSERT INTO {table} SELECT {chosen} FROM {table} WHERE run_uuid = ?"
                database.execute(copy, (new, run))
            place = artifacts.replace(run, new)
            database.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (place, new))
            cell = digest("cell", *identity, seed, found[tags.CODE])
            change_tags(database, new, {tags.SEED: str(seed), tags.CELL: cell})
            old_files, new_files = (url2pathname(urlparse(one).path) for one in (artifacts, place))
            shutil.copytree(old_files, new_files, copy_function=os.link)
    database.commit()
    database.close()
