"""Values around a centre, and the verdict on a table as one text."""

import numpy as np

from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.verdict import verdict

SEEDS = 10


def around(centre: float, seed: int, spread: float = 0.004) -> list[float]:
    """One value for each of `SEEDS` seeds."""
    rng = np.random.default_rng(seed)
    return (centre + spread * rng.normal(size=SEEDS)).tolist()


def text_of(table: Leaderboard) -> str:
    """All sentences, each with its figures."""
    return "\n".join(
        f"{sentence.text} ({sentence.figures})" for sentence in verdict(analyse(table))
    )
