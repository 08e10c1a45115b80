"""What a training leaves, as a value and as a file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arrays import Curve, Floats, Ints, read_only
from benchmark.protocol.strategy import OutputLayer, Priors


@dataclass(frozen=True)
class Predictions:
    """Logits of the rows of a split, at the chosen checkpoint and after the last step."""

    rows: Ints  # row numbers of the data
    labels: Ints
    best: Floats  # (rows, classes)
    last: Floats  # (rows, classes)

    def __post_init__(self) -> None:
        """Several strategies decide from them."""
        read_only(self)


@dataclass(frozen=True)
class Fit:
    """What a training leaves: all that a decision part needs, now or later."""

    validation: Predictions
    test: Predictions
    outputs: dict[str, OutputLayer]  # at the checkpoints "best" and "last"; none of a reference
    priors: Priors
    trained_rows: int  # rows of one epoch after resampling, in the last stage of training
    class_rows: Ints  # (classes,), of the training split before it
    best_step: int
    seconds: dict[str, float]  # spent on data, compilation, training and evaluation
    compiled: bool  # whether XLA ran the steps
    device: str  # what they ran on
    curves: dict[str, Curve]  # none of what was fitted whole

    @property
    def last_step(self) -> int:
        """The number of steps that were trained."""
        return self.curves["train/loss"][-1][0]


def to_bytes(fit: Fit) -> bytes:
    """A fit as an .npz file, without pickles."""
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
            # networks give float32: nothing is lost
            arrays[f"{name}_{field}"] = values.astype(np.float32) if values.ndim == 2 else values
    for name, output in fit.outputs.items():
        arrays |= {f"{name}_norms": output.norms, f"{name}_bias": output.bias}
    for name, curve in fit.curves.items():
        arrays[f"curve:{name}"] = np.array(curve)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(content: bytes) -> Fit:
    """The inverse of `to_bytes`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        fields = ("rows", "labels", "best", "last")
        trained_rows, best_step, compiled = arrays["numbers"].tolist()
        return Fit(
            validation=Predictions(*(_wide(arrays[f"validation_{field}"]) for field in fields)),
            test=Predictions(*(_wide(arrays[f"test_{field}"]) for field in fields)),
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
                name.removeprefix("curve:"): [(int(step), value) for step, value in arrays[name]]
                for name in arrays
                if name.startswith("curve:")
            },
        )


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float64) if values.dtype == np.float32 else values
