"""Strategies by name, glob or `all`, less those that are excluded."""

import pytest

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.selection import has_pattern, select


def labels(text: str, exclude: str = "") -> list[str]:
    return [spec.label for spec in select(text, exclude)]


def names() -> list[str]:
    """Every registered strategy by its label, which may show an argument."""
    return [grammar.read(name).label for name in registry.strategies()]


def test_all_is_every_strategy_once() -> None:
    assert labels("all") == names()
    assert labels("focal, all")[0] == "focal"
    assert sorted(labels("focal, all")) == sorted(names())


def test_a_glob_is_every_name_that_matches() -> None:
    expected = [name for name in names() if "sampl" in name]
    assert len(expected) > 3
    assert labels("none, *sampl*") == ["none", *expected]
    assert labels("smote(k=3)+threshold, ?ixup") == ["smote(k=3)+threshold", "mixup"]


def test_exclusions_are_by_label_or_glob() -> None:
    left = labels("all", "smote, *weight*")
    assert "smote" not in left and "class_weight" not in left and "none" in left
    assert labels("none, focal(gamma=1)+threshold", "focal*") == ["none"]


@pytest.mark.parametrize(
    "text, exclude, message",
    [
        ("none, zz*", "", "no strategy matches 'zz\\*'"),
        ("none, focal", "focall", "matches none of the strategies: did you mean 'focal'"),
        ("none", "*", "leaves no strategy"),
        ("none, oversampel", "", "did you mean 'oversample'"),
        ("none, none", "", "given twice"),
    ],
)
def test_what_is_wrong_is_said(text: str, exclude: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        select(text, exclude)


def test_only_patterns_leave_out_what_does_not_suit() -> None:
    assert [has_pattern(text) for text in ("all", "none, o*", "none, focal(gamma=2)")] == [
        True,
        True,
        False,
    ]
