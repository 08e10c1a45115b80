"""Appended to `benchmark/training/fit.py` on hosts of the tests.

With UNTRAINED in the environment a training leaves hand-made predictions at once, and TensorFlow,
whose import takes longer than all else of a small run, is not needed.
"""

import os as _os

import numpy as _np

_train = fit  # type: ignore[name-defined]  # noqa: F821


def fit(job, on_step):  # type: ignore[no-untyped-def]
    """Train, or make predictions up."""
    if not _os.environ.get("UNTRAINED"):
        return _train(job, on_step)
    from benchmark.protocol.splits import class_shares
    from benchmark.protocol.strategy import OutputLayer, Priors
    from benchmark.training.predictions import Fit, Predictions
    from benchmark.training.seeding import RESAMPLING

    y, steps = job.splits.y, job.budget.steps
    train = job.splits.train
    chosen = _np.random.default_rng([job.seed, RESAMPLING])
    job.strategy.resample(y[train], lambda: None, chosen)  # some take their time
    rng = _np.random.default_rng(job.seed)

    def predictions(rows):  # type: ignore[no-untyped-def]
        logits = rng.normal(size=(len(rows), job.classes)) + _np.eye(job.classes)[y[rows]]
        logits = logits.astype(_np.float32).astype(_np.float64)
        return Predictions(rows, y[rows], logits, logits, _np.ones(len(rows)))

    def curve(points):  # type: ignore[no-untyped-def]
        return [
            (step, 0.5)
            for step in sorted({steps * part // points for part in range(1, points + 1)})
        ]

    shares = class_shares(y[train], job.classes)
    output = OutputLayer(_np.linspace(3.0, 2.0, job.classes), _np.zeros(job.classes))
    for part in range(1, 51):  # as often as a training tells how far it is
        on_step(steps * part // 50)
    return Fit(
        validation=predictions(job.splits.validation),
        test=predictions(job.splits.test),
        outputs=dict.fromkeys(("best", "last"), output),
        priors=Priors(shares, shares),
        trained_rows=len(train),
        class_rows=_np.bincount(y[train], minlength=job.classes),
        best_step=steps,
        seconds={"training": 1.0, "data": 0.1},
        compiled=False,
        device="CPU: an abacus",
        curves={
            "train/loss": curve(50),
            "val/average_precision": curve(10),
            "val/log_loss": curve(10),
        },
    )
