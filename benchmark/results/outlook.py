"""Who may be the best: the posterior of the strategies' F1, and what further seeds would settle."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from benchmark.metrics.posterior import Evidence, evidence, forecast, posterior
from benchmark.protocol.threads import one_thread
from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.row_errors import RowErrors

TUNED = "the baseline at its tuned threshold"  # takes part beside the strategies
NEGLIGIBLE = 0.01  # expected F1 that nobody would give up simplicity for
SETTLED, LIKELY = 0.95, 0.75  # probability of being within `WITHIN` of the best
LOOKS = (3, 5, 10, 20)  # numbers of seeds at which results are looked at
METRIC = "test/f1"


def next_look(seeds: int) -> int:
    """Return the number of seeds at the look that follows one at `seeds`."""
    return next((look for look in LOOKS if look > seeds), 2 * seeds)


@dataclass(frozen=True)
class Outlook:
    """A candidate's mean F1, and how it compares with the best by the posterior."""

    mean: float
    best: float  # probability of being the best
    within: float  # probability of being within `posterior.WITHIN` of the best
    regret: float  # expected F1 lost against the best


@dataclass(frozen=True)
class Race:
    """The candidates for the best F1.

    Attributes:
        scores: F1, one row per candidate (label), one column per seed.
        outlooks: label -> outlook, in the order of the rows.
    """

    scores: pd.DataFrame
    outlooks: dict[str, Outlook]
    evidence: Evidence

    @property
    def seeds(self) -> int:
        """Number of seeds that all candidates have."""
        return int(self.scores.shape[1])

    @property
    def near(self) -> list[str]:
        """Candidates whose expected regret is at most `NEGLIGIBLE` above the least."""
        least = min(outlook.regret for outlook in self.outlooks.values())
        return [
            label
            for label, outlook in self.outlooks.items()
            if outlook.regret <= least + NEGLIGIBLE
        ]

    @property
    def coming(self) -> int:
        """Number of seeds at the next look."""
        return next_look(self.seeds)

    @cached_property
    def settles(self) -> float:
        """Probability that at the next look one candidate will be the best or nearly so."""
        with one_thread():
            return forecast(self.evidence, self.coming, SETTLED, np.random.default_rng(0))


def race(table: Leaderboard, baseline: str, skilled: Collection[str]) -> Race | None:
    """Compare the strategies that rank rows better than chance, and the baseline.

    The baseline with a tuned threshold takes part, even where no strategy does that. A strategy
    with fewer seeds than the baseline takes no part. None with a single seed.
    """
    scores = comparison.values(table, METRIC)
    scores = scores.loc[:, scores.loc[baseline].notna()].dropna()
    scores = scores.loc[[label for label in scores.index if label in {*skilled, baseline}]]
    predicted = table.row_errors.predicted
    tuned = comparison.of(table, baseline, "test/f1_tuned").dropna()
    if not (scores == tuned).all(axis=1).any():
        scores.loc[TUNED] = tuned
        if baseline in predicted:
            own = [one.at_tuned_threshold() for one in predicted[baseline]]
            predicted = {**predicted, TUNED: own}
    if scores.shape[1] < 2:
        return None
    labels = [str(label) for label in scores.index]
    rows = RowErrors(predicted).covariance(METRIC, labels)
    with one_thread():
        known = evidence(scores.to_numpy(np.float64), rows, comparison.correlation(METRIC))
        drawn = posterior(known, np.random.default_rng(0))
    columns = scores.mean(axis=1), drawn.best(), drawn.within(), drawn.regret()
    numbers = zip(labels, *(column.tolist() for column in columns), strict=True)
    return Race(scores, {label: Outlook(*own) for label, *own in numbers}, known)
