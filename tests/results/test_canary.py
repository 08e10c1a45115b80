"""Labels without a meaning: every strategy is trained on them, and the verdict claims nothing."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from benchmark.protocol import grammar
from benchmark.protocol.grid import suitable_specs
from benchmark.protocol.task import Budget, Data
from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.verdict import verdict
from benchmark.training import device, fit, score
from benchmark.training.job import TrainingJob
from tasks._template import TASK

Tables = Callable[..., Leaderboard]


def measured(of_data: Mapping[str, tuple[Data, int]], table_of: Tables) -> dict[str, Leaderboard]:
    """All strategies that suit, on the template's network, for each data and number of seeds."""
    settings, budget = TASK.settings(), Budget(steps=60, batch=64)
    splits = {
        (name, seed): TASK.split(data, settings, seed)
        for name, (data, seeds) in of_data.items()
        for seed in range(seeds)
    }
    specs = suitable_specs(TASK, settings, ("no", "yes"), grammar.read_list("all"))
    scores: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    fits = {}
    for spec in specs:
        for (name, seed), split in splits.items():  # in turn, so that they share compiled code
            key = (spec.training, name, seed)
            if key not in fits:
                trained = grammar.read(spec.training).strategy
                job = TrainingJob(TASK, settings, split, 2, trained, budget, seed)
                fits[key] = fit.fit(job, lambda steps: None)
            scores[name, spec.label].append(score.score(spec.strategy, fits[key]).metrics)
    tested = [name for name in scores["meaningless", "none"][0] if name.startswith("test/")]
    deciding = [spec.label for spec in specs if spec.training == "none"]
    return {
        name: table_of(
            {
                spec.label: {
                    metric.removeprefix("test/"): [row[metric] for row in scores[name, spec.label]]
                    for metric in tested
                }
                for spec in specs
            },
            deciding=deciding,
        )
        for name in of_data
    }


@pytest.mark.slow
def test_all_strategies_on_shuffled_labels_and_on_true_ones(table_of: Tables) -> None:
    device.prepare()
    data = TASK.synthetic(TASK.settings())
    shuffled = np.random.default_rng(1).permutation(data.labels)
    of_data = {
        "meaningless": (dataclasses.replace(data, labels=shuffled), 5),
        "meaningful": (data, 4),
    }
    for name, table in measured(of_data, table_of).items():
        table.facts["counts"] = np.bincount(data.labels).tolist()
        said = " ".join(sentence.text for sentence in verdict(analyse(table)))
        nothing = "No strategy ranks rows significantly better" in said
        assert nothing is (name == "meaningless"), name
