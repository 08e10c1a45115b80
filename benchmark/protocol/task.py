"""A task: data, a network and a budget.

A module in ``tasks/`` fills in one ``Task`` and exports it as ``TASK``; ``tasks/_template.py``
shows how. Functions of the record are called in the order of its fields.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arguments import suggest
from benchmark.protocol.arrays import Floats, Ints, read_only
from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    import keras
    import pandas as pd

Kind = Literal["image", "table"]
Source = Literal["real", "synthetic"]

Portion = Literal["all", "search", "confirmation"]  # of the rows, see `splits.restrict`


@dataclass(frozen=True)
class Column:
    """What is done with a column of a table."""

    name: str
    kind: str  # number, category, date, left out, or the setting that names it
    why: str = ""
    auc: float = 0.0  # ROC AUC of predicting the class from it alone, where that was examined
    leaks: bool = False  # whether it tells the class alone


@dataclass(frozen=True)
class Data:
    """All rows of a data set, before anything is learned from them."""

    rows: Any  # images: uint8 (rows, height, width, 3); tables: a DataFrame
    labels: Ints  # (rows,), positions in `classes`
    groups: Ints  # (rows,); rows of one group (exact duplicates) share a split
    classes: tuple[str, ...]  # of two classes, the second is positive
    digest: str  # hash of the content
    source: Source
    origin: str  # where it came from, for readers
    weights: NDArray[np.float64] | None = None  # (rows,), sample weights in training
    places: Ints | None = None  # (rows,), if the data itself has splits: see `splits.PLACES`
    times: Ints | None = None  # (rows,), numbers in the order of time, where windows move in it
    notes: tuple[str, ...] = ()  # what users should know about the data, one line each
    names: tuple[str, ...] = ()  # of the rows, for readers: files of images
    columns: tuple[Column, ...] = ()  # of a table as it was read, also those that are left out
    # columns of a table that nothing is learned from, a DataFrame of the same rows: for costs and
    # subgroups
    aside: Any = None

    def column(self, name: str, option: str) -> pd.Series:
        """Return a column of a table, learned from or not.

        Raises:
            UserError: that names the option, if there is no such column.
        """
        tables = [it for it in (self.rows, self.aside) if hasattr(it, "columns")]
        for table in tables:
            if name in table.columns:
                found: pd.Series = table[name]
                return found
        known = [str(each) for table in tables for each in table.columns]
        raise UserError(f"{option}: {self.origin} has no column {name!r}: {suggest(name, known)}")


@dataclass(frozen=True)
class Splits:
    """Three disjoint sets of rows, and features whose statistics come from `train` alone."""

    x: NDArray[Any]  # (rows, ...), aligned with the rows of the data
    y: Ints  # (rows,)
    train: Ints  # row numbers into x and y
    validation: Ints
    test: Ints
    categorical: tuple[int, ...] = ()  # columns of x that hold category codes
    weights: NDArray[np.float64] | None = None  # (rows,), sample weights in training
    learned: Any = None  # everything learned from `train` to make x, as JSON can hold it
    # (classes,), class shares that the test rows stand for; None: their own
    population: Floats | None = None

    def __post_init__(self) -> None:
        """Make the arrays read-only: strategies share them."""
        read_only(self)


@dataclass(frozen=True)
class Budget:
    """Length of the training of every strategy."""

    steps: int  # optimizer steps
    batch: int  # rows per step; 0 is all rows

    def __str__(self) -> str:
        return f"{self.steps:,} steps of {self.batch or 'all'} rows"


@dataclass(frozen=True)
class Thaw:
    """When and how layers that are frozen at first begin to learn."""

    share: float  # of all steps, at the end
    optimizer: keras.optimizers.Optimizer  # of all layers from then on


@dataclass(frozen=True)
class Network:
    """An untrained Keras model and its optimizer.

    The model takes rows of ``Splits.x`` and ends in a dense layer with a bias that gives one
    logit per class. Layers that are not trainable stay so, unless there is a thaw.
    """

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    thaw: Thaw | None = None


Derivatives = Callable[[Floats], tuple[Floats, Floats]]
"""(margins of the training rows) -> first and second derivative of the weighted loss of each.

