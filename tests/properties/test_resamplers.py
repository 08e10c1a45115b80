"""What every resampler keeps to, whatever the class sizes, the ratio and the order."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmark.protocol import grammar
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Features, Resampling

RATIOS = st.floats(0.01, 1.0)
SEEDS = st.integers(0, 2**31)


@st.composite
def labelled(draw: st.DrawFn, least: int = 1) -> Ints:
    """Labels of two to four classes, each with some rows, in any order."""
    classes = draw(st.integers(2, 4))
    counts = [draw(st.integers(least, 60)) for _ in range(classes)]
    labels = np.repeat(np.arange(classes), counts)
    return np.random.default_rng(draw(SEEDS)).permutation(labels)


def resampled(text: str, labels: Ints, seed: int = 0, table: Features | None = None) -> Resampling:
    def features() -> Features:
        assert table is not None, "looks at features without need"
        return table

    strategy = grammar.read(text).strategy
    return strategy.resample(labels, features, np.random.default_rng(seed))


def table_of(labels: Ints, seed: int) -> Features:
    """Whose first column is the label and whose last is a code of the class alone."""
    rng = np.random.default_rng(seed)
    columns = [labels, rng.normal(size=len(labels)), 10 * labels + rng.integers(0, 3, len(labels))]
    return Features(np.stack(columns, axis=1).astype(np.float32), (2,))


@given(labelled(), RATIOS, SEEDS)
def test_oversampling_keeps_every_row_and_fills_up(labels: Ints, ratio: float, seed: int) -> None:
    drawn = resampled(f"oversample(ratio={ratio})", labels, seed)
    before, after = np.bincount(labels), np.bincount(labels[drawn.rows])
    assert drawn.generated is None
    assert set(drawn.rows.tolist()) == set(range(len(labels)))
    assert after.tolist() == np.maximum(before, round(before.max() * ratio)).tolist()


@given(labelled(), RATIOS, SEEDS)
def test_undersampling_repeats_no_row_and_thresholds_down(
    labels: Ints, ratio: float, seed: int
) -> None:
    rows = resampled(f"undersample(ratio={ratio})", labels, seed).rows
    before, after = np.bincount(labels), np.bincount(labels[rows])
    assert len(set(rows.tolist())) == len(rows)
    assert after.tolist() == np.minimum(before, round(before.min() / ratio)).tolist()


@given(labelled(least=3), RATIOS, st.integers(1, 5), SEEDS)
def test_smote_makes_rows_inside_their_class(labels: Ints, ratio: float, k: int, seed: int) -> None:
    table = table_of(labels, seed)
    before = np.bincount(labels)
    wanted = np.maximum(before, round(before.max() * ratio))
    text = f"smote(ratio={ratio}, k={k})"
    if ((before <= k) & (before < wanted)).any():
        try:
            resampled(text, labels, seed, table)
        except UserError as error:
            assert "lower k or use oversample" in str(error)
            return
        raise AssertionError("too few neighbours were accepted")
    drawn = resampled(text, labels, seed, table)
    assert drawn.generated is not None and drawn.generated_labels is not None
    assert np.bincount(drawn.take(labels, drawn.generated_labels)).tolist() == wanted.tolist()
    assert drawn.rows.tolist() == list(range(len(labels) + len(drawn.generated)))
    for label in range(len(before)):
        made = drawn.generated[drawn.generated_labels == label]
        own = table.values[labels == label]
        assert np.allclose(made[:, 0], label)
        assert set(made[:, 2].tolist()) <= set(own[:, 2].tolist())
        if len(made):
            assert own[:, 1].min() - 1e-5 <= made[:, 1].min()
            assert made[:, 1].max() <= own[:, 1].max() + 1e-5


CHAINED = st.lists(
    st.sampled_from(
        ["oversample(ratio=0.5)", "undersample(ratio=0.5)", "smote(k=1)", "oversample", "none"]
    ),
    min_size=1,
    max_size=4,
)


@given(labelled(least=2), CHAINED, SEEDS)
def test_any_chain_gives_rows_that_exist_of_classes_that_existed(
    labels: Ints, texts: list[str], seed: int
) -> None:
    table = table_of(labels, seed)
    drawn = resampled("+".join(texts), labels, seed, table)
    values, after = (
        drawn.take(table.values, drawn.generated),
        drawn.take(labels, drawn.generated_labels),
    )
    made = 0 if drawn.generated is None else len(drawn.generated)
    assert drawn.rows.min() >= 0 and drawn.rows.max() < len(labels) + made
    assert len(values) == len(after) == len(drawn.rows)
    assert set(after.tolist()) == set(labels.tolist())
    assert np.allclose(values[:, 0], after)  # rows kept their labels through every step


@given(labelled(least=2), CHAINED, SEEDS, SEEDS)
def test_the_same_random_numbers_give_the_same_rows(
    labels: Ints, texts: list[str], seed: int, other: int
) -> None:
    assume(seed != other)
    table, text = table_of(labels, 0), "+".join(texts)
    np.random.seed(seed % 2**32)
    one = resampled(text, labels, seed, table)
    np.random.seed(other % 2**32)
    two = resampled(text, labels, seed, table)
    assert one.rows.tolist() == two.rows.tolist()
    if one.generated is not None and two.generated is not None:
        assert one.generated.tolist() == two.generated.tolist()


@given(labelled(), SEEDS)
def test_full_oversampling_and_undersampling_balance(labels: Ints, seed: int) -> None:
    for text in ("oversample", "undersample", "undersample(ratio=0.5)+oversample"):
        after = np.bincount(labels[resampled(text, labels, seed).rows])
        assert len(set(after.tolist())) == 1
