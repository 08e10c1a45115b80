"""Fault 15: damaged CSV files. Row and column are named before training, or it is handled."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from benchmark.cli.main import main
from benchmark.protocol.errors import UserError
from tasks.insurance import TASK, Settings
from tasks.synthetic import insurance

SETTINGS = Settings()
Table = list[list[str]]  # the fields of a CSV, header first: table[4] is line 5


@pytest.fixture(scope="module")
def sound() -> str:
    return str(insurance.customers().head(40).to_csv(index=False, lineterminator="\n"))


@pytest.fixture
def table(sound: str) -> Table:
    return [line.split(",") for line in sound.splitlines()]


def text_of(table: Table) -> str:
    return "".join(",".join(row) + "\n" for row in table)


def put(column: str, value: str, lines: range = range(5, 6)) -> Callable[[Table], None]:
    def change(table: Table) -> None:
        for line in lines:
            table[line - 1][table[0].index(column)] = value

    return change


def swap(one: str, other: str) -> Callable[[Table], None]:
    """Shifts the values of line 5, not the header."""

    def change(table: Table) -> None:
        row, first, second = table[4], table[0].index(one), table[0].index(other)
        row[first], row[second] = row[second], row[first]

    return change


def shifted(table: Table) -> None:
    row = table[4]
    row[1:] = [row[-1], *row[1:-1]]


def drop_column(table: Table) -> None:
    for row in table:
        del row[2]


def without_label(table: Table) -> None:
    for row in table:
        row.pop()


DAMAGE: dict[str, tuple[Callable[[Table], object], str]] = {
    "text_for_a_number": (put("Age", "4x"), "line 5, column Age: '4x' is not a whole number from"),
    "negative": (put("Age", "-3"), "line 5, column Age: '-3'"),
    "out_of_range": (put("Age", "440"), "line 5, column Age: '440'"),
    "missing": (put("Age", ""), "line 5, column Age: ''"),
    "missing_as_nan": (put("Vintage", "nan"), "line 5, column Vintage: 'nan'"),
    "missing_as_null": (put("Vintage", "NULL"), "line 5, column Vintage: 'NULL'"),
    "infinite": (put("Annual_Premium", "inf"), "line 5, column Annual_Premium: 'inf'"),
    "infinite_by_size": (put("Annual_Premium", "1e999"), "line 5, column Annual_Premium: '1e999'"),
    "too_large": (put("Vintage", "1e300"), "line 5, column Vintage: '1e300'"),
    "fraction_of_a_code": (put("Region_Code", "2.5"), "line 5, column Region_Code: '2.5'"),
    "missing_category": (put("Gender", ""), "line 5, column Gender: ''"),
    "unknown_category": (put("Vehicle_Age", "3 Years"), "line 5, column Vehicle_Age: '3 Years' is"),
    "category_in_other_case": (put("Gender", "male"), "line 5, column Gender: 'male'"),
    "category_with_a_space": (put("Gender", " Male"), "line 5, column Gender: ' Male'"),
    "label_1.5": (put("Response", "1.5"), "line 5, column Response: '1.5'"),
    "label_2": (put("Response", "2"), "line 5, column Response: '2'"),
    "label_in_words": (put("Response", "yes"), "line 5, column Response: 'yes'"),
    "one_label_only": (put("Response", "0", range(2, 42)), "column Response is 0 in every row"),
    "decimal_comma": (put("Annual_Premium", '"30,5"'), "line 5, column Annual_Premium: '30,5'"),
    "two_values_swapped": (swap("Gender", "Vehicle_Damage"), "line 5, column Gender: '"),
    "shifted_columns": (shifted, "line 5, column Gender: '"),
    "extra_field": (
        lambda table: table[4].append("7"),
        "line 5: 13 fields where the header has 12, '7' after the last column, Response",
    ),
    "field_lost": (
        lambda table: table[4].pop(3),
        "line 5: 11 fields where the header has 12, none for column Response",
    ),
    "last_line_cut_off": (
        lambda table: table[40].__delitem__(slice(6, None)),
        "line 41: 6 fields where the header has 12, none for column Vehicle_Age",
    ),
    "index_in_front": (
        lambda table: [row.insert(0, "7") for row in table[1:]],
        "line 2: 13 fields where the header has 12",
    ),
    "quote_not_closed": (
        put("Gender", '"Male'),
        "line 5: 2 fields where the header has 12, none for column Age",
    ),
    "quote_inside": (put("Gender", 'Ma"le'), "line 5, column Gender: 'Ma\"le'"),
    "zero_byte": (put("Age", "4\x004"), "line 5, column Age: '4\\x004'"),
    "duplicate_id": (
        lambda table: table[9].__setitem__(0, table[4][0]),
        "line 10, column id: '{id}' is the id of line 5 too",
    ),
    "row_twice": (
        lambda table: table.append(table[4]),
        "line 42, column id: '{id}' is the id of line 5 too",
    ),
    "header_twice": (lambda table: table.insert(20, table[0]), "line 21, column Age: 'Age' is not"),
    "column_lost": (drop_column, "line 1: column Age is missing"),
    "label_lost": (without_label, "line 1: column Response is missing"),
    "unknown_column": (
        put("id", "Unnamed: 0", range(1, 2)),
        "column Unnamed: 0 is unknown",
    ),
    "column_twice": (put("id", "Age", range(1, 2)), "line 1: column Age is there twice"),
    "space_in_the_header": (put("Age", " Age", range(1, 2)), "line 1: column Age is missing"),
    "no_header": (lambda table: table.pop(0), "line 1: column Gender is missing"),
    "no_rows": (lambda table: table.__delitem__(slice(1, None)), "holds no rows"),
    "empty": (lambda table: table.clear(), "is empty"),
}


@pytest.mark.parametrize(("change", "message"), DAMAGE.values(), ids=list(DAMAGE))
def test_15_damage_is_named_with_its_place(
    tmp_path: Path, table: Table, change: Callable[[Table], object], message: str
) -> None:
    number = table[4][0]
    change(table)
    file = tmp_path / "train.csv"
    file.write_text(text_of(table))
    with pytest.raises(UserError) as error:
        TASK.load(SETTINGS, tmp_path)
    assert str(error.value).startswith(f"{file}: ")
    assert message.format(id=number) in str(error.value)


WRONG_FILES: dict[str, tuple[Callable[[str], bytes], str]] = {
    "semicolons": (lambda text: text.replace(",", ";").encode(), "line 1: no commas"),
    "tabs": (lambda text: text.replace(",", "\t").encode(), "line 1: no commas"),
    "utf_16": (lambda text: text.encode("utf-16"), "is not a CSV in UTF-8; unpack or export it"),
    "gzip": (lambda text: gzip.compress(text.encode()), "is not a CSV in UTF-8"),
    "zip": (lambda text: b"PK\x03\x04\xff\xfe\x00" + text.encode(), "is not a CSV in UTF-8"),
    "html": (
        lambda text: b"<!DOCTYPE html>\n<title>404</title>\n",
        "line 1: column Gender is missing",
    ),
    "latin_1": (
        lambda text: text.replace("Male", "M\xe4le", 1).encode("latin-1"),
        ", column Gender: 'M\\\\xe4le' is not one of",
    ),
    "endless_field": (
        lambda text: text.replace("Male", '"Male' + "x" * 200_000, 1).encode(),
        "is a quote not closed?",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG_FILES.values(), ids=list(WRONG_FILES))
def test_15_a_file_of_another_kind_is_named(
    tmp_path: Path, sound: str, change: Callable[[str], bytes], message: str
) -> None:
    (tmp_path / "data.csv").write_bytes(change(sound))
    with pytest.raises(UserError) as error:
        TASK.load(SETTINGS, tmp_path)
    assert message in str(error.value)


HANDLED: dict[str, Callable[[str], bytes]] = {
    "byte_order_mark": lambda text: text.encode("utf-8-sig"),
    "windows_lines": lambda text: text.replace("\n", "\r\n").encode(),
    "old_mac_lines": lambda text: text.replace("\n", "\r").encode(),
    "no_last_newline": lambda text: text.rstrip("\n").encode(),
    "blank_lines": lambda text: text.replace("\n", "\n\n").encode(),
    "quotes": lambda text: text.replace("Male", '"Male"').encode(),
    "plus_and_spaces": lambda text: text.replace(",1,", ", +1 ,").encode(),
    "no_id": lambda text: "".join(
        line.partition(",")[2] for line in text.splitlines(keepends=True)
    ).encode(),
}


@pytest.mark.parametrize("change", HANDLED.values(), ids=list(HANDLED))
def test_15_another_way_of_writing_the_same_is_the_same_data(
    tmp_path: Path, sound: str, change: Callable[[str], bytes]
) -> None:
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    plain.write_text(sound)
    other.write_bytes(change(sound))
    assert other.read_bytes() != plain.read_bytes()
    assert TASK.load(SETTINGS, other).digest == TASK.load(SETTINGS, plain).digest


def test_15_a_line_is_counted_as_an_editor_counts_it(tmp_path: Path, table: Table) -> None:
    put("Age", "old", range(20, 21))(table)
    put("Gender", '"Male\nor so"', range(10, 11))(table)
    table.insert(5, [])
    file = tmp_path / "train.csv"
    file.write_text(text_of(table))
    with pytest.raises(UserError) as error:
        TASK.load(SETTINGS, file)
    assert "line 11, column Gender: 'Male\\nor so'" in str(error.value)
    [line] = [
        number
        for number, text in enumerate(io.StringIO(file.read_text()), start=1)
        if ",old," in text
    ]
    assert f"line {line}, column Age: 'old'" in str(error.value)


def test_15_all_problems_are_counted_and_the_first_ten_listed(tmp_path: Path, table: Table) -> None:
    put("Age", "old", range(6, 20))(table)
    table[2].append("7")
    (tmp_path / "x.csv").write_text(text_of(table))
    with pytest.raises(UserError) as error:
        TASK.load(SETTINGS, tmp_path / "x.csv")
    summary, *problems = str(error.value).splitlines()
    assert "15 problems" in summary
    assert [problem.split()[1].strip(",:") for problem in problems[:10]] == [
        str(line) for line in [3, *range(6, 15)]
    ]
    assert problems[10:] == ["  and 5 more"]


def test_15_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds neither train\.csv nor data\.csv"):
        TASK.load(SETTINGS, tmp_path)
    with pytest.raises(UserError, match="no such file or folder"):
        TASK.load(SETTINGS, tmp_path / "nowhere")


def test_15_no_run_begins_on_damaged_data(tmp_path: Path, table: Table, store_uri: str) -> None:
    put("Response", "1.5")(table)
    (tmp_path / "train.csv").write_text(text_of(table))
    words = ["run", "--task", "insurance", "--data", str(tmp_path), "--tracking", store_uri]
    result = CliRunner().invoke(main, [*words, "--workers", "0"])
    assert result.exit_code == 2
    assert "line 5, column Response: '1.5' is not a whole number from 0 to 1" in result.stderr
    assert [one.name for one in MlflowClient(store_uri).search_experiments()] == ["Default"]
