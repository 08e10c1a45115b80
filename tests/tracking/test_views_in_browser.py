"""The printed link, opened in a fresh profile: the table and the charts that MLflow shows."""

from collections.abc import Callable, Iterator

import pytest

from benchmark.results.leaderboard import leaderboards
from benchmark.tracking import views
from tests import chromium, stores
from tests.faults.servers import Server, serving

pytestmark = [pytest.mark.slow, chromium.needed]
PATIENT = 60.0  # seconds: the first page of a server takes long on a busy machine


@pytest.fixture(scope="module")
def server(measured: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with serving(Server(folder, stores.copy_of(measured, folder))) as started:
        yield started


@pytest.fixture(scope="module")
def page_text(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, Callable[[str], bool]], str]]:
    """Open a page of the experiment, wait until its text is as wanted, and return it."""
    from mlflow import MlflowClient
    from selenium.webdriver.support.wait import WebDriverWait

    experiment = MlflowClient(server.uri).get_experiment_by_name("insurance").experiment_id
    with chromium.chromium(tmp_path_factory.mktemp("profile")) as browser:
        chromium.resize(browser, 1600, 1000)

        def text(page: str, wanted: Callable[[str], bool]) -> str:
            browser.get(f"{server.uri}/#/experiments/{experiment}{page}")
            body = "return document.body.innerText"
            WebDriverWait(browser, PATIENT).until(lambda it: wanted(it.execute_script(body)))
            return str(browser.execute_script(body))

        yield text


def test_the_table_shows_f1_by_strategy_and_seed(page_text: Callable[..., str]) -> None:
    text = page_text(views.TABLE, lambda shown: "none · seed 1" in shown and "f1_tuned" in shown)
    lines = text.splitlines()
    for column in ("strategy", "seed", "test/f1_tuned", "test/average_precision", "test/ece"):
        assert column in lines
    for strategy in ("none", "threshold", "class_weight"):
        for seed in range(2):
            assert f"{strategy} · seed {seed}" in lines
    assert "6 matching runs" in text  # the benchmark's own run has no measures


def test_who_opens_the_experiment_by_hand_is_told_where_to_go(
    page_text: Callable[..., str],
) -> None:
    """In a fresh profile MLflow opens its page of traces, below the experiment's note."""
    where = "Table and charts of the strategies | runs of this benchmark | report"
    text = page_text("", lambda shown: where in shown)
    assert where in text.splitlines()


def test_the_values_are_those_of_the_store(page_text: Callable[..., str], measured: str) -> None:
    text = page_text(views.TABLE, lambda shown: "none · seed 1" in shown and "f1_tuned" in shown)
    [table] = leaderboards(measured, ["insurance"])
    for value in table.runs["test/f1_tuned"]:
        assert str(value)[:5] in text  # MLflow cuts numbers that are too long for a column


def test_charts_open_on_test(page_text: Callable[..., str]) -> None:
    text = page_text(views.CHARTS, lambda shown: "Add chart" in shown and "test/f1" in shown)
    lines = text.splitlines()
    assert next(line for line in lines if line in ("test", "timing", "train", "val")) == "test"
    charts = [line for line in lines if line.startswith("test/")]
    assert charts[: len(views.FIRST)] == [f"test/{name}" for name in views.FIRST]
