"""What the report's figures are drawn from: kept predictions, read back from the store."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark import comparison, metrics, registry
from benchmark.errors import UserError
from benchmark.fits import Fit
from benchmark.leaderboard import Table
from benchmark.report.bands import Scored
from benchmark.tracking.cells import read_fit


@dataclass(frozen=True)
class Evidence:
    """Predictions of the complete strategies.

    Attributes:
        fits: training part -> its fit at every seed.
        scored: label -> test labels and probabilities at every seed, calibrated as it does.
    """

    fits: dict[str, list[Fit]]
    scored: dict[str, list[Scored]]


def evidence(uri: str, table: Table) -> Evidence:
    """Reads the predictions of a table's runs; a strategy that lost any is left out."""
    fits: dict[str, list[Fit]] = {}
    scored: dict[str, list[Scored]] = {}
    found: dict[tuple[str, int], Fit | None] = {}
    for label in comparison.complete(table):
        own = table.runs[table.runs["label"] == label]
        part, text = str(own["training_part"].iloc[0]), str(own["strategy"].iloc[0])
        for run, seed, digest in zip(own["run"], own["seed"], own["predictions"], strict=True):
            if found.get((part, seed)) is None:
                found[part, seed] = read_fit(uri, run, digest)
        of_seeds = [fit for seed in own["seed"] if (fit := found[part, seed])]
        if len(of_seeds) == len(own):
            fits[part] = of_seeds
            probabilities = _probabilities(text, of_seeds)
            if probabilities:
                scored[label] = probabilities
    return Evidence(fits, scored)


def _probabilities(text: str, fits: list[Fit]) -> list[Scored]:
    """Of the strategy as it is today; none if it is no longer there."""
    try:
        strategy = registry.read(text).strategy
    except UserError:
        return []
    scored = []
    for fit in fits:
        calibrate = strategy.calibrate(fit.validation.best, fit.validation.labels, fit.priors)
        scored.append((fit.test.labels, metrics.probabilities(calibrate(fit.test.best))))
    return scored
