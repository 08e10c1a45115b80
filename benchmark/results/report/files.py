"""Leaderboards as files: Markdown, CSV and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmark.protocol.errors import UserError
from benchmark.results.analysis import Analysis
from benchmark.results.report import html, markdown
from benchmark.results.report.tables import TextTable

CONDITIONS = ("task", "settings", "source", "content", "steps", "batch")


def texts(analyses: Sequence[Analysis]) -> dict[str, str]:
    """The files without figures: name -> text."""
    return {
        "leaderboard.md": markdown.leaderboards(analyses),
        "leaderboard.csv": summary(analyses),
        "runs.csv": runs(analyses),
    }


def report(analyses: Sequence[Analysis], further: Sequence[Sequence[TextTable]] = ()) -> str:
    """The HTML page with figures, and further tables of each leaderboard if they are given."""
    of_each = further or [()] * len(analyses)
    return html.report([html.section(*both) for both in zip(analyses, of_each, strict=True)])


def summary(analyses: Sequence[Analysis]) -> str:
    """CSV, one row per strategy: statistics of F1, mean and standard deviation of all measures."""
    frames = [_with_conditions(of_strategies(analysis), analysis) for analysis in analyses]
    return pd.concat(frames).to_csv(index=False)


def of_strategies(analysis: Analysis) -> pd.DataFrame:
    """One row per strategy (column label), best F1 first: the columns of `summary`."""
    numbers = analysis.table.summary().drop(columns="runs", level=0)
    numbers.columns = numbers.columns.map(" ".join)
    return analysis.ranking.join(numbers).reset_index()


def runs(analyses: Sequence[Analysis]) -> str:
    """CSV, one row per run."""
    frames = [_with_conditions(analysis.table.runs, analysis) for analysis in analyses]
    return pd.concat(frames).to_csv(index=False)


def _with_conditions(frame: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    return frame.assign(**{name: analysis.table.facts[name] for name in CONDITIONS})


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, name -> text, into a folder, which is made if need be.

    Raises:
        UserError: if that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
