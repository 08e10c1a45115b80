"""Phases, heads, mixing and several networks, trained on small images of ten classes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from benchmark.metrics import classification
from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Network, Splits, Task, Thaw
from benchmark.training import compiled as compiling
from benchmark.training import device
from benchmark.training import fit as fitting
from benchmark.training import network as networks
from benchmark.training import score as scoring
from benchmark.training.job import TrainingJob
from benchmark.training.predictions import Fit
from benchmark.training.stages import plan_stages, split_at_thaw
from tasks._template import TASK
from tests.slow import slow_but

CLASSES, STEPS = 10, 60
STRATEGIES = [  # those that take images of many classes
    name
    for name in registry.strategies()
    if not grammar.read(name).strategy.needs & {"table", "binary"}
]
JOINED = [
    "oversample+augmented_copies",
    "mixup+deferred(class_weight)",
    "crt+logit_shift",
    "ldam+deferred(effective_number)",
    "remix+deferred(focal, share=0.5)",
    "ldam+crt(share=0.3)+threshold",
]


def convolution(settings: Any, splits: Splits, classes: int, budget: Budget) -> Network:
    import keras
    from keras import layers

    parts = [
        keras.Input(splits.x.shape[1:], dtype="uint8"),
        layers.Rescaling(1 / 255),
        layers.Conv2D(6, 3, strides=2),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(classes, name="logits"),
    ]
    return Network(keras.Sequential(parts), keras.optimizers.Adam(1e-2))


IMAGES = replace(TASK, kind="image", network=convolution)


@pytest.fixture(scope="module")
def splits() -> Splits:
    """Coloured noise; the rarest class has four rows in each split."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(np.arange(CLASSES), np.geomspace(300, 12, CLASSES).astype(int)))
    colours = rng.integers(0, 256, (CLASSES, 3))
    x = colours[y][:, None, None] + rng.normal(0, 60, (len(y), 8, 8, 3))
    of_class = [np.flatnonzero(y == label) for label in range(CLASSES)]
    parts = (np.sort(np.concatenate([rows[k::3] for rows in of_class])) for k in range(3))
    return Splits(np.clip(x, 0, 255).astype(np.uint8), y, *parts)


def fit(splits: Splits, text: str, steps: int = STEPS, task: Task = IMAGES) -> Fit:
    strategy = grammar.read(text).strategy
    return fitting.fit(
        TrainingJob(task, None, splits, CLASSES, strategy, Budget(steps, 32), 0), lambda steps: None
    )


def network(splits: Splits, text: str, steps: int = STEPS) -> tuple[Fit, Any]:
    strategy = grammar.read(text).strategy
    return fitting.fit_network(
        TrainingJob(IMAGES, None, splits, CLASSES, strategy, Budget(steps, 32), 0),
        lambda steps: None,
    )


@pytest.mark.parametrize("text", slow_but(["focal", *JOINED[:3]], [*STRATEGIES, *JOINED]))
def test_it_trains_on_ten_classes_and_scores_finite_numbers(text: str, splits: Splits) -> None:
    fitted = fit(splits, text)
    assert fitted.last_step == STEPS
    assert 0 < fitted.best_step <= STEPS
    scores = scoring.score(grammar.read(text).strategy, fitted).metrics
    if "crt" not in text:  # six steps are few for a head
        assert scores["test/average_precision"] > 0.2  # chance is 0.1
    assert np.isfinite(list(scores.values())).all()


@pytest.mark.parametrize("text", ["deferred(class_weight)", "progressive_sampling", "crt"])
def test_until_a_stage_begins_the_training_is_that_of_its_base(text: str, splits: Splits) -> None:
    plain, phased = fit(splits, "none"), fit(splits, text)
    start = STEPS * (1 - sum(p.share for p in grammar.read(text).strategy.stages))
    for name, curve in plain.curves.items():
        other = phased.curves[name]
        before = [step for step, _ in curve if step <= start + 1e-6]
        assert before and other[: len(before)] == curve[: len(before)], name
        assert other[-1] != curve[-1]
    assert phased.last_step == STEPS


