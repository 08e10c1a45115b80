"""Predictions of a training, as a value and as a file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Curve, Floats, Ints, read_only
from benchmark.protocol.strategy import OutputLayer, Priors
from benchmark.protocol.task import Splits


@dataclass(frozen=True)
class Predictions:
    """Logits of the rows of a split, at the best checkpoint and after the last step."""

    rows: Ints  # (rows,), row numbers of the data
    labels: Ints  # (rows,)
    best: Floats  # (rows, classes)
    last: Floats  # (rows, classes)
    weights: Floats  # (rows,), of mean 1: they give the rows the population's class shares

    def __post_init__(self) -> None:
        """Make the arrays read-only: several strategies decide from them."""
        read_only(self)


def of_split(
    splits: Splits, part: Literal["validation", "test"], best: Floats, last: Floats
) -> Predictions:
    """Return the predictions of a split's rows; those of test stand for `Splits.population`."""
    rows = getattr(splits, part)
    labels = splits.y[rows]
    population = splits.population if part == "test" else None
    return Predictions(rows, labels, best, last, row_weights(labels, population))


def row_weights(labels: Ints, population: Floats | None) -> Floats:
    """Return weights of mean 1 that give rows the population's class shares, (rows,).

    Args:
        population: (classes,); None leaves rows as they are. A class without rows has no part in
            it.
    """
    if population is None:
        return np.ones(len(labels))
    weights = population[labels] / np.bincount(labels, minlength=len(population))[labels]
    return np.asarray(weights * len(labels) / weights.sum(), np.float64)


@dataclass(frozen=True)
class Fit:
    """Result of a training: everything that the post-hoc part of a strategy needs."""

    validation: Predictions
    test: Predictions
    outputs: dict[str, OutputLayer]  # at the checkpoints "best" and "last"; empty for an estimator
    priors: Priors
    trained_rows: int  # rows of one epoch after resampling, in the last stage of training
    class_rows: Ints  # (classes,), of the training split before resampling
    best_step: int
    seconds: dict[str, float]  # spent on data, compilation, training and evaluation
    compiled: bool  # whether XLA ran the steps
    device: str  # that trained
    curves: dict[str, Curve]  # empty for an estimator

    @property
    def last_step(self) -> int:
        """The number of steps that were trained."""
        return self.curves["train/loss"][-1][0]


def to_bytes(fit: Fit) -> bytes:
    """Return a fit as the bytes of an .npz file, without pickles."""
    arrays: dict[str, Any] = {
        "training_priors": fit.priors.training,
        "population_priors": fit.priors.population,
        "numbers": np.array([fit.trained_rows, fit.best_step, fit.compiled]),
        "class_rows": fit.class_rows,
        "stages": np.array(list(fit.seconds)),
        "seconds": np.array(list(fit.seconds.values())),
        "device": np.array(fit.device),
    }
    for name in ("validation", "test"):
        for field, values in vars(getattr(fit, name)).items():
            # networks compute float32: nothing is lost
            arrays[f"{name}_{field}"] = values.astype(np.float32) if values.ndim == 2 else values
    for name, output in fit.outputs.items():
        arrays |= {f"{name}_norms": output.norms, f"{name}_bias": output.bias}
    for name, curve in fit.curves.items():
        arrays[f"curve:{name}"] = np.array(curve)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(content: bytes) -> Fit:
    """Read a fit that `to_bytes` wrote."""
    arrays = _arrays(content)
    fields = ("rows", "labels", "best", "last", "weights")
    trained_rows, best_step, compiled = arrays["numbers"].tolist()
    return Fit(
        validation=Predictions(*(_to_float64(arrays[f"validation_{field}"]) for field in fields)),
        test=Predictions(*(_to_float64(arrays[f"test_{field}"]) for field in fields)),
        outputs={
            name: OutputLayer(arrays[f"{name}_norms"], arrays[f"{name}_bias"])
            for name in ("best", "last")
            if f"{name}_norms" in arrays
        },
        priors=Priors(arrays["training_priors"], arrays["population_priors"]),
        trained_rows=int(trained_rows),
        class_rows=arrays["class_rows"],
        best_step=int(best_step),
        seconds=dict(zip(arrays["stages"].tolist(), arrays["seconds"].tolist(), strict=True)),
        compiled=bool(compiled),
        device=str(arrays["device"]),
        curves={
            name.removeprefix("curve:"): [(int(step), value) for step, value in curve]
            for name, curve in arrays.items()
            if name.startswith("curve:")
        },
    )


def _arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """Read an .npz file; `np.load` parses each header anew, for 2.5 times as long."""
    with ZipFile(io.BytesIO(content)) as file:
        return {name.removesuffix(".npy"): _array(file.read(name)) for name in file.namelist()}


def _array(content: bytes) -> NDArray[Any]:
    """Read an .npy file of version 1.0, read-only. ValueError for pickled objects."""
    start = 10 + int.from_bytes(content[8:10], "little")
    shape, fortran, dtype = _header(content[:start])
    order: Literal["F", "C"] = "F" if fortran else "C"
    return np.frombuffer(content[start:], dtype).reshape(shape, order=order)


@lru_cache(maxsize=4096)  # few differ: runs share shapes
def _header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    file = io.BytesIO(content)
    np.lib.format.read_magic(file)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("pickled objects are not read")
    return shape, fortran, dtype


def _to_float64(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float64) if values.dtype == np.float32 else values
