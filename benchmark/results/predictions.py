"""What the report's figures are drawn from: kept predictions, read back from the store."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.metrics.curves import Scored
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard
from benchmark.tracking.history import read_fit
from benchmark.training.decision import fit_decision
from benchmark.training.predictions import Fit

Decided = tuple[Ints, Ints]  # labels and decisions, (rows,) each


@dataclass(frozen=True)
class TablePredictions:
    """Predictions of the complete strategies.

    Attributes:
        fits: training part -> its fit at every seed.
        scored: label -> test labels and logits at every seed, calibrated as it does.
        decided: label -> test labels and decisions at every seed.
    """

    fits: dict[str, list[Fit]]
    scored: dict[str, list[Scored]]
    decided: dict[str, list[Decided]]


def read_predictions(uri: str, table: Leaderboard) -> TablePredictions:
    """Reads the predictions of a table's runs; a strategy that lost any is left out."""
    fits: dict[str, list[Fit]] = {}
    scored: dict[str, list[Scored]] = {}
    decided: dict[str, list[Decided]] = {}
    found: dict[tuple[str, int], Fit | None] = {}
    for label in comparison.complete(table):
        own = table.runs[table.runs["label"] == label]
        part, text = str(own["training_part"].iloc[0]), str(own["strategy"].iloc[0])
        for run, seed, digest in zip(own["run"], own["seed"], own["predictions"], strict=True):
            if found.get((part, seed)) is None:
                found[part, seed] = read_fit(uri, run, digest)
        of_seeds = [fit for seed in own["seed"] if (fit := found[part, seed])]
        if len(of_seeds) < len(own):
            continue
        fits[part] = of_seeds
        try:
            strategy = grammar.read(text).strategy  # as it is today
        except UserError:
            continue  # it is no longer there
        decisions = [fit_decision(strategy, fit) for fit in of_seeds]
        tests = [fit.test for fit in of_seeds]
        both = list(zip(decisions, tests, strict=True))
        scored[label] = [(test.labels, it.calibration(test.best)) for it, test in both]
        decided[label] = [(test.labels, it.decide(test.best)) for it, test in both]
    return TablePredictions(fits, scored, decided)
