"""Data sets as users name them."""

from pathlib import Path

import pytest

from benchmark.protocol.errors import UserError
from benchmark.workflows.suite import sources
from benchmark.workflows.suite.sources import LeftOut, Source

CSV = "a,b,y\n1,2,no\n3,4,yes\n"


def test_every_table_of_a_folder_is_a_data_set_and_its_last_column_the_target(
    tmp_path: Path,
) -> None:
    for name in ("one.csv", "two.tsv", "README.md", ".hidden.csv"):
        (tmp_path / name).write_text(CSV.replace(",", "\t") if name == "two.tsv" else CSV)
    one, two = sources.in_folder(tmp_path, "")
    assert one == Source("one", "csv", "target='y'", str(tmp_path / "one.csv"))
    assert isinstance(two, Source) and two.settings == "target='y'"
    [named, _] = sources.in_folder(tmp_path, "rare=2 target=b")
    assert isinstance(named, Source) and named.settings == "rare=2 target=b"


def test_what_is_no_table_or_named_like_another_is_left_out(tmp_path: Path) -> None:
    for name in ("Same.csv", "same.csv", "good.csv"):
        (tmp_path / name).write_text(CSV)
    (tmp_path / "notes.txt").write_text("hello")
    named = {one.name: one for one in sources.in_folder(tmp_path, "")}
    assert isinstance(named["good"], Source)
    for name, why in (
        ("Same.csv", "rename one"),
        ("same.csv", "rename one"),
        ("notes.txt", "no table"),
    ):
        one = named[name]
        assert isinstance(one, LeftOut) and why in one.reason


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no table"):
        sources.in_folder(tmp_path, "")
    with pytest.raises(UserError, match="name a folder of tables"):
        sources.in_folder(tmp_path / "nowhere", "")


def test_a_list_of_tasks_is_read_with_their_settings() -> None:
    text = "insurance, cifar10lt,csv: data=my/a.csv, target='Has left' rare=2"
    assert sources.in_list(text) == [
        Source("insurance", "insurance", "", ""),
        Source("cifar10lt", "cifar10lt", "", ""),
        Source("a", "csv", "target='Has left' rare=2", "my/a.csv"),
    ]
    with pytest.raises(UserError, match="begin with the name of a task"):
        sources.in_list("data=a.csv")


def test_a_toml_file_lists_tasks(tmp_path: Path) -> None:
    file = tmp_path / "suite.toml"
    file.write_text(
        '[[tasks]]\ndata = "a.csv"\nsettings = {target = "y", rare = 2}\n'
        '[[tasks]]\ntask = "insurance"\nname = "customers"\n'
    )
    assert sources.in_toml(file) == [
        Source("a", "csv", "target='y' rare='2'", str(tmp_path / "a.csv")),
        Source("customers", "insurance", "", ""),
    ]
    file.write_text('[[tasks]]\ndate = "a.csv"\n')
    with pytest.raises(UserError, match="did you mean 'data'"):
        sources.in_toml(file)
    file.write_text("tasks = 3\n")
    with pytest.raises(UserError, match=r"\[\[tasks\]\]"):
        sources.in_toml(file)


def test_a_name_is_used_once() -> None:
    twice = [Source("a", "csv", "", "x/a.csv"), Source("A", "csv", "", "y/A.csv")]
    first, second = sources.require_distinct([*twice])
    assert isinstance(first, Source)
    assert isinstance(second, LeftOut)
