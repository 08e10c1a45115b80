"""What an exported model carries, and how it answers raw rows.

It is a folder with the network as Keras saves it, or the reference as skops does, and all else
as JSON; nothing is pickled. It reads rows by the task's own ``encode`` and decides as the
benchmark did.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import importlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol import registry
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Calibration
from benchmark.training import device
from benchmark.training import estimator as estimators
from benchmark.training.decision import Decision
from benchmark.training.schema import ColumnSchema, restore

if TYPE_CHECKING:
    import pandas as pd


FACTS, NETWORK, ESTIMATOR = "model.json", "network.keras", "reference.skops"
# of scikit-learn, in boosted trees; skops asks before it makes what it does not know
TRUSTED = [
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]
IMAGE = "image"  # the column of image tasks: the bytes of a file, or these in base64
MOST_TOLD = 100  # classes; of more, only the decided one's probability is told
ROWS = 256  # in a call of the network: their activations are no burden


@dataclass(frozen=True)
class ModelFacts:
    """All that is not the network's, or the reference's."""

    task: str
    settings: Any  # an instance of the task's settings
    learned: Any  # see ``Splits.learned``
    classes: tuple[str, ...]
    decision: Decision
    columns: Mapping[str, ColumnSchema] = field(default_factory=dict)  # of tables

    @property
    def is_network(self) -> bool:
        """Whether a network gives the logits; else a reference."""
        return registry.task(self.task).is_network(self.settings)


@dataclass(frozen=True)
class SavedModel:
    """A model that answers."""

    facts: ModelFacts
    logits: Callable[[NDArray[Any]], Floats]  # of encoded rows


def save(folder: Path, facts: ModelFacts, trained: Any) -> None:
    """Writes both files; `trained` is a Keras model or the estimator of a reference."""
    if facts.is_network:
        trained.save(folder / NETWORK)
    else:
        import skops.io

        skops.io.dump(trained, folder / ESTIMATOR)
    decision = facts.decision
    text = {
        "task": facts.task,
        "settings": dataclasses.asdict(facts.settings),
        "learned": facts.learned,
        "classes": list(facts.classes),
        "calibration": {
            "scale": np.asarray(decision.calibration.scale).tolist(),
            "offsets": decision.calibration.offsets.tolist(),
        },
        "decision_offsets": decision.offsets.tolist(),
        "columns": {name: dataclasses.asdict(column) for name, column in facts.columns.items()},
    }
    (folder / FACTS).write_text(json.dumps(text), encoding="utf-8")


def load(folder: Path) -> SavedModel:
    """The inverse of `save`."""
    text = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    calibration = Calibration(
        np.array(text["calibration"]["offsets"]), np.array(text["calibration"]["scale"])
    )
    facts = ModelFacts(
        task=text["task"],
        settings=registry.task(text["task"]).settings(**text["settings"]),
        learned=text["learned"],
        classes=tuple(text["classes"]),
        decision=Decision(calibration, np.array(text["decision_offsets"])),
        columns={name: ColumnSchema(**column) for name, column in text["columns"].items()},
    )
    if facts.is_network:
        return SavedModel(facts, _network(folder / NETWORK))
    return SavedModel(facts, _reference(folder / ESTIMATOR))


def _network(path: Path) -> Callable[[NDArray[Any]], Floats]:
    """A saved network as a function; one trace serves any number of rows."""
    with suppress(RuntimeError):  # another model is in use here: its threads stay as they are
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
    """Keras finds layers that are not its own only where their modules are imported already."""
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json").decode()
    for module in sorted(set(re.findall(r'"module": "((?:benchmark|tasks)[.\w]+)"', config))):
        importlib.import_module(module)


def _reference(path: Path) -> Callable[[NDArray[Any]], Floats]:
    """A saved reference as a function, on one thread as it was measured."""
    import skops.io
    from threadpoolctl import threadpool_limits

    estimator = skops.io.load(path, trusted=TRUSTED)

    def logits(x: NDArray[Any]) -> Floats:
        with threadpool_limits(1):
            return estimators.predict_logits(estimator, x)

    return logits


def output_types(classes: Sequence[str]) -> dict[str, str]:
    """What `answer` gives: column -> MLflow's name of its type."""
    each = dict.fromkeys(_columns(classes), "double")
    return {"label": "string", "probability": "double", "decision": "long", **each}


def _columns(classes: Sequence[str]) -> list[str]:
    """Of the probability of each class, where that says more than one number does."""
    told = classes if 2 < len(classes) <= MOST_TOLD else ()
    return [f"probability of {name}" for name in told]


def predict(model: SavedModel, rows: pd.DataFrame) -> pd.DataFrame:
    """What the model says of raw rows: label, probability and decision of each.

    label is the name of the decided class and decision its number. probability is calibrated: of
    the positive one of two classes, of the decided one of more, beside one column a class.

    Raises:
        UserError: for rows that cannot be read.
    """
    import pandas as pd

    facts = model.facts
    if not len(rows):
        raise UserError("there are no rows")
    task = registry.task(facts.task)
    raw = restore(rows, facts.columns) if task.kind == "table" else _contents(rows)
    logits = model.logits(task.encode(facts.settings, facts.learned, raw))
    decided = facts.decision.decide(logits)
    p = facts.decision.probabilities(logits)
    two = len(facts.classes) == 2
    answers = {
        "label": np.array(facts.classes, object)[decided],
        "probability": p[:, 1] if two else p[np.arange(len(p)), decided],
        "decision": decided,
    }
    return pd.DataFrame(answers | dict(zip(_columns(facts.classes), p.T, strict=False)))


def _contents(rows: pd.DataFrame) -> list[bytes]:
    if IMAGE not in rows:
        raise UserError(f"column {IMAGE!r} is missing: it holds the bytes of images")
    return [_content(cell) for cell in rows[IMAGE]]


def _content(cell: Any) -> bytes:
    """The bytes of an image; text is base64."""
    if isinstance(cell, bytes):
        return cell
    try:
        return base64.b64decode(str(cell), validate=True)
    except binascii.Error as error:
        raise UserError(f"column {IMAGE!r} holds neither bytes nor base64: {error}") from None
