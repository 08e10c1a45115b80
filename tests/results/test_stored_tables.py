"""The advice on tables of real runs: the README's first command, insurance, photos from scratch.

`stored/*.csv` were written by `leaderboard --runs` with the commands of docs/results/README.md,
cut to the measures that the advice reads. The kept predictions are not among them.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.results.analysis import Analysis, analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.measures import COUNTS, MEASURES, ROWS, TUNED_THRESHOLD
from benchmark.results.verdict import HEADLINE, headline

STORED = Path(__file__).parent / "stored"


def analysis_of(name: str) -> Analysis:
    runs = pd.read_csv(STORED / f"{name}.csv", keep_default_na=False, na_values=["nan"])
    for column in (*MEASURES, *COUNTS, ROWS, TUNED_THRESHOLD):
        if column not in runs:
            runs[column] = float("nan")
    runs = runs.assign(state="finished", reason="", run="", predictions="", test_rows="")
    facts: dict[str, Any] = {"task": name, "settings": "", "data": "", "source": "real"}
    facts |= {"classes": ["negative", "positive"], "counts": [900, 100]}
    return analyse(Leaderboard("now", facts, (), (), runs, 0, 1))


@pytest.mark.parametrize(
    "name, use, words",
    [
        ("first_command", "oversample", "likely the best"),
        ("insurance", "threshold", "the best"),
        ("photos", "threshold", "the best"),
    ],
)
def test_the_advice_on_real_tables(name: str, use: str, words: str) -> None:
    analysis = analysis_of(name)
    sentences = headline(analysis)
    assert len(sentences) <= HEADLINE
    assert sentences[0].use == use and words in sentences[0].text
    assert analysis.race is not None
    outlook = analysis.race.outlooks[use]
    assert outlook.best > 0.7 and outlook.within >= 0.75 and outlook.regret < 0.02


def test_photos_settle_that_a_weight_of_fifty_harms() -> None:
    analysis = analysis_of("photos")
    for metric in ("test/f1", "test/f1_tuned", "test/average_precision"):
        worse = [claim.label for claim in analysis.significant(metric, better=False)]
        assert "class_weight(positive=50)" in worse and "oversample" not in worse
