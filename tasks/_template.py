"""How to add a task: copy this file to ``tasks/your_task.py`` and change it.

That is all. ``TASK`` is found by the name of the file: it is listed by
``python -m benchmark tasks``, runs with ``--task your_task``, and is held to the rules in
``tests/tasks/test_contract.py``. Files that begin with ``_`` are left out: put helpers there.

Import heavy libraries (Keras, pandas, scikit-learn) inside the functions that use them,
so that listing the tasks stays quick.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from benchmark.protocol.arguments import Range
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import split_by_share
from benchmark.protocol.task import Budget, Data, Network, Source, Splits, Task

if TYPE_CHECKING:
    import pandas as pd


# What `--settings "prevalence=0.05"` can change. Give every field a type and a default.
@dataclass(frozen=True)
class Settings:
    """Of the stand-in, here; more often sizes, or a choice of network."""

    prevalence: Annotated[float, Range(0.01, 0.5)] = 0.1  # share of the positive class


# The real data. Check all of it, and say in a UserError what is wrong, where, and what to do:
# this is called before anything is trained.
def load(settings: Settings, path: Path) -> Data:
    """An .npz file with x (rows, columns) and y (rows,)."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x, y = arrays["x"].astype(np.float32), arrays["y"]
    except Exception as error:  # NumPy raises all kinds for damaged files
        raise UserError(f"{path}: not an .npz file with x and y ({error})") from error
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise UserError(f"{path}: x is {x.shape} and y {y.shape}: (rows, columns), (rows,) needed")
    if not np.isin(y, (0, 1)).all() or not np.isfinite(x).all():
        raise UserError(f"{path}: y must be 0 or 1 in every row, and x finite everywhere")
    return _data(x, y.astype(np.int64), "real", str(path))


# Something small of the same form, for those who do not have the data yet. It has to be the
# same at every call.
def synthetic(settings: Settings) -> Data:
    """Two clouds of points that overlap."""
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < settings.prevalence).astype(np.int64)
    x = rng.normal(size=(len(y), 8)) + 0.7 * y[:, None]
    return _data(x.astype(np.float32), y, "synthetic", "two clouds")


def _data(x: np.ndarray, y: np.ndarray, source: Source, origin: str) -> Data:
    import pandas as pd

    # Rows with equal group numbers never end up in different splits: exact duplicates here.
    groups = np.unique(x, axis=0, return_inverse=True)[1]
    digest = hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()
    rows = pd.DataFrame(x).add_prefix("x")
    return Data(rows, y, groups, ("negative", "positive"), digest, source, origin)


# Split first, learn afterwards: scaling and the like may look at the training rows alone.
def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Standardised columns; 60 % of the rows to train on."""
    train, validation, test = split_by_share(data, (0.6, 0.2, 0.2), seed)
    known = data.rows.iloc[train]
    learned = {"mean": known.mean().tolist(), "spread": known.std().tolist()}
    x = encode(settings, learned, data.rows)
    return Splits(x, data.labels, train, validation, test, learned=learned)


# The same for rows that come later, without labels: an exported model carries `learned` with it.
def encode(settings: Settings, learned: Any, raw: "pd.DataFrame") -> np.ndarray:
    """Standardised as the training rows were."""
    standardised = (raw.to_numpy() - learned["mean"]) / learned["spread"]
    return standardised.astype(np.float32)


# A Keras model whose last layer is dense and gives one logit a class, without a softmax.
# Keras has its seed when this is called, so that every strategy gets the same weights.
def network(settings: Settings, splits: Splits, classes: int, budget: Budget) -> Network:
    """One hidden layer."""
    import keras

    layers = [keras.layers.Dense(32, activation="relu"), keras.layers.Dense(classes)]
    model = keras.Sequential([keras.Input(splits.x.shape[1:]), *layers])
    return Network(model, keras.optimizers.Adam(1e-3))


# Every strategy gets the same number of optimizer steps, whatever an epoch is to it.
def budget(settings: Settings, source: Source) -> Budget:
    """Fewer steps for the stand-in, if it learns faster."""
    return Budget(steps=500, batch=128)


# `python -m benchmark fetch your_task`: download through a library that checks a hash (pooch),
# and say which licence and log-in it takes.
def fetch(path: Path) -> None:
    """There is nothing to download for a template."""
    raise UserError(f"put x and y into an .npz file and name it with --data instead of {path}")


TASK = Task(
    summary="two clouds of points, few of them positive",
    kind="table",
    settings=Settings,
    load=load,
    synthetic=synthetic,
    split=split,
    encode=encode,
    network=network,
    budget=budget,
    fetch=fetch,
)
