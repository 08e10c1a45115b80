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
SORTED_BY = "metrics.`test/f1_tuned`"
STATE = {
    "selectedColumns": [
        "params.`strategy`",
        "params.`seed`",
        SORTED_BY,
        "metrics.`test/average_precision`",
        "metrics.`test/ece`",
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


def share_view(store: Store) -> None:
    """Keep the view with the experiment."""
    store.client.set_experiment_tag(store.experiment, TAG, json.dumps(STATE))
