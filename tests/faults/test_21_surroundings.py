"""Fault 21: odd clocks, names, places and accounts. It works, or says why in one line."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from mlflow.entities import Run

from benchmark.cli import options
from benchmark.cli.main import main
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results import leaderboard
from benchmark.tracking import tags
from tests import stores, toys

ROOT = Path(__file__).parents[2]


def cells(store: str) -> list[Run]:
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    query = f"tags.`{tags.KIND}` = 'cell'"
    return stores.unfolded(client.search_runs([experiment.experiment_id], query))


@pytest.mark.slow
def test_21_a_clock_that_goes_backwards(
    toy: Path, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, calls = time.time(), count()
    monkeypatch.setattr(time, "time", lambda: start - 60 * next(calls))
    result = toys.benchmark(store_uri, toy / "data.npz", "--seeds", "2", strategies="none,focal")
    assert next(calls) > 20  # it was asked
    assert result.exit_code == 0, result.output
    assert "planned 4 = finished 4 + failed 0 + missing 0" in result.output
    for found in cells(store_uri):
        seconds = [
            value for name, value in found.data.metrics.items() if name.startswith("timing/")
        ]
        assert len(seconds) >= 4 and min(seconds) >= 0
    again = toys.benchmark(store_uri, toy / "data.npz", "--seeds", "2", strategies="none,focal")
    assert "trainings to go: 0" in again.output


def test_21_a_strategy_with_a_very_long_name_is_refused_in_one_line(
    toy: Path, store_uri: str
) -> None:
    longest = "+".join(["oversample(ratio=0.5)"] * 9)
    assert len(longest) < grammar.LONGEST_LABEL < len(longest) + 22
    grammar.read(longest)
    for times in (10, 5000):
        written = "+".join(["oversample(ratio=0.5)"] * times)
        result = toys.benchmark(store_uri, toy / "data.npz", strategies=written)
        assert result.exit_code == 2
        [line] = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(line) < 200


@pytest.mark.usefixtures("untrained")
def test_21_the_longest_strategy_that_is_taken_is_stored_whole(toy: Path, store_uri: str) -> None:
    written = "+".join(["oversample(ratio=0.5)"] * 9)
    result = toys.benchmark(store_uri, toy / "data.npz", strategies=written)
    assert result.exit_code == 0, result.output
    [found] = cells(store_uri)
    assert len(found.info.run_name) <= 250
    assert found.data.params["strategy"] == written
    [table] = leaderboard.leaderboards(store_uri, ["toy"])
    assert table.runs["label"].tolist() == [written]


def nested(folder: Path, name: str, length: int) -> Path:
    while len(str(folder)) + len(name) < length:
        folder = folder / name
    return folder


@pytest.mark.parametrize(("name", "length"), [("d" * 200, 3500), ("é" * 100, 1200)])
def test_21_a_path_that_the_store_would_threshold_is_refused(
    toy: Path, store_uri: str, name: str, length: int
) -> None:
    folder = nested(toy, name, length)
    folder.mkdir(parents=True)
    data = folder / "data.npz"
    data.write_bytes((toy / "data.npz").read_bytes())
    result = toys.benchmark(store_uri, data)
    assert result.exit_code == 2
    [line] = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert f"the path of the data ({len(str(data))} characters)" in line
    assert MlflowClient(store_uri).get_experiment_by_name("toy") is None


ODD = "Ünï & 'spaces' 日本 #1 50% $HOME [bold]"


@pytest.mark.slow
def test_21_unicode_and_spaces_in_every_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.synthetic.insurance import customers

    folder = tmp_path / ODD
    folder.mkdir()
    monkeypatch.chdir(folder)
    data = Path("täbelle 1.csv")
    customers().head(2000).to_csv(data, index=False)
    given = ["run", "--task", "insurance", "--data", str(data), "--strategies", "none,threshold"]
    given += ["--seeds", "1", "--steps", "5"]
    result = CliRunner().invoke(main, [*given, "--workers", "1"])
    assert result.exit_code == 0, result.output
    names = {entry.name for entry in folder.iterdir()}
    assert names == {"täbelle 1.csv", "mlflow.db", "mlruns"}
    assert list(tmp_path.iterdir()) == [folder]
    assert len(list(folder.rglob("predictions.npz"))) == 2
    assert "trainings to go: 0" in CliRunner().invoke(main, [*given, "--workers", "0"]).output
    table = CliRunner().invoke(main, ["leaderboard", "--output", "Täfel 1.md"])
    assert table.exit_code == 0, table.output
    text = Path("Täfel 1.md").read_text()
    assert "--data 'täbelle 1.csv'" in text  # the command that makes it again


@pytest.mark.slow
@pytest.mark.usefixtures("untrained")
def test_21_the_commands_at_the_end_can_be_pasted(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    store = f"sqlite:///{folder / 'mlflow.db'}"
    result = toys.benchmark(store, toy / "data.npz")
    assert result.exit_code == 0, result.output
    commands = [line.strip() for line in result.stderr.splitlines() if "uv run" in line]
    assert [shlex.split(command)[-1] for command in commands] == [store, store]


def test_21_a_folder_in_which_no_sqlite_store_can_be(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "what?x"
    folder.mkdir()
    monkeypatch.chdir(folder)
    result = toys.benchmark("", toy / "data.npz")
    assert result.exit_code == 2
    assert f"error: {folder}: no SQLite store can be in a folder with '?'" in result.stderr
    assert not list(folder.iterdir())


@pytest.fixture
def read_only(toy: Path) -> Iterator[Path]:
    """A data folder that nobody but root may write to, and root must not."""
    folder = toy / "data"
    folder.mkdir()
    (toy / "data.npz").rename(folder / "data.npz")
    (folder / "data.npz").chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


@pytest.mark.usefixtures("untrained")
def test_21_a_read_only_data_folder(read_only: Path, store_uri: str) -> None:
    before = [(entry, entry.stat().st_mtime_ns) for entry in (read_only, *read_only.iterdir())]
    result = toys.benchmark(store_uri, read_only / "data.npz")
    assert result.exit_code == 0, result.output
    assert before == [(entry, entry.stat().st_mtime_ns) for entry, _ in before]


def test_21_a_read_only_folder_of_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    from tasks.images import dataset

    root = tmp_path / "photos"
    for label, name in enumerate(("cats", "dogs")):
        (root / name).mkdir(parents=True)
        Image.new("RGB", (20, 20), (label * 200, 0, 0)).save(root / name / "0.jpg")
        (root / name).chmod(0o555)
    root.chmod(0o555)
    entries = sorted(root.rglob("*"))
    assert dataset.load(root, ("cat", "dog"), 16).labels.tolist() == [0, 1]
    assert sorted(root.rglob("*")) == entries
    for folder in (root / "cats", root / "dogs", root):
        folder.chmod(0o755)


NOBODY = """
import pwd, sys

