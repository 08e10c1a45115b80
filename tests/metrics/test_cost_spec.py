"""Costs as people write them."""

from pathlib import Path

import pytest

from benchmark.metrics import cost_spec
from benchmark.protocol.errors import UserError
from tests.prices import errors

INCOMES = ("<=50K", ">50K")


def test_costs_as_people_write_them() -> None:
    two = ("negative", "positive")
    assert cost_spec.read("fp=1,fn=10").of(two) == cost_spec.read("fn=10").of(two) == errors(1, 10)
    assert cost_spec.read(str(errors(0.5, 3))).of(two) == errors(0.5, 3)
    column = cost_spec.read("fp=1,fn='the amount'").of(two)
    assert column.columns == ("the amount",) and str(column) == "fp=1,fn='the amount'"
    assert cost_spec.read(str(column)).of(two) == column


def test_classes_may_be_called_anything() -> None:
    [(right, fp), (fn, also_right)] = (
        cost_spec.read("<=50K>>50K=2 >50K><=50K=7").of(INCOMES).entries
    )
    assert (right, fp, fn, also_right) == (0, 2, 7, 0)
    spaced = cost_spec.read("'a b>c'=5").of(("a b", "c", "d"))
    assert spaced.entries[0] == (0, 5, 1)  # what is not written costs 1
    assert cost_spec.read(str(spaced)).of(spaced.classes) == spaced


def test_a_matrix_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "costs.csv"
    file.write_text("actual,bee,ant\nant,3,-1\nbee,0,fee\n")
    found = cost_spec.read(str(file)).of(("ant", "bee"))
    assert found.entries == ((-1, 3), ("fee", 0)) and found.columns == ("fee",)
    again = cost_spec.read(str(found)).of(("ant", "bee"))
    assert again == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fn=0", "fn must be above 0"),
        ("fn=-1", "fn must be above 0"),
        ("fn=inf", "fn must be above 0"),
        ("fn=1,fn=2", "fn is given twice"),
        ("tp=1", "'tp=1' is no cost"),
        ("fp=1,a>b=2", "fp and fn stand alone"),
        ("a>b=nan", "a>b must be a finite number"),
        ("fn", "No such file"),
        ("a>c=2", "there are no classes 'a>c'"),
        ("a>b=0", "costs 0, which must be above 0 of the right decision"),
        ("a>a=5", "costs 1, which must be above 5"),
    ],
)
def test_what_is_no_cost(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as raised:
        cost_spec.read(text).of(("a", "b"))
    assert "\n" not in str(raised.value)


def test_fp_and_fn_are_of_two_classes() -> None:
    with pytest.raises(UserError, match="there are 3: write ACTUAL>PREDICTED=5"):
        cost_spec.read("fp=1,fn=2").of(("a", "b", "c"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the first line names the predicted classes"),
        ("x,a,b\na,0,1\n", "the same classes as actual ones"),
        ("x,a,b\na,0,1\na,1,0\n", "the same classes as actual ones"),
        ("x,a,b\na,0,1\nb,,0\n", "the line of 'b' has an empty cell"),
        ("x,a,b\na,0,1\nb,1\n", "the line of 'b' has an empty cell"),
        ("x,a,z\na,0,1\nz,1,0\n", "there are no classes 'a>z'"),
        ("x,a\na,0\n", "the file has no cost of a>b"),
    ],
)
def test_files_that_are_no_matrix(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(content)
    with pytest.raises(UserError, match=words) as raised:
        cost_spec.read(str(tmp_path / "c.csv")).of(("a", "b"))
    assert "\n" not in str(raised.value)
