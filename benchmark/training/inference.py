"""Exported models: their files, and prediction from raw rows.

A model is a folder with the network as Keras saves it, or the estimator as skops does, and
everything else as JSON; nothing is pickled. It reads rows with the ``encode`` of the task and
decides as the benchmark did.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import importlib
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.costs import Costs
from benchmark.protocol import registry
from benchmark.protocol.arrays import Floats
from benchmark.protocol.calibration import as_json, from_json
from benchmark.protocol.errors import UserError
from benchmark.training import device
from benchmark.training import estimator as estimators
from benchmark.training.decision import Decision
from benchmark.training.prevalence import adapted
from benchmark.training.schema import ColumnSchema, amount_column, restore

if TYPE_CHECKING:
    import pandas as pd


FACTS, NETWORK, ESTIMATOR = "model.json", "network.keras", "estimator.skops"
# types in trees and ensembles; skops loads no others that it does not know
TRUSTED = [
    "catboost.core.CatBoostClassifier",
    "collections.OrderedDict",
    "functools.partial",
    "imblearn.ensemble._easy_ensemble.EasyEnsembleClassifier",
    "imblearn.ensemble._forest.BalancedRandomForestClassifier",
    "imblearn.ensemble._weight_boosting.RUSBoostClassifier",
    "imblearn.pipeline.Pipeline",
    "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
    "lightgbm.basic.Booster",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
    "tasks.tables.boosting.Boosted",
    "xgboost.core.Booster",
]
IMAGE = "image"  # column of image tasks: bytes of a file, or these in base64
MOST_COLUMNS = 100  # classes with a column each; with more, only the predicted class has one
ROWS = 256  # per call of the network, to bound the memory of activations


@dataclass(frozen=True)
class ModelFacts:
    """Everything of a model but its network or estimator."""

    task: str
    settings: Any  # an instance of the task's settings
    learned: Any  # see ``Splits.learned``
    classes: tuple[str, ...]
    decision: Decision
    columns: Mapping[str, ColumnSchema] = field(default_factory=dict)  # tables only
    # class shares that probabilities are calibrated for, to be adapted to those of the rows
    # that are predicted together; empty: they are not adapted
    adapts_from: tuple[float, ...] = ()

    @property
    def is_network(self) -> bool:
        """Whether a network computes the logits; else an estimator."""
        return registry.task(self.task).is_network(self.settings)


@dataclass(frozen=True)
class SavedModel:
    """A loaded model."""

    facts: ModelFacts
    logits: Callable[[NDArray[Any]], Floats]  # of encoded rows


def save(folder: Path, facts: ModelFacts, trained: Any) -> None:
    """Write all files; `trained` is a Keras model or a scikit-learn estimator.

    Files that settings name are copied, so that the model needs nothing of this machine.
    """
    named = registry.task(facts.task).files(facts.settings)
    copies = {name: f"{name}-{file.name}" for name, file in named.items()}
    for name, file in named.items():
        shutil.copyfile(file, folder / copies[name])
    if facts.is_network:
        trained.save(folder / NETWORK)
    else:
        import skops.io

        skops.io.dump(trained, folder / ESTIMATOR)
    decision = facts.decision
    text = {
        "task": facts.task,
        "settings": dataclasses.asdict(facts.settings),
        "files": copies,
        "learned": facts.learned,
        "classes": list(facts.classes),
        "calibration": as_json(decision.calibration),
        "decision_offsets": decision.offsets.tolist(),
        "adapts_from": list(facts.adapts_from),
        "costs": _costs_as_json(decision.costs),
        "columns": {name: dataclasses.asdict(column) for name, column in facts.columns.items()},
    }
    (folder / FACTS).write_text(json.dumps(text), encoding="utf-8")


def load(folder: Path) -> SavedModel:
    """Read a model that `save` wrote."""
    text = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    calibration = from_json(text["calibration"])
    copies = {name: str(folder / copy) for name, copy in text["files"].items()}
    facts = ModelFacts(
        task=text["task"],
        settings=registry.task(text["task"]).settings(**text["settings"] | copies),
        learned=text["learned"],
        classes=tuple(text["classes"]),
        decision=Decision(
            calibration, np.array(text["decision_offsets"]), _costs_from_json(text.get("costs"))
        ),
        columns={name: ColumnSchema(**column) for name, column in text["columns"].items()},
        adapts_from=tuple(text.get("adapts_from", ())),
    )
    if (folder / NETWORK).exists():
        return SavedModel(facts, _network(folder / NETWORK))
    return SavedModel(facts, _estimator(folder / ESTIMATOR))


def _costs_as_json(costs: Costs | None) -> dict[str, Any] | None:
    return {"entries": costs.entries, "classes": costs.classes} if costs else None


def _costs_from_json(text: dict[str, Any] | None) -> Costs | None:
    return Costs(tuple(map(tuple, text["entries"])), tuple(text["classes"])) if text else None


def _network(path: Path) -> Callable[[NDArray[Any]], Floats]:
    """Load a network as a function of encoded rows; one trace serves any number of rows."""
    with suppress(RuntimeError):  # another model is in use in this process: its threads stay
        device.prepare()
    import keras
    import tensorflow as tf

    _import_layers(path)
    model = keras.saving.load_model(path, compile=False)
    signature = tf.TensorSpec((None, *model.input_shape[1:]), model.inputs[0].dtype)

    def run(x: Any) -> Any:
        return tf.cast(model(x, training=False), tf.float32)

    forward = tf.function(run, input_signature=[signature])

    def logits(x: NDArray[Any]) -> Floats:
        parts = [forward(x[start : start + ROWS]).numpy() for start in range(0, len(x), ROWS)]
        return np.concatenate(parts).astype(np.float64)

    return logits


def _import_layers(path: Path) -> None:
    """Import the modules of custom layers: Keras finds these only in imported modules."""
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    for module in sorted(set(re.findall(r'"module": "((?:benchmark|tasks)[.\w]+)"', config))):
        importlib.import_module(module)


def _estimator(path: Path) -> Callable[[NDArray[Any]], Floats]:
    """Load an estimator as a function of encoded rows, on one thread as it was measured."""
    import skops.io
    from threadpoolctl import threadpool_limits

    estimator = skops.io.load(path, trusted=TRUSTED)

    def logits(x: NDArray[Any]) -> Floats:
        with threadpool_limits(1):
            return estimators.predict_logits(estimator, x)

    return logits


def output_types(classes: Sequence[str]) -> dict[str, str]:
    """Return the columns of `predict`: name -> MLflow's name of its type."""
    per_class = dict.fromkeys(_columns(classes), "double")
    return {"label": "string", "probability": "double", "decision": "long", **per_class}


