"""CIFAR-10 in all its forms, and the long tail that is cut from it."""

from __future__ import annotations

import io
import shutil
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from tasks import cifar10lt
from tasks.images import cifar
from tasks.images.cifar import CLASSES

REAL = Path(__file__).parents[2].parent / "shared/data/cifar10/cifar10.tar.xz"


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images of each class to train, two to test."""
    root = tmp_path_factory.mktemp("cifar")
    for part, count in (("train", 3), ("test", 2)):
        for label, name in enumerate(CLASSES):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(pixels(100 * (part == "test") + 10 * number + label))
                image.save(root / part / name / f"{number}.png")
    return root


def batch(numbers: range) -> bytes:
    """As Python 2 pickled it: a dictionary of a string of pixels and a list of labels."""
    rows = b"".join(pixels(number).transpose(2, 0, 1).tobytes() for number in numbers)
    labels = b"".join(b"K" + bytes([number % 10]) for number in numbers)
    text = b"T" + struct.pack("<i", len(rows)) + rows
    return (
        b"\x80\x02}q\x01(U\x04dataq\x02" + text + b"q\x03U\x06labelsq\x04]q\x05(" + labels
        + b"eU\x0bbatch_labelq\x06U\x04testq\x07u."
    )  # fmt: skip


def test_a_folder_a_zip_and_a_tar_give_the_same_images(folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "cifar"), "zip", folder)
    tar = shutil.make_archive(str(tmp_path / "cifar"), "xztar", folder.parent, folder.name)
    found = [cifar.read(Path(path)) for path in (folder, archive, tar)]
    for images, labels, places in found:
        assert images.shape == (50, 32, 32, 3)
        assert np.bincount(labels).tolist() == [5] * 10 and np.bincount(places)[[0, 2]].sum() == 50
        for one, other in zip(found[0], (images, labels, places), strict=True):
            np.testing.assert_array_equal(one, other)
    first = found[0][0][(found[0][1] == 3) & (found[0][2] == 0)][1]
    np.testing.assert_array_equal(first, pixels(13))


def test_the_original_batches_are_read_without_running_them(tmp_path: Path) -> None:
    for name, numbers in (("data_batch_1", range(20)), ("test_batch", range(20, 30))):
        (tmp_path / name).write_bytes(batch(numbers))
    images, labels, places = cifar.read(tmp_path)
    assert labels.tolist() == [*range(10), *range(10), *range(10)]
    assert places.tolist() == [0] * 20 + [2] * 10
    for row in range(30):
        np.testing.assert_array_equal(images[row], pixels(row))


def test_a_batch_that_would_run_code_is_refused_unrun(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    evil = f"cos\nsystem\n(S'touch {mark}'\ntR.".encode()
    (tmp_path / "data_batch_1").write_bytes(evil)
    with pytest.raises(UserError, match=r"data_batch_1 is no batch of CIFAR-10: 0 labels"):
        cifar.read(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02}q\x01(U\x04da", batch(range(9))[:5000]])
def test_a_damaged_batch_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(UserError, match=r"test_batch is (damaged|no batch)"):
        cifar.read(tmp_path)


def test_missing_and_bad_files_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        cifar.read(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is no CIFAR-10"):
        cifar.read(tmp_path)
    (tmp_path / "page.tar").write_text("<html>")
    with pytest.raises(UserError, match="is no folder, zip or tar"):
        cifar.read(tmp_path / "page.tar")
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "train/cat/1.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"train/cat/1\.png is empty"):
        cifar.read(copy)
    shutil.rmtree(copy / "train/cat")
    with pytest.raises(UserError, match="no cat to train"):
        cifar.read(copy)


def test_archives_with_hostile_names_write_nothing(tmp_path: Path) -> None:
    content = io.BytesIO()
    Image.fromarray(pixels(0)).save(content, "PNG")
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as files:
        files.writestr("../../train/cat/0.png", content.getvalue())
    with tarfile.open(tmp_path / "it.tar", "w") as files:
        link = tarfile.TarInfo("train/cat/0.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        files.addfile(link)
    for name in ("it.zip", "it.tar"):
        with pytest.raises(UserError):
            cifar.read(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it.tar", "it.zip"]


@pytest.mark.parametrize(("largest", "imbalance"), [(5000, 100), (5000, 10), (320, 50), (90, 1)])
def test_the_profile_is_the_published_one(largest: int, imbalance: float) -> None:
    counts = cifar10lt.profile(largest, imbalance)
    exact = [largest * imbalance ** (-c / 9) for c in range(10)]
    assert counts.tolist() == [int(value + 1e-9) for value in exact]
    if (largest, imbalance) == (5000, 100):
        assert counts.tolist() == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


def of_synthetic(text: str = "") -> tuple[Any, Any]:
    settings = grammar.settings("cifar10lt", text)
    return settings, registry.task("cifar10lt").synthetic(settings)


def test_the_tail_is_long_in_training_alone() -> None:
    settings, data = of_synthetic("imbalance=20 validation=30")
    task = registry.task("cifar10lt")
    splits = task.split(data, settings, 0)
    of = {name: np.bincount(splits.y[getattr(splits, name)]) for name in ("train", "test")}
    assert of["train"].tolist() == cifar10lt.profile(290, 20).tolist()
    assert np.bincount(splits.y[splits.validation]).tolist() == [30] * 10
    assert len(set(of["test"].tolist())) == 1
    other = task.split(data, settings, 1)
    assert set(other.train) != set(splits.train) and set(other.test) == set(splits.test)


def test_a_tail_that_would_end_in_nothing_is_refused() -> None:
    settings, data = of_synthetic("imbalance=1000")
    with pytest.raises(UserError, match="too few for imbalance 1000"):
        registry.task("cifar10lt").split(data, settings, 0)


def test_a_resnet_of_32_layers_has_the_published_number_of_weights() -> None:
    from tasks.images.cifar_networks import resnet32

    network = resnet32(10, 19_400)
    trained = sum(int(np.prod(it.shape)) for it in network.model.trainable_variables)
    assert 0.46e6 < trained < 0.47e6  # He et al. 2016, table 6: 0.46 million
    rate = network.optimizer._learning_rate
    rates = [float(rate(step)) for step in (0, 500, 15_000, 16_000, 19_000)]
    assert rates == pytest.approx([0.02, 0.1, 0.1, 1e-3, 1e-5])


@pytest.mark.skipif(not REAL.exists(), reason="no CIFAR-10 beside the checkout")
@pytest.mark.slow
def test_the_real_archive_is_complete() -> None:
    settings = grammar.settings("cifar10lt", "")
    data = registry.task("cifar10lt").load(settings, REAL)
    assert np.bincount(data.labels).tolist() == [6000] * 10
    splits = registry.task("cifar10lt").split(data, settings, 0)
    assert np.bincount(splits.y[splits.train]).tolist() == cifar10lt.profile(4900, 100).tolist()
    assert np.bincount(splits.y[splits.test]).tolist() == [1000] * 10
