"""Columns as people write them: what is a number, what counts as missing, what is said about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from tasks.csv import TASK, Settings

ROWS = 600
RNG = np.random.default_rng(0)
SIZE = RNG.lognormal(6, 1, ROWS).round(2)
TABLE = pd.DataFrame(
    {
        "size": SIZE,
        "city": RNG.choice(["Rom", "Oslo", "Bern"], ROWS),
        "y": np.where(RNG.random(ROWS) < 0.25, "yes", "no"),
    }
)


def load(path: Path, frame: pd.DataFrame, **settings: Any) -> Data:
    frame.to_csv(path / "table.csv", index=False)
    return TASK.load(Settings(**settings), path / "table.csv")


def kinds(data: Data) -> dict[str, str]:
    return {column.name: column.kind for column in data.columns}


@pytest.mark.parametrize("word", ["unknown", "inf", "1e400", "refused"])
def test_numbers_with_a_fifth_of_words_among_them_are_numbers(tmp_path: Path, word: str) -> None:
    written = TABLE["size"].astype(str).where(np.arange(ROWS) % 5 > 0, word)
    data = load(tmp_path, TABLE.assign(size=written))
    assert data.rows["size"].isna().sum() == ROWS / 5
    assert data.rows["size"].dropna().tolist() == SIZE[np.arange(ROWS) % 5 > 0].tolist()
    [note] = [note for note in data.notes if "'size'" in note]
    assert "120 values that are no finite numbers count as missing" in note and word in note


STYLES = {
    "spaces": lambda v: f"{v:,.2f}".replace(",", " "),
    "narrow spaces": lambda v: f"{v:,.2f}".replace(",", "\u202f"),
    "apostrophes": lambda v: f"{v:,.2f}".replace(",", "'"),
    "a unit": lambda v: f"{v:.2f} EUR",
    "a unit and thousands": lambda v: f"{v:,.2f} kg",
    "a currency": lambda v: f"$ {v:.2f}",
    "a currency in letters": lambda v: f"CHF {v:,.2f}",
    "per cent": lambda v: f"{v:.2f}%",
}


@pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
def test_numbers_are_read_however_they_are_written(tmp_path: Path, style: Any) -> None:
    data = load(tmp_path, TABLE.assign(size=[style(value) for value in SIZE]))
    assert data.rows["size"].tolist() == SIZE.tolist()


def test_mixed_decimal_marks_are_read_value_by_value_with_a_note(tmp_path: Path) -> None:
    small = (SIZE % 90 + 1).round(2)
    half = np.arange(ROWS) % 2 == 0
    written = [
        f"{value:.2f}" if dot else f"{value:.2f}".replace(".", ",")
        for value, dot in zip(small, half, strict=True)
    ]
    data = load(tmp_path, TABLE.assign(size=written))
    assert data.rows["size"].tolist() == small.tolist()
    assert any("decimal points and commas are mixed" in note for note in data.notes)


def test_codes_of_letters_and_digits_stay_categories(tmp_path: Path) -> None:
    number = np.arange(ROWS)
    frame = TABLE.assign(
        seat=np.char.add(np.char.add("A", (number % 30).astype(str)), "b"),
        network=np.char.add((number % 3 + 3).astype(str), "G"),
        door=np.where(number % 3 == 0, "7b", (number % 9).astype(str)),
        doors=np.where(number % 4 == 3, "5more", (number % 4 + 2).astype(str)),
    )
    data = load(tmp_path, frame)
    codes = dict.fromkeys(["seat", "network", "door", "doors"], "category")
    assert kinds(data) | codes == kinds(data)
    [note] = [note for note in data.notes if "'door'" in note]
    assert "67% numbers, read as categories: numbers=door changes that" in note


def test_settings_override_what_a_column_is(tmp_path: Path) -> None:
    number = np.arange(ROWS)
    frame = TABLE.assign(
        door=np.where(number % 3 == 0, "b", (number % 9).astype(str)),
        zip=number % 40 + 10_000,
        customer_id=number,
    )
    assert kinds(load(tmp_path, frame))["customer_id"] == "left out"
    data = load(tmp_path, frame, numbers="door, customer_id", categories="zip")
    assert kinds(data) == {
        **{"size": "number", "city": "category", "y": "target"},
        **{"door": "number", "zip": "category", "customer_id": "number"},
    }
    assert data.rows["door"].isna().sum() == ROWS / 3 and data.rows["zip"].iloc[0] == "10000"


def test_numbers_too_long_for_float64_are_not_one_value(tmp_path: Path) -> None:
    base = 10**24
    codes = [str(base + number % 7) for number in range(ROWS)]
    data = load(tmp_path, TABLE.assign(code=codes))
    assert kinds(data)["code"] == "category" and data.rows["code"].nunique() == 7
    assert any("'code'" in note and "so many digits" in note for note in data.notes)
    target = load(tmp_path, TABLE.assign(y=[str(base + number % 3) for number in range(ROWS)]))
    assert target.classes == tuple(str(base + number) for number in range(3))
    wide = TABLE.assign(code=np.arange(ROWS) % 7 + 2**60)
    wide.to_parquet(tmp_path / "table.parquet")
    stored = TASK.load(Settings(), tmp_path / "table.parquet")
    assert stored.rows["code"].nunique() == 7


def test_spellings_of_two_classes_are_joined_and_of_more_told(tmp_path: Path) -> None:
    capital = np.arange(ROWS) % 3 == 0
    spelt = TABLE["y"].where(~capital, TABLE["y"].str.title())
    for settings in ({}, {"positive": "yes"}, {"positive": "Yes"}):
        data = load(tmp_path, TABLE.assign(y=spelt), **settings)
        assert data.classes == ("no", "yes")
        assert data.labels.tolist() == (TABLE["y"] == "yes").astype(int).tolist()
        [note] = [note for note in data.notes if "are one class" in note]
        assert f"'Yes' ({(spelt == 'Yes').sum()} rows) and 'yes'" in note
    letters = TABLE.assign(y=np.resize(["a", "b", "A", "c"], ROWS))
    data = load(tmp_path, letters)
    assert data.classes == ("A", "a", "b", "c")
    assert any("are different classes: 'A'" in note for note in data.notes)


def test_a_word_among_numbers_does_not_hide_a_positive_row(tmp_path: Path) -> None:
    values = np.resize(["0", "1", "1.0", "unknown"], ROWS)
    data = load(tmp_path, TABLE.assign(y=values), positive="1")
    assert data.labels.sum() == ROWS / 2


CONFLICTS = {
    "drop": ({"target": "y", "drop": "y"}, "column 'y' is named by target= and by drop="),
    "group": ({"target": "y", "group": "y"}, "column 'y' is named by target= and by group="),
    "both": ({"numbers": "city", "categories": "city"}, "named by numbers= and by categories="),
    "gone": ({"drop": "size", "numbers": "size"}, "named by drop= and by numbers="),
    "none": ({"categories": "town"}, "has no column 'town'"),
}


@pytest.mark.parametrize("case", CONFLICTS.values(), ids=list(CONFLICTS))
def test_a_column_with_two_roles_is_one_clear_line(tmp_path: Path, case: Any) -> None:
    settings, complaint = case
    with pytest.raises(UserError) as error:
        load(tmp_path, TABLE, **settings)
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_a_column_that_is_dropped_is_no_target_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="which column is to be predicted"):
        load(tmp_path, TABLE, drop="y")


def test_dates_with_words_among_them_are_dates(tmp_path: Path) -> None:
    days = pd.date_range("2023-01-01", periods=ROWS).strftime("%d.%m.%Y").to_series(index=None)
    written = days.reset_index(drop=True).where(np.arange(ROWS) % 5 > 0, "unknown")
    data = load(tmp_path, TABLE.assign(since=written))
    assert kinds(data)["since"] == "date"
    assert any("120 values that are no dates count as missing: unknown" in n for n in data.notes)
    splits = TASK.split(data, Settings(), 0)
    formats = {column["name"]: column["format"] for column in splits.learned}
    assert formats["since"] == "%d.%m.%Y"


def test_a_column_of_splits_is_kept(tmp_path: Path) -> None:
    names = np.resize(["train", "Train", "val", "TEST", "train"], ROWS)
    data = load(tmp_path, TABLE.assign(part=names), split="part")
    assert "part" not in data.rows
    for seed in range(2):
        splits = TASK.split(data, Settings(split="part"), seed)
        assert {*names[splits.train]} == {"train", "Train"} and {*names[splits.test]} == {"TEST"}
        assert {*names[splits.validation]} == {"val"}
        assert len(splits.train) + len(splits.validation) + len(splits.test) == ROWS
    assert any("every seed tests the same rows" in note for note in data.notes)
    two = load(
        tmp_path, TABLE.assign(part=np.where(names == "TEST", "test", "train")), split="part"
    )
    splits = TASK.split(two, Settings(split="part"), 0)
    assert {*names[splits.test]} == {"TEST"} and len(splits.validation) > 0


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["train", "test", "later"], "neither train, validation nor test in row 3: 'later'"),
        (["train", "valid"], "split column 'part' has no row of test"),
    ],
)
def test_words_that_are_no_splits_are_refused(
    tmp_path: Path, names: list[str], complaint: str
) -> None:
    with pytest.raises(UserError) as error:
        load(tmp_path, TABLE.assign(part=np.resize(names, ROWS)), split="part")
    assert complaint in str(error.value)


def test_a_large_group_of_equal_rows_is_told_and_leaves_splits_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.normal(size=6000), "b": rng.normal(size=6000)})
    frame["y"] = np.where(rng.random(6000) < 0.04, "yes", "no")
    frame.loc[:1799, ["a", "b", "y"]] = [0.5, 0.5, "no"]
    data = load(tmp_path, frame)
    assert any(
        "more than a fifth of a test split: 1, the largest of 1,800 rows" in note
        for note in data.notes
    )
    for seed in range(3):
        splits = TASK.split(data, Settings(), seed)
        shares = [splits.y[rows].mean() for rows in (splits.train, splits.validation, splits.test)]
        assert shares == pytest.approx([data.labels.mean()] * 3, abs=0.002)


def test_groups_that_all_hold_both_classes_are_split(tmp_path: Path) -> None:
    number = np.arange(ROWS)
    frame = TABLE.assign(clinic=number // 10, y=np.where(number % 10 < 2, "yes", "no"))
    data = load(tmp_path, frame, group="clinic")
    splits = TASK.split(data, Settings(group="clinic"), 0)
    for rows in (splits.train, splits.validation, splits.test):
        assert splits.y[rows].mean() == pytest.approx(0.2)
    clinics = [{*(rows // 10)} for rows in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, clinics)) == len(set.union(*clinics)) == ROWS / 10


def test_columns_that_are_not_learned_from_are_kept_aside(tmp_path: Path) -> None:
    """They can be costs, or make subgroups."""
    frame = TABLE.assign(
        amount=[f"{value:.1f} EUR" for value in SIZE],
        sex=np.where(RNG.random(ROWS) < 0.5, "f", "m"),
        customer_id=[f"c{row}" for row in range(ROWS)],
    )
    frame.loc[5, "y"] = ""  # rows without a class are left out
    data = load(tmp_path, frame, target="y", drop="amount,sex")
    assert list(data.rows) == ["size", "city"]
    assert list(data.aside) == ["amount", "sex", "customer_id"]
    known = np.arange(ROWS) != 5
    amounts = [float(f"{value:.1f}") for value in SIZE[known]]
    assert data.column("amount", "--cost").tolist() == amounts
    assert data.column("sex", "--by").tolist() == frame["sex"][known].tolist()
    assert data.column("size", "--by").tolist() == SIZE[known].tolist()
    with pytest.raises(UserError, match=r"--by: .*table.csv has no column 'amoun': did you mean"):
        data.column("amoun", "--by")
