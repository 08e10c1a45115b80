"""The saved view of an experiment, which the printed link opens."""

import json
from urllib.parse import parse_qs, urlsplit

from benchmark.results.measures import MEASURES
from benchmark.tracking import views
from benchmark.tracking.store import open_store, pages


def test_the_view_is_kept_where_mlflow_looks_for_it(store_uri: str) -> None:
    store = open_store(store_uri, "insurance")
    views.share_view(store, 18)
    experiment = store.client.get_experiment(store.experiment)
    [key] = parse_qs(urlsplit(views.TABLE).query)["viewStateShareKey"]
    state = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])
    assert state["orderByKey"] == "metrics.`test/f1_tuned`" and not state["orderByAsc"]
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "strategy"}]
    shown = [column.split("`")[1] for column in state["selectedColumns"]]
    assert shown[:2] == ["strategy", "seed"]
    assert set(shown[2:]) <= set(MEASURES)
    assert "compareRunsMode=CHART" in views.CHARTS


def test_of_many_runs_the_newest_are_loaded_first_not_the_best(store_uri: str) -> None:
    store = open_store(store_uri, "insurance")
    views.share_view(store, 220)
    experiment = store.client.get_experiment(store.experiment)
    assert json.loads(experiment.tags[views.TAG])["orderByKey"] == "attributes.start_time"


def test_its_filter_is_one_that_the_store_takes(store_uri: str) -> None:
    store = open_store(store_uri, "insurance")
    client = store.client
    for tags in ({"skewbench.kind": "cell"}, {"skewbench.kind": "invocation"}):
        client.create_run(store.experiment, tags=tags)
    found = list(pages(client, [store.experiment], str(views.STATE["searchFilter"])))
    assert [run.data.tags["skewbench.kind"] for run in found] == ["cell"]


def test_timings_sort_after_the_measures_on_test() -> None:
    timings = [name for name in MEASURES if name.startswith("timing/")]
    measured = [name for name in MEASURES if name.startswith("test/")]
    assert timings and max(measured) < min(timings)
