"""Every registered study, from the command line to its page, on a small scale."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from benchmark.cli.main import main
from benchmark.protocol import grammar
from benchmark.protocol.task import Data, Task
from benchmark.results import study as studies
from benchmark.tracking import tags
from benchmark.workflows.execution import worker as workers
from tasks import catsdogs, insurance
from tasks.synthetic import insurance as synthetic_insurance
from tasks.synthetic.insurance import customers

NAMES = sorted(studies.studies())
FEWER = (
    ("imbalance.RATIOS", (2, 20)),
    ("imbalance.STRATEGIES", ("oversample",)),
    ("size.SHARES", (0.5, 1.0)),
    ("weights.WEIGHTS", (1, 10)),
    ("averages.TEN", 1),
)


@pytest.fixture
def fewer_customers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Less synthetic data, which no other test finds in the caches of the process."""
    monkeypatch.setattr(synthetic_insurance, "customers", partial(customers, 4000))
    for cached in (workers.load, workers._split):
        cached.cache_clear()
    yield
    for cached in (workers.load, workers._split):
        cached.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_study_gives_a_paragraph_a_table_and_a_figure(
    name: str,
    store_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fewer_customers: None,
) -> None:
    for names, places in FEWER:
        monkeypatch.setattr(f"studies.{names}", places)
    client = MlflowClient(store_uri)
    opened = client.create_run("0").info.run_id  # as `mlflow run -e study` does
    monkeypatch.setenv("MLFLOW_RUN_ID", opened)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    words = ["study", name, "--task", "insurance", "--data", "stand-in", "--seeds", "2"]
    words += ["--steps", "8", "--workers", "0", "--output", str(tmp_path / "answers")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "answers" / f"{name}.md").read_text()
    assert page.startswith(f"# {studies.study(name).question}")
    assert f"{name}.svg" in page and "SYNTHETIC" in page
    assert "nan" not in page.lower().replace("finance", "")
    assert "<svg" in (tmp_path / "answers" / f"{name}.svg").read_text()
    kept = client.get_run(opened)
    assert kept.data.tags[tags.KIND] == "study" and kept.data.tags[tags.NOTE] == page[: tags.LIMIT]
    assert {item.path for item in client.list_artifacts(opened)} == {f"{name}.md", f"{name}.svg"}
    if name == "balance":
        again = CliRunner().invoke(main, words)
        assert again.output.count("trainings to go: 0") == result.output.count("trainings to go")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("task", [catsdogs.TASK, insurance.TASK])
def test_all_arms_are_strategies_and_settings_that_there_are(name: str, task: object) -> None:
    assert isinstance(task, type(catsdogs.TASK))
    labels = np.repeat([0, 1], [3500, 1700])
    data = Data(None, labels, labels, ("no", "yes"), "", "real", "")
    arms = studies.study(name).arms(task.settings(), data)
    assert arms and len({arm.name for arm in arms}) == len(arms)
    for arm in arms:
        grammar.read_list(arm.strategies)
        assert set(arm.settings) <= set(vars(task.settings()))


@pytest.mark.parametrize("name", ["balance", "size"])
@pytest.mark.parametrize(
    ("task", "settings"),
    [
        (catsdogs.TASK, catsdogs.Settings(train=80, validation=20, size=16)),
        (insurance.TASK, insurance.Settings()),
        (insurance.TASK, insurance.Settings(imbalance=20)),
    ],
)
def test_arms_that_train_on_other_rows_test_the_same_ones(
    name: str, task: Task, settings: object, fewer_customers: None
) -> None:
    arms = studies.study(name).arms(settings, task.synthetic(settings))
    tested = set()
    for arm in arms:
        changed = replace(settings, **arm.settings)  # type: ignore[type-var]
        splits = task.split(task.synthetic(changed), changed, 0)
        tested.add((splits.validation.tobytes(), splits.test.tobytes(), splits.population is None))
    assert len(tested) == 1
    assert len(arms) > 1 or (name, task) == ("balance", insurance.TASK)


def test_an_unknown_study_is_named() -> None:
    result = CliRunner().invoke(main, ["study", "weigths"])
    assert result.exit_code == 2
    assert result.output == "error: unknown study 'weigths': did you mean 'weights'?\n"


def test_a_task_that_cannot_answer_says_so(store_uri: str, tmp_path: Path) -> None:
    words = ["study", "imbalance", "--task", "catsdogs", "--data", "stand-in", "--workers", "0"]
    words += ["--settings", "train=40 validation=40 test=40 size=16", "--tracking", store_uri]
    result = CliRunner().invoke(main, [*words, "--output", str(tmp_path / "answers")])
    assert result.exit_code == 2
    assert result.output.splitlines()[-1].startswith("error: 100: imbalance=100 leaves no dog")
    assert MlflowClient(store_uri).search_runs(["0"]) == [] and not (tmp_path / "answers").exists()
