"""Samplers of imbalanced-learn by name give what the library gives, with valid categories."""

from typing import Any, get_args

import numpy as np
import pytest

from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Features
from strategies import samplers

NAMES = get_args(samplers.Name)
# those without a choice of rows, or of columns that nobody names
ELSEWHERE = {"FunctionSampler", "SMOTEN", "SMOTENC"}
RNG = np.random.default_rng(0)
LABELS = (np.arange(300) % 6 == 0).astype(np.int64)
VALUES = (RNG.normal(size=(300, 4)) + 1.2 * LABELS[:, None]).astype(np.float32)


def _resampled(text: str, table: Features) -> tuple[Any, Any]:
    strategy = grammar.read(text).strategy
    drawn = strategy.resample(LABELS, lambda: table, np.random.default_rng(1))
    x, y = table.values, LABELS
    if drawn.generated is not None:
        x = np.concatenate([x, drawn.generated])
        y = np.concatenate([y, drawn.generated_labels])
    return x[drawn.rows], y[drawn.rows]


def test_every_sampler_of_the_library_has_its_name() -> None:
    from imblearn import combine, over_sampling, under_sampling

    known = {name for module in (over_sampling, under_sampling, combine) for name in module.__all__}
    assert known - ELSEWHERE == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_the_library(name: str) -> None:
    from imblearn import combine, over_sampling, under_sampling

    kind = next(
        getattr(module, name)
        for module in (over_sampling, under_sampling, combine)
        if hasattr(module, name)
    )
    options = {}
    if "random_state" in kind().get_params():
        options["random_state"] = int(np.random.default_rng(1).integers(2**31))
    expected = kind(**options).fit_resample(VALUES, LABELS)
    x, y = _resampled(f"sampler({name})", Features(VALUES, ()))
    one, other = (
        np.unique(np.column_stack(rows), axis=0, return_counts=True) for rows in ((x, y), expected)
    )
    np.testing.assert_allclose(one[0], other[0], rtol=1e-6, atol=1e-6)  # in whatever order
    np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("name", NAMES)
def test_categories_stay_categories(name: str) -> None:
    codes = RNG.choice([0, 3, 7], size=(300, 1)).astype(np.float32)
    table = Features(np.concatenate([VALUES[:, :2], codes, VALUES[:, 2:]], axis=1), (2,))
    x, y = _resampled(f"sampler({name})", table)
    assert set(x[:, 2].tolist()) <= {0, 3, 7}
    assert set(y.tolist()) == {0, 1}


def test_ratio_and_k_reach_the_library() -> None:
    _, y = _resampled("sampler(ADASYN, ratio=0.5, k=3)", Features(VALUES, ()))
    assert 0.4 < (y == 1).sum() / (y == 0).sum() < 0.6
    near, far = (_resampled(f"sampler(SMOTE, k={k})", Features(VALUES, ()))[0] for k in (1, 10))
    assert not np.array_equal(near, far)


@pytest.mark.parametrize(
    "text, message",
    [
        ("sampler(SMOT)", "must be one of ADASYN"),
        ("sampler(TomekLinks, ratio=0.5)", "only cleans"),
        ("sampler(RandomOverSampler, k=3)", "takes no k"),
        ("sampler(SMOTE, k=60)", r"sampler\(SMOTE\) cannot resample these rows"),
    ],
)
def test_what_cannot_be_done_is_said(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        _resampled(text, Features(VALUES, ()))


def test_the_name_is_always_shown() -> None:
    assert grammar.read("sampler").label == "sampler(BorderlineSMOTE)"
    assert grammar.read("sampler(name=ADASYN)").text == "sampler(ADASYN, ratio=1)"
