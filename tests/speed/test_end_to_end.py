"""Whole benchmarks as a person starts them, beside the articles' way. Minutes long."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.speed import plain

pytestmark = pytest.mark.drawn

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SIX = "none,undersample,oversample,class_weight,focal,threshold"

Once = Callable[..., Any]


@pytest.fixture
def once(benchmark: Any) -> Once:
    """Measures one call."""
    return lambda function, *given: benchmark.pedantic(function, given, rounds=1)


def run(folder: Path, *words: str) -> int:
    """Runs a benchmark in a process of its own; returns its peak memory in bytes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    command = [sys.executable, "-m", "benchmark", "run", *words]
    command += ["--tracking", f"sqlite:///{folder}/mlflow.db"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024


def real(task: str) -> list[str]:
    if not (DATA / task).exists():
        pytest.skip(f"no real data in ../shared/data/{task}")
    return ["--task", task, "--data", str(DATA / task)]


@pytest.mark.benchmark(group="insurance, six strategies x 3 seeds, 2,000 steps of 512")
def test_insurance(once: Once, tmp_path: Path) -> None:
    once(run, tmp_path, *real("insurance"))


@pytest.mark.benchmark(group="insurance, six strategies x 3 seeds, 2,000 steps of 512")
def test_insurance_with_fit(once: Once, tmp_path: Path) -> None:
    real("insurance")
    once(alone, "insurance", str(tmp_path))


SMALL = "a table of 1,458 rows, six strategies x 5 seeds, 500 steps"
SMALL_TABLE = DATA / "tables" / "pc4.csv"


@pytest.mark.benchmark(group=SMALL)
def test_a_small_table(once: Once, tmp_path: Path) -> None:
    real("tables")
    words = ["--task", "csv", "--data", str(SMALL_TABLE), "--settings", "target=Class"]
    once(run, tmp_path, *words, "--strategies", SIX, "--seeds", "5", "--steps", "500")


@pytest.mark.benchmark(group=SMALL)
def test_a_small_table_with_fit(once: Once, tmp_path: Path) -> None:
    real("tables")
    once(alone, "small", str(tmp_path))


@pytest.mark.benchmark(group="photos, six strategies x 1 seed, 300 steps of 32")
def test_photos(once: Once, tmp_path: Path) -> None:
    words = ["--seeds", "1", "--steps", "300", "--settings", "model=compact"]
    once(run, tmp_path, *real("catsdogs"), *words)


@pytest.mark.benchmark(group="photos, six strategies x 1 seed, 300 steps of 32")
def test_photos_the_articles_way(once: Once, tmp_path: Path) -> None:
    real("catsdogs")
    once(alone, "photos", str(tmp_path))


def alone(what: str, folder: str) -> None:
    """Runs one of `PLAIN` as a script of its own."""
    words = [sys.executable, __file__, what, folder]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
    subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True)


def test_a_frozen_backbone(once: Once, tmp_path: Path) -> None:
    """Five strategies x 10 seeds; the articles' way extrapolated from one epoch of one of them."""
    settings = "model=Xception size=128 weights=random"
    strategies = "none,undersample,oversample,class_weight,focal"
    words = [*real("catsdogs"), "--settings", settings, "--strategies", strategies]
    os.environ["SKEWBENCH_CACHE"] = str(tmp_path)  # the features are computed as well
    try:
        started = time.perf_counter()
        once(run, tmp_path, *words, "--seeds", "10")
        ours = time.perf_counter() - started
    finally:
        del os.environ["SKEWBENCH_CACHE"]
    alone("backbone", str(tmp_path))
    epoch = float((tmp_path / "epoch").read_text())
    ratio = 5 * 10 * 20 * epoch / ours
    print(f"\nours {ours:.0f} s; an epoch of the articles {epoch:.1f} s; ratio {ratio:.0f}")
    assert ratio >= 250


@pytest.mark.parametrize("cache", ["cold", "warm"])
def test_photos_with_real_weights(once: Once, cache: str, tmp_path: Path) -> None:
    """Six strategies x 5 seeds as a person gives the command, the weights at hand."""
    words = [*real("catsdogs"), "--settings", f"model=MobileNet weights={DATA / 'weights'}"]
    os.environ["SKEWBENCH_CACHE"] = str(tmp_path / "cache")
    try:
        if cache == "warm":
            run(tmp_path, *words, "--seeds", "1", "--steps", "10")
        once(run, tmp_path, *words, "--seeds", "5")
    finally:
        del os.environ["SKEWBENCH_CACHE"]


def peak(tmp_path: Path, *words: str) -> int:
    """Peak memory in bytes of a benchmark of one training in one process."""
    code = "import resource, sys; from benchmark.cli.main import main\n"
    code += "try:\n    main()\n"
    code += "finally:\n    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    command = [sys.executable, "-c", code, "run", "--workers", "0", "--seeds", "1", *words]
    command += ["--tracking", f"sqlite:///{tmp_path}/{time.time_ns()}.db"]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(shown.stdout.splitlines()[-1]) * 1024


def test_memory_of_oversampling_at_100_to_1(once: Once, tmp_path: Path) -> None:
    sizes = "imbalance=100 train=20000 validation=500 test=500 size=32 model=compact"
    words = ["--task", "catsdogs", "--data", "stand-in", "--settings", sizes, "--steps", "20"]
    none = peak(tmp_path, *words, "--strategies", "none")
    more = once(peak, tmp_path, *words, "--strategies", "oversample")
    print(f"\nnone {none / 1e6:.0f} MB, oversample {more / 1e6:.0f} MB, {more / none:.3f} times")
    assert more <= 1.1 * none


