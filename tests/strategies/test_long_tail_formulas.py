"""The strategies for long tails, each against a computation of its own in the paper's notation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.metrics import balanced_accuracy_score

from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import (
    Features,
    Mixing,
    OutputLayer,
    Priors,
    Strategy,
    cross_entropy,
)
from benchmark.protocol.task import Network, Splits
from benchmark.training.compiled import compile_network, initial_network
from benchmark.training.stages import StagePlan, plan_stages

COUNTS = {2: np.array([900, 9]), 10: np.array([500, 300, 180, 100, 60, 40, 20, 10, 4, 1])}
BOTH = pytest.mark.parametrize("n", COUNTS.values(), ids=len)
BATCH = 64


def strategy(text: str) -> Strategy:
    return grammar.read(text).strategy


def batch(classes: int) -> tuple[Ints, Floats]:
    rng = np.random.default_rng(classes)
    return rng.integers(0, classes, BATCH), rng.normal(size=(BATCH, classes)) * 4


def losses(text: str, n: Ints, labels: Ints, logits: Floats) -> Floats:
    import tensorflow as tf

    targets = tf.one_hot(labels, len(n), dtype=logits.dtype)
    return np.asarray(strategy(text).loss(n / n.sum())(targets, tf.constant(logits)))


@BOTH
@pytest.mark.parametrize(("margin", "s"), [(0.5, 30.0), (0.3, 10.0)])
def test_ldam_takes_a_margin_of_n_to_the_minus_a_quarter_from_the_true_cosine(
    n: Ints, margin: float, s: float
) -> None:
    labels, _ = batch(len(n))
    cosines = np.random.default_rng(0).uniform(-1, 1, (BATCH, len(n)))
    delta = margin * (1 / n**0.25) / max(1 / n**0.25)
    assert delta.max() == margin
    expected = []
    for y, z in zip(labels, cosines, strict=True):
        true = math.exp(s * (z[y] - delta[y]))
        others = sum(math.exp(s * z[j]) for j in range(len(n)) if j != y)
        expected.append(-math.log(true / (true + others)))
    got = losses(f"ldam(margin={margin}, scale={s})", n, labels, s * cosines)
    assert got == pytest.approx(expected, rel=1e-6)


def test_the_head_of_ldam_gives_scaled_cosines() -> None:
    import keras

    last = keras.layers.Dense(4, name="logits")
    head = strategy("ldam(scale=20)").head(last)
    x = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    got = np.asarray(head(x))
    w = head.get_weights()[0].astype(np.float64)
    cosines = x @ w / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(w, axis=0)
    assert got == pytest.approx(20 * cosines, rel=1e-5, abs=1e-5)
    assert head.name == "logits" and head.dtype_policy == last.dtype_policy


def test_the_head_of_ldam_has_finite_gradients_where_a_row_has_no_length() -> None:
    import tensorflow as tf

    head = strategy("ldam").head(tf.keras.layers.Dense(3))
    x = tf.Variable([[0.0, 0.0], [1e-30, 0.0], [1e18, -1e18]])
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(head(x))
    gradients = tape.gradient(out, [x, *head.trainable_variables])
    assert all(np.isfinite(part.numpy()).all() for part in gradients)


@BOTH
def test_balanced_softmax_weighs_every_class_by_its_rows(n: Ints) -> None:
    labels, logits = batch(len(n))
    e = n * np.exp(logits)
    expected = -np.log(e[np.arange(BATCH), labels] / e.sum(axis=1))
    assert losses("balanced_softmax", n, labels, logits) == pytest.approx(expected, rel=1e-6)


@BOTH
@pytest.mark.parametrize("epsilon", [0.1, 0.3])
def test_label_smoothing_spreads_epsilon_over_all_classes(n: Ints, epsilon: float) -> None:
    labels, logits = batch(len(n))
    q = np.eye(len(n))[labels] * (1 - epsilon) + epsilon / len(n)
    expected = -(q * np.log(softmax(logits, axis=1))).sum(axis=1)
    got = losses(f"label_smoothing(epsilon={epsilon})", n, labels, logits)
    assert got == pytest.approx(expected, rel=1e-6)


@BOTH
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("beta", [0.9, 0.9999])
def test_class_balanced_focal_is_the_weighted_sum_over_sigmoids(
    n: Ints, gamma: float, beta: float
) -> None:
    text = f"class_balanced_focal(beta={beta}, gamma={gamma})"
    labels, logits = batch(len(n))
    expected = []
    for y, z in zip(labels, logits - math.log(len(n) - 1), strict=True):
        p_t = [expit(z[i]) if i == y else 1 - expit(z[i]) for i in range(len(n))]
        expected.append(-sum((1 - p) ** gamma * math.log(p) for p in p_t))
    assert losses(text, n, labels, logits) == pytest.approx(expected, rel=1e-6)
    effective = [(1 - beta) / (1 - beta ** int(n[y])) for y in labels]
    all_rows = np.repeat(np.arange(len(n)), n)
    weights = strategy(text).weigh(all_rows, len(n))
    of_class = dict(zip(all_rows.tolist(), weights.tolist(), strict=True))
    assert [of_class[y] for y in labels.tolist()] == pytest.approx(effective, rel=1e-6)


def test_a_sigmoid_of_class_balanced_focal_starts_at_one_of_k() -> None:
    n = COUNTS[10]
    got = losses("class_balanced_focal(gamma=0)", n, np.array([3]), np.zeros((1, 10)))
    assert got == pytest.approx(-(math.log(0.1) + 9 * math.log(0.9)), rel=1e-6)


def stages(text: str, n: Ints, steps: int = 1000) -> StagePlan:
    """What a strategy trains on, where class c has n[c] rows."""
    y = np.repeat(np.arange(len(n)), n)
    x, none = np.zeros((len(y), 1), np.float32), np.zeros(0, np.int64)
    return plan_stages(
        Splits(x, y, np.arange(len(y)), none, none), strategy(text), len(n), steps, 0
    )


def shares(planned: StagePlan, stage: int, classes: int) -> Floats:
    counts = np.bincount(planned.y[planned.stages[stage].rows], minlength=classes)
    return np.asarray(counts / counts.sum())


def rounding(planned: StagePlan, stage: int) -> float:
    """Counts are whole numbers: all shares together are off by half a row a class."""
    return len(COUNTS[10]) / len(planned.stages[stage].rows)


@BOTH
@pytest.mark.parametrize("q", [0.0, 0.25, 0.5, 1.0])
def test_classes_are_drawn_in_proportion_to_n_to_the_q(n: Ints, q: float) -> None:
    planned = stages(f"sqrt_sampling(power={q})", n)
    p = n**q / (n**q).sum()
    assert shares(planned, 0, len(n)) == pytest.approx(p, abs=rounding(planned, 0))
    assert set(planned.stages[0].rows.tolist()) == set(range(n.sum()))  # no row is lost
    if q == 0.5:
        assert grammar.read("sqrt_sampling").text == "sqrt_sampling(power=0.5)"


@BOTH
def test_progressive_sampling_goes_from_instances_to_classes(n: Ints) -> None:
    planned = stages("progressive_sampling(stages=5)", n)
    assert [stage.steps for stage in planned.stages] == [200] * 5
    for t in range(5):
        p = (1 - t / 5) * n / n.sum() + (t / 5) / len(n)
        assert shares(planned, t, len(n)) == pytest.approx(p, abs=rounding(planned, t))


@BOTH
def test_crt_trains_a_fresh_head_on_equally_many_rows_of_each_class(n: Ints) -> None:
    first, last = stages("crt", n).stages
    assert [first.steps, last.steps] == [900, 100]
    assert [first.network, last.network] == ["as it is", "fresh head"]
    assert shares(stages("crt", n), 0, len(n)) == pytest.approx(n / n.sum())
    assert shares(stages("crt", n), 1, len(n)).tolist() == [1 / len(n)] * len(n)


@BOTH
def test_deferred_weights_come_for_the_last_fifth_and_leave_the_margins_alone(n: Ints) -> None:
    planned = stages("ldam+deferred(effective_number(beta=0.999))", n)
    first, last = planned.stages
    assert [first.steps, last.steps] == [800, 200]
    assert (first.weights == 1).all()
    number = (1 - 0.999**n) / (1 - 0.999)
    weights = (1 / number)[planned.y[last.rows]]
    assert last.weights == pytest.approx(weights / weights.mean(), rel=1e-6)
    assert first.loss is last.loss


def test_deferred_resampling_draws_from_what_was_trained_on_before() -> None:
    planned = stages("undersample(ratio=0.5)+deferred(oversample, share=0.3)", COUNTS[2])
    first, last = planned.stages
    assert np.bincount(planned.y[first.rows]).tolist() == [18, 9]
    assert np.bincount(planned.y[last.rows]).tolist() == [18, 18]
    assert set(last.rows.tolist()) == set(first.rows.tolist())
    assert [first.steps, last.steps] == [700, 300]


@BOTH
@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_tau_norm_divides_the_weights_of_a_class_by_their_length_to_the_tau(
    n: Ints, tau: float
) -> None:
    rng = np.random.default_rng(1)
    f, w, b = rng.normal(size=(30, 6)), rng.normal(size=(6, len(n))), rng.normal(size=len(n))
    lengths = np.sqrt((w**2).sum(axis=0))
    normalise = strategy(f"tau_norm(tau={tau})").normalise(
        np.zeros((1, len(n))), np.zeros(1, np.int64), OutputLayer(lengths, b)
    )
    assert normalise(f @ w + b) == pytest.approx(f @ (w / lengths**tau), rel=1e-6, abs=1e-9)


def test_tau_is_the_one_of_eleven_with_the_best_balanced_accuracy_on_validation() -> None:
    rng = np.random.default_rng(2)
    labels = rng.choice(3, 400, p=[0.8, 0.15, 0.05])
    lengths = np.array([3.0, 1.0, 0.4])
    logits = lengths * (rng.normal(size=(400, 3)) + 1.5 * np.eye(3)[labels] + 0.5)
    chosen = strategy("tau_norm").normalise(logits, labels, OutputLayer(lengths, np.zeros(3)))

    def accuracy(tau: float) -> float:
        return float(balanced_accuracy_score(labels, (logits / lengths**tau).argmax(axis=1)))

    assert accuracy(0) < max(accuracy(t / 10) for t in range(11))
    best = balanced_accuracy_score(labels, chosen(logits).argmax(axis=1))
    assert best == max(accuracy(t / 10) for t in range(11))


def test_a_class_that_validation_lacks_is_corrected_to_half_of_the_rarest() -> None:
    priors = Priors(np.array([0.4, 0.4, 0.2]), np.array([0.9, 0.1, 0.0]))
    corrected = strategy("prior_correction").calibrate(np.zeros((1, 3)), np.zeros(1), priors)
    assert corrected.offsets == pytest.approx(np.log([0.9, 0.1, 0.05]) - np.log(priors.training))


def mixing(text: str, own: Ints, theirs: Ints, counts: Ints) -> Mixing:
    return strategy(text).mix(own, theirs, counts, np.random.default_rng(3))


def test_mixup_shares_are_of_a_beta_distribution_and_those_of_the_labels() -> None:
    many = np.zeros(20_000, np.int64)
    for alpha in (0.2, 1.0, 3.0):
        mixed = mixing(f"mixup(alpha={alpha})", many, many, np.array([1]))
        assert mixed.features.tolist() == mixed.labels.tolist()
        assert mixed.features.mean() == pytest.approx(0.5, abs=0.01)
        assert mixed.features.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
    assert grammar.read("mixup").text == "mixup(alpha=1)"


@pytest.mark.parametrize(("kappa", "tau"), [(3.0, 0.5), (2.0, 0.8), (1.0, 0.3)])
def test_remix_gives_the_label_to_the_rarer_class(kappa: float, tau: float) -> None:
    n = np.array([90, 30, 29, 10, 1])
    rng = np.random.default_rng(4)
    i, j = rng.integers(0, 5, (2, 2000))
    mixed = mixing(f"remix(kappa={kappa}, tau={tau})", i, j, n)
    expected = []
    for lam, n_i, n_j in zip(mixed.features, n[i], n[j], strict=True):
        if n_i / n_j >= kappa and lam < tau:
            expected.append(0.0)
        elif n_i / n_j <= 1 / kappa and 1 - lam < tau:
            expected.append(1.0)
        else:
            expected.append(lam)
    assert mixed.labels.tolist() == expected
    assert 0 < (mixed.labels != mixed.features).mean() < 1
    assert grammar.read("remix").text == "remix(alpha=1, kappa=3, tau=0.5)"


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_a_step_on_mixed_rows_is_gradient_descent_on_mixed_targets(kind: Any) -> None:
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(5)
    x, y = rng.integers(0, 256, (9, 4)).astype(kind), rng.integers(0, 3, 9)
    inputs = keras.Input((4,), dtype=x.dtype.name)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Rescaling(1 / 255)(inputs)))
    before = [values.astype(np.float64) for values in model.get_weights()]
    rows, partners = np.array([[7, 2, 2, 5]]), np.array([[2, 0, 1, 3]])
    lam_x, own, rest = rng.random((3, 1, 4)).astype(np.float32)
    initial = initial_network(Network(model, keras.optimizers.SGD(0.5)))
    step = compile_network(initial, ("mixed", kind), 1).train_steps(cross_entropy(np.ones(3)))
    loss = step(
        tf.constant(x),
        tf.constant(y.astype(np.int32)),
        tf.constant(rows.astype(np.int32)),
        tf.constant(own),
        (tf.constant(partners.astype(np.int32)), tf.constant(lam_x), tf.constant(rest)),
        tf.constant(1),
    ).numpy()

    i, j, lam = rows[0], rows[0][partners[0]], lam_x[0][:, None]
    mixed = lam * x[i].astype(np.float64) + (1 - lam) * x[j]
    mixed = (np.round(mixed) if kind is np.uint8 else mixed) / 255
    targets = own[0][:, None] * np.eye(3)[y[i]] + rest[0][:, None] * np.eye(3)[y[j]]
    z = mixed @ before[0] + before[1]
    p = softmax(z, axis=1)
    assert loss[0] == pytest.approx(-(targets * np.log(p)).sum() / 4, rel=1e-5)
    slope = (p * targets.sum(axis=1, keepdims=True) - targets) / 4
    after = model.get_weights()
    assert after[0] == pytest.approx(before[0] - 0.5 * mixed.T @ slope, abs=1e-6)
    assert after[1] == pytest.approx(before[1] - 0.5 * slope.sum(axis=0), abs=1e-6)


def copies(text: str, labels: Ints, images: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    drawn = strategy(text).augment(labels, lambda: Features(images, ()), np.random.default_rng(0))
    assert drawn.rows.tolist() == list(range(len(labels) + 5 * (labels == 1).sum()))
    assert drawn.generated is not None and drawn.generated_labels is not None
    return drawn.generated, drawn.generated_labels


def test_copies_of_rare_images_are_channels_blurred_and_sharpened() -> None:
    labels = np.array([0] * 6 + [1] * 3)
    images = np.random.default_rng(6).integers(0, 256, (9, 7, 8, 3)).astype(np.uint8)
    made, made_labels = copies("augmented_copies(under=4, radius=0.8)", labels, images)
    assert made_labels.tolist() == [1] * 15 and made.dtype == np.uint8
    rare = images[6:]
    for channel in range(3):
        for shade in range(3):
            np.testing.assert_array_equal(
                made[3 * channel : 3 * channel + 3, ..., shade], rare[..., channel]
            )
    blurred = np.stack([blur(image.astype(np.float64), 0.8) for image in rare])
    assert np.abs(made[9:12] - blurred).max() <= 0.5 + 1e-3  # rounded
    sharp = np.clip(rare + 1.5 * (rare - blurred), 0, 255)
    assert np.abs(made[12:15] - sharp).max() <= 0.5 + 1e-3


def blur(image: Floats, sigma: float) -> Floats:
    """A Gaussian, by its definition, with the border repeated."""
    reach = int(4 * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    g = np.exp(-(offsets**2) / (2 * sigma**2))
    g /= g.sum()
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for a, weight in zip(offsets, np.outer(g, g), strict=True):
        for b, both in zip(offsets, weight, strict=True):
            rows = np.clip(np.arange(height) + a, 0, height - 1)
            columns = np.clip(np.arange(width) + b, 0, width - 1)
            result += both * image[rows][:, columns]
    return result


def test_oversampling_repeats_copies_too() -> None:
    labels = np.repeat([0, 1], [60, 2])
    images = np.random.default_rng(7).integers(0, 256, (62, 4, 4, 3)).astype(np.uint8)
    none = np.zeros(0, np.int64)
    splits = Splits(images, labels, np.arange(62), none, none)
    for text in ("oversample+augmented_copies", "augmented_copies+oversample"):
        planned = plan_stages(splits, strategy(text), 2, 10, 0)
        rows = planned.stages[0].rows
        assert np.bincount(planned.y[rows]).tolist() == [60, 60]
        assert len(set(rows[planned.y[rows] == 1].tolist())) == 12  # originals and copies


@BOTH
def test_under_bagging_gives_each_network_a_balanced_subset_of_its_own(n: Ints) -> None:
    bagging = strategy("under_bagging")
    y = np.repeat(np.arange(len(n)), n)
    none = np.zeros(0, np.int64)
    splits = Splits(np.zeros((len(y), 1)), y, np.arange(len(y)), none, none)
    drawn = [
        plan_stages(splits, bagging, len(n), 10, 0, network).stages[0].rows
        for network in range(bagging.networks)
    ]
    assert bagging.networks == 4
    for rows in drawn:
        assert np.bincount(y[rows]).tolist() == [n.min()] * len(n)
        assert len(set(rows.tolist())) == len(rows)
    assert len({tuple(sorted(rows.tolist())) for rows in drawn}) == 4
