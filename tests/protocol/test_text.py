"""Numbers, lists and commands as text."""

from __future__ import annotations

import math
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.protocol.text import (
    ROOT,
    command,
    escape_markdown,
    install,
    interval,
    listed,
    percent,
    seeds,
    share,
    strategies,
)


@dataclass(frozen=True)
class Measured:
    mean: float
    low: float = math.nan
    high: float = math.nan


def test_an_interval_follows_its_mean() -> None:
    assert interval(Measured(0.0212, 0.0041, 0.0379)) == "+0.021 [0.004, 0.038]"
    assert interval(Measured(-1234.56, -2000, 10.04), digits=1) == "-1,234.6 [-2,000.0, 10.0]"
    assert interval(Measured(0.5, 0.4, 0.6), digits=2, sign="") == "0.50 [0.40, 0.60]"


def test_an_interval_does_not_leave_the_range_of_what_is_measured() -> None:
    assert share(Measured(0.55, -0.009, 1.109)) == "0.550 [0.000, 1.000]"
    assert share(Measured(0.55, 0.5, 0.6)) == "0.550 [0.500, 0.600]"
    assert interval(Measured(0.9, 0.7, 1.1), within=(-1, 1)) == "+0.900 [0.700, 1.000]"


def test_without_an_interval_the_mean_stands_alone() -> None:
    assert interval(Measured(0.5)) == "+0.500"


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.256, 0, "26 %"), (0.256, 1, "25.6 %"), (1, 0, "100 %"), (0, 2, "0.00 %")],
)
def test_percent(share: float, digits: int, text: str) -> None:
    assert percent(share, digits) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_names_are_joined_as_in_a_sentence(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_strategies_are_counted() -> None:
    assert [strategies(number) for number in (1, 2)] == ["1 strategy", "2 strategies"]


def test_seeds_are_counted() -> None:
    assert [seeds(number) for number in (0, 1, 2, 1000)] == [
        "0 seeds",
        "1 seed",
        "2 seeds",
        "1,000 seeds",
    ]


def test_a_command_is_a_line_for_the_shell() -> None:
    line = command("run", task="csv", data="/my data/a.csv", strategies="none, focal", seeds=3)
    assert line == (
        "uv run skewbench run --task csv --data '/my data/a.csv' "
        "--strategies 'none, focal' --seeds 3"
    )


def test_what_a_command_does_not_need_is_left_out() -> None:
    assert command("leaderboard", output=None, tracking="", portion="all", seed=0) == (
        "uv run skewbench leaderboard --portion all --seed 0"
    )


def test_a_command_takes_positional_arguments_and_flags() -> None:
    assert command("export", "csv", force=True, quiet=False, cost_rule="x") == (
        "uv run skewbench export csv --force --cost-rule x"
    )


@pytest.mark.parametrize("text", ["it's", "a b", "$HOME", "`id`", "a;b", '"', "focal(gamma=2)"])
def test_a_command_is_read_back_word_for_word(text: str) -> None:
    assert shlex.split(command("run", text, settings=text))[-3:] == [text, "--settings", text]


def test_markdown_stays_in_its_cell() -> None:
    escaped = escape_markdown("a|b\n<img> [x](http://y) @me *z* & `c`")
    assert escaped == ("a\\|b &lt;img&gt; [x]\\(http:&#47;&#47;y) &#64;me \\*z\\* &amp; \\`c\\`")


def test_a_command_works_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = f"uv run --project {shlex.quote(str(ROOT))} skewbench tasks"
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    assert command("tasks") == "uv run skewbench tasks"
    assert install("boosting") == "uv sync --extra boosting"
    monkeypatch.chdir(tmp_path)
    assert command("tasks") == elsewhere
    assert install("x") == f"uv sync --project {shlex.quote(str(ROOT))} --extra x"
    # `mlflow run` changes to the checkout before it starts
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MLFLOW_RUN_ID", "run")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    assert command("tasks") == elsewhere
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{ROOT}/mlflow.db")
    assert command("tasks") == "uv run skewbench tasks"


@pytest.mark.slow
def test_the_tool_runs_outside_of_its_checkout(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{n % 9},{n % 4 == 0}\n" for n in range(80)))
    words = command("inspect", "csv", data="t.csv", settings="target=y", tracking="sqlite:///m.db")
    words = words.replace("uv run", f"uv run --project {shlex.quote(str(ROOT))}")
    done = subprocess.run(shlex.split(words), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "imbalance ratio" in done.stdout and (tmp_path / "m.db").exists()
