"""Stored predictions of a leaderboard's runs, read back from the store."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.protocol.threads import one_thread
from benchmark.results import comparison
from benchmark.results.leaderboard import Leaderboard, leaderboards
from benchmark.results.predicted import Predicted, predict
from benchmark.results.row_errors import RowErrors
from benchmark.tracking.history import read_fit
from benchmark.training.predictions import Fit, Predictions

ENOUGH_SEEDS = 200  # of a strategy; with more, what is read here changes little, but fills memory
READERS = 4  # threads that wait for a server; files of this machine are unpacked sooner by one


def with_predictions(uri: str, table: Leaderboard) -> Leaderboard:
    """Return the table with the predictions of its runs, from which row errors are measured."""
    return replace(table, row_errors=RowErrors(read_predictions(uri, table)))


def with_all_predictions(uri: str, tasks: Iterable[str]) -> list[Leaderboard]:
    """Return the leaderboards of tasks in a store, each with the predictions of its runs."""
    return [with_predictions(uri, table) for table in leaderboards(uri, tasks)]


def read_predictions(uri: str, table: Leaderboard) -> dict[str, list[Predicted]]:
    """Read the predictions of the complete strategies: label -> one per seed.

    The first `ENOUGH_SEEDS` are read. A strategy that lost any, or that was removed since, is
    left out.
    """
    runs = table.runs[table.runs["label"].isin(comparison.complete(table))]
    runs = runs[runs["seed"] < ENOUGH_SEEDS]
    fits = _read_fits(uri, runs.to_dict("records"))
    found: dict[str, list[Predicted]] = {}
    for label, own in runs.groupby("label", sort=False):
        of_seeds = [
            (int(seed), fits[part, seed])
            for part, seed in zip(own["training_part"], own["seed"], strict=True)
        ]
        try:
            strategy = grammar.read(str(own["strategy"].iloc[0])).strategy
        except UserError:
            continue
        if all(fit for _, fit in of_seeds):
            with one_thread():  # sums of two columns: threads would wait for each other
                found[str(label)] = [predict(strategy, fit, seed) for seed, fit in of_seeds if fit]
    return found


def _read_fits(uri: str, runs: list[dict[Hashable, Any]]) -> dict[tuple[str, int], Fit | None]:
    """Fits by (training, seed); the first of the runs that share one is read."""
    first: dict[tuple[str, int], dict[Hashable, Any]] = {}
    for run in runs:
        first.setdefault((run["training_part"], run["seed"]), run)
    here = all(str(run["artifacts"]).startswith("file:") for run in first.values())
    with ThreadPoolExecutor(1 if here else READERS) as threads:
        read = threads.map(
            lambda run: read_fit(uri, str(run["artifacts"]), str(run["predictions"])),
            first.values(),
        )
        return _sharing(dict(zip(first, read, strict=True)))


def _sharing(fits: dict[tuple[str, int], Fit | None]) -> dict[tuple[str, int], Fit | None]:
    """Let the fits of a seed have the same arrays of rows, labels and weights: these are equal."""
    known: dict[tuple[Any, ...], NDArray[Any]] = {}

    def shared(part: Predictions, *key: object) -> Predictions:
        same = {}
        for name in ("rows", "labels", "weights"):
            values = getattr(part, name)
            first = known.setdefault((*key, name), values)
            same[name] = first if np.array_equal(first, values) else values
        return replace(part, **same)

    return {
        (training, seed): fit
        and replace(
            fit,
            validation=shared(fit.validation, seed, "validation"),
            test=shared(fit.test, seed, "test"),
        )
        for (training, seed), fit in fits.items()
    }
