"""Collections of data sets that others made, downloaded as a folder of tables for a suite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.protocol.arguments import suggest
from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

COLLECTIONS = ("imbalanced-learn", "openml:ID,ID")
OPENML = re.compile(r"openml:\s*(\d+(?:\s*,\s*\d+)*)")


def fetch(name: str, folder: Path) -> list[Path]:
    """Download a collection through a library that knows it; return a CSV for each data set.

    `imbalanced-learn` is the benchmark of 27 tables of Ding 2011, "Diversified ensemble classifiers
    for highly imbalanced data learning", as imbalanced-learn hands it out. `openml:31,1461` is
    those data sets of OpenML, as scikit-learn hands them out.

    Raises:
        UserError: for an unknown name, or if the download fails.
    """
    numbers = OPENML.fullmatch(name)
    if not numbers and name not in COLLECTIONS:
        raise UserError(f"unknown collection {name!r}: {suggest(name, COLLECTIONS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if numbers:
            return [_of_openml(int(number), folder) for number in numbers[1].split(",")]
        return list(_of_imbalanced_learn(folder))
    except OSError as error:  # URLError is one
        raise UserError(f"{name} cannot be downloaded to {folder}: {error}") from None


def _of_imbalanced_learn(folder: Path) -> Iterator[Path]:
    import pandas as pd
    from imblearn.datasets import fetch_datasets

    for name, found in fetch_datasets(data_home=str(folder / ".cache")).items():
        names = [f"x{number}" for number in range(found.data.shape[1])]
        table = pd.DataFrame(found.data, columns=names)
        labels = ["positive" if label == 1 else "negative" for label in found.target]
        yield _write(table, labels, folder / f"{name}.csv")


def _of_openml(number: int, folder: Path) -> Path:
    """Write a data set of OpenML.

    Raises:
        UserError: if it has no single target, or holds no table.
    """
    from sklearn.datasets import fetch_openml

    try:
        found = fetch_openml(data_id=number, data_home=str(folder / ".cache"), as_frame=True)
    except ValueError as error:
        raise UserError(f"data set {number} of OpenML cannot be used: {error}") from None
    if found.target is None or found.target.ndim != 1:
        raise UserError(f"data set {number} of OpenML has no single target: leave it out")
    return _write(found.data, found.target, folder / f"{found.details['name']}-{number}.csv")


def _write(table: pd.DataFrame, labels: pd.Series[Any] | list[str], path: Path) -> Path:
    """Write a table with its labels as the last column, `target`."""
    table.assign(target=labels).to_csv(path, index=False)
    return path
