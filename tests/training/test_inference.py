"""What an exported model carries answers raw rows as the benchmark decided them."""

import base64
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics import cost_spec
from benchmark.protocol import grammar, registry
from benchmark.protocol.calibration import Calibration
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Estimator
from benchmark.training import estimator, inference, schema
from benchmark.training.decision import Decision
from benchmark.training.inference import IMAGE, ModelFacts, SavedModel
from tasks.tables import boosting
from tasks.tables.models import MODELS
from tests import toys
from tests.slow import slow_but
from tests.toys import rows_of

ROOT = Path(__file__).parents[2]
DECISION = Decision(
    Calibration(np.array([0.5, -0.25]), np.array([1.5, 0.75])), np.array([0.0, 0.3])
)


def facts(task: str, settings: str, **changes: Any) -> tuple[ModelFacts, Any, Any]:
    kind, chosen = registry.task(task), grammar.settings(task, settings)
    data = kind.synthetic(chosen)
    splits = kind.split(data, chosen, 0)
    given = {"classes": data.classes, "decision": DECISION} | changes
    given |= {"columns": schema.schema_of(data.rows)} if kind.kind == "table" else {}
    return ModelFacts(task, chosen, splits.learned, **given), data, splits


def answers(model: SavedModel, rows: Any) -> pd.DataFrame:
    return inference.predict(model, pd.DataFrame({IMAGE: rows}))


