"""The Python surface: a table in memory or a task in, a leaderboard out, errors in one line."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmark import notebook
from benchmark.cli.main import main
from benchmark.notebook import Leaderboard, NotebookError, leaderboard, run
from benchmark.protocol.errors import UserError
from benchmark.training import device
from benchmark.training import fit as fitting
from tests import toys

ASKED: dict[str, Any] = {
    "strategies": ["none", "threshold", "class_weight"],
    "seeds": 2,
    "workers": 0,
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the test's own: tables are written where one works."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    leaves = rng.random(400) < 0.15
    age = rng.normal(40 + 12 * leaves, 8)
    town = pd.Categorical(rng.choice(["Ulm", "Bonn"], 400))
    return pd.DataFrame({"age": age, "town": town, "Has left": np.where(leaves, "yes", "no")})


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory, fresh_store: Path) -> str:
    return f"sqlite:///{shutil.copy(fresh_store, tmp_path_factory.mktemp('store') / 'mlflow.db')}"


@pytest.fixture(scope="module")
def board(
    table: pd.DataFrame, uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Leaderboard]:
    device.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("work"))
        patch.setattr(fitting, "fit", lambda job, on_step: toys.fit(job))
        yield run(table, "Has left", settings={"model": "logistic"}, tracking=uri, **ASKED)


def test_features_and_classes_are_the_same_table_and_resume_its_runs(
    board: Leaderboard, table: pd.DataFrame, uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    features, classes = table.drop(columns="Has left"), table["Has left"]
    again = run(features, classes, settings="model=logistic", tracking=uri, **ASKED)
    assert again.to_pandas().equals(board.to_pandas())
    told = capsys.readouterr()
    assert "done before: 6" in told.out and told.err == ""
    assert len(list(Path("data/tables").iterdir())) == 1


def test_what_a_leaderboard_has(board: Leaderboard, tmp_path: Path) -> None:
    strategies = board.to_pandas().set_index("label")
    assert set(strategies.index) == {"none", "threshold", "class_weight"}
    assert {"f1", "difference", "low", "high", "best", "test/f1_tuned mean"} <= {*strategies}
    assert len(board.runs()) == 6 and set(board.runs()["state"]) == {"finished"}
    assert board.verdict and board.verdict.splitlines()[0] in str(board)
    page = board._repr_html_()
    assert page.count("<tr>") == 4 and board.verdict.split(".")[0][:30] in page
    board.to_html(tmp_path / "report.html")
    assert "Content-Security-Policy" in (tmp_path / "report.html").read_text()


def test_the_command_line_reads_what_a_notebook_ran(board: Leaderboard, uri: str) -> None:
    done = CliRunner().invoke(main, ["recommend", "csv", "--tracking", uri])
    assert done.exit_code == 0, done.output
    found = leaderboard("csv", tracking=uri)
    assert found.to_pandas().equals(board.to_pandas())


def test_the_plot_has_every_claim_on_the_axes_it_is_given(board: Leaderboard) -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    assert board.plot("f1", ax=axes) is axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == ["threshold"]  # the class weight changed nothing here
    with pytest.raises(NotebookError, match="did you mean 'f1_tuned'"):
        board.plot("f1_tune")


def test_a_recommendation_follows_the_costs(board: Leaderboard) -> None:
    advice = board.recommend(cost="fp=1,fn=10")
    assert advice.found.costs and advice.found.costs.threshold == pytest.approx(1 / 11)
    assert str(advice) and "<li>" in advice._repr_html_()
    with pytest.raises(NotebookError, match="two goals"):
        board.recommend(cost="fp=1,fn=10", objective="recall(precision=0.5)")


WRONG = {
    "no table": (([1, 2, 3], None), "list is no table"),
    "no such column": ((pd.DataFrame({"a": [1]}), "b"), "no column 'b'"),
    "other lengths": ((np.zeros((3, 2)), [0, 1]), "the class of each row"),
    "two columns of a name": (
        (pd.DataFrame({"a": [1]}), pd.Series([1], name="a")),
        "rename one of them",
    ),
    "task": (("insurence", None), "did you mean 'insurance'"),
    "labels of a task": (("insurance", [0, 1]), "names a task"),
}


@pytest.mark.parametrize("given, expected", WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_one_line(given: tuple[object, object], expected: str) -> None:
    with pytest.raises(UserError, match=expected) as caught:
        run(*given)  # type: ignore[arg-type]
    [line] = caught.value._render_traceback_()  # type: ignore[attr-defined]
    assert line.startswith("error: ") and "\n" not in line
    assert not list(Path.cwd().iterdir())


def test_settings_by_name_are_those_that_one_would_type() -> None:
    given = {"positive": "it's", "folds": np.int64(3), "imbalance": 0.5}
    assert notebook._settings_text(given).startswith("positive=")
    with pytest.raises(UserError, match="folds must be a text or a number"):
        notebook._settings_text({"folds": [1]})
