"""A leaderboard as files, each in the format that its name says."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predictions import read_predictions
from benchmark.results.report import html, markdown

CONDITIONS = ("task", "settings", "source", "content", "steps", "batch")


def texts(tables: Sequence[Leaderboard]) -> dict[str, str]:
    """Name -> text of those that need no predictions."""
    return {
        "leaderboard.md": markdown.leaderboards(tables),
        "leaderboard.csv": summary(tables),
        "runs.csv": runs(tables),
    }


def report(uri: str, tables: Sequence[Leaderboard]) -> str:
    """The page with figures; reads the kept predictions."""
    return html.report([html.section(table, read_predictions(uri, table)) for table in tables])


def summary(tables: Sequence[Leaderboard]) -> str:
    """CSV, one row a strategy: statistics of F1, mean and standard deviation of all measures."""
    frames = []
    for table in tables:
        numbers = table.summary().drop(columns="cells", level=0)
        numbers.columns = numbers.columns.map(" ".join)
        frame = comparison.leaderboard(table).join(numbers).reset_index()
        frames.append(_under_conditions(frame, table))
    return pd.concat(frames).to_csv(index=False)


def runs(tables: Sequence[Leaderboard]) -> str:
    """CSV, one row per run, for pandas."""
    return pd.concat([_under_conditions(table.runs, table) for table in tables]).to_csv(index=False)


def _under_conditions(frame: pd.DataFrame, table: Leaderboard) -> pd.DataFrame:
    return frame.assign(**{name: table.facts[name] for name in CONDITIONS})