@pytest.fixture(scope="module", params=["simple", "compact"])
def images(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A saved and loaded model of images, its data, and what it should say of all rows."""
    size = f"train=12 validation=8 test=8 imbalance=4 size=16 model={request.param}"
    known, data, splits = facts("catsdogs", size)
    made = registry.task("catsdogs").network(
        known.settings, splits, 2, registry.task("catsdogs").budget(known.settings, "synthetic")
    )
    folder = tmp_path_factory.mktemp(request.param)
    inference.save(folder, known, made.model)
    logits = np.asarray(made.model(splits.x, training=False), np.float64)
    return inference.load(folder), data, logits


def png(pixels: Any, kind: str = "PNG") -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def test_images_are_answered_from_their_bytes_and_from_base64(images: Any) -> None:
    model, data, logits = images
    files = [png(row) for row in data.rows]
    said = answers(model, files)
    assert said["decision"].tolist() == DECISION.decide(logits, np.arange(len(logits))).tolist()
    np.testing.assert_allclose(said["probability"], DECISION.probabilities(logits)[:, 1], atol=1e-6)
    assert set(said["label"]) <= {"cat", "dog"}
    text = answers(model, [base64.b64encode(file).decode() for file in files])
    pd.testing.assert_frame_equal(text, said)


def test_a_frozen_backbone_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "cache"))
    import keras
    from keras.src.utils import file_utils

    folder, file = tmp_path / "model", tmp_path / "mine.weights.h5"
    folder.mkdir()
    shape = (32, 32, 3)
    backbone = keras.applications.MobileNet(include_top=False, weights=None, input_shape=shape)
    toys.enliven(backbone)
    backbone.save_weights(file)
    size = f"train=12 validation=8 test=8 imbalance=4 size=32 model=MobileNet weights={file}"
    known, data, splits = facts("catsdogs", size)
    kind = registry.task("catsdogs")
    budget = kind.budget(known.settings, "synthetic")
    made = kind.network(known.settings, splits, 2, budget)
    inference.save(folder, known, made.model)
    file.unlink()  # as on another machine
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: pytest.fail("a download"))
    carried = folder.rename(tmp_path / "elsewhere")
    said = answers(inference.load(carried), [png(row) for row in data.rows])
    logits = np.asarray(made.model(splits.x, training=False), np.float64)
    np.testing.assert_allclose(said["probability"], DECISION.probabilities(logits)[:, 1], atol=1e-6)
    assert said["probability"].nunique() > 1


@pytest.mark.slow
def test_a_network_is_read_where_none_was_made(tmp_path: Path) -> None:
    known, _, splits = facts("folder", "size=16 model=compact")
    task = registry.task("folder")
    budget = task.budget(known.settings, "synthetic")
    inference.save(tmp_path, known, task.network(known.settings, splits, 2, budget).model)
    code = "import sys, pathlib; from benchmark.training.inference import load; "
    code += "load(pathlib.Path(sys.argv[1]))"
    words = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)


def test_what_is_no_image_is_named(images: Any) -> None:
    model, data, _ = images
    whole = png(data.rows[0])
    for bad, words in {
        b"not an image": "image 1 is text, not an image",
        whole[: len(whole) // 2]: "image 1 is damaged",
        "no base64!": "column 'image' holds neither bytes nor base64",
        b"": "image 1 is empty",
    }.items():
        with pytest.raises(UserError, match=words):
            answers(model, [whole, bad])
    with pytest.raises(UserError, match="there are no rows"):
        answers(model, [])


def test_everything_but_the_network_is_json_and_comes_back(tmp_path: Path) -> None:
    import keras

    known, data, splits = facts("insurance", "rare=40")
    network = keras.Sequential([keras.Input(splits.x.shape[1:]), keras.layers.Dense(2)])
    inference.save(tmp_path, known, network)
    assert {file.name for file in tmp_path.iterdir()} == {"network.keras", "model.json"}
    model = inference.load(tmp_path)
    back, first = model.facts, model.facts.decision
    assert (back.task, back.settings, back.classes) == ("insurance", known.settings, data.classes)
    assert back.learned == known.learned
    assert first.calibration.scale.tolist() == [1.5, 0.75]
    assert first.calibration.offsets.tolist() == DECISION.calibration.offsets.tolist()
    assert first.offsets.tolist() == DECISION.offsets.tolist()
    rows = splits.test[:600]  # several calls
    said = inference.predict(model, data.rows.iloc[rows])
    logits = np.asarray(network(splits.x[rows]), np.float64)
    assert said["decision"].tolist() == DECISION.decide(logits, np.arange(len(logits))).tolist()


@pytest.mark.parametrize("kind", slow_but(["hgb"], [name for name in MODELS if name != "mlp"]))
def test_an_estimator_is_saved_without_a_pickle_and_predicts(kind: str, tmp_path: Path) -> None:
    known, data, splits = facts("csv", f"model={kind}")
    task = registry.task("csv")
    if kind in boosting.FITS:
        pytest.importorskip(kind, reason=f"{kind} is not installed: uv sync --extra boosting")
    budget = Budget(500 if kind == "logistic" else 5, 0)
    made = task.network(known.settings, splits, len(data.classes), budget)
    assert isinstance(made, Estimator)
    estimator.fit_estimator(made, rows_of(splits))
    inference.save(tmp_path, known, made.estimator)
    assert {file.name for file in tmp_path.iterdir()} == {"estimator.skops", "model.json"}
    said = inference.predict(inference.load(tmp_path), data.rows.iloc[splits.test])
    logits = estimator.predict_logits(made.estimator, splits.x[splits.test])
    assert said["decision"].tolist() == DECISION.decide(logits, np.arange(len(logits))).tolist()
    assert said["probability"].tolist() == DECISION.probabilities(logits)[:, 1].tolist()


def test_of_more_than_two_classes_every_probability_is_told() -> None:
    decision = Decision(Calibration(np.zeros(3)), np.array([0.0, 0.0, 2.0]))
    known, data, _ = facts("insurance", "", classes=("no", "maybe", "yes"), decision=decision)
    model = SavedModel(known, lambda x: np.tile(np.log([0.2, 0.5, 0.3]), (len(x), 1)))
    [said] = inference.predict(model, data.rows.iloc[:1]).to_dict("records")
    assert (said["label"], said["decision"]) == ("yes", 2)  # 0.3 exp(2) is the most
    expected = {"no": 0.2, "maybe": 0.5, "yes": 0.3}
    assert said["probability"] == pytest.approx(0.3)
    for name, share in expected.items():
        assert said[f"probability of {name}"] == pytest.approx(share)
    assert set(said) == set(inference.output_types(known.classes))


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras with NumPy 2
@pytest.mark.slow
@pytest.mark.parametrize("layer", ["jitter", "cosine", "dropout", "several"])
def test_a_new_process_finds_the_layers_of_tasks_and_specs(layer: str, tmp_path: Path) -> None:
    import keras

    from benchmark.training.dropout import Dropout
    from benchmark.training.layers import Cosine, together
    from tasks.images.augmentation import Jitter

    inputs = keras.Input((8, 8, 3))
    first = {"jitter": Jitter(), "dropout": Dropout(0.5)}.get(layer, keras.layers.Identity())
    rows = keras.layers.Flatten()(first(inputs))
    last = Cosine(2, 30.0) if layer == "cosine" else keras.layers.Dense(2)
    model = keras.Model(inputs, last(rows))
    if layer == "several":
        model = together(model, [model.get_weights()] * 2)
    model.save(tmp_path / "network.keras")
    code = (
        "from pathlib import Path; import numpy as np; from benchmark.training import inference; "
        f"logits = inference._network(Path({str(tmp_path / 'network.keras')!r})); "
        "print(*logits(np.ones((1, 8, 8, 3), np.float32))[0])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    expected = np.asarray(model(np.ones((1, 8, 8, 3)), training=False))[0]
    assert [float(one) for one in said.stdout.split()] == pytest.approx(expected, abs=1e-5)


def test_costs_of_a_column_go_along_and_decide_row_by_row(tmp_path: Path) -> None:
    import keras

    prices = cost_spec.read("fp=300,fn=Annual_Premium").of(("not interested", "interested"))
    decision = Decision(Calibration(np.zeros(2)), np.zeros(2), prices)
    known, data, splits = facts("insurance", "rare=40", decision=decision)
    network = keras.Sequential([keras.Input(splits.x.shape[1:]), keras.layers.Dense(2)])
    inference.save(tmp_path, known, network)
    model = inference.load(tmp_path)
    assert model.facts.decision.costs == prices
    rows = data.rows.iloc[splits.test[:200]]
    said = inference.predict(model, rows)
    amounts = rows["Annual_Premium"].to_numpy()
    expected = said["probability"] * amounts > (1 - said["probability"]) * 300
    assert said["decision"].tolist() == expected.astype(int).tolist()
    assert 0 < expected.mean() < 1
    with pytest.raises(UserError, match=r"column 'Annual_Premium' is a cost: .* row 3 holds"):
        inference.predict(model, rows.assign(Annual_Premium=np.where(np.arange(200) == 2, -5, 9)))
