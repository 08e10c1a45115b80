"""What a search may choose, and the text that it becomes."""

import numpy as np
import pytest

from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.workflows.search.space import Dimension, pattern


def test_what_is_written_is_kept_and_the_rest_is_searched_as_it_is_declared() -> None:
    found = pattern("oversample+focal(gamma=1)+threshold(beta=2)", 2)
    assert [str(one) for one in found.dimensions] == ["ratio=0.1..1 log", "alpha=0.05..0.95"]
    text = found.filled({"ratio": 0.5, "alpha": 0.75})
    assert text == "oversample(ratio=0.5)+focal(gamma=1, alpha=0.75)+threshold(beta=2)"
    assert grammar.read(text).label == text


def test_one_weight_for_two_classes_and_one_a_class_for_more() -> None:
    assert [one.name for one in pattern("class_weight", 2).dimensions] == ["positive"]
    of_four = pattern("class_weight", 4)
    assert [one.name for one in of_four.dimensions] == ["weights.1", "weights.2", "weights.3"]
    assert all(one.log for one in of_four.dimensions)
    text = of_four.filled({"weights.1": 2, "weights.2": 0.5, "weights.3": 12.5})
    assert text == "class_weight(weights=(1, 2, 0.5, 12.5))"
    assert grammar.read(text).strategy.weigh(np.arange(4), 4).tolist() == [1, 2, 0.5, 12.5]


def test_a_name_that_two_parts_have_is_written_with_the_part() -> None:
    names = [one.name for one in pattern("smote+undersample", 2).dimensions]
    assert names == ["smote.ratio", "k", "undersample.ratio"]
    [only] = pattern("smote+undersample", 2, "undersample.ratio=0.2..0.4").dimensions
    assert (only.low, only.high, only.log) == (0.2, 0.4, True)


def test_a_person_may_name_what_is_searched() -> None:
    [weight] = pattern("class_weight", 2, "positive=1..50").dimensions
    assert (weight.low, weight.high, weight.log, weight.whole) == (1, 50, True, False)
    [power] = pattern("class_weight", 2, "gamma=0..2").dimensions  # declares no space of its own
    assert (power.name, power.log) == ("gamma", False)


@pytest.mark.parametrize(
    ("value", "rounded"), [(1.23456, 1.23), (49.99, 50), (98.7654, 98.8), (99.96, 100), (1e-9, 1)]
)
def test_numbers_are_short_and_stay_within_the_space(value: float, rounded: float) -> None:
    assert Dimension("it", 1, 100, True, False).rounded(value) == rounded


@pytest.mark.parametrize(
    ("text", "classes", "spaces", "said"),
    [
        ("none", 2, "", "strategy 'none' has nothing to search"),
        ("threshold(beta=1)", 2, "", ", threshold, "),
        ("class_weight", 2, "positve=1..2", "did you mean 'positive'?"),
        ("class_weight", 2, "positive=1-50", "--space is written like positive=1..50"),
        ("class_weight", 2, "positive=50..1", "must go from low to high"),
        ("class_weight", 2, "positive=0..2", "positive must be above 0, not 0"),
        ("class_weight", 2, "positive=1..2 gamma=0..2", "give only one of positive, gamma"),
        ("undersample+undersample", 2, "", "has a part twice"),
        ("focal+logit_adjust", 2, "", "two losses cannot be joined"),
        ("focall", 2, "", "did you mean 'focal'?"),
    ],
)
def test_what_cannot_be_searched_is_one_line(
    text: str, classes: int, spaces: str, said: str
) -> None:
    with pytest.raises(UserError) as raised:
        pattern(text, classes, spaces)
    assert said in str(raised.value) and "\n" not in str(raised.value)
