"""Fault 20: the same seed twice on one machine. Predictions are equal to the last bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from mlflow import MlflowClient

from benchmark.protocol import grammar
from benchmark.protocol.task import Budget
from benchmark.tracking import tags
from benchmark.training import fit as fitting
from benchmark.training import predictions as fit_files
from benchmark.training.job import TrainingJob
from tasks import _template, catsdogs
from tests import stores, toys

ROOT = Path(__file__).parents[2]
PHOTOS = catsdogs.Settings(imbalance=4, train=24, validation=12, test=12, size=16)
CASES = {  # with dropout, augmentation and convolutions; with XLA
    "photos": (catsdogs.TASK, PHOTOS, "oversample+focal", Budget(steps=6, batch=8)),
    "table": (_template.TASK, _template.Settings(), "smote+class_weight", Budget(1000, 32)),
}


def predictions(case: str, seed: int) -> str:
    """A digest of all logits that a training leaves, at both checkpoints."""
    task, settings, strategy, budget = CASES[case]
    splits = task.split(task.synthetic(settings), settings, seed)
    spec = grammar.read(strategy).strategy
    fit = fitting.fit(
        TrainingJob(task, settings, splits, 2, spec, budget, seed), lambda steps: None
    )
    logits = (fit.validation.best, fit.validation.last, fit.test.best, fit.test.last)
    return hashlib.sha256(b"".join(part.tobytes() for part in logits)).hexdigest()


def in_a_new_process(**environment: str) -> dict[str, str]:
    code = (
        "from benchmark.training import device; device.prepare();"
        "from tests.faults.test_20_repeatable import CASES, predictions;"
        "[print(case, predictions(case, 3)) for case in CASES]"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.slow
def test_20_the_same_seed_gives_the_same_bits_here_and_in_another_process() -> None:
    here = {case: predictions(case, 3) for case in CASES}
    assert {case: predictions(case, 3) for case in CASES} == here
    assert predictions("table", 4) != here["table"]
    more_threads = {"OMP_NUM_THREADS": "4", "TF_NUM_INTRAOP_THREADS": "4", "PYTHONHASHSEED": "7"}
    assert in_a_new_process(**more_threads) == here


def test_20_threads_and_versions_are_on_the_run(tmp_path: Path, store_uri: str) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    with toys.registered(toys.write(folder)):
        assert toys.benchmark(store_uri, folder / "data.npz").exit_code == 0
    client = MlflowClient(store_uri)
    experiment = client.get_experiment_by_name("toy").experiment_id
    [found] = stores.unfolded(client.search_runs([experiment], f"tags.`{tags.KIND}` = 'cell'"))
    assert found.data.tags[tags.DEVICE].endswith(", 1 thread")
    python = ".".join(map(str, sys.version_info[:3]))
    assert f"python {python}" in found.data.tags[tags.VERSIONS]
    for name in ("tensorflow", "keras", "numpy", "scikit-learn", "imbalanced-learn"):
        assert f"{name} {version(name)}" in found.data.tags[tags.VERSIONS]
    kept = client.download_artifacts(found.info.run_id, "predictions.npz", str(tmp_path))
    assert fit_files.from_bytes(Path(kept).read_bytes()).device == found.data.tags[tags.DEVICE]


def test_20_tensorflow_has_the_threads_that_the_run_names() -> None:
    import tensorflow as tf

    assert tf.config.threading.get_intra_op_parallelism_threads() == 1
    assert tf.config.threading.get_inter_op_parallelism_threads() == 1
