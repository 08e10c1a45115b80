"""What every registered strategy, the template and combinations must keep to.

A new file in ``strategies/`` is held to this without an edit here.
"""

from __future__ import annotations

import ast
import inspect
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark import arguments, registry, run
from benchmark.strategy import NONE, Features, Floats, Ints, Priors, Strategy, changed
from benchmark.task import Splits
from strategies import _template

ALONE = {**registry.strategies(), "template": _template.positive_share}
JOINED = (
    "oversample(ratio=0.5)+focal(gamma=1)+threshold",
    "undersample(ratio=0.5)+prior_correction",
    "smote(ratio=0.5)+undersample(ratio=0.8)+prior_bias",
    "class_weight(gamma=0.5)+effective_number+logit_adjust(tau=0.5)",
    "undersample(ratio=0.5)+oversample+logit_shift(tau=0.5)",
)
STRATEGIES = {name: function() for name, function in ALONE.items()}
STRATEGIES |= {text: registry.read(text).strategy for text in JOINED}
FILES = list(Path(_template.__file__).parent.glob("*.py"))
SLOTS = {  # what a slot is handed: nothing of the test split, and in training nothing of validation
    "resample": ["labels", "features", "rng"],
    "weigh": ["labels", "classes"],
    "loss": ["priors"],
    "bias": ["priors"],
    "calibrate": ["logits", "labels", "priors"],
    "threshold": ["logits", "labels"],
}


@dataclass(frozen=True)
class Example:
    """Rows whose first column lies between its label and label + 0.5; the last holds codes."""

    labels: Ints
    values: Floats
    logits: Floats  # of a network that says the first class too often
    priors: Priors
    classes: int

    def features(self) -> Features:
        return Features(self.values, (3,))


def example(classes: int) -> Example:
    rng = np.random.default_rng(classes)
    labels = rng.permutation(np.repeat(np.arange(classes), [150, 30, 20][:classes]))
    rows = len(labels)
    codes = rng.choice([0, 3, 7], rows)
    values = np.stack([labels + rng.random(rows) / 2, *rng.normal(size=(2, rows)), codes], axis=1)
    logits = rng.normal(size=(rows, classes)) + 2 * np.eye(classes)[labels]
    logits[:, 0] += 1.5
    shares = {2: ([0.8, 0.2], [0.9, 0.1]), 3: ([0.5, 0.3, 0.2], [0.8, 0.15, 0.05])}
    priors = Priors(*map(np.array, shares[classes]))
    return Example(labels, values.astype(np.float32), logits, priors, classes)


def loss_and_gradient(strategy: Strategy, priors: Floats, labels: Ints, logits: Floats) -> Any:
    import tensorflow as tf

    z = tf.Variable(logits.astype(np.float32))
    with tf.GradientTape() as tape:
        losses = strategy.loss(priors)(tf.one_hot(labels, len(priors)), tf.convert_to_tensor(z))
    return losses.numpy(), tape.gradient(losses, z).numpy()


def outputs(strategy: Strategy, at: Example, seed: int = 0) -> dict[str, Floats]:
    """What each slot gives, without what makes no difference: scales and common shifts."""
    drawn = strategy.resample(at.labels, at.features, np.random.default_rng(seed))
    assert drawn.rows.min() >= 0
    weights = strategy.weigh(at.labels, at.classes)
    bias = strategy.bias(at.priors.training)
    calibrated = strategy.calibrate(at.logits, at.labels, at.priors)(at.logits)
    offsets = strategy.threshold(calibrated, at.labels)
    return {
        "resample": drawn.take(at.values, drawn.made),
        "weigh": weights / weights.mean(),
        "loss": loss_and_gradient(strategy, at.priors.training, at.labels, at.logits)[0],
        "bias": bias - bias[0],
        "calibrate": calibrated - calibrated[:, :1],
        "threshold": offsets - offsets[0],
    }


def differing(one: dict[str, Floats], other: dict[str, Floats]) -> list[str]:
    pairs = {slot: (one[slot], other[slot]) for slot in SLOTS}
    return [slot for slot, (a, b) in pairs.items() if a.shape != b.shape or not np.allclose(a, b)]


EVERY = pytest.mark.parametrize(
    ("strategy", "at"),
    [
        pytest.param(strategy, example(classes), id=f"{name}-{classes}")
        for name, strategy in STRATEGIES.items()
        for classes in (2, 3)
        if classes == 2 or "binary" not in strategy.needs
    ],
)


@pytest.mark.parametrize("name", ALONE)
def test_it_says_in_a_line_what_it_does_and_every_argument_has_a_default(name: str) -> None:
    summary = inspect.getdoc(ALONE[name]).partition("\n\n")[0]
    assert summary.endswith(".") and len(summary) < 100
    for argument, (_, default) in arguments.parameters(ALONE[name]).items():
        assert default is not inspect.Parameter.empty, argument


