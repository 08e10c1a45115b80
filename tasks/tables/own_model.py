"""A model of the user's own: `model=my_file.py:build`, held to a small contract before it trains.

``build(splits, classes, budget)`` returns an untrained Keras model, which ends in a dense layer
with one logit per class, or a classifier with the interface of scikit-learn.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Estimator, FitData, Network, Splits

SUFFIX = ".py"
DEFAULT = "build"  # the function, where none is named
TRIED = Budget(10, 16)

Build = Callable[[Splits, int, Budget], Any]


def names(model: str) -> bool:
    """Return whether a model is a file of the user's own."""
    return model.partition(":")[0].endswith(SUFFIX)


def digest(model: str) -> str:
    """Return a hash of the file: another content is another model."""
    return hashlib.sha256(_file(model).read_bytes()).hexdigest()


def is_network(model: str) -> bool:
    """Return whether the model is a network; raise UserError if it breaks the contract."""
    return _checked(model, digest(model))


def build(
    model: str, splits: Splits, classes: int, budget: Budget, default: Callable[[Budget], Any]
) -> Network | Estimator:
    """Build the model; `default` is the optimizer of a network that is not compiled."""
    made = _function(model)(splits, classes, budget)
    if hasattr(made, "fit") and not hasattr(made, "layers"):
        return Estimator(made, library=Path(model.partition(":")[0]).name)
    return Network(made, getattr(made, "optimizer", None) or default(budget))


def _file(model: str) -> Path:
    file = Path(model.partition(":")[0])
    if not file.is_file():
        raise UserError(f"model={model}: there is no file {file}")
    return file


def _function(model: str) -> Build:
    """Import the file and return its function; UserError says what is wrong."""
    file, name = _file(model), model.partition(":")[2] or DEFAULT
    spec = importlib.util.spec_from_file_location(f"own_model_{digest(model)[:12]}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the file does
        raise UserError(f"model={model}: {file} fails with {error!r}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise UserError(f"model={model}: {file} has no function {name}")
    found: Build = function
    return found


@cache
def _checked(model: str, content: str) -> bool:
    """Try the model on drawn rows of two and three classes; return whether it is a network."""
    kinds = {_try(model, classes) for classes in (2, 3)}
    if len(kinds) > 1:
        raise UserError(f"model={model} is a network for some numbers of classes only")
    return kinds.pop()


def _try(model: str, classes: int) -> bool:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(90, 3)), rng.integers(0, 4, 90)]).astype(np.float32)
    y = np.arange(90) % classes
    parts = np.split(np.arange(90), [60, 75])
    splits = Splits(x, y, parts[0], parts[1], parts[2], categorical=(3,))
    try:
        made = _function(model)(splits, classes, TRIED)
        problem = (_of_network if hasattr(made, "layers") else _of_estimator)(made, splits, classes)
    except UserError:
        raise
    except Exception as error:  # whatever the function does
        problem = f"fails on a small table with {error!r}"
    if problem:
        raise UserError(f"model={model} {problem}")
    return hasattr(made, "layers")


def _of_network(made: Any, splits: Splits, classes: int) -> str:
    """Return what is wrong with a network; "" for nothing."""
    last = made.layers[-1]
    units = getattr(last, "units", None)
    if units != classes or not getattr(last, "use_bias", False):
        return f"must end in a dense layer with a bias and {classes} units, one logit per class"
    if getattr(last.activation, "__name__", "") != "linear":
        return "must give logits: leave the activation of its last layer out"
    shape = np.asarray(made(splits.x[:5])).shape
    return "" if shape == (5, classes) else f"gives {shape} for 5 rows, not (5, {classes})"


def _of_estimator(made: Any, splits: Splits, classes: int) -> str:
    """Return what is wrong with an estimator; "" for nothing."""
    if not hasattr(made, "fit"):
        return f"builds {type(made).__name__}: neither a Keras model nor a classifier with fit"
    rows = splits.train
    data = FitData(
        splits.x[rows],
        splits.y[rows],
        np.ones(len(rows)),
        splits.x[splits.validation],
        splits.y[splits.validation],
        average_precision=lambda scores: 0.0,
    )
    Estimator(made).fit(made, data)
    predicts = getattr(made, "decision_function", None) or getattr(made, "predict_proba", None)
    if predicts is None:
        return "has neither decision_function nor predict_proba"
    scores, again = np.asarray(predicts(splits.x)), np.asarray(predicts(splits.x))
    if len(scores) != 90 or (scores.ndim == 2 and scores.shape[1] != classes):
        return f"gives scores of the shape {scores.shape} for 90 rows of {classes} classes"
    if not np.isfinite(scores).all():
        return "gives scores that are not finite"
    return "" if np.array_equal(scores, again) else "gives other scores for the same rows"