def unknown(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")

if "nobody" in sys.argv[1]:
    pwd.getpwuid = unknown
sys.argv[1:2] = []

from benchmark.cli.main import main

if __name__ == "__main__":
    main()
"""


def without_home(tmp_path: Path, account: str, *words: str, **environment: str) -> tuple[int, str]:
    script = tmp_path / "script.py"
    script.write_text(NOBODY)
    here = tmp_path / "here"
    here.mkdir(exist_ok=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME")
    }
    done = subprocess.run(
        [sys.executable, str(script), account, *words],
        cwd=here,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.slow
def test_21_no_home(tmp_path: Path, store_uri: str) -> None:
    words = ["run", "--task", "insurance", "--data", "stand-in", "--strategies", "none"]
    words += ["--seeds", "1", "--steps", "5", "--workers", "0", "--tracking", store_uri]
    status, errors = without_home(tmp_path, "somebody", *words)
    assert status == 0, errors
    assert not list((tmp_path / "here").iterdir())  # above all, no folder named ~


def test_21_no_home_and_no_account(tmp_path: Path) -> None:
    status, errors = without_home(tmp_path, "nobody", "run", "--task", "insurance")
    assert status == 2
    assert errors.splitlines()[-1].startswith("error: there is no home folder: set HOME to one")
    assert "Traceback" not in errors
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.slow
def test_21_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    words = ["run", "--task", "catsdogs", "--data", "stand-in"]
    environment = {"HOME": "/proc/nothing", "SKEWBENCH_CACHE": ""}
    status, errors = without_home(tmp_path, "somebody", *words, **environment)
    assert status == 2
    assert errors.splitlines()[-1].startswith("error: cannot write the cache in /proc/nothing/")
    assert "SKEWBENCH_CACHE" in errors
    assert "Traceback" not in errors


def test_21_data_of_an_account_that_does_not_exist() -> None:
    with pytest.raises(UserError, match="--data ~nobody-here/x: there is no such home folder"):
        options.find_data("insurance", "~nobody-here/x")
