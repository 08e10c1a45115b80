"""A race: seeds are added look by look, only for strategies that may still be the best.

All strategies get the seeds of the first look. At each look those whose probability of being
within `posterior.WITHIN` of the best is below `OUT` are dropped, and the race ends as soon as the
expected regret of the best choice is at most `DECIDED`. What is decided depends on the stored
results alone, so the same command takes the same path again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan, nan

from benchmark.protocol.errors import UserError
from benchmark.protocol.grid import Plan
from benchmark.protocol.text import listed, seeds
from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.outlook import LOOKS, next_look, race

OUT = 0.01  # probability of being within `WITHIN` of the best, below which a strategy is dropped
DECIDED = 0.005  # expected regret at which further seeds are not worth their time


@dataclass(frozen=True)
class Look:
    """What a look at the results says.

    Attributes:
        seeds: that were looked at.
        staying, dropped: labels.
        regret: least expected regret; nan if nothing can be compared.
    """

    seeds: int
    staying: tuple[str, ...]
    dropped: tuple[str, ...]
    regret: float

    @property
    def decided(self) -> bool:
        """Whether the race is over; without a comparison nobody can win it."""
        return not self.regret > DECIDED or len(self.staying) == 1

    def __str__(self) -> str:
        """What users are told."""
        if isnan(self.regret):
            return f"look at {seeds(self.seeds)}: the baseline has runs that are not finished"
        out = f"dropped: {listed(self.dropped)}" if self.dropped else "none is dropped"
        end = "decided" if self.decided else f"{listed(self.staying)} go on"
        return f"look at {seeds(self.seeds)}: expected regret {self.regret:.3f}; {out}; {end}"


def first_plan(plan: Plan) -> Plan:
    """Return the plan up to the first look.

    Raises:
        UserError: if there is no baseline to race against.
    """
    if all(text != comparison.NONE for text, _, _ in plan.strategies):
        raise UserError("--until-decided compares with the baseline: add none to --strategies")
    return replace(plan, seeds=(min(plan.most, LOOKS[0]),) * len(plan.seeds), race=True)


def next_plan(plan: Plan, look: Look, most: int) -> Plan | None:
    """Return the plan up to the next look; None if the race is over.

    Args:
        most: seeds that a strategy may get.
    """
    coming = min(most, next_look(look.seeds))
    if look.decided or coming == look.seeds:
        return None
    going = [
        coming if label in look.staying else number
        for (_, label, _), number in zip(plan.strategies, plan.seeds, strict=True)
    ]
    return replace(plan, seeds=tuple(going))


def look_at(table: Leaderboard, plan: Plan) -> Look:
    """Judge the strategies that have all the seeds planned so far.

    The baseline always stays: the others are compared with it.
    """
    racing = {
        text: label
        for (text, label, _), number in zip(plan.strategies, plan.seeds, strict=True)
        if number == plan.most
    }
    now = table.at(plan.most, list(racing))
    baseline, complete = comparison.baseline(now), comparison.complete(now)
    labels = dict(zip(now.runs["label"], now.runs["strategy"], strict=True))
    standing = race(now, baseline, complete) if baseline in complete else None
    if standing is None:
        return Look(plan.most, tuple(racing.values()), (), nan)
    staying = {
        racing[labels[label]]
        for label, outlook in standing.outlooks.items()
        if label in labels and (outlook.within >= OUT or label == baseline)
    }
    return Look(
        seeds=plan.most,
        staying=tuple(label for label in racing.values() if label in staying),
        dropped=tuple(label for label in racing.values() if label not in staying),
        regret=min(outlook.regret for outlook in standing.outlooks.values()),
    )
