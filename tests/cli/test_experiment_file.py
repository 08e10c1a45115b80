"""Experiment files: read like what is typed, refused in one line, written by --save."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmark.cli import experiments
from benchmark.cli.main import main
from benchmark.workflows import dry_run
from benchmark.workflows import run as running
from benchmark.workflows.run import RunRequest


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[RunRequest]:
    """The requests that would be run or planned."""
    requests: list[RunRequest] = []

    def take(request: RunRequest) -> int:
        requests.append(request)
        return 0

    monkeypatch.setattr(running, "run_benchmark", take)
    monkeypatch.setattr(dry_run, "show_plan", take)
    monkeypatch.chdir(tmp_path)
    return requests


def run(*words: str, file: str = "") -> Result:
    if file:
        Path("mine.toml").write_text(file)
        words = ("-c", "mine.toml", *words)
    return CliRunner().invoke(main, ["run", *words])


FILE = """
task = "insurance"
data = "synthetic"
strategies = ["none", "oversample(ratio=0.5)", "focal+threshold"]
seeds = 7
until-decided = true

[settings]
imbalance = 20
"""


def test_a_file_holds_what_one_would_type(asked: list[RunRequest]) -> None:
    typed = ["--task", "insurance", "--data", "synthetic", "--seeds", "7", "--until-decided"]
    typed += ["--strategies", "none, oversample(ratio=0.5), focal+threshold"]
    assert run(*typed, "--settings", "imbalance=20").exit_code == 0
    assert run(file=FILE).exit_code == 0
    from_words, from_file = asked
    assert [spec.text for spec in from_words.specs] == [spec.text for spec in from_file.specs]
    for name in ("task", "settings", "path", "seeds", "until_decided", "experiment"):
        assert getattr(from_words, name) == getattr(from_file, name)


def test_what_is_typed_wins(asked: list[RunRequest]) -> None:
    assert run("--seeds", "2", file=FILE).exit_code == 0
    assert (asked[0].seeds, asked[0].task) == (2, "insurance")


def test_saved_and_read_again_it_is_the_same(asked: list[RunRequest]) -> None:
    words = ["--task", "csv", "--data", "a b.csv", "--settings", "target='Has \"left\"' positive=1"]
    words += ["--strategies", "none,*sampl*", "--exclude", "smote*,sqrt*"]
    done = run(*words, "--dry-run", "--save")
    assert done.exit_code == 2  # sqrt_sampling alone matches sqrt*, none matches smote*
    words[-1] = "sqrt*"
    assert run(*words, "--dry-run", "--save").exit_code == 0
    assert run("-c", "experiment.toml").exit_code == 0
    first, again = asked
    assert [spec.text for spec in first.specs] == [spec.text for spec in again.specs]
    assert replace(first, specs=()) == replace(again, specs=())
    assert tomllib.loads(Path("experiment.toml").read_text())["settings"]["positive"] == 1


WRONG: dict[str, tuple[str, str]] = {
    "option": ("taks = 1", "unknown option 'taks': did you mean 'task'?"),
    "no TOML": ("task = ", "mine.toml is no TOML"),
    "value": ("seeds = [1, 2]", "seeds must be a text or a number"),
    "not in a file": ("save = 'x'", "unknown option 'save'"),
    "seeds": ("seeds = 0", "--seeds must be a whole number, at least 1"),
    "setting": ("[settings]\nimbalanse = 3", "did you mean 'imbalance'?"),
}


@pytest.mark.parametrize("text, expected", WRONG.values(), ids=list(WRONG))
def test_a_wrong_file_is_one_line(text: str, expected: str, asked: list[RunRequest]) -> None:
    done = run(file=text)
    assert done.exit_code == 2 and not asked
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert expected in line


def test_a_missing_file_is_named(asked: list[RunRequest]) -> None:
    done = run("-c", "nowhere.toml")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: cannot read nowhere.toml: No such file or directory\n",
    )


def test_every_option_of_run_may_be_in_a_file_but_those_about_files() -> None:
    from benchmark.cli.experiment_file import NOT_IN_FILES

    names: set[Any] = {parameter.name for parameter in experiments.run.params}
    assert names - NOT_IN_FILES >= {"task", "strategies", "exclude", "settings", "workers"}
    assert NOT_IN_FILES - {"help", "verbose", "log_file"} <= names
