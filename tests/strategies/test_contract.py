"""What every registered strategy, the template and combinations must keep to.

A new file in ``strategies/`` is held to this without an edit here.
"""

from __future__ import annotations

import ast
import inspect
import pickle
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.protocol import arguments, grammar, registry
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import (
    NONE,
    SLOTS,
    Features,
    OutputLayer,
    Priors,
    Strategy,
    changed,
)
from benchmark.protocol.task import Splits
from benchmark.training.stages import plan_stages
from strategies import _template

ALONE = {**registry.strategies(), "template": _template.positive_share}
JOINED = (
    "oversample(ratio=0.5)+focal(gamma=1)+threshold",
    "undersample(ratio=0.5)+prior_correction",
    "smote(ratio=0.5)+undersample(ratio=0.8)+prior_bias",
    "class_weight(gamma=0.5)+effective_number+logit_adjust(tau=0.5)",
    "undersample(ratio=0.5)+oversample+logit_shift(tau=0.5)",
    "oversample+augmented_copies",
    "mixup+deferred(class_weight)",
    "remix+deferred(oversample(ratio=0.5)+class_weight(gamma=0.5), share=0.3)",
    "crt+logit_shift+tau_norm",
    "ldam+deferred(effective_number)",
    "under_bagging+label_smoothing",
)
STRATEGIES = {text: grammar.read(text).strategy for text in (*registry.strategies(), *JOINED)}
STRATEGIES["template"] = _template.positive_share()
FILES = list(Path(_template.__file__).parent.glob("*.py"))
HANDED = {  # what a slot is handed: nothing of the test split, and in training none of validation
    "resample": ["labels", "features", "rng"],
    "augment": ["labels", "features", "rng"],
    "weigh": ["labels", "classes"],
    "mix": ["labels", "partners", "counts", "rng"],
    "loss": ["priors"],
    "head": ["last"],
    "bias": ["priors"],
    "normalise": ["logits", "labels", "output"],
    "calibrate": ["logits", "labels", "priors"],
    "threshold": ["logits", "labels"],
}
SHADES = 20  # of an image's colours, between those of one class and the next


@dataclass(frozen=True)
class Example:
    """Rows whose first column lies between its label and label + 0.5; the last holds codes.

    Images are of one colour each, whose channels do so in units of `SHADES`.
    """

    labels: Ints
    values: NDArray[Any]
    logits: Floats  # of a network that says the first class too often
    priors: Priors
    output: OutputLayer
    classes: int

    def features(self) -> Features:
        return Features(self.values, (3,) if self.values.ndim == 2 else ())

    def unlike_its_class(self, x: NDArray[Any], y: Ints) -> bool:
        """Whether some row is not one of its class, or made of such."""
        values = x[:, :1] if x.ndim == 2 else x.reshape(len(x), -1) / SHADES
        codes = x[:, 3] if x.ndim == 2 else np.zeros(1)
        off = (values < y[:, None]) | (values > y[:, None] + 0.5)
        return bool(off.any()) or not set(codes.tolist()) <= {0, 3, 7}


