"""Which strategy to use, for F1 or for what wrong decisions cost a person, and why.

For F1 it is what the verdict of the leaderboard says. For costs every strategy is tried with
two thresholds, and judged as the verdict judges: paired by seed, by Holm, the simplest first.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.metrics.costs import PER, THEORY, Costs
from benchmark.metrics.stats import LEVEL
from benchmark.protocol import grid, registry
from benchmark.protocol.arguments import suggest
from benchmark.protocol.errors import UserError
from benchmark.protocol.text import interval
from benchmark.results import comparison, leaderboard
from benchmark.results.analysis import Analysis, Sentence, analyse
from benchmark.results.expected_cost import OWN_THRESHOLD, Candidate, ExpectedCosts, expected_costs
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.verdict import verdict


@dataclass(frozen=True)
class LeaderboardQuery:
    """Which of a store's leaderboards is meant, as far as the person said."""

    task: str = ""
    settings: Any = None  # an instance of the task's settings
    data: str | None = None  # path; "" is the stand-in
    steps: int | None = None
    portion: str = "all"

    def fits(self, table: Leaderboard) -> bool:
        """Return whether a table is meant; a search's confirmation has to be asked for."""
        facts = table.facts
        return (
            facts["task"] == (self.task or facts["task"])
            and (self.settings is None or facts["settings"] == grid.format_settings(self.settings))
            and facts["steps"] == (self.steps or facts["steps"])
            and facts.get("portion", "all") == self.portion
            and (self.data is None or _same_place(self.data, facts["data"]))
        )


@dataclass(frozen=True)
class Recommendation:
    """What to use, and what that follows from."""

    table: Leaderboard
    sentences: Sequence[Sentence]
    label: str  # of the strategy; "" where none can be recommended
    costs: Costs | None = None
    prices: ExpectedCosts | None = None  # with costs
    way: Candidate | None = None  # with costs: how the threshold is placed

    @property
    def rule(self) -> str:
        """How the threshold is placed, see `pricing`."""
        return self.way.rule if self.way else OWN_THRESHOLD


def find_leaderboard(uri: str, wanted: LeaderboardQuery) -> Leaderboard:
    """The one leaderboard of a store that is meant.

    Raises:
        UserError: if there is none, or more than one, with what tells them apart.
    """
    tables = leaderboard.leaderboards(uri, [wanted.task] if wanted.task else registry.tasks())
    fitting = [table for table in tables if wanted.fits(table)]
    if len(fitting) == 1:
        return fitting[0]
    lines = [f"  {shlex.join(leaderboard_arguments(table))}" for table in fitting or tables]
    found = f"{len(fitting)} leaderboards fit" if fitting else "no leaderboard fits"
    raise UserError("\n".join([f"{uri}: {found}; choose one of", *lines]))


def leaderboard_arguments(table: Leaderboard) -> list[str]:
    """What names a leaderboard on the command line."""
    facts = table.facts
    words = [facts["task"], "--data", facts["data"] or "stand-in", "--settings", facts["settings"]]
    portion = facts.get("portion", "all")
    chosen = ["--portion", portion] if portion != "all" else []
    return [*words, "--steps", str(facts["steps"]), *chosen]


def _same_place(given: str, tracked: str) -> bool:
    return bool(given) == bool(tracked) and Path(given).resolve() == Path(tracked).resolve()


def recommend(uri: str, table: Leaderboard, costs: Costs | None) -> Recommendation:
    """For F1, or for costs if there are any."""
    return _for_f1(table) if costs is None else _for_costs(uri, table, costs)


def _for_f1(table: Leaderboard) -> Recommendation:
    """The verdict's advice."""
    sentences = verdict(table)
    label = next((sentence.use for sentence in sentences if sentence.use), "")
    if label and not sentences[0].text.startswith(f"Use {label}"):
        sentences.append(Sentence(f"Until more is known, use {label}: nothing is simpler."))
    return Recommendation(table, sentences, label)


def _for_costs(uri: str, table: Leaderboard, wanted: Costs) -> Recommendation:
    """The way to decide with the lowest expected cost, or a simpler one as good.

    Raises:
        UserError: for more than two classes, or if predictions are lost.
    """
    if len(table.facts["classes"]) != 2:
        raise UserError("--cost needs two classes: with more, every pair of them has its own price")
    found = analyse(table)
    if isinstance(found, Sentence):
        return Recommendation(table, [found], "", costs=wanted)
    known = expected_costs(uri, found, wanted)
    way, one_way = known.choose(known.ways), known.cheaper_one_way
    if way.mean >= one_way.mean:
        text = f"Call every row {one_way.label!r}: no strategy is cheaper."
        figures = f"{_priced(one_way)}; {known.cheapest.label} {known.cheapest.mean:,.1f}"
        return Recommendation(table, [Sentence(text, figures)], "", wanted, known)
    return Recommendation(table, list(_why(found, known, wanted)), way.label, wanted, known, way)


def with_strategy(advice: Recommendation, label: str) -> Recommendation:
    """Another strategy than the recommended one, by hand; the threshold is placed as costs ask for.

    Raises:
        UserError: if it is not in the table, not complete, or with costs the same as another.
    """
    complete = comparison.complete(advice.table)
    if label not in complete:
        raise UserError(f"no strategy {label!r} with all cells done: {suggest(label, complete)}")
    said = [Sentence("Chosen by hand.", use=label)]
    if advice.prices is None:
        return replace(advice, sentences=said, label=label)
    ways = [way for way in advice.prices.ways if way.label == label]
    if not ways:
        raise UserError(
            f"with costs, {label} decides as a simpler strategy does: see `recommend`, name that"
        )
    way = advice.prices.choose(ways)
    return replace(advice, sentences=said, label=label, way=way)


def _why(found: Analysis, known: ExpectedCosts, wanted: Costs) -> Iterator[Sentence]:
    """The choice, and what it was held against."""
    way, best = known.choose(known.ways), known.cheapest
    positive = found.table.facts["classes"][1]
    place = f"{wanted.fp:g}/{wanted.fp + wanted.fn:g} = " if way.rule == THEORY else ""
    yield Sentence(
        f"Use {way.label}, and decide {positive!r} from a probability of {place}{_threshold(way)}: "
        f"{way.rule} for {wanted}.",
        f"{_priced(way)}, mean over {len(way.cost)} seed{'s' * (len(way.cost) > 1)}",
        way.label,
    )
    if way is not best:
        yield Sentence(
            f"It is simpler than {best.label} with {best.rule}, which is not cheaper beyond "
            "chance.",
            f"{way.mean:,.1f} and {best.mean:,.1f}",
        )
    others = {
        f"none at {OWN_THRESHOLD}": known.plain,
        f"calling every row {known.cheaper_one_way.label!r}": known.cheaper_one_way,
    }
    for name, other in others.items():
        it = way.less(other, known.overlap)
        sure = "beyond chance" if known.p[way, other] < LEVEL else "but that may be chance"
        word = "cheaper" if it.mean < 0 else "dearer"
        yield Sentence(
            f"It is {word} than {name}, {sure}.", f"{other.mean:,.1f}: {interval(it, 1)}"
        )
    if found.seeds == 1:
        yield Sentence("One seed cannot tell luck from effect: run more, such as --seeds 5.")


def _priced(way: Candidate) -> str:
    return f"{way.label} costs {way.mean:,.1f} for {PER:,} rows"


def _threshold(way: Candidate) -> str:
    return f"{np.mean(way.thresholds):.3g}"
