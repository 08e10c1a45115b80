"""Stored predictions of a leaderboard's runs, read back from the store."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.metrics.curves import Scored
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.errors import UserError
from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard
from benchmark.tracking.history import read_fit
from benchmark.training.decision import fit_decision
from benchmark.training.predictions import Fit

Decided = tuple[Ints, Ints, Floats]  # labels, predicted classes and weights, (rows,) each


@dataclass(frozen=True)
class TablePredictions:
    """Predictions of the complete strategies.

    Attributes:
        fits: training -> its fit at every seed.
        scored: label -> test labels, calibrated logits and weights at every seed.
        decided: label -> test labels, predicted classes and weights at every seed.
    """

    fits: dict[str, list[Fit]]
    scored: dict[str, list[Scored]]
    decided: dict[str, list[Decided]]


def read_predictions(uri: str, table: Leaderboard) -> TablePredictions:
    """Read the predictions of a leaderboard's runs; a strategy that lost any is left out."""
    fits: dict[str, list[Fit]] = {}
    scored: dict[str, list[Scored]] = {}
    decided: dict[str, list[Decided]] = {}
    read: dict[tuple[str, int], Fit | None] = {}
    for label in comparison.complete(table):
        own = table.runs[table.runs["label"] == label]
        part, text = str(own["training_part"].iloc[0]), str(own["strategy"].iloc[0])
        for run, seed, digest in zip(own["run"], own["seed"], own["predictions"], strict=True):
            if read.get((part, seed)) is None:
                read[part, seed] = read_fit(uri, run, digest)
        of_seeds = [fit for seed in own["seed"] if (fit := read[part, seed])]
        if len(of_seeds) < len(own):
            continue
        fits[part] = of_seeds
        try:
            strategy = grammar.read(text).strategy
        except UserError:
            continue  # it was removed since
        pairs = [(fit_decision(strategy, fit), fit.test) for fit in of_seeds]
        scored[label] = [
            (test.labels, rule.calibration(test.best), test.weights) for rule, test in pairs
        ]
        decided[label] = [
            (test.labels, rule.decide(test.best), test.weights) for rule, test in pairs
        ]
    return TablePredictions(fits, scored, decided)