@cache
def example(classes: int, images: bool = False) -> Example:
    rng = np.random.default_rng(classes)
    counts = np.round(np.geomspace(150, 7 if images else 25, classes)).astype(int)
    labels = rng.permutation(np.repeat(np.arange(classes), counts))
    rows = len(labels)
    codes = rng.choice([0, 3, 7], rows)
    values = np.stack([labels + rng.random(rows) / 2, *rng.normal(size=(2, rows)), codes], axis=1)
    colours = labels[:, None] * SHADES + rng.integers(0, SHADES // 2, (rows, 3))
    tiles = np.broadcast_to(colours[:, None, None], (rows, 4, 4, 3)).astype(np.uint8)
    logits = rng.normal(size=(rows, classes)) + 2 * np.eye(classes)[labels]
    logits[:, 0] += 1.5
    shares = [np.geomspace(end, 1, classes) for end in (4, 9)]
    priors = Priors(*(share / share.sum() for share in shares))
    output = OutputLayer(np.geomspace(2, 0.5, classes), np.linspace(0.3, -0.3, classes))
    made = tiles if images else values.astype(np.float32)
    return Example(labels, made, logits, priors, output, classes)


def example_for(strategy: Strategy, classes: int) -> Example:
    return example(classes, "image" in strategy.needs)


def loss_and_gradient(strategy: Strategy, priors: Floats, labels: Ints, logits: Floats) -> Any:
    import tensorflow as tf

    z = tf.Variable(logits.astype(np.float32))
    with tf.GradientTape() as tape:
        losses = strategy.loss(priors)(tf.one_hot(labels, len(priors)), tf.convert_to_tensor(z))
    return losses.numpy(), tape.gradient(losses, z).numpy()


def head(strategy: Strategy, classes: int) -> Floats:
    """What the output layer makes of the same rows, its weights being drawn by the same seed."""
    import keras

    keras.utils.set_random_seed(0)
    last = keras.layers.Dense(classes)
    last.build((None, 3))
    return np.asarray(strategy.head(last)(np.eye(3, dtype=np.float32)))


def outputs(strategy: Strategy, at: Example, seed: int = 0) -> dict[str, Floats]:
    """What each slot gives, without what makes no difference: scales and common shifts."""
    drawn = strategy.resample(at.labels, at.features, np.random.default_rng(seed))
    copied = strategy.augment(at.labels, at.features, np.random.default_rng(seed))
    assert min(drawn.rows.min(), copied.rows.min()) >= 0
    weights = strategy.weigh(at.labels, at.classes)
    mixed = strategy.mix(
        at.labels, at.labels[::-1], np.bincount(at.labels), np.random.default_rng(seed)
    )
    bias = strategy.bias(at.priors.training)
    normal = strategy.normalise(at.logits, at.labels, at.output)(at.logits)
    calibrated = strategy.calibrate(at.logits, at.labels, at.priors)(at.logits)
    offsets = strategy.threshold(calibrated, at.labels)
    return {
        "resample": drawn.take(at.values, drawn.generated),
        "augment": copied.take(at.values, copied.generated),
        "weigh": weights / weights.mean(),
        "mix": np.stack([mixed.features, mixed.labels]),
        "loss": loss_and_gradient(strategy, at.priors.training, at.labels, at.logits)[0],
        "head": head(strategy, at.classes),
        "bias": bias - bias[0],
        "stages": np.array([stage_spec.share for stage_spec in strategy.stages]),
        "networks": np.array([strategy.networks]),
        "normalise": normal - normal[:, :1],
        "calibrate": calibrated - calibrated[:, :1],
        "threshold": offsets - offsets[0],
    }


@cache
def baseline_outputs(classes: int, images: bool) -> dict[str, Floats]:
    return outputs(NONE, example(classes, images))


def differing(one: dict[str, Floats], other: dict[str, Floats]) -> list[str]:
    pairs = {slot: (one[slot], other[slot]) for slot in SLOTS}
    return [slot for slot, (a, b) in pairs.items() if a.shape != b.shape or not np.allclose(a, b)]


EVERY = pytest.mark.parametrize(
    ("strategy", "at"),
    [
        pytest.param(strategy, example_for(strategy, classes), id=f"{name}-{classes}")
        for name, strategy in STRATEGIES.items()
        for classes in (2, 10)
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
            text = f"{name}({argument}={written[argument]})"
            template = name == "template"
            tried = ALONE[name](**bound) if template else grammar.read(text).strategy
            made.append(outputs(tried, example_for(tried, 2)))
        assert differing(*made), f"{argument} makes no difference"
        assert space.low < space.high and (space.low > 0 or not space.log)


@EVERY
def test_it_differs_from_none_where_it_fills_a_slot(strategy: Strategy, at: Example) -> None:
    filled = [slot for slot in SLOTS if changed(strategy, [slot])]
    assert (
        differing(outputs(strategy, at), baseline_outputs(at.classes, at.values.ndim > 2)) == filled
    )
    assert bool(filled) == (strategy is not STRATEGIES["none"])


@pytest.mark.parametrize("text", JOINED)
def test_a_combination_differs_from_each_of_its_parts(text: str) -> None:
    at = example_for(STRATEGIES[text], 2)
    whole = outputs(STRATEGIES[text], at)
    for node in grammar._operands(grammar._parse(text)):
        part = ast.unparse(node)
        assert differing(whole, outputs(grammar.read(part).strategy, at)), part


@EVERY
def test_slots_take_what_they_may_see_and_nothing_else(strategy: Strategy, at: Example) -> None:
    for slot, names in HANDED.items():
        assert list(inspect.signature(getattr(strategy, slot)).parameters) == names, slot


@EVERY
def test_only_training_rows_and_made_ones_are_used(strategy: Strategy, at: Example) -> None:
    rows = np.random.default_rng(0).permutation(len(at.labels))
    train, validation, test = np.split(rows, [len(rows) * 7 // 10, len(rows) * 8 // 10])
    values = at.values.copy()
    values[[*validation, *test]] = 255 if at.values.ndim > 2 else np.nan  # it would be seen
    splits = Splits(values, at.labels, np.sort(train), validation, test, at.features().categorical)
    planned = plan_stages(splits, strategy, at.classes, 1000, 0)
    for stage in planned.stages:
        x, y, chosen, weights = planned.x, planned.y, stage.rows, stage.weights
        assert not set(chosen.tolist()) & {*validation.tolist(), *test.tolist()}
        assert not at.unlike_its_class(x[chosen], y[chosen])
        assert set(y[chosen].tolist()) == set(range(at.classes))
        assert weights.shape == chosen.shape and np.isfinite(weights).all() and (weights > 0).all()
    assert sum(stage.steps for stage in planned.stages) == 1000
    assert len(planned.stages) == 1 + len(strategy.stages)


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
        normalise = strategy.normalise(at.logits * size, at.labels, at.output)
        calibrate = strategy.calibrate(at.logits * size, at.labels, at.priors)
        for rows in (at.logits * size, at.logits[:5] * size):  # the test split has its own length
            for change in (normalise, calibrate):
                assert change(rows).shape == rows.shape and np.isfinite(change(rows)).all()
        offsets = strategy.threshold(calibrate(at.logits * size), at.labels)
        assert offsets.shape == (at.classes,) and np.isfinite(offsets).all()


@EVERY
def test_rows_are_mixed_by_shares(strategy: Strategy, at: Example) -> None:
    counts = np.bincount(at.labels)
    mixed = strategy.mix(at.labels, at.labels[::-1], counts, np.random.default_rng(0))
    for shares in (mixed.features, mixed.labels):
        assert shares.shape == at.labels.shape
        assert ((shares >= 0) & (shares <= 1)).all()


@pytest.mark.parametrize(
    "name", [name for name in STRATEGIES if "image" not in STRATEGIES[name].needs]
)
@pytest.mark.parametrize("rarest", [0, 1])
def test_a_class_of_one_row_is_trained_on_or_refused_by_name(name: str, rarest: int) -> None:
    strategy, at = STRATEGIES[name], example(2)
    kept = np.flatnonzero(at.labels == 0)[:60]
    few = np.flatnonzero(at.labels == 1)[:rarest]
    splits = Splits(at.values, at.labels, np.concatenate([kept, few]), kept[:1], kept[:1], (3,))
    try:
        planned = plan_stages(splits, strategy, 2, 1000, 0)
    except UserError as error:
        assert "class 1" in str(error)
        assert rarest == 0 or "smote" in name
        return
    assert rarest == 1
    for stage in planned.stages:
        labels, logits = planned.y[stage.rows], np.zeros((len(stage.rows), 2))
        losses = loss_and_gradient(strategy, stage.priors, labels, logits)
        assert all(np.isfinite(values).all() for values in losses)
