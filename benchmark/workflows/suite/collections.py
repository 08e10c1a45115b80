"""Collections of data sets that others made, downloaded as a folder of tables for a suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.protocol.arguments import suggest
from benchmark.protocol.errors import UserError

COLLECTIONS = ("imbalanced-learn",)
TARGET = "target"  # the last column


def fetch(name: str, folder: Path) -> list[Path]:
    """Download a collection through its own library; return a CSV for each data set.

    `imbalanced-learn` is the benchmark of 27 tables of Ding 2011, "Diversified ensemble classifiers
    for highly imbalanced data learning", as imbalanced-learn hands it out.

    Raises:
        UserError: for an unknown name, or if the download fails.
    """
    if name not in COLLECTIONS:
        raise UserError(f"unknown collection {name!r}: {suggest(name, COLLECTIONS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return list(_of_imbalanced_learn(folder))
    except OSError as error:  # URLError is one
        raise UserError(f"{name} cannot be downloaded to {folder}: {error}") from None


def _of_imbalanced_learn(folder: Path) -> Iterator[Path]:
    import pandas as pd
    from imblearn.datasets import fetch_datasets

    for name, found in fetch_datasets(data_home=str(folder / ".cache")).items():
        names = [f"x{number}" for number in range(found.data.shape[1])]
        table = pd.DataFrame(found.data, columns=names)
        table[TARGET] = ["positive" if label == 1 else "negative" for label in found.target]
        path = folder / f"{name}.csv"
        table.to_csv(path, index=False)
        yield path
