"""Cats and dogs: settings, splits and networks."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.protocol.arguments import bind
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Budget, Data
from benchmark.training.predictions import row_weights
from tasks.catsdogs import CLASSES, TASK, Settings
from tasks.images import backbones

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "catsdogs"
SMALL = Settings(imbalance=4, train=12, validation=8, test=8, size=16)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "cache"))


def small(**changes: Any) -> Settings:
    return dataclasses.replace(SMALL, **changes)


def test_import_is_light() -> None:
    heavy = "{'keras', 'tensorflow', 'pandas', 'sklearn', 'matplotlib', 'PIL'}"
    code = f"import sys, tasks.catsdogs; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_dog_is_positive() -> None:
    assert CLASSES == ("cat", "dog")
    assert TASK.synthetic(SMALL).classes == CLASSES


def test_settings_as_people_write_them() -> None:
    given = {"imbalance": "20", "size": "128", "model": "xception", "weights": "random"}
    settings = Settings(**bind(Settings, given, "task 'catsdogs'"))
    assert (settings.imbalance, settings.size, settings.model) == (20, 128, "Xception")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"imbalance": "0.5"}, "at least 1"),
        ({"size": "8"}, "between 16 and 512"),
        ({"train": "many"}, "whole number"),
        ({"model": "simpel"}, "did you mean 'simple'"),
        ({"model": "Xceptoin"}, "did you mean 'Xception'"),
        ({"imbalance": "5000"}, "imbalance=5000 leaves no dog beside train=1500 cats"),
        ({"test": "4"}, "raise test"),
        ({"train_imbalance": "4000"}, "train_imbalance=4000 leaves no dog beside train=1500"),
    ],
)
def test_settings_out_of_range(given: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Settings(**bind(Settings, given, "task 'catsdogs'"))


def test_counts_by_default() -> None:
    assert Settings().counts().tolist() == [[1500, 150], [1000, 100]]
    assert Settings(test=1000).counts().tolist() == [[1500, 150], [1000, 100], [1000, 100]]


def test_split_sizes_prevalence_and_disjointness() -> None:
    data = TASK.synthetic(SMALL)
    splits = TASK.split(data, SMALL, 0)
    parts = (splits.train, splits.validation, splits.test)
    assert [np.bincount(splits.y[part]).tolist() for part in parts] == [[12, 3], [8, 2], [8, 2]]
    together = np.concatenate(parts)
    assert len(set(together.tolist())) == len(together)
    assert splits.x is data.rows and splits.population is None


def test_without_a_size_all_that_is_left_is_tested_and_weighted_to_the_imbalance() -> None:
    settings = small(test=None)
    data = TASK.synthetic(settings)
    splits, bounded = TASK.split(data, settings, 0), TASK.split(data, small(test=8), 0)
    assert np.bincount(data.labels).tolist() == [1020, 12 + 2 + 250]
    assert np.bincount(splits.y[splits.test]).tolist() == [1000, 259]
    assert len(np.concatenate([splits.train, splits.validation, splits.test])) == len(data.labels)
    assert splits.population is not None
    assert splits.population.tolist() == pytest.approx([4 / 5, 1 / 5])
    np.testing.assert_array_equal(splits.train, bounded.train)
    np.testing.assert_array_equal(splits.validation, bounded.validation)
    assert np.bincount(splits.y[bounded.test]).tolist() == [8, 2]


def test_by_default_1450_synthetic_dogs_are_tested_and_1000_cats() -> None:
    labels = np.repeat([0, 1], [3500, 1700])  # as many as are drawn
    data = Data(np.zeros((5200, 1)), labels, np.arange(5200), CLASSES, "", "synthetic", "")
    rows = TASK.split(data, Settings(), 0)
    assert np.bincount(labels[rows.test]).tolist() == [1000, 1450]
    held = restrict(rows, data, "confirmation")
    assert held.population is rows.population and 0 < len(held.test) < len(rows.test)
    weights = row_weights(labels[held.test], held.population)
    assert weights[labels[held.test] == 1].sum() == pytest.approx(weights.sum() / 11)
    assert restrict(rows, data, "search").test.tolist() == []


def test_another_imbalance_in_training_leaves_validation_and_test_as_they_are() -> None:
    data, balanced = TASK.synthetic(SMALL), small(train_imbalance=1)
    assert TASK.synthetic(balanced).digest == data.digest
    plain, other = TASK.split(data, SMALL, 3), TASK.split(data, balanced, 3)
    np.testing.assert_array_equal(plain.validation, other.validation)
    np.testing.assert_array_equal(plain.test, other.test)
    assert np.bincount(other.y[other.train]).tolist() == [12, 12]
    assert set(plain.train) < set(other.train)


def test_split_depends_on_the_seed_alone() -> None:
    data = TASK.synthetic(SMALL)
    first, again, other = (TASK.split(data, SMALL, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.test, again.test)
    assert first.train.tolist() != other.train.tolist()


def test_more_than_the_data_has() -> None:
    data = TASK.synthetic(SMALL)
    with pytest.raises(UserError, match=r"'dog' has 16 distinct rows.*higher imbalance"):
        TASK.split(data, small(imbalance=1), 0)
    with pytest.raises(UserError, match=r"'cat' has 28 distinct rows.*lower train"):
        TASK.split(data, small(train=13), 0)


def test_budget() -> None:
    simple, compact = (dataclasses.replace(SMALL, model=m) for m in ("simple", "compact"))
    assert TASK.budget(simple, "real") == Budget(1000, 32)
    assert TASK.budget(compact, "real") == Budget(1200, 32)
    assert TASK.budget(compact, "synthetic") == Budget(400, 32)


def test_simple_network() -> None:
    import keras

    splits = TASK.split(TASK.synthetic(SMALL), SMALL, 0)
    outputs = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        network = TASK.network(SMALL, splits, 2, Budget(10, 4))
        outputs.append(np.asarray(network.model(splits.x[:3])))
    assert outputs[0].shape == (3, 2)
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - outputs[2]).max() > 0
    assert [layer.name for layer in network.model.layers][-1] == "logits"


def test_names_are_those_of_keras() -> None:
    import keras

    known = {name for name, it in vars(keras.applications).items() if inspect.isfunction(it)}
    assert set(backbones.NAMES) == known


def test_backbone_features_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = small(model="MobileNet", weights="random", size=32)
    data = TASK.synthetic(settings)
    splits = TASK.split(data, settings, 0)
    assert splits.x.shape == (len(data.rows), 1024)
    assert splits.x.dtype == np.float32
    network = TASK.network(settings, splits, 2, Budget(10, 4))
    assert network.model.output_shape == (None, 2)

    monkeypatch.setattr(
        backbones, "compute_features", lambda *_: pytest.fail("features were computed again")
    )
    np.testing.assert_array_equal(TASK.split(data, settings, 1).x, splits.x)


def test_a_backbone_gives_the_same_features_of_files_and_caches_none(tmp_path: Path) -> None:
    settings = small(model="MobileNet", weights="random", size=32)
    data = TASK.synthetic(settings)
    splits = TASK.split(data, settings, 0)
    cached = sorted((tmp_path / "cache").iterdir())
    files = [png(row) for row in data.rows[:70]]
    encoded = TASK.encode(settings, None, files)
    np.testing.assert_array_equal(encoded, splits.x[:70])
    assert sorted((tmp_path / "cache").iterdir()) == cached


def png(pixels: Any) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["MobileNet", "ResNet50", "EfficientNetB0"])  # they scale pixels
def test_a_backbone_that_will_thaw_gives_the_features_of_a_frozen_one(model: str) -> None:
    settings = small(model=model, weights="random", size=32, thaw=0.5)
    data = TASK.synthetic(settings)
    splits = TASK.split(data, settings, 0)
    assert splits.x.dtype == np.uint8
    network = TASK.network(settings, splits, 2, Budget(10, 4))
    assert len(network.model.trainable_variables) == 4  # two dense layers
    before = network.model.get_weights()
    network.model(splits.x[:8], training=True)
    for now, then in zip(network.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    expected = TASK.split(data, small(model=model, weights="random", size=32), 0).x[:8]
    for layer in network.model.layers[-3:]:
        expected = layer(expected)
    np.testing.assert_allclose(network.model(splits.x[:8]), expected, rtol=1e-3, atol=1e-5)


def test_only_what_is_frozen_can_thaw() -> None:
    with pytest.raises(UserError, match=r"thaw=0\.5: model=compact has no frozen part"):
        small(thaw=0.5, model="compact")


@pytest.mark.parametrize("thaw", [0, 0.5])
def test_backbone_that_needs_larger_images(thaw: float) -> None:
    settings = small(model="Xception", weights="random", thaw=thaw)
    with pytest.raises(UserError, match="model=Xception does not work with size=16"):
        TASK.split(TASK.synthetic(settings), settings, 0)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real photos are not in {REAL}")
def test_real_photos(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / "some" / name).mkdir(parents=True)
        for file in sorted((REAL / name).iterdir())[:30]:
            (tmp_path / "some" / name / file.name).symlink_to(file.resolve())
    data = TASK.load(small(size=64), tmp_path / "some")
    assert data.rows.shape == (60, 64, 64, 3)
    assert 60 < data.rows.mean() < 180
    assert np.bincount(data.labels).tolist() == [30, 30]
    files = [file.read_bytes() for file in (tmp_path / "some" / "dogs").iterdir()]
    files.sort(key=lambda content: hashlib.sha256(content).hexdigest())
    encoded = TASK.encode(small(size=64), None, files)
    np.testing.assert_array_equal(encoded, data.rows[data.labels == 1])
