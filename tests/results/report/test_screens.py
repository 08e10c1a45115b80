"""What the terminal shows, as text, at 80 and 120 columns, piped, without colour, and dumb.

`UPDATE_SCREENS=1 uv run pytest tests/results/report/test_screens.py` writes the screens anew.
"""

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.results.analysis import Analysis
from benchmark.results.report import console as consoles
from benchmark.results.report import summary, terminal
from tests.results.test_stored_tables import analysis_of

SCREENS = Path(__file__).parent / "screens"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """The stored table of insurance: 27 strategies, ten seeds."""
    stored = analysis_of("insurance")
    facts = stored.table.facts | {"origin": "train.csv"}
    return replace(stored, table=replace(stored.table, facts=facts))


def expect(name: str, width: int, shown: str, folder: Path = SCREENS) -> None:
    """Compare with the committed screen; no line has spaces at its end."""
    lines = [line.rstrip() for line in shown.splitlines()]
    file = folder / f"{name}-{width}.txt"
    if os.environ.get("UPDATE_SCREENS"):
        folder.mkdir(exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == file.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_the_leaderboard(width: int, analysis: Analysis) -> None:
    file = io.StringIO()
    terminal.show(Console(file=file, width=width), analysis)
    shown = file.getvalue()
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    for heading in ("strategy", "threshold", "ΔF1 vs baseline", "P(best)"):
        assert heading in shown
    expect("leaderboard", width, shown)


def test_more_columns_are_shown_where_there_is_room(analysis: Analysis) -> None:
    columns = summary.columns(analysis)
    counts = [len(summary.fitting(columns, width)) for width in (80, 100, 120, 200)]
    assert counts == sorted(counts) and counts[0] == 4 and counts[-1] == len(columns)
    for width in (80, 100, 120):
        kept = {column.heading for column in summary.fitting(columns, width)}
        assert {column.heading for column in columns if column.rank < 4} <= kept


def test_long_names_are_cut_in_the_middle_and_stay_different(analysis: Analysis) -> None:
    names = [f"oversample(ratio=0.5)+class_weight(gamma=0.{n})+threshold" for n in range(9)]
    first, *others = summary.columns(analysis)
    cells = tuple((names * 3)[: len(first.cells)])
    cut = summary.fitting([summary.Column("strategy", cells, 0), *others], 80)[0]
    assert len(set(cut.cells)) == len(set(cells))
    assert all(name[:4] == "over" and "…" in name for name in cut.cells)


def listing(command: str, **environment: str) -> str:
    given = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    return subprocess.run(
        [sys.executable, "-m", "benchmark", command],
        cwd=ROOT,
        env={**given, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("command", ["tasks", "strategies"])
def test_listings_piped(command: str) -> None:
    narrow, wide = listing(command, COLUMNS="80"), listing(command)
    assert max(map(len, narrow.splitlines())) <= 80
    assert max(map(len, wide.splitlines())) <= consoles.PIPED_WIDTH
    assert narrow.split() == wide.split()  # nothing is cut
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert listing(command, COLUMNS="80", **plain) == narrow and "\x1b" not in narrow
    assert max(map(len, narrow.splitlines())) > 60


def test_without_colour_and_on_a_dumb_terminal_the_words_are_the_same(
    analysis: Analysis,
) -> None:
    shown = []
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm-256color"}):
        file = io.StringIO()
        console = Console(file=file, width=80, force_terminal=True, _environ=environment)
        terminal.show(console, analysis)
        shown.append(file.getvalue())
    without, dumb, coloured = shown
    assert "\x1b[3" not in without and "\x1b" not in dumb and "\x1b" in coloured
    expect("leaderboard", 80, dumb)


def test_a_pipe_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "91")
    assert consoles.console().width == 91
    monkeypatch.delenv("COLUMNS")
    assert consoles.console().width == consoles.PIPED_WIDTH
