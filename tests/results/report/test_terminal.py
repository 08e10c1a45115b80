"""What the terminal says of a store."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

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