def test_memory_grows_with_the_data(once: Once, tmp_path: Path) -> None:
    peaks, sizes = [], []
    for train in (4000, 12000):
        settings = f"imbalance=10 train={train} validation=500 test=500 size=64 model=compact"
        words = ["--task", "catsdogs", "--data", "stand-in", "--settings", settings]
        words += ["--steps", "20", "--strategies", "none"]
        peaks.append(peak(tmp_path, *words))
        sizes.append((train + 1000) * 1.1 * 64 * 64 * 3)
    once(lambda: None)
    growth = (peaks[1] - peaks[0]) / (sizes[1] - sizes[0])
    print(f"\npeaks {np.round(np.array(peaks) / 1e6)} MB: {growth:.2f} bytes a byte of images")
    assert growth < 4


def insurance(folder: str) -> None:
    """Six x 3 calls of `model.fit` on insurance."""
    from tasks.insurance import TASK, Settings

    by_fit(folder, TASK, Settings(), DATA / "insurance", seeds=3, steps=2000)


def small(folder: str) -> None:
    """Six x 5 calls of `model.fit` on a small table."""
    from tasks.csv import TASK, Settings

    by_fit(folder, TASK, Settings(target="Class"), SMALL_TABLE, seeds=5, steps=500)


def by_fit(folder: str, task: Any, settings: Any, path: Path, seeds: int, steps: int) -> None:
    """Six strategies x seeds by `model.fit` in turn, each run tracked with the same measures."""
    import keras
    import mlflow

    from benchmark.metrics import classification
    from benchmark.protocol import grammar

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    budget, data = replace(task.budget(settings, "real"), steps=steps), task.load(settings, path)
    for seed in range(seeds):
        for name in SIX.split(","):
            strategy = grammar.read(name).strategy
            with mlflow.start_run(run_name=f"{name} {seed}"):
                keras.utils.set_random_seed(seed)
                splits = task.split(data, settings, seed)
                labels, rng = splits.y[splits.train], np.random.default_rng(seed)
                rows = splits.train[strategy.resample(labels, lambda: None, rng).rows]
                weights = strategy.weigh(splits.y[rows], 2)
                weights /= weights.mean()
                network = task.network(settings, splits, 2, budget)
                loss = strategy.loss(np.bincount(splits.y[rows], weights=weights) / len(rows))
                network.model.compile(network.optimizer, loss=lambda y, z, loss=loss: loss(y, z))
                targets = np.eye(2, dtype=np.float32)[splits.y]
                order = np.resize(rng.permutation(len(rows)), steps * budget.batch)
                for look, part in enumerate(np.array_split(order, 10)):
                    network.model.fit(
                        splits.x[rows[part]],
                        targets[rows[part]],
                        sample_weight=weights[part],
                        batch_size=budget.batch,
                        verbose=0,
                    )
                    logits = predicted(network.model, splits.x[splits.validation])
                    truth = splits.y[splits.validation]
                    found = classification.average_precision(truth, logits, np.ones(len(truth)))
                    mlflow.log_metric("val/average_precision", found, look)
                logits = predicted(network.model, splits.x[splits.test])
                truth = splits.y[splits.test]
                unit = np.ones(len(truth))
                found = classification.all_metrics(truth, logits, np.zeros(2), unit)
                mlflow.log_metrics({f"test/{name}": value for name, value in found.items()})


def predicted(model: Any, x: Any) -> Any:
    return model.predict(x, batch_size=1024, verbose=0).astype(np.float64)


def photos(folder: str) -> None:
    """Six trainings of `compact`, every JPEG decoded anew in every epoch, validation too."""
    cats, dogs = (sorted((DATA / "catsdogs" / name).glob("*.jpg")) for name in ("cats", "dogs"))
    train = [*cats[:1500], *dogs[:150]], [0] * 1500 + [1] * 150
    other = [*cats[1500:2500], *dogs[150:250]], [0] * 1000 + [1] * 100
    model = plain._compiled("compact")
    epochs = 6  # of 52 steps: 312 steps
    for _ in SIX.split(","):
        model.fit(
            plain.photo_pipeline(*train),
            validation_data=plain.photo_pipeline(*other),
            epochs=epochs,
            verbose=0,
        )
        model.evaluate(plain.photo_pipeline(*other), verbose=0)  # the test split


def backbone(folder: str) -> None:
    """One epoch of a head on a frozen Xception, whose features are computed anew."""
    import keras
    from keras import layers

    cats, dogs = (sorted((DATA / "catsdogs" / name).glob("*.jpg")) for name in ("cats", "dogs"))
    train = plain.photo_pipeline([*cats[:1500], *dogs[:150]], [0] * 1500 + [1] * 150, 128)
    other = plain.photo_pipeline([*cats[1500:2500], *dogs[150:250]], [0] * 1000 + [1] * 100, 128)
    frozen = keras.applications.Xception(
        include_top=False, weights=None, pooling="avg", input_shape=(128, 128, 3)
    )
    frozen.trainable = False
    head = [layers.Dense(512, activation="relu"), layers.Dropout(0.5), layers.Dense(1)]
    scale = layers.Rescaling(1 / 127.5, offset=-1)
    model = keras.Sequential([keras.Input((128, 128, 3)), scale, frozen, *head])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    model.fit(train.take(2), verbose=0)  # traces and compiles
    model.evaluate(other.take(2), verbose=0)
    started = time.perf_counter()
    model.fit(train, validation_data=other, verbose=0)
    (Path(folder) / "epoch").write_text(str(time.perf_counter() - started))


PLAIN = {"insurance": insurance, "small": small, "photos": photos, "backbone": backbone}

if __name__ == "__main__":
    PLAIN[sys.argv[1]](sys.argv[2])
