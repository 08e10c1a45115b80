"""What a task is: data, a network and a budget.

A module in ``tasks/`` fills in one ``Task`` and exports it as ``TASK``;
``tasks/_template.py`` shows how. The record's functions are called in the order
in which its fields stand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import read_only

if TYPE_CHECKING:
    import keras
from benchmark.protocol.arrays import Ints

Kind = Literal["image", "table"]
Source = Literal["real", "synthetic"]

Portion = Literal["all", "search", "confirmation"]  # of the rows, see `restricted`


@dataclass(frozen=True)
class Data:
    """All rows of a data set, before anything was learned from them."""

    rows: Any  # images: uint8 (rows, height, width, 3); tables: a DataFrame
    labels: Ints  # (rows,), positions in `classes`
    groups: Ints  # (rows,); rows of one group (exact duplicates) share a split
    classes: tuple[str, ...]  # of two classes the second is the positive one
    digest: str  # hash of the content
    source: Source
    origin: str  # where it came from, for people
    weights: NDArray[np.float64] | None = None  # (rows,), what a row counts in training
    places: Ints | None = None  # (rows,), where the data itself says so: see `PLACES`
    notes: tuple[str, ...] = ()  # what a person should know about it, a line each


@dataclass(frozen=True)
class Splits:
    """Three disjoint sets of rows, and features whose statistics come from `train` alone."""

    x: NDArray[Any]  # (rows, ...), one row for every row of the data
    y: Ints  # (rows,)
    train: Ints  # row numbers into x and y
    validation: Ints
    test: Ints
    categorical: tuple[int, ...] = ()  # columns of x that hold category codes
    weights: NDArray[np.float64] | None = None  # (rows,), what a row counts in training
    learned: Any = None  # all that was learned from `train` to make x, as JSON can hold it

    def __post_init__(self) -> None:
        """Strategies and seeds share them."""
        read_only(self)


@dataclass(frozen=True)
class Budget:
    """How long every strategy trains."""

    steps: int  # optimizer steps
    batch: int  # rows a step; 0 is all of them

    def __str__(self) -> str:
        return f"{self.steps:,} steps of {self.batch or 'all'} rows"


@dataclass(frozen=True)
class Thaw:
    """When layers that are frozen at first begin to learn, and how."""

    share: float  # of the steps, at their end
    optimizer: keras.optimizers.Optimizer  # of all layers from then on


@dataclass(frozen=True)
class Network:
    """An untrained Keras model and its optimizer.

    The model takes rows of ``Splits.x`` and ends in a dense layer with a bias
    that gives one logit a class. Layers that are not trainable stay so, unless there is a thaw.
    """

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    thaw: Thaw | None = None


@dataclass(frozen=True)
class Estimator:
    """An untrained classifier of scikit-learn, to hold networks against.

    It has `fit` (x, y, sample_weight) on rows of ``Splits.x`` and `decision_function`, which
    gives log-odds. It is fitted whole: there are no checkpoints and no curves.
    """

    estimator: Any


@dataclass(frozen=True)
class Task:
    """One classification problem. `S` below is an instance of `settings`.

    settings:  a frozen dataclass; its fields are what ``--settings`` can change,
               ``Annotated[float, Range(1, 100)]`` gives a field its bounds
    load:      (S, path) -> Data; reads and checks real data, UserError names what is wrong
    stand_in:  (S) -> Data; a small synthetic set, the same at every call
    split:     (Data, S, seed) -> Splits; the same for the same seed, UserError if too small
    encode:    (S, learned, raw) -> x of raw rows, just as `split` gives it. Raw rows are a
               DataFrame with the columns of ``Data.rows``; of images, a list of the bytes of
               files. What a deployed model is asked: UserError names what cannot be read
    network:   (S, Splits, classes, Budget) -> Network; Keras has its seed already. Or a
               Reference, if `is_network` says so
    budget:    (S, source) -> Budget; what is trained if nobody says otherwise
    fetch:     (path) -> None; downloads the real set into the folder `path`
    is_network: (S) -> whether `network` gives one, for strategies that change its loss or its start
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
    is_network: Callable[[Any], bool] = lambda settings: True
