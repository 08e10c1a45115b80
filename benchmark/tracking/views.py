"""The view of an experiment that the printed link opens: MLflow's own shared view state.

MLflow's *Share* button keeps the state of the page as JSON in the experiment's tag
`mlflow.sharedViewState.KEY`, and `?viewStateShareKey=KEY` opens it. The keys are those of
MLflow 3.17.
"""

from __future__ import annotations

import json

from benchmark.tracking import tags
from benchmark.tracking.store import Store

KEY = "skewbench"  # one view per experiment
TAG = f"mlflow.sharedViewState.{KEY}"
PAGE = 100  # runs that the page loads at first
SORTED_BY = "metrics.`test/f1_tuned`"
SECTION = "test"  # of the charts
FIRST = ("f1_tuned", "f1", "average_precision", "ece")  # charts; MLflow adds all others after them
STATE = {
    "selectedColumns": [
        "params.`strategy`",
        "params.`seed`",
        SORTED_BY,
        "metrics.`test/average_precision`",
        "metrics.`test/ece`",
    ],
    "compareRunSections": [
        {"uuid": SECTION, "name": SECTION, "display": True, "isReordered": True, "deleted": False}
    ],
    "compareRunCharts": [
        {
            "type": "BAR",
            "uuid": name,
            "metricKey": f"{SECTION}/{name}",
            "displayName": name,
            "metricSectionId": SECTION,
            "runsCountToCompare": PAGE,
            "isGenerated": True,
            "deleted": False,
        }
        for name in FIRST
    ],
    "orderByKey": SORTED_BY,
    "orderByAsc": False,
    "searchFilter": f"tags.`{tags.KIND}` = 'cell'",  # they alone have measures
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "runsHiddenMode": "SHOW_ALL",
    "groupBy": {
        "aggregateFunction": "average",
        "groupByKeys": [{"mode": "param", "groupByData": "strategy"}],
    },
    "useGroupedValuesInCharts": True,
}
TABLE = f"/runs?workflowType=machine_learning&viewStateShareKey={KEY}"
CHARTS = f"{TABLE}&compareRunsMode=CHART"


def share_view(store: Store, runs: int) -> None:
    """Keep the view with the experiment.

    MLflow first loads `PAGE` runs, and means of groups are those of loaded runs: of more, the
    newest come first, not the best, whose means would be too high.
    """
    state = STATE if runs <= PAGE else STATE | {"orderByKey": "attributes.start_time"}
    store.client.set_experiment_tag(store.experiment, TAG, json.dumps(state))
