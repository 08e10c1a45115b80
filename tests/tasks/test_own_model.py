"""`model=my_file.py:build`: an own classifier or network is checked, trained and told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.training import fit as fitting
from benchmark.training.network import TrainingJob

TASK = registry.task("csv")
FOREST = """
from sklearn.ensemble import ExtraTreesClassifier
def build(splits, classes, budget):
    return ExtraTreesClassifier(20, random_state=0)
"""
NETWORK = """
import keras
def small(splits, classes, budget):
    rows = keras.Input(splits.x.shape[1:])
    return keras.Model(rows, keras.layers.Dense(classes{options})(rows))
"""


def written(folder: Path, text: str) -> str:
    (folder / "mine.py").write_text(text)
    return str(folder / "mine.py")


def test_a_classifier_of_ones_own_is_trained_with_weights(tmp_path: Path) -> None:
    settings = grammar.settings("csv", f"model={written(tmp_path, FOREST)}:build")
    assert TASK.complete(settings, "synthetic") == (settings, "")
    assert not TASK.is_network(settings)
    data = TASK.synthetic(settings)
    splits = TASK.split(data, settings, 0)
    strategy = grammar.read("class_weight+threshold").strategy
    budget = TASK.budget(settings, "synthetic")
    fit = fitting.fit(TrainingJob(TASK, settings, splits, 2, strategy, budget, 0), lambda _: None)
    assert fit.device == "CPU: mine.py, 1 thread"
    before = data.digest
    written(tmp_path, FOREST.replace("20", "30"))
    assert TASK.synthetic(settings).digest != before


def test_a_network_of_ones_own_is_a_network(tmp_path: Path) -> None:
    model = f"{written(tmp_path, NETWORK.format(options=''))}:small"
    settings = grammar.settings("csv", f"model={model}")
    TASK.complete(settings, "synthetic")
    assert TASK.is_network(settings) and TASK.budget(settings, "real").batch
    splits = TASK.split(TASK.synthetic(settings), settings, 0)
    made = TASK.network(settings, splits, 2, TASK.budget(settings, "synthetic"))
    assert type(made).__name__ == "Network"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NETWORK.format(options=", activation='softmax'").replace("small", "build"), "logits"),
        (NETWORK.format(options=" + 1").replace("small", "build"), "2 units, one logit per class"),
        ("def build(splits, classes, budget): return 7", "neither a Keras model nor a classifier"),
        ("def build(splits): pass", "fails on a small table with TypeError"),
        ("def other(): pass", "has no function build"),
        ("import nothing_like_this", "fails with ModuleNotFoundError"),
        (
            "from sklearn.linear_model import LinearRegression\n"
            "def build(splits, classes, budget): return LinearRegression()",
            "has neither decision_function nor predict_proba",
        ),
    ],
)
def test_what_breaks_the_contract_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    settings = grammar.settings("csv", f"model={written(tmp_path, text)}")
    with pytest.raises(UserError) as error:
        TASK.complete(settings, "synthetic")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_model_that_there_is_not_is_named() -> None:
    for model, said in (("xgbost", "model must be one of mlp, hgb"), ("no.py", "there is no file")):
        with pytest.raises(UserError, match=said):
            TASK.complete(grammar.settings("csv", f"model={model}"), "real")
