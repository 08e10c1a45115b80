"""Labels without a meaning: every strategy is trained on them, and the verdict claims nothing."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from benchmark import registry, run
from benchmark.leaderboard import Table
from benchmark.plan import those_suitable
from benchmark.task import Budget, Data
from benchmark.verdict import verdict
from tasks._template import TASK

Tables = Callable[..., Table]


def measured(data: Data, seeds: int, table_of: Tables) -> Table:
    """All strategies that suit, on the template's network."""
    settings, budget = TASK.settings(), Budget(steps=60, batch=64)
    remedies = those_suitable(TASK, TASK.settings(), data.classes, registry.read_list("all"))
    results: dict[str, list[dict[str, float]]] = {remedy.label: [] for remedy in remedies}
    splits = [TASK.split(data, settings, seed) for seed in range(seeds)]
    fits = {}
    for remedy in remedies:
        for seed in range(seeds):  # in turn, so that they share compiled code
            if (remedy.training, seed) not in fits:
                trained = registry.read(remedy.training).strategy
                arguments = (TASK, settings, splits[seed], 2, trained, budget, seed)
                fits[remedy.training, seed] = run.fit(*arguments, lambda steps: None)
            scores = run.score(remedy.strategy, fits[remedy.training, seed]).metrics
            results[remedy.label].append(scores)
    names = [name for name in scores if name.startswith("test/")]
    columns = {
        label: {name.removeprefix("test/"): [row[name] for row in rows] for name in names}
        for label, rows in results.items()
    }
    deciding = [remedy.label for remedy in remedies if remedy.training == "none"]
    return table_of(columns, deciding=deciding)


@pytest.mark.parametrize("meaning, seeds", [(False, 5), (True, 4)])
def test_all_strategies_on_shuffled_labels_and_on_true_ones(
    meaning: bool, seeds: int, table_of: Tables
) -> None:
    data = TASK.stand_in(TASK.settings())
    if not meaning:
        labels = np.random.default_rng(1).permutation(data.labels)
        data = dataclasses.replace(data, labels=labels)
    table = measured(data, seeds, table_of)
    table.facts["counts"] = np.bincount(data.labels).tolist()
    said = " ".join(sentence.text for sentence in verdict(table))
    assert ("No strategy is shown to rank rows better" in said) is not meaning
