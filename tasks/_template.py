"""A template for your own task: copy this file to ``tasks/your_task.py`` and change it.

For a CSV or folders of images you need no new task: see ``--task csv`` and ``--task folder``.

A task is data, a way to split it, a network and a budget. It is found by the name of its file;
no list has to be edited. While you work on it:

    uv run pytest tests/tasks/test_contract.py -k your_task      # the rules for every task
    uv run skewbench tasks                             # lists it with its settings
    uv run skewbench run --task your_task              # on its synthetic data
    uv run skewbench run --task your_task --data FILE  # on real data

``benchmark/protocol/task.py`` documents what each function takes and returns. A task knows nothing
of strategies: resampling, weights, losses and thresholds are theirs. Three rules:

- Import heavy libraries (Keras, pandas, scikit-learn) inside the functions that use them, so that
  the tasks are listed quickly.
- From the project, import only ``benchmark.protocol`` and ``tasks``. Helpers go into
  ``tasks/tables/``, ``tasks/images/`` or a file whose name begins with ``_``, which is no task.
- Add ``tests/tasks/test_your_task.py`` for what only your task does, such as what `load` refuses.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from benchmark.protocol.arguments import Range
from benchmark.protocol.arrays import Array
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import split_by_share
from benchmark.protocol.task import Budget, Data, Network, Source, Splits, Task

if TYPE_CHECKING:
    import pandas as pd


# 1. Settings: what `--settings "prevalence=0.05"` can change. Each field has a type and a default;
#    Range gives it bounds, Literal["small", "large"] its choices. They may be empty (`pass`).
@dataclass(frozen=True)
class Settings:
    """The settings of the synthetic data; more often sizes, or a choice of network."""

    prevalence: Annotated[float, Range(0.01, 0.5)] = 0.1  # share of the positive class


# 2. Real data. `load` is called before anything is trained. Check everything, and raise a UserError
#    that says what is wrong, where, and what to do: one line, which begins with the path.
def load(settings: Settings, path: Path) -> Data:
    """Read an .npz file with x, (rows, columns), and y, (rows,)."""
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


# 3. Synthetic data of the same form, small, for everyone who does not have the real data yet, and
#    for the tests. It must be the same at every call.
def synthetic(settings: Settings) -> Data:
    """Draw two clouds of points that overlap."""
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < settings.prevalence).astype(np.int64)
    x = rng.normal(size=(len(y), 8)) + 0.7 * y[:, None]
    return _data(x.astype(np.float32), y, "synthetic", "two clouds of points")


def _data(x: Array, y: Array, source: Source, origin: str) -> Data:
    import pandas as pd

    return Data(
        # for kind="table" a DataFrame; for kind="image" uint8 (rows, height, width, 3)
        rows=pd.DataFrame(x).add_prefix("x"),
        labels=y,  # int64, positions in `classes`
        # rows with equal numbers never end up in different splits: here, exact duplicates
        groups=np.unique(x, axis=0, return_inverse=True)[1],
        classes=("negative", "positive"),  # with two classes, the second is positive
        digest=hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest(),  # other content, other runs
        source=source,
        origin=origin,  # shown to people
    )


# 4. Splits. Split first, learn afterwards: scaling and the like may use training rows alone.
#    `protocol.splits` also splits by count, time or group; the same seed gives the same split.
def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Train on 60 % of the rows, with columns standardised by the training rows."""
    train, validation, test = split_by_share(data, (0.6, 0.2, 0.2), seed)
    training_rows = data.rows.iloc[train]
    learned = {"mean": training_rows.mean().tolist(), "std": training_rows.std().tolist()}
    x = encode(settings, learned, data.rows)  # all rows; train, validation and test index it
    return Splits(x, data.labels, train, validation, test, learned=learned)


# 5. Encoding of rows as `split` encodes them. An exported model calls it on new rows, with the
#    `learned` of its split, which must consist of what JSON can hold. `raw` is a DataFrame with the
#    columns of `Data.rows`; for images, a list of the bytes of files.
def encode(settings: Settings, learned: Any, raw: pd.DataFrame) -> Array:
    """Standardise columns by the training rows."""
    standardised = (raw.to_numpy() - learned["mean"]) / learned["std"]
    return standardised.astype(np.float32)


# 6. The network, untrained: a Keras model whose last layer is dense, with a bias and without a
#    softmax, and gives one logit per class. Its optimizer may use `budget.steps`. Keras is seeded
#    before the call, so that all strategies start from the same weights. For a classifier of
#    scikit-learn, return an `Estimator` and set `is_network`: see `tasks/csv.py`.
def network(settings: Settings, splits: Splits, classes: int, budget: Budget) -> Network:
    """Build a network with one hidden layer."""
    import keras

    layers = [keras.layers.Dense(32, activation="relu"), keras.layers.Dense(classes)]
    model = keras.Sequential([keras.Input(splits.x.shape[1:]), *layers])
    return Network(model, keras.optimizers.Adam(1e-3))


# 7. The budget: every strategy gets the same number of optimizer steps, enough for validation
#    scores to stop rising. `source` is "real" or "synthetic"; the latter often needs fewer.
def budget(settings: Settings, source: Source) -> Budget:
    """Train 500 steps of 128 rows."""
    return Budget(steps=500, batch=128)


# 8. The download, `uv run skewbench fetch your_task`: use a library that checks a hash (pooch),
#    and print the licence and the log-in it takes. If there is none, say where the data comes from.
def fetch(path: Path) -> None:
    """Raise UserError: a template has nothing to download."""
    raise UserError(f"put x and y into an .npz file and name it with --data instead of {path}")


# 9. The task. `kind` is "table" or "image": strategies that make sense on one only check it.
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
