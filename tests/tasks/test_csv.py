"""Tables however they are written: how they are read, their columns, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import with_checked_splits
from benchmark.protocol.strategy import NONE
from benchmark.protocol.task import Data
from benchmark.training import fit as fitting
from benchmark.training import score as scoring
from benchmark.training.job import TrainingJob
from benchmark.training.stages import plan_stages
from tasks import csv
from tasks.csv import TASK, Settings

ROWS = 400
REAL = Path(__file__).parents[3] / "shared" / "data" / "insurance"


def people(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, rows),
            "income": rng.lognormal(8, 1, rows).round(2),
            "city": rng.choice(["Köln", "Rom", "Oslo"], rows),
            "y": np.where(rng.random(rows) < 0.2, "yes", "no"),
        }
    )


PEOPLE = people()
PLAIN = PEOPLE.to_csv(index=False)


def load(path: Path, content: str | bytes | pd.DataFrame, **settings: Any) -> Data:
    if isinstance(content, pd.DataFrame):
        content = content.to_csv(index=False)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return TASK.load(Settings(**settings), path)


def german(frame: pd.DataFrame) -> str:
    written = frame.assign(income=[f"{value:,.2f}" for value in frame["income"]])
    swapped = written["income"].str.replace(",", "_").str.replace(".", ",").str.replace("_", ".")
    return written.assign(income=swapped).to_csv(index=False, sep=";")


def zipped(files: dict[str, str]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


MAKES: dict[str, str | bytes] = {
    "semicolons": PEOPLE.to_csv(index=False, sep=";"),
    "tabs": PEOPLE.to_csv(index=False, sep="\t"),
    "bars": PEOPLE.to_csv(index=False, sep="|"),
    "spaces": PLAIN.replace(",", "  "),
    "after a comma a space": PLAIN.replace(",", ", "),
    "all quoted": PEOPLE.to_csv(index=False, quoting=1),
    "decimal commas": german(PEOPLE),
    "thousands": PEOPLE.assign(income=[f"${v:,.2f}" for v in PEOPLE["income"]]).to_csv(index=False),
    "Windows": PLAIN.replace("\n", "\r\n").encode("cp1252"),
    "a byte-order mark": PLAIN.encode("utf-8-sig"),
    "UTF-16": PLAIN.encode("utf-16"),
    "pandas' index": PEOPLE.to_csv(),
    "R's row names": PEOPLE.to_csv().replace(",age", "age", 1),
    "a comma at the end": PLAIN.replace("\n", ",\n"),
    "gzip": gzip.compress(PLAIN.encode()),
    "bzip2": bz2.compress(PLAIN.encode("utf-16")),
    "xz": lzma.compress(PLAIN.encode("cp1252")),
    "a ZIP archive": zipped({"customers.csv": PLAIN, "__MACOSX/customers.csv": ""}),
    "blank lines": PLAIN.replace("\n", "\n\n"),
}


@pytest.mark.parametrize("content", MAKES.values(), ids=list(MAKES))
def test_the_same_table_is_read_whatever_its_make(tmp_path: Path, content: str | bytes) -> None:
    data = load(tmp_path / "table.csv", content)
    assert data.classes == ("no", "yes")
    assert data.labels.tolist() == (PEOPLE["y"] == "yes").astype(int).tolist()
    assert list(data.rows) == ["age", "income", "city"]
    assert data.rows["age"].tolist() == PEOPLE["age"].tolist()
    assert data.rows["income"].tolist() == PEOPLE["income"].tolist()
    assert data.rows["city"].tolist() == PEOPLE["city"].tolist()


def test_without_a_header_columns_have_numbers(tmp_path: Path) -> None:
    headless = PLAIN.split("\n", 1)[1]
    data = load(tmp_path / "a.data", headless, target="column_4", drop="column_3, column_1")
    assert list(data.rows) == ["column_2"] and len(data.rows) == ROWS
    assert any("no header line" in note for note in data.notes)


def test_parquet_has_its_own_types(tmp_path: Path) -> None:
    frame = PEOPLE.assign(
        y=PEOPLE["y"] == "yes",
        member=np.arange(ROWS) % 3 == 0,
        since=pd.date_range("2020-01-01", periods=ROWS, freq="7h"),
    )
    frame.to_parquet(tmp_path / "table.parquet")
    data = TASK.load(Settings(), tmp_path)  # the only table in the folder
    assert data.classes == ("False", "True")
    splits = TASK.split(data, Settings(), 0)
    formats = {column["name"]: column["format"] for column in splits.learned}
    assert formats == {
        **{"age": "number", "income": "number", "city": ""},
        **{"member": "", "since": "ISO8601"},
    }


def test_a_long_table_is_sampled_with_a_note_and_without_holding_it(tmp_path: Path) -> None:
    rows = 60_000
    file = tmp_path / "long.csv"
    file.write_text("a,b,target\n" + "".join(f"{i},{i % 7},{i % 5 == 0}\n" for i in range(rows)))
    tracemalloc.start()
    data = TASK.load(Settings(rows=1000), file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(data.labels) == 1000
    assert "60,000 rows: 1,000 of them drawn at random (rows=1000)" in data.notes
    drawn = data.rows["a"].to_numpy()
    assert (np.diff(drawn) > 0).all() and abs(drawn.mean() / rows - 0.5) < 0.05
    assert TASK.load(Settings(rows=1000), file).digest == data.digest
    assert peak < 40e6  # a block of records, not the file


DAMAGE: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "no such target": (PLAIN, {"target": "yy"}, "has no column 'yy': did you mean 'y'?"),
    "no target to guess": (
        PLAIN.replace(",y\n", ",z\n", 1),
        {},
        'which column is to be predicted? Name it: --settings "target=..."; columns: age, income',
    ),
    "constant target": (PLAIN.replace("yes", "no"), {}, "target 'y' is 'no' in every row"),
    "target of 10,000 values": (
        "a,y\n" + "".join(f"{i % 9},{i}\n" for i in range(10_000)),
        {},
        "target 'y' has 10,000 different values",
    ),
    "class of two rows": (
        PLAIN.replace("yes", "maybe", 2),
        {},
        "class 'maybe' has 2 distinct rows, too few for train, validation and test; smallest=",
    ),
    "empty": ("", {}, "is empty"),
    "commas alone": (",,\n,,\n", {}, "is empty"),
    "header alone": ("a,b,y\n", {}, "holds no rows"),
    "neither UTF-8 nor Windows'": (
        PLAIN.encode("utf-8").replace(b"Rom", b"R\x81m"),
        {},
        "is not in cp1252",
    ),
    "unknown encoding": (PLAIN, {"encoding": "klingon"}, "is not in klingon"),
    "two columns of one name": (
        PLAIN.replace("city", "age", 1),
        {},
        "two columns are called 'age'",
    ),
    "a field too many": (PLAIN.replace("Rom", "Rom,Rom", 1), {}, "5 fields where the header has 4"),
    "a field too few": (PLAIN.replace(",Rom", "", 1), {}, "3 fields where the header has 4"),
    "open quote": (PLAIN.replace("Rom", '"Rom', 1), {}, "is a quote not closed?"),
    "no text": (bytes(range(256)) * 9, {}, "is no text"),
    "spreadsheet": (b"PK\x03\x04" + PLAIN.encode(), {}, "is a ZIP archive or a spreadsheet"),
    "two files in one": (
        zipped({"a.csv": PLAIN, "b.csv": PLAIN}),
        {},
        "is a ZIP archive or a spreadsheet: unpack it",
    ),
    "gzip cut short": (
        gzip.compress(PLAIN.encode())[:-40],
        {},
        "is damaged: it cannot be unpacked",
    ),
    "one column": ("y\n1\n0\n", {}, "line 1 has one field, 'y'"),
    "nothing to learn from": (
        "a,y\n" + "1,0\n1,1\n" * 50,
        {},
        "no column is left to predict 'y' from",
    ),
    "no such group": (PLAIN, {"group": "family"}, "has no column 'family'"),
    "time that is none": (PLAIN, {"time": "city"}, "holds neither dates nor numbers"),
    "weight of nothing": (
        PEOPLE.assign(w=np.arange(ROWS)).to_csv(index=False),
        {"weight": "w"},
        "weight column 'w' has no number above 0 in row 1: '0'; fill it in or remove such rows, ",
    ),
    "no such value": (
        PLAIN,
        {"positive": "perhaps"},
        "has no value 'perhaps'; its values are no, yes",
    ),
}


@pytest.mark.parametrize("case", DAMAGE.values(), ids=list(DAMAGE))
def test_what_cannot_be_used_is_one_clear_line(tmp_path: Path, case: Any) -> None:
    content, settings, complaint = case
    with pytest.raises(UserError) as error:
        load(tmp_path / "table.csv", content, **settings)
    assert complaint in str(error.value) and str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    half = ROWS // 2
    PEOPLE[:half].to_parquet(tmp_path / "part-0.parquet")
    reordered = PEOPLE[half:][["y", *PEOPLE.columns.drop("y")]]
    reordered.to_parquet(tmp_path / "part-1.parquet")
    (tmp_path / "_SUCCESS").touch()
    data = TASK.load(Settings(), tmp_path)
    assert data.rows["income"].tolist() == PEOPLE["income"].tolist()
    assert data.labels.tolist() == (PEOPLE["y"] == "yes").astype(int).tolist()
    assert "2 Parquet files are read as one table: part-0.parquet, part-1.parquet" in data.notes
    PEOPLE.assign(town="Rom").to_parquet(tmp_path / "part-2.parquet")
    with pytest.raises(UserError, match=r"part-2.parquet has other columns than .*: town"):
        TASK.load(Settings(), tmp_path)


def test_a_compressed_table_is_found_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.pdf").touch()
    (tmp_path / "people.csv.gz").write_bytes(gzip.compress(PLAIN.encode()))
    assert len(TASK.load(Settings(), tmp_path).labels) == ROWS


def test_damaged_parquet_and_several_tables_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"a\.parquet is no whole Parquet file"):
        TASK.load(Settings(), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text(PLAIN)
    with pytest.raises(UserError, match=r"2 tables \(a\.parquet, b\.csv\): name the file"):
        TASK.load(Settings(), tmp_path)


def test_columns_without_information_are_left_out_with_a_note(tmp_path: Path) -> None:
    frame = PEOPLE.assign(
        nothing="",
        country="DE",
        customer_id=np.arange(ROWS)[::-1] + 7000,
        text=[f"call {number}" for number in range(ROWS)],
        household_id=np.arange(ROWS) // 2,
    )
    data = load(tmp_path / "table.csv", frame)
    assert list(data.rows) == ["age", "income", "city"]
    assert "left out, no value: nothing" in data.notes
    assert "left out, one value only: country" in data.notes
    assert "left out, an id: customer_id, text, household_id" in data.notes
    assert any("group=household_id" in note for note in data.notes)


def test_a_column_that_tells_the_class_alone_is_warned_about(tmp_path: Path) -> None:
    yes = PEOPLE["y"] == "yes"
    noise = np.random.default_rng(1).normal(size=ROWS)
    frame = PEOPLE.assign(refund=np.where(yes, 9, 1) + noise, state=np.where(yes, "a", "b"))
    warned = [note for note in load(tmp_path / "table.csv", frame).notes if "ROC AUC" in note]
    assert [note.split("'")[1] for note in warned] == ["refund", "state"]
    assert "drop=refund" in warned[0]
    honest = PEOPLE.assign(refund=yes + noise)
    assert not any("ROC AUC" in note for note in load(tmp_path / "table.csv", honest).notes)


def test_gaps_and_strange_numbers_are_missing(tmp_path: Path) -> None:
    text = PEOPLE.astype(str)
    text.loc[:3, "income"] = ["?", "NA", "inf", "many"]
    text.loc[4:5, "y"] = ""
    data = load(tmp_path / "table.csv", text)
    assert len(data.labels) == ROWS - 2
    assert data.rows["income"].isna().sum() == 4
    assert "2 rows without a value of 'y' are left out" in data.notes
    assert any("inf, many" in note for note in data.notes)
    splits = TASK.split(data, Settings(), 0)
    assert np.isfinite(splits.x).all()


def test_two_classes_are_ordered_by_size_or_by_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    assert load(file, PLAIN).classes == ("no", "yes")
    assert load(file, PLAIN, positive="NO").classes == ("yes", "no")
    numbers = PEOPLE.assign(y=np.where(PEOPLE["y"] == "yes", 1.0, 2.0))
    assert load(file, numbers, positive="1.00").classes == ("2", "1")
    several = load(file, PEOPLE, target="city")
    assert several.classes == ("Köln", "Oslo", "Rom")
    one = load(file, PEOPLE, target="city", positive="Rom")
    assert one.classes == ("not Rom", "Rom")
    assert (one.labels == (several.labels == 2)).all()


def test_small_classes_are_left_out_on_request(tmp_path: Path) -> None:
    frame = PEOPLE.assign(y=np.r_[["tiny"] * 3, ["small"] * 30, ["large"] * (ROWS - 33)])
    data = load(tmp_path / "table.csv", frame, smallest=10)
    assert data.classes == ("large", "small") and len(data.labels) == ROWS - 3
    assert "3 rows of 1 classes with fewer than 10 rows are left out: tiny" in data.notes


def places_of(data: Data, settings: Settings, seed: int) -> np.ndarray:
    splits = with_checked_splits(TASK).split(data, settings, seed)
    places = np.full(len(data.labels), -1)
    for number, part in enumerate((splits.train, splits.validation, splits.test)):
        places[part] = number
    return places


def test_rows_of_a_group_share_a_split(tmp_path: Path) -> None:
    family = np.random.default_rng(3).integers(0, 60, ROWS)
    settings = Settings(group="family")
    data = load(tmp_path / "table.csv", PEOPLE.assign(family=family), group="family")
    assert "family" not in data.rows
    for seed in range(3):
        of_family = pd.Series(places_of(data, settings, seed)).groupby(family)
        assert (of_family.nunique() == 1).all()


def test_groups_with_a_rare_row_are_dealt_out_by_share(tmp_path: Path) -> None:
    family = np.arange(ROWS) // 4
    rare = (np.arange(ROWS) % 4 == 3) & (family < 20)  # never the first row of its family
    frame = PEOPLE.assign(family=family, y=np.where(rare, "yes", "no"))
    data = load(tmp_path / "table.csv", frame, group="family")
    for seed in range(3):
        places = places_of(data, Settings(group="family"), seed)
        assert np.bincount(places[rare]).tolist() == [14, 3, 3]


def test_exact_duplicates_are_in_the_group_of_their_twin(tmp_path: Path) -> None:
    family = np.arange(ROWS) % 100
    frame = PEOPLE.assign(family=family)
    twins = frame.iloc[:5].assign(family=[50, 51, 52, 53, 54])
    data = load(tmp_path / "t.csv", pd.concat([frame, twins]), group="family")
    assert len(np.unique(data.groups)) == 95  # five families became one with another
    assert (data.groups[ROWS:] == data.groups[:5]).all()


def test_rows_with_few_ways_to_differ_are_different_cases(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(0, 2, ROWS) for name in ("a", "b", "y")})
    data = load(tmp_path / "table.csv", frame)
    assert len(np.unique(data.groups)) == ROWS
    assert any("only 4 ways to differ" in note for note in data.notes)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", None])
def test_with_time_the_newest_rows_are_tested(tmp_path: Path, form: str | None) -> None:
    days = np.random.default_rng(0).integers(0, 200, ROWS)
    dates = pd.Timestamp("2024-03-01") + pd.to_timedelta(days, unit="D")
    frame = PEOPLE.assign(day=dates.strftime(form) if form else days)
    data = load(tmp_path / "table.csv", frame, time="day")
    for seed in range(2):
        places = places_of(data, Settings(time="day"), seed)
        assert days[places == 0].max() < days[places == 1].min()
        assert days[places == 1].max() < days[places == 2].min()
        assert abs((places == 2).mean() - 0.15) < 0.02


def test_over_time_a_group_is_in_its_last_split_alone(tmp_path: Path) -> None:
    frame = PEOPLE.assign(day=np.arange(ROWS), family=np.arange(ROWS) % 350)
    data = load(tmp_path / "table.csv", frame, time="day", group="family")
    places = places_of(data, Settings(time="day", group="family"), 0)
    assert (places[:50] == -1).all() and (places[350:] == 2).all()
    assert "50 rows are left out: their group is in a later split" in data.notes


def test_weights_count_in_training(tmp_path: Path) -> None:
    heavy = np.where(PEOPLE["city"] == "Rom", 5.0, 0.5)
    data = load(tmp_path / "table.csv", PEOPLE.assign(w=heavy), weight="w")
    assert "w" not in data.rows
    splits = TASK.split(data, Settings(weight="w"), 0)
    [plain] = plan_stages(splits, NONE, 2, 100, 0).stages
    assert plain.weights.mean() == pytest.approx(1)
    relative = heavy[plain.rows] / heavy[plain.rows[0]]
    assert plain.weights / plain.weights[0] == pytest.approx(relative)
    doubled = grammar.read("smote+class_weight(positive=3)").strategy
    [stage] = plan_stages(splits, doubled, 2, 100, 0).stages
    made = stage.rows >= len(data.labels)
    assert made.any() and len(np.unique(stage.weights[made])) == 1
    assert any("measures count each row once" in note for note in data.notes)


def test_statistics_are_of_training_rows_alone(tmp_path: Path) -> None:
    data = load(tmp_path / "table.csv", PLAIN)
    before = TASK.split(data, Settings(), 0)
    rows = data.rows.copy()
    outside = np.r_[before.validation, before.test]
    rows.loc[outside, ["age", "income"]] = 1e6
    rows.loc[outside, "city"] = "Bern"
    after = TASK.split(replace(data, rows=rows), Settings(), 0)
    assert after.learned == before.learned
    np.testing.assert_array_equal(after.x[after.train], before.x[before.train])
    assert (after.x[outside, :2] == 1).all()
    assert (after.x[outside][:, [*after.categorical]] == 0).all()


def test_numbers_that_lose_digits_on_the_way_are_still_equal(tmp_path: Path) -> None:
    frame = PEOPLE.assign(income=PEOPLE["age"] / 7)  # each of them many times
    settings = Settings(target="y")
    data = load(tmp_path / "people.csv", frame, target="y")
    learned = TASK.split(data, settings, 0).learned
    sent = data.rows.assign(income=data.rows["income"].round(10))  # as DataFrame.to_json does
    assert (sent["income"] != data.rows["income"]).any()
    assert TASK.encode is not None
    one, other = (TASK.encode(settings, learned, rows) for rows in (data.rows, sent))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_dates_become_when_month_and_day_of_the_week(tmp_path: Path) -> None:
    dates = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.arange(ROWS), unit="D")
    frame = PEOPLE[["income", "y"]].assign(since=dates.strftime("%d.%m.%Y"))
    data = load(tmp_path / "table.csv", frame)
    splits = TASK.split(data, Settings(rare=1), 0)
    when, (month, weekday, _) = splits.x[:, 1], splits.x[:, [*splits.categorical]].T
    assert (np.diff(when) >= 0).all() and when[-1] > when[0]
    assert len(pd.DataFrame({"code": month, "month": dates.month}).drop_duplicates()) == 12
    assert len(pd.DataFrame({"code": weekday, "day": dates.day_of_week}).drop_duplicates()) == 7


@pytest.mark.parametrize("model", ["hgb", "logistic"])
def test_an_estimator_learns_and_is_the_same_to_the_last_bit(tmp_path: Path, model: Any) -> None:
    rng = np.random.default_rng(0)
    yes = rng.random(600) < 1 / (1 + np.exp(3 - 2 * (np.arange(600) % 3)))
    frame = people(600).assign(y=yes, shop=np.char.add("s", (np.arange(600) % 3).astype(str)))
    settings = Settings(model=model)
    data = load(tmp_path / "table.csv", frame, model=model)
    splits = TASK.split(data, settings, 0)
    fits = [
        fitting.fit(
            TrainingJob(TASK, settings, splits, 2, NONE, csv.budget(settings, "real"), 0), print
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(fits[0].test.best, fits[1].test.best)
    score = scoring.score(NONE, fits[0]).metrics
    assert score["test/roc_auc"] > 0.75
    assert not fits[0].curves and not any(name.startswith("test_last_step") for name in score)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real rows in {REAL}")
@pytest.mark.slow
def test_real_rows_have_the_columns_of_the_hand_made_task() -> None:
    settings = grammar.settings("csv", "target=Response rows=20000")
    data = TASK.load(settings, REAL)
    hand_made = registry.task("insurance").load(grammar.settings("insurance", ""), REAL)
    assert list(data.rows) == list(hand_made.rows)
    assert data.classes == ("0", "1") and "left out, an id: id" in data.notes
