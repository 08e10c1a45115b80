"""The chosen strategy against others, on test rows that no search has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.metrics import stats
from benchmark.metrics.stats import Difference
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard
from benchmark.tracking.history import read_fit
from benchmark.workflows.search.objective import Objective


@dataclass(frozen=True)
class Rival:
    """Another strategy, and the difference of the chosen one to it."""

    label: str
    value: Difference  # its mean
    ahead: Difference  # positive where the chosen one is better, whatever the objective
    p: float  # adjusted (Holm)


@dataclass(frozen=True)
class Confirmation:
    """The objective on test over fresh seeds."""

    label: str
    value: Difference
    rivals: tuple[Rival, ...]
    skilled: bool  # the chosen strategy ranks rows significantly better than chance

    def verdict(self, rival: Rival) -> str:
        """How the chosen strategy compares with a rival, in a word or two."""
        if rival.p >= stats.LEVEL:
            return "not significant"
        if not self.skilled:
            return "no claim"  # F1 also rises for a network that has learned nothing
        return "better" if rival.ahead.mean > 0 else "worse"


def confirm(uri: str, table: Leaderboard, chosen: str, goal: Objective) -> Confirmation:
    """Compare the strategies of a leaderboard on the objective, from stored predictions.

    Args:
        chosen: the strategy in full.

    Raises:
        UserError: if predictions are lost.
    """
    scores = _scores(uri, table, goal)
    label = str(table.runs.loc[table.runs["strategy"] == chosen, "label"].iloc[0])
    common = comparison.overlap(table)
    sign = -1 if goal.minimize else 1
    others = [str(other) for other in scores.index if other != label]
    own = scores.loc[label].to_numpy(np.float64)
    ahead = {
        other: stats.difference(sign * (own - scores.loc[other].to_numpy(np.float64)), common)
        for other in others
    }
    adjusted = stats.holm(np.array([difference.p for difference in ahead.values()]))
    means = {
        str(name): stats.difference(row.to_numpy(np.float64), common)
        for name, row in scores.iterrows()
    }
    return Confirmation(
        label=label,
        value=means[label],
        rivals=tuple(
            Rival(other, means[other], ahead[other], float(p))
            for other, p in zip(others, adjusted, strict=True)
        ),
        skilled=label in comparison.skilled(table, [label]),
    )


def _scores(uri: str, table: Leaderboard, goal: Objective) -> pd.DataFrame:
    """The objective on test, one row per strategy (label), one column per seed."""
    rows = []
    for cell in table.runs.to_dict("records"):
        fit = read_fit(uri, cell["run"], cell["predictions"])
        if fit is None:
            raise UserError(
                f"the store has lost the predictions of {cell['label']}, seed {cell['seed']}: "
                "the same command makes them again"
            )
        strategy = grammar.read(cell["strategy"]).strategy
        rows.append((cell["label"], cell["seed"], goal.on_test(strategy, fit)))
    frame = pd.DataFrame(rows, columns=["label", "seed", "value"])
    return frame.pivot(index="label", columns="seed", values="value")