Margins are (rows,), the log-odds of the positive of two classes; or (rows, classes) logits."""


@dataclass(frozen=True)
class FitData:
    """Training rows of an estimator, and validation rows that may say when it is to stop."""

    x: NDArray[Any]  # (rows, ...)
    y: Ints  # (rows,)
    weights: Floats  # (rows,), mean 1
    validation_x: NDArray[Any]
    validation_y: Ints
    # (scores of the validation rows, like margins) -> average precision, which chooses checkpoints
    average_precision: Callable[[Floats], float]
    derivatives: Derivatives | None = None  # of the strategy's loss, if that is not cross-entropy


def fit_at_once(estimator: Any, data: FitData) -> None:
    """Fit a scikit-learn classifier on the training rows with their weights.

    Raises:
        UserError: if rows have different weights, and the classifier takes none.
    """
    last = estimator.steps[-1] if hasattr(estimator, "steps") else ("", estimator)
    if "sample_weight" in inspect.signature(last[1].fit).parameters:
        # the last step of a pipeline takes the weights
        name = f"{last[0]}__sample_weight" if last[0] else "sample_weight"
        # equal weights are none: scikit-learn is twice as fast without
        estimator.fit(data.x, data.y, **({name: data.weights} if np.ptp(data.weights) else {}))
    elif np.ptp(data.weights):
        raise UserError(
            f"{type(last[1]).__name__} takes no sample weights: leave out strategies that weigh "
            "rows, and the setting weight"
        )
    else:
        estimator.fit(data.x, data.y)


@dataclass(frozen=True)
class Estimator:
    """An untrained classifier in place of a network, with the interface of scikit-learn.

    Fitted on rows of ``Splits.x``, it has `decision_function`, which returns log-odds or logits,
    or `predict_proba`. There are no curves. If it stops by itself, `best_step` says where.
    """

    estimator: Any
    fit: Callable[[Any, FitData], None] = fit_at_once
    library: str = "scikit-learn"


@dataclass(frozen=True)
class Task:
    """One classification problem. `S` below is an instance of `settings`.

    Attributes:
        summary: one line for the list of tasks.
        kind: "image" or "table".
        settings: a frozen dataclass; ``--settings`` can change its fields,
            ``Annotated[float, Range(1, 100)]`` gives a field its bounds.
        load: (S, path) -> Data; reads and checks real data, UserError names what is wrong.
        synthetic: (S) -> Data; a small synthetic data set, the same at every call.
        split: (Data, S, seed) -> Splits; the same for the same seed, UserError if data is too
            small.
        encode: (S, learned, raw) -> x of raw rows, exactly as `split` makes it. Raw rows of tables
            are a DataFrame with the columns of ``Data.rows``; of images, a list of the bytes of
            files. Deployed models call it: UserError names what cannot be read.
        network: (S, Splits, classes, Budget) -> Network, after Keras was seeded; or an Estimator,
            where `is_network` is false.
        budget: (S, source) -> Budget; the default budget.
        fetch: (path) -> None; downloads the real data into the folder `path`.
        complete: (S, source) -> S with nothing left open, and a line that says what was chosen, or
            "". Settings may leave open what depends on the machine or on the data.
        files: (S) -> files that settings name, by setting, which an exported model takes along.
        sees_pixels: (S) -> whether ``Splits.x`` holds the pixels of images, which some strategies
            need, or features of them.
        is_network: (S) -> whether `network` returns a Network, which strategies need that change
            its loss, head or initial bias.
        takes_loss: (S) -> whether an Estimator takes the loss of a strategy, see `FitData`.
    """

    summary: str
    kind: Kind
    settings: type
    load: Callable[[Any, Path], Data]
    synthetic: Callable[[Any], Data]
    split: Callable[[Data, Any, int], Splits]
    encode: Callable[[Any, Any, Any], NDArray[Any]]
    network: Callable[[Any, Splits, int, Budget], Network | Estimator]
    budget: Callable[[Any, Source], Budget]
    fetch: Callable[[Path], None]
    complete: Callable[[Any, Source], tuple[Any, str]] = lambda settings, source: (settings, "")
    files: Callable[[Any], Mapping[str, Path]] = lambda settings: {}
    sees_pixels: Callable[[Any], bool] = lambda settings: True
    is_network: Callable[[Any], bool] = lambda settings: True
    takes_loss: Callable[[Any], bool] = lambda settings: False
