"""Weights of keras.applications: found by path, known by content, never downloaded in a run."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.protocol import grammar, grid
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget
from tasks.catsdogs import TASK, Settings
from tasks.images import backbones, models, weights, weights_download
from tests import toys

SIZE = 75
NAME = weights.file_name("MobileNet", SIZE)
REAL = Path(__file__).parents[4] / "shared" / "data" / "weights"


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without weights; a download would fail the test."""
    from keras.src.utils import file_utils

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: pytest.fail("a download"))
    return tmp_path


def settings(**changes: Any) -> Settings:
    given = {"model": "MobileNet", "size": SIZE, "weights": "imagenet", **changes}
    return Settings(imbalance=4, train=12, validation=8, test=8, **given)


def build(name: str, seed: int, size: int = SIZE) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    function = getattr(keras.applications, name)
    model = function(include_top=False, pooling="avg", input_shape=(size, size, 3), weights=None)
    toys.enliven(model, seed)
    return model


def write(path: Path, name: str = "MobileNet", seed: int = 1) -> Any:
    """Write random weights in the form of Keras' own files; return their model."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    model = build(name, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return model


def features(chosen: Settings) -> Any:
    return TASK.split(TASK.synthetic(chosen), chosen, 0).x


def expected(model: Any, chosen: Settings, name: str = "MobileNet") -> Any:
    import keras

    module = {"MobileNet": keras.applications.mobilenet, "Xception": keras.applications.xception}
    images = TASK.synthetic(chosen).rows.astype(np.float32)
    values = np.asarray(model(module[name].preprocess_input(images), training=False))
    assert values.std() > 0.01  # or all features would be right
    return values


def require_close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * wanted.std())


def tree(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("name", ["MobileNet", "Xception"])
@pytest.mark.parametrize("place", ["file", "folder", "variable", "data"])
@pytest.mark.slow
def test_right_features_wherever_the_file_lies(
    name: str, place: str, nothing_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "Xception" and place != "file":
        pytest.skip("seconds; the place does not depend on the network")
    folder = weights.FOLDER if place == "data" else nothing_here / "some where"
    path = folder / ("mine.h5" if place == "file" else weights.file_name(name, SIZE))
    model = write(path, name)
    if place == "variable":
        monkeypatch.setenv(weights.VARIABLE, str(folder))
    given = {"file": str(path), "folder": str(folder)}.get(place, "imagenet")
    chosen = settings(model=name, weights=given)
    wanted = expected(model, chosen, name)
    require_close(features(chosen), wanted)


@pytest.mark.slow
def test_another_content_under_the_same_name_is_another_run(nothing_here: Path) -> None:
    path = nothing_here / "folder" / NAME
    chosen, found = settings(weights=str(path.parent)), []
    for seed in (1, 2):
        model = write(path, seed=seed)
        data = TASK.synthetic(chosen)
        require_close(features(chosen), expected(model, chosen))
        found.append(grid.make_conditions("catsdogs", chosen, "", data, Budget(1, 1)).identity)
    assert found[0] != found[1]


def test_the_same_content_at_another_path_is_the_same_run(nothing_here: Path) -> None:
    found = set()
    for number in range(2):
        path = nothing_here / str(number) / f"{number}.h5"
        path.parent.mkdir()
        path.write_bytes(b"the same")
        chosen = settings(weights=str(path))
        data = TASK.synthetic(chosen)
        found.add(grid.make_conditions("catsdogs", chosen, "", data, Budget(1, 1)).identity)
    assert len(found) == 1


def damaged(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def not_finite(path: Path) -> None:
    import h5py

    with h5py.File(path, "a") as file:
        file["conv1"].visititems(
            lambda _, item: (
                item.write_direct(np.full(item.shape, np.nan, np.float32))
                if isinstance(item, h5py.Dataset)
                else None
            )
        )


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damaged, "does not hold weights of MobileNet"),
        (lambda path: path.write_text("<html>not found</html>"), "does not hold weights of"),
        (lambda path: write(path, "VGG16"), "does not hold weights of MobileNet"),
        (not_finite, "is damaged: some of its weights are not finite"),
    ],
)
def test_a_file_that_does_not_fit_is_one_clear_line(
    nothing_here: Path, spoil: Any, words: str
) -> None:
    path = nothing_here / "mine.h5"
    write(path)
    spoil(path)
    before = tree(path.parent)[str(path)]
    with pytest.raises(UserError, match=words) as caught:
        features(settings(weights=str(path)))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert tree(path.parent)[str(path)] == before


def test_a_missing_file_is_named_with_what_can_be_done(nothing_here: Path) -> None:
    with pytest.raises(UserError, match=r"no such file or folder.*random"):
        features(settings(weights="nowhere.h5"))
    with pytest.raises(UserError, match=f"no {NAME}.*fetch weights MobileNet`.*weights=random"):
        features(settings())
    write(weights.FOLDER / weights.file_name("MobileNet", 224))
    with pytest.raises(UserError) as caught:
        features(settings(size=128))
    for words in ("mobilenet_1_0_128_tf_no_top.h5", "128, 160, 192", "which is there", "--size"):
        assert words in str(caught.value)


def test_keras_own_folder_is_read_and_never_written(nothing_here: Path) -> None:
    models_folder = nothing_here / "keras" / "models"
    write(models_folder / NAME)
    (models_folder / weights.file_name("Xception", SIZE)).write_text("of another hash")
    before = tree(nothing_here / "keras")
    features(settings())
    with pytest.raises(UserError, match="does not hold weights of Xception"):
        features(settings(model="Xception"))
    assert tree(nothing_here / "keras") == before


@pytest.mark.slow
def test_efficient_nets_are_built_as_for_imagenet(nothing_here: Path) -> None:
    path = nothing_here / "mine.h5"
    plain = write(path, "EfficientNetB0")
    built, _ = backbones.build(backbones.choose("EfficientNetB0", str(path), SIZE))
    assert len(built.layers) == len(plain.layers) + 1  # Keras scales its inputs once more


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "VGG16", "EfficientNetV2B0"])
def test_names_are_those_that_keras_asks_for(name: str) -> None:
    for size in (96, 128, 150, 160, 192, 224):
        assert backbones.keras_file(name, size)[0].endswith(weights.file_name(name, size))


@pytest.mark.slow
def test_all_names_are_those_that_keras_asks_for(full: bool) -> None:
    if not full:
        pytest.skip("building all networks of Keras takes minutes: with --full-faults")
    for name in weights.FILES:
        url = backbones.keras_file(name, 331 if name == "NASNetLarge" else 224)[0]
        assert url.split("/")[-1].replace("NASNet-", "nasnet_").replace("-", "_") == (
            weights.file_name(name, 224).replace("-", "_")
        )


def test_what_is_left_open_depends_on_the_machine_and_the_data() -> None:
    def chosen(source: Any = "real", **given: Any) -> tuple[str, int, str]:
        completed, line = models.complete(Settings(**given), source)
        return completed.model, completed.size, line

    assert chosen()[:2] == ("compact", 64) and "fetch weights MobileNet" in chosen()[2]
    write(weights.FOLDER / weights.file_name("MobileNet", 150))
    assert chosen()[:2] == ("MobileNet", 150) and str(weights.FOLDER) in chosen()[2]
    assert chosen(size=96)[:2] == ("MobileNet", 96)
    assert chosen(size=128)[:2] == ("compact", 128)  # its file is not there
    assert chosen("synthetic") == ("compact", 64, "")
    assert chosen(model="simple") == ("simple", 64, "")
    assert chosen(thaw=0.5)[:2] == ("MobileNet", 150)


def test_what_needs_pixels_is_refused_by_name_where_features_are_trained_on() -> None:
    specs = [grammar.read("mixup"), grammar.read("oversample+augmented_copies")]
    frozen, thawed = settings(weights="random"), settings(weights="random", thaw=0.5)
    with pytest.raises(UserError, match=r"augmented_copies' needs a network that sees pixels"):
        grid.require_suitable(TASK, frozen, ("cat", "dog"), specs)
    grid.require_suitable(TASK, thawed, ("cat", "dog"), specs)
    assert grid.suitable_specs(TASK, frozen, ("cat", "dog"), specs) == specs[:1]


def test_fetch_downloads_once_and_to_our_folder(
    nothing_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pooch

    asked = []

    def retrieve(url: str, known_hash: str | None, fname: str, path: Path, **_: Any) -> None:
        asked.append(url)
        path.mkdir(parents=True)
        (path / fname).write_bytes(b"weights")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    for _ in range(2):
        path = weights_download.fetch("mobilenet", 160, weights.FOLDER)
    assert asked == [backbones.keras_file("MobileNet", 160)[0]]
    assert path == weights.FOLDER / "mobilenet_1_0_160_tf_no_top.h5"
    with pytest.raises(UserError, match="did you mean 'Xception'"):
        weights_download.fetch("Xceptoin", 224)


@pytest.mark.slow
def test_several_processes_give_the_same_features(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.images import parallel

    images = np.random.default_rng(0).integers(0, 255, (40, 32, 32, 3)).astype(np.uint8)
    backbone = backbones.choose("MobileNet", "random", 32)
    alone = backbones.compute_features(backbone, images)
    monkeypatch.setattr(parallel, "PER_PROCESS", 20)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    np.testing.assert_array_equal(backbones.features(images, "content", backbone), alone)
    one = backbones.compute_features(backbone, images[7:8])
    np.testing.assert_array_equal(one[0], alone[7])


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real weights are not in {REAL}")
def test_the_real_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setenv(weights.VARIABLE, str(REAL))
    chosen, _ = models.complete(Settings(imbalance=4, train=12, validation=8, test=8), "real")
    assert (chosen.model, chosen.size) == ("MobileNet", 150)
    file = REAL / weights.file_name("MobileNet", 150)
    shape = (150, 150, 3)
    model = keras.applications.MobileNet(
        include_top=False, pooling="avg", input_shape=shape, weights=str(file)
    )
    require_close(features(chosen), expected(model, chosen))
    with pytest.raises(UserError, match="does not hold weights of MobileNet"):
        features(settings(weights=str(REAL / "mobilenet_2_5_224_tf_no_top.h5")))
