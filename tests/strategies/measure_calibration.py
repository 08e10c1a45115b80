"""Calibration errors with and without calibrators on real tables: the table of docs/strategies.md.

uv run --extra boosting python -m tests.strategies.measure_calibration 2

Prints a row per strategy, mean of ten tables / of the insurance customers, and the most that a
calibrator changed the average precision of any run. The number is that of the seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from benchmark.protocol import grammar
from benchmark.training.fit import fit
from benchmark.training.job import TrainingJob
from benchmark.training.score import score
from tests.real_tables import TEN, opened

STRATEGIES = ("none", "class_weight", "oversample", "smote", "undersample")
CALIBRATORS = ("", "platt", "beta", "isotonic", "temperature", "prior_correction+temperature")


def measured(table: str, seeds: int) -> Iterator[tuple[str, list[float], list[float]]]:
    """Yield a strategy, then calibration error and average precision with each calibrator."""
    task, settings, data = opened(table, "xgboost")
    for seed in range(seeds):
        splits = task.split(data, settings, seed)
        for name in STRATEGIES:
            strategy, budget = grammar.read(name).strategy, task.budget(settings, "real")
            job = TrainingJob(task, settings, splits, len(data.classes), strategy, budget, seed)
            trained = fit(job, lambda steps: None)
            texts = ["+".join(filter(None, (name, calibrator))) for calibrator in CALIBRATORS]
            found = [score(grammar.read(text).strategy, trained).metrics for text in texts]
            yield (
                name,
                [metrics["test/ece"] for metrics in found],
                [metrics["test/average_precision"] for metrics in found],
            )


def main(seeds: int) -> None:
    """Measure all tables, and print the rows of the page."""
    errors = {}
    changes = []
    for table in (*TEN, "insurance"):
        by_strategy: dict[str, list[list[float]]] = {name: [] for name in STRATEGIES}
        for name, ece, precision in measured(table, seeds):
            by_strategy[name].append(ece)
            changes += [value - precision[0] for value in precision[1:]]
        errors[table] = {name: np.mean(rows, axis=0) for name, rows in by_strategy.items()}
        print(f"{table}: {len(changes)} runs", file=sys.stderr, flush=True)
    for name in STRATEGIES:
        tables = np.mean([errors[table][name] for table in TEN], axis=0)
        pairs = zip(tables, errors["insurance"][name], strict=True)
        cells = [f"{ten:.3f} / {insurance:.3f}".replace("0.", ".") for ten, insurance in pairs]
        print(f"| `{name}` | {' | '.join(cells)} |")
    lost, gained = min(changes), max(changes)
    print(f"average precision changed by {lost:.1e} to {gained:.1e} in {len(changes)} runs")


if __name__ == "__main__":
    main(int(sys.argv[1]))