def test_evaluations_go_on_but_no_checkpoint_is_from_before_the_last_stage(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([0.9, *np.linspace(0.8, 0.1, 9)] * 2)  # the first evaluations are the best
    monkeypatch.setattr(classification, "average_precision", lambda *given: next(values))
    assert fit(splits, "none").best_step == STEPS // 10
    phased = fit(splits, "deferred(class_weight, share=0.3)")
    assert [step for step, _ in phased.curves["val/average_precision"]] == list(range(6, 61, 6))
    assert phased.best_step == 48


def last_weights(splits: Splits, text: str, steps: int) -> tuple[list[Any], Any]:
    """Weights after the last step, those of the head at the end; and the model."""
    strategy = grammar.read(text).strategy
    job = TrainingJob(IMAGES, None, splits, CLASSES, strategy, Budget(steps, 32), 0)
    _, [network] = fitting._fit(job, lambda steps: None)
    return network.weights.last, network.weights.compiled.model


def test_crt_keeps_the_backbone_and_trains_a_fresh_head(splits: Splits) -> None:
    plain, _ = last_weights(splits, "none", steps=45)
    retrained, model = last_weights(splits, "crt(share=0.25)", steps=60)
    for mine, base in zip(retrained[:-2], plain[:-2], strict=True):
        np.testing.assert_array_equal(mine, base)
    assert not np.array_equal(retrained[-2], plain[-2])
    assert [layer.trainable for layer in model.layers] == [False] * 5 + [True]
    assert fit(splits, "crt").priors.training == pytest.approx(np.full(CLASSES, 0.1))


def test_on_a_frozen_network_the_head_is_the_fresh_one(splits: Splits) -> None:
    trained, fresh = (convolution(None, splits, CLASSES, Budget(STEPS, 32)) for _ in range(2))
    before = [layer.get_weights() for layer in fresh.model.layers]
    layers = networks._on_frozen(trained, fresh).model.layers
    np.testing.assert_array_equal(layers[-1].get_weights()[0], before[-1][0])
    assert not np.array_equal(before[-1][0], trained.model.layers[-1].get_weights()[0])
    for mine, base in zip(layers[:-1], trained.model.layers[:-1], strict=True):
        for one, other in zip(mine.get_weights(), base.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_fresh_head_has_a_learning_rate_that_begins_anew(splits: Splits) -> None:
    asked: list[int] = []

    def remember(settings: Any, splits: Splits, classes: int, budget: Budget) -> Network:
        asked.append(budget.steps)
        return convolution(settings, splits, classes, budget)

    fit(splits, "crt(share=0.25)", task=replace(IMAGES, network=remember))
    assert asked == [60, 15]


def half_frozen(rate: float, share: float = 0.5) -> Task:
    """The network of images with a frozen convolution that thaws and learns at that rate."""

    def frozen(settings: Any, splits: Splits, classes: int, budget: Budget) -> Network:
        import keras

        made = convolution(settings, splits, classes, budget)
        for layer in made.model.layers[:-1]:
            layer.trainable = False
        return replace(made, thaw=Thaw(share, keras.optimizers.SGD(rate)))

    return replace(IMAGES, network=frozen)


def kernels(splits: Splits, text: str, task: Task, steps: int = STEPS) -> tuple[Any, Any]:
    """Kernels of the convolution and of the head, after the last step."""
    job = TrainingJob(
        task, None, splits, CLASSES, grammar.read(text).strategy, Budget(steps, 32), 0
    )
    _, [network] = fitting._fit(job, lambda steps: None)
    return network.weights.last[0], network.weights.last[-2]


@pytest.mark.slow
def test_what_is_frozen_learns_once_it_has_thawed_and_not_before(splits: Splits) -> None:
    still, then = half_frozen(rate=0.0), half_frozen(rate=0.1)
    untrained = kernels(splits, "none", still, steps=1)[0]
    convolved, head = kernels(splits, "none", still)
    np.testing.assert_array_equal(convolved, untrained)
    np.testing.assert_array_equal(head, kernels(splits, "none", half_frozen(0.0, 0.01), 31)[1])
    assert not np.array_equal(kernels(splits, "none", then)[0], untrained)
    # a fresh head is trained on what is frozen: it has not thawed yet
    assert np.array_equal(kernels(splits, "crt(share=0.6)", then)[0], untrained)
    assert not np.array_equal(kernels(splits, "crt(share=0.2)", then)[0], untrained)


@pytest.mark.parametrize(
    "text", slow_but(["deferred(focal)"], ["none", "deferred(focal, share=0.7)", "deferred(focal)"])
)
def test_a_cached_network_is_frozen_again_for_the_next_training(
    text: str, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_cache", {})
    task = half_frozen(rate=0.1)
    once, again = (kernels(splits, text, task) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "text, share, expected",
    [
        ("none", 0.25, [(75, "as it is"), (25, "thawed")]),
        ("none", 0.99, [(1, "as it is"), (99, "thawed")]),
        ("none", 0.001, [(99, "as it is"), (1, "thawed")]),
        ("deferred", 0.5, [(50, "as it is"), (30, "thawed"), (20, "as it is")]),
        ("deferred", 0.2, [(80, "as it is"), (20, "thawed")]),
        ("crt", 0.5, [(50, "as it is"), (40, "thawed"), (10, "fresh head")]),
        ("crt", 0.1, [(90, "as it is"), (10, "fresh head")]),
    ],
)
def test_a_network_thaws_for_a_share_of_all_steps(
    text: str, share: float, expected: list[tuple[int, str]], splits: Splits
) -> None:
    stages = plan_stages(splits, grammar.read(text).strategy, CLASSES, 100, 0).stages
    assert [(stage.steps, stage.network) for stage in split_at_thaw(stages, share)] == expected


@pytest.mark.slow
def test_stages_share_the_compiled_network_unless_it_differs(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_cache", {})
    for text, compiled in {
        "none": 1,
        "deferred(class_weight)": 1,
        "mixup+deferred(oversample)": 1,
        "under_bagging(k=2)": 2,  # of fewer steps
        "deferred(focal)": 2,
        "crt": 3,
        "ldam+deferred": 4,
    }.items():
        fit(splits, text)
        assert len(compiling._cache) == compiled, text
    again = fit(splits, "deferred(focal)")
    monkeypatch.setattr(compiling, "_cache", {})
    np.testing.assert_array_equal(fit(splits, "deferred(focal)").test.last, again.test.last)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras with NumPy 2
@pytest.mark.parametrize("text", ["crt", "ldam+deferred", "under_bagging(k=3)", "mixup"])
def test_the_network_that_is_given_away_predicts_the_same_when_read_back(
    text: str, splits: Splits, tmp_path: Path
) -> None:
    import keras

    fitted, model = network(splits, text)
    model.save(tmp_path / "network.keras")
    back = keras.saving.load_model(tmp_path / "network.keras", compile=False)
    predicted = np.asarray(back(splits.x[splits.test], training=False))
    assert predicted == pytest.approx(fitted.test.best, abs=1e-4)


def test_several_networks_share_the_steps_and_average_their_probabilities(splits: Splits) -> None:
    reported: list[int] = []
    on_step: Callable[[int], None] = reported.append
    strategy = grammar.read("under_bagging(k=3)").strategy
    job = TrainingJob(IMAGES, None, splits, CLASSES, strategy, Budget(61, 32), 0)
    fitted, members = fitting._fit(job, on_step)
    assert [member.weights.last_step for member in members] == [20, 20, 21]
    assert reported == sorted(reported) and reported[-1] == fitted.last_step == 61
    assert fitted.best_step == sum(member.weights.best_step for member in members)
    for part in ("validation", "test"):
        for checkpoint in ("best", "last"):
            each = [softmax(getattr(getattr(m, part), checkpoint), axis=1) for m in members]
            mean = softmax(getattr(getattr(fitted, part), checkpoint), axis=1)
            assert mean == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    assert not np.array_equal(members[0].test.last, members[1].test.last)


def test_mixed_rows_repeat_and_lie_where_the_others_do(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = fit(splits, "remix+deferred(class_weight)")
    np.testing.assert_array_equal(
        once.test.last, fit(splits, "remix+deferred(class_weight)").test.last
    )
    monkeypatch.setattr(device, "room", lambda: 10**9)
    on_device = fit(splits, "remix+deferred(class_weight)")
    np.testing.assert_array_equal(on_device.test.last, once.test.last)


@pytest.mark.parametrize(
    ("text", "steps", "words"),
    [
        ("progressive_sampling", 5, "5 steps are too few for 10 stages of training"),
        ("crt", 4, "4 steps are too few for 2 stages"),
        ("under_bagging(k=3)", 2, "2 steps are too few for 3 networks"),
    ],
)
def test_too_few_steps_are_refused(text: str, steps: int, words: str, splits: Splits) -> None:
    with pytest.raises(UserError, match=words):
        fit(splits, text, steps=steps)


def test_copies_of_what_is_no_image_are_refused(splits: Splits) -> None:
    features = replace(splits, x=splits.x.reshape(len(splits.x), -1).astype(np.float32))
    with pytest.raises(UserError, match=re.escape("float32 (192,)")):
        fit(features, "augmented_copies")
