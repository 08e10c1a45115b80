"""What the terminal says of a store."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.protocol.text import ROOT
from benchmark.results.report import terminal
from benchmark.tracking.store import Store


@pytest.mark.parametrize(
    "show",
    [terminal.where_next, lambda *given: terminal.in_mlflow(*given, "Its trials:", "/runs")],
    ids=["where_next", "in_mlflow"],
)
def test_a_servers_address_is_shown_without_its_password(
    show: Callable[[Console, Store], None],
) -> None:
    said = io.StringIO()
    show(Console(file=said), Store("http://me:secret@127.0.0.1:5000", "7", {}))
    assert "127.0.0.1:5000" in said.getvalue() and "/experiments/7" in said.getvalue()
    assert "secret" not in said.getvalue()


def test_lines_to_paste_work_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    terminal.where_next(Console(file=said), Store(f"sqlite:///{tmp_path}/m.db", "7", {}))
    lines = [line.strip() for line in said.getvalue().splitlines() if "uv run" in line]
    there = f"uv run --project {ROOT}"
    assert len(lines) == 2
    assert lines[0].startswith(f"{there} mlflow ui")
    assert lines[1].startswith(f"{there} skewbench leaderboard")