@pytest.mark.parametrize("name", ALONE)
def test_what_a_search_tries_is_allowed_and_makes_a_difference(name: str) -> None:
    for argument, (annotation, _) in arguments.parameters(ALONE[name]).items():
        kind, bounds, space = arguments.annotated(annotation)
        if space is None:
            continue
        several = "tuple" in str(kind)
        made = []
        for end in (space.low, space.high):
            assert end in bounds, argument
            value = (1.0, end) if several else int(end) if kind is int else end
            written = {argument: arguments.as_text({"": value}, "").removeprefix("=")}
            bound = arguments.bind(ALONE[name], written, name)
            assert bound[argument] == value
            made.append(outputs(ALONE[name](**bound), example(2)))
        assert differing(*made), f"{argument} makes no difference"
        assert space.low < space.high and (space.low > 0 or not space.log)


@EVERY
def test_it_differs_from_none_where_it_fills_a_slot(strategy: Strategy, at: Example) -> None:
    filled = [slot for slot in SLOTS if changed(strategy, [slot])]
    assert differing(outputs(strategy, at), outputs(NONE, at)) == filled
    assert bool(filled) == (strategy is not STRATEGIES["none"])


@pytest.mark.parametrize("text", JOINED)
def test_a_combination_differs_from_each_of_its_parts(text: str) -> None:
    whole = outputs(STRATEGIES[text], example(2))
    for part in text.split("+"):
        assert differing(whole, outputs(registry.read(part).strategy, example(2))), part


@EVERY
def test_slots_take_what_they_may_see_and_nothing_else(strategy: Strategy, at: Example) -> None:
    for slot, names in SLOTS.items():
        assert list(inspect.signature(getattr(strategy, slot)).parameters) == names, slot


@EVERY
def test_only_training_rows_and_made_ones_are_used(strategy: Strategy, at: Example) -> None:
    rows = np.random.default_rng(0).permutation(len(at.labels))
    train, validation, test = np.split(rows, [120, 150])
    values = at.values.copy()
    values[[*validation, *test]] = np.nan  # a look at them would be seen
    splits = Splits(values, at.labels, np.sort(train), validation, test, (3,))
    x, y, chosen, weights = run._training_rows(splits, strategy, at.classes, 0)
    assert not set(chosen.tolist()) & {*validation.tolist(), *test.tolist()}
    assert ((x[chosen, 0] >= y[chosen]) & (x[chosen, 0] <= y[chosen] + 0.5)).all()
    assert set(x[chosen, 3].tolist()) <= {0, 3, 7}
    assert set(y[chosen].tolist()) == set(range(at.classes))
    assert weights.shape == chosen.shape and np.isfinite(weights).all() and (weights > 0).all()


@EVERY
def test_a_seed_fixes_the_result_and_no_input_is_changed(strategy: Strategy, at: Example) -> None:
    before = pickle.dumps(at)
    np.random.seed(1)  # a strategy must not depend on it
    once = outputs(strategy, at, seed=1)
    np.random.seed(2)
    again = outputs(strategy, at, seed=1)
    assert all(once[slot].tolist() == again[slot].tolist() for slot in SLOTS)
    assert pickle.dumps(at) == before


@EVERY
def test_every_row_has_a_finite_loss_with_finite_gradients(strategy: Strategy, at: Example) -> None:
    for size in (1e-6, 1, 10, 100):
        logits = np.clip(at.logits * size, -100, 100)
        loss, gradient = loss_and_gradient(strategy, at.priors.training, at.labels, logits)
        assert loss.shape == at.labels.shape
        assert np.isfinite(loss).all() and np.isfinite(gradient).all()


@EVERY
def test_bias_and_decisions_are_finite_and_in_shape(strategy: Strategy, at: Example) -> None:
    bias = strategy.bias(at.priors.training)
    assert bias.shape == (at.classes,) and np.isfinite(bias).all()
    for size in (1, 1000):
        calibrate = strategy.calibrate(at.logits * size, at.labels, at.priors)
        assert calibrate.offsets.shape == (at.classes,) and calibrate.scale > 0
        for rows in (at.logits * size, at.logits[:5] * size):  # the test split has its own length
            assert calibrate(rows).shape == rows.shape and np.isfinite(calibrate(rows)).all()
        offsets = strategy.threshold(calibrate(at.logits * size), at.labels)
        assert offsets.shape == (at.classes,) and np.isfinite(offsets).all()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_imports_of_the_project_only_what_it_may(file: Path) -> None:
    modules = ("arguments", "errors", "metrics", "offsets", "strategy")
    allowed = [f"benchmark.{name}." for name in modules]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import escapes the fingerprint"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.partition(".")[0] in ("benchmark", "tasks", "strategies", "tests"):
                assert f"{name}.".startswith((*allowed, "strategies._")), name
