"""SMOTE and logistic regression beside imbalanced-ensemble, smote-variants and balancr.

Each has a virtual environment of its own in the folder that SKEWBENCH_PEERS names: imbens,
smote_variants and balancr.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.protocol import grammar, registry
from benchmark.protocol.splits import restrict
from benchmark.training import fit
from benchmark.training.job import TrainingJob
from benchmark.training.score import score
from benchmark.workflows.execution import worker
from benchmark.workflows.suite.sources import Source, in_folder

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tables"
NAMES = (
    *("kc1", "pc1", "qsar_biodeg", "steel_plates_fault", "vehicle0", "wilt", "wine_quality"),
    *("yeast-2_vs_8", "yeast1", "yeast3"),
)
SEEDS = 3
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Repeats:
    """What was measured of each table and seed, by the name of its file."""

    folder: Path
    steps: int
    average_precision: dict[str, float]
    seconds: dict[str, float]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Repeats:
    """Train and score, all thirty measures, without a record; write the splits down for others."""
    if not TABLES.exists():
        pytest.skip("no tables in ../shared/data/tables")
    folder = tmp_path_factory.mktemp("splits")
    found, seconds = {}, {}
    sources = [one for one in in_folder(TABLES, "") if one.name in NAMES]
    for source in sources:
        assert isinstance(source, Source)
        for name, job in _jobs(source, folder):
            if not found:
                fit.fit(job, lambda _: None)  # imports
            began = time.process_time()
            measured = score(job.strategy, fit.fit(job, lambda _: None)).metrics
            seconds[name] = time.process_time() - began
            found[name] = measured["test/average_precision"]
    assert len(found) == len(NAMES) * SEEDS
    return Repeats(folder, job.budget.steps, found, seconds)


def _jobs(source: Source, folder: Path) -> Iterator[tuple[str, TrainingJob]]:
    task, strategy = registry.task("csv"), grammar.read("smote").strategy
    text = f"{source.settings} model=logistic"
    settings, _ = task.complete(grammar.settings("csv", text), "real")
    data = worker.load("csv", settings, source.data)
    for seed in range(SEEDS):
        splits = restrict(task.split(data, settings, seed), data, "all")
        name = f"{source.name}~{seed}"
        arrays: dict[str, Any] = {"x": splits.x, "y": splits.y}
        np.savez(folder / f"{name}.npz", **arrays, train=splits.train, test=splits.test)
        table = pd.DataFrame(splits.x).add_prefix("x").assign(target=splits.y)
        table.to_csv(folder / f"{source.name}.csv", index=False)
        budget = task.budget(settings, data.source)
        yield name, TrainingJob(task, settings, splits, 2, strategy, budget, seed)


@pytest.mark.parametrize("library", ["imbens", "smote_variants", "balancr"])
def test_scores_agree_within_noise(library: str, ours: Repeats, benchmark: Any) -> None:
    """Their average precision less ours has a mean of zero over ten tables."""
    benchmark.group = "SMOTE and logistic regression, 30 repeats on ten tables"
    python = Path(os.environ.get("SKEWBENCH_PEERS", "")) / library / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no {library} in the folder SKEWBENCH_PEERS")
    script = Path(__file__).parent / "peers.py"
    words = [str(python), str(script), library, str(ours.folder), str(ours.steps)]
    run = benchmark.pedantic(
        subprocess.run,
        (words,),
        {"env": ENVIRONMENT, "check": True, "capture_output": True, "text": True},
    )
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    theirs = pd.DataFrame(lines).set_index("file")
    gaps = theirs["average_precision"] - pd.Series(ours.average_precision)
    of_tables = gaps.groupby(gaps.index.str.partition("~").get_level_values(0)).mean()
    assert len(gaps) == 30 and len(of_tables) == 10
    error = of_tables.std() / np.sqrt(len(of_tables))
    benchmark.extra_info["mean difference"] = f"{of_tables.mean():+.4f} ± {error:.4f}"
    benchmark.extra_info["their seconds / ours"] = theirs["seconds"].mean() / np.mean(
        [*ours.seconds.values()]
    )
    print(library, benchmark.extra_info)
    assert abs(of_tables.mean()) < 3 * error