def _columns(classes: Sequence[str]) -> list[str]:
    """Return the names of the columns of class probabilities; two classes need none."""
    shown = classes if 2 < len(classes) <= MOST_COLUMNS else ()
    return [f"probability of {name}" for name in shown]


def predict(model: SavedModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Predict raw rows: label, probability and decision of each.

    label is the name of the predicted class and decision its number. probability is calibrated:
    with two classes, that of the positive class; with more, that of the predicted class, beside
    one column per class.

    Raises:
        UserError: for rows that cannot be read.
    """
    import pandas as pd

    facts = model.facts
    if not len(rows):
        raise UserError("there are no rows to predict: send at least one")
    task = registry.task(facts.task)
    raw = restore(rows, facts.columns) if task.kind == "table" else _contents(rows)
    logits = model.logits(task.encode(facts.settings, facts.learned, raw))
    decision = facts.decision
    if facts.adapts_from:
        p = decision.probabilities(logits)
        calibration = adapted(decision.calibration, p, np.array(facts.adapts_from))
        decision = dataclasses.replace(decision, calibration=calibration)
    if decision.costs and isinstance(raw, pd.DataFrame):
        amounts = {name: amount_column(raw[name]) for name in decision.costs.columns}
        decision = dataclasses.replace(decision, costs=decision.costs.with_amounts(amounts))
    predicted = decision.decide(logits, np.arange(len(rows)))
    p = decision.probabilities(logits)
    binary = len(facts.classes) == 2
    columns = {
        "label": np.array(facts.classes, object)[predicted],
        "probability": p[:, 1] if binary else p[np.arange(len(p)), predicted],
        "decision": predicted,
    }
    return pd.DataFrame(columns | dict(zip(_columns(facts.classes), p.T, strict=False)))


def _contents(rows: pd.DataFrame) -> list[bytes]:
    """Return the bytes of the images in the column `IMAGE`."""
    if IMAGE not in rows:
        raise UserError(f"column {IMAGE!r} is missing: it must hold the bytes of images")
    return [_content(cell) for cell in rows[IMAGE]]


def _content(cell: Any) -> bytes:
    """Return the bytes of an image; text is base64."""
    if isinstance(cell, bytes):
        return cell
    try:
        return base64.b64decode(str(cell), validate=True)
    except binascii.Error as error:
        raise UserError(f"column {IMAGE!r} holds neither bytes nor base64: {error}") from None
