"""What the chosen strategy is worth on test, against others, on rows that no search has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.metrics import stats
from benchmark.metrics.stats import Difference
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results import analysis, comparison
from benchmark.results.leaderboard import Leaderboard
from benchmark.tracking.history import read_fit
from benchmark.workflows.search.objective import Objective


@dataclass(frozen=True)
class Rival:
    """Another strategy, and what the chosen one has more than it."""

    label: str
    value: Difference  # its mean
    ahead: Difference  # of the chosen one, positive where it is better whatever the objective
    p: float  # by Holm


@dataclass(frozen=True)
class Confirmation:
    """The objective on test over fresh seeds."""

    label: str
    value: Difference
    rivals: tuple[Rival, ...]
    skilled: bool  # whether the chosen strategy ranks rows better than chance does

    def verdict(self, rival: Rival) -> str:
        """In a word or two."""
        if rival.p >= stats.LEVEL:
            return "may be chance"
        if not self.skilled:
            return "says nothing"  # F1 rises for a network that knows nothing
        return "better" if rival.ahead.mean > 0 else "worse"


def confirm(uri: str, table: Leaderboard, chosen: str, goal: Objective) -> Confirmation:
    """Compares the cells of a table on the objective, from their kept predictions.

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
    adjusted = stats.holm(np.array([it.p for it in ahead.values()]))
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
        skilled=label in analysis.skilled(table, [label]),
    )


def _scores(uri: str, table: Leaderboard, goal: Objective) -> pd.DataFrame:
    """The objective on test, one row a strategy (label), one column a seed."""
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
