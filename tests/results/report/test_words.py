"""Reports speak the field's words: no page of a leaderboard has one of our own."""

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.report import html, markdown, terminal
from tests.docs.words import offences

Tables = Callable[..., Leaderboard]
TUNED = [0.41, 0.42, 0.43, 0.40]
TABLES = {
    "differences": {
        "none": {"f1": [0.01, 0.02, 0.0, 0.01], "f1_tuned": TUNED, "ece": [0.01, 0.02, 0.01, 0.01]},
        "threshold": {"f1": TUNED, "f1_tuned": TUNED},
        "oversample": {"f1": [0.41, 0.44, 0.43, 0.42], "ece": [0.2, 0.21, 0.2, 0.19]},
        "smote": {"f1": [0.3, 0.31, 0.3, 0.29], "f1_tuned": [0.2, 0.21, 0.2, 0.22]},
        "focal": {"f1": [0.02, None, 0.01, 0.01]},
    },
    "one seed": {"none": {"f1": [0.1]}, "focal": {"f1": [0.2]}},
    "nothing learned": {
        "none": {"f1": [0.0, 0.0, 0.1], "roc_auc": [0.5, 0.49, 0.51]},
        "focal": {"f1": [0.1, 0.2, 0.1], "roc_auc": [0.5, 0.51, 0.49]},
    },
    "no baseline": {"focal": {"f1": [0.1, 0.2]}},
}


@pytest.mark.parametrize("name", TABLES)
def test_a_leaderboard_in_every_format(name: str, table_of: Tables) -> None:
    analysis = analyse(table_of(TABLES[name], ["threshold"]))
    shown = Console(file=io.StringIO(), width=140)
    terminal.show(shown, analysis)
    page = html.report([html.section(analysis)])
    text = re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert isinstance(shown.file, io.StringIO)
    for format_ in (markdown.section(analysis), text, shown.file.getvalue()):
        assert offences(format_) == []
