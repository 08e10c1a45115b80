"""Boosted trees beside the libraries' own calls on real tables: average precision, AUC, time.

uv run python -m tests.speed.compare_trees lightgbm,xgboost,hgb insurance,wilt,churn 5

Both get the same splits and settings; the plain call gets the columns as they are, with text as
categories. Seconds are of the processor, on one thread, after a first training of each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score
from threadpoolctl import threadpool_limits

from benchmark.protocol.arrays import Floats
from benchmark.protocol.strategy import NONE
from benchmark.protocol.task import Splits
from benchmark.training.fit import fit
from benchmark.training.job import TrainingJob
from tests.real_tables import opened

TREES = {"n_estimators": 500, "learning_rate": 0.05, "n_jobs": 1}
Plain = Callable[[Any, Any, Any, Any, Any], Floats]  # rows, classes, of validation too, of test


def xgboost(x: Any, y: Any, x_validation: Any, y_validation: Any, x_test: Any) -> Floats:
    from xgboost import XGBClassifier

    stop = {"early_stopping_rounds": 50, "eval_metric": "aucpr"}
    model = XGBClassifier(**TREES, **stop, enable_categorical=True)
    model.fit(x, y, eval_set=[(x_validation, y_validation)], verbose=False)
    return model.predict(x_test, output_margin=True)


def lightgbm(x: Any, y: Any, x_validation: Any, y_validation: Any, x_test: Any) -> Floats:
    from lightgbm import LGBMClassifier, early_stopping

    model = LGBMClassifier(**TREES, verbosity=-1, metric="None")
    stop = {"eval_metric": "average_precision", "callbacks": [early_stopping(50, verbose=False)]}
    model.fit(x, y, eval_X=x_validation, eval_y=y_validation, **stop)
    return model.predict(x_test, raw_score=True)


def catboost(x: Any, y: Any, x_validation: Any, y_validation: Any, x_test: Any) -> Floats:
    from catboost import CatBoostClassifier

    class AveragePrecision:  # the library's own PRAUC rewards ties: it stops at the first tree
        def is_max_optimal(self) -> bool:
            return True

        def evaluate(self, margins: Any, labels: Any, weights: Any) -> tuple[float, float]:
            validates = len(labels) == len(x_validation)
            return average_precision_score(labels, margins[0]) if validates else 0, 1

        def get_final_error(self, error: float, weight: float) -> float:
            return error

    names = [name for name in x if x[name].dtype == "category"]
    x, x_validation, x_test = (
        one.astype(dict.fromkeys(names, str)) for one in (x, x_validation, x_test)
    )
    size = {"iterations": 500, "learning_rate": 0.05, "thread_count": 1}
    stop = {"eval_metric": AveragePrecision(), "od_type": "Iter", "od_wait": 50}
    model = CatBoostClassifier(**size, **stop, verbose=False, allow_writing_files=False)
    model.fit(x, y, cat_features=names, eval_set=(x_validation, y_validation))
    return model.predict(x_test, prediction_type="RawFormulaVal")


def hgb(x: Any, y: Any, x_validation: Any, y_validation: Any, x_test: Any) -> Floats:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=200, learning_rate=0.05, l2_regularization=1, early_stopping=False
    )
    with threadpool_limits(1):
        return model.fit(x, y).decision_function(x_test)


PLAIN: dict[str, Plain] = {
    "xgboost": xgboost, "lightgbm": lightgbm, "catboost": catboost, "hgb": hgb,
}  # fmt: skip


def compare(library: str, table: str, seeds: int) -> None:
    """Print what both attain, means over seeds, and the median of the ratios of their times."""
    task, settings, data = opened(table, library)
    words = [name for name in data.rows if not pd.api.types.is_numeric_dtype(data.rows[name])]
    raw = data.rows.astype(dict.fromkeys(words, "category"))
    found = []
    for seed in (0, *range(seeds)):  # the first time imports the library
        began = time.process_time()
        splits: Splits = task.split(data, settings, seed)
        split = time.process_time()
        job = TrainingJob(task, settings, splits, 2, NONE, task.budget(settings, "real"), seed)
        own = fit(job, lambda steps: None).test.best[:, 1]
        trained = time.process_time()
        parts = [splits.train, splits.validation, splits.test]
        (x, y), (x_val, y_val), (x_test, labels) = ((raw.iloc[p], splits.y[p]) for p in parts)
        plain = PLAIN[library](x, y, x_val, y_val, x_test)
        ended = time.process_time() - trained
        scores = [
            measure(labels, margins)
            for measure in (average_precision_score, roc_auc_score)
            for margins in (own, plain)
        ]
        found.append([*scores, (trained - began) / ended, (trained - split) / ended])
    values = np.array(found[1:])
    ap, plain_ap, auc, plain_auc = values[:, :4].mean(axis=0)
    error = (values[:, 0] - values[:, 1]).std(ddof=1) / np.sqrt(seeds)
    with_split, alone = np.median(values[:, 4:], axis=0)
    print(
        f"{library:9s} {table:20s} AP {ap:.3f} (plain {plain_ap:.3f}, {ap - plain_ap:+.4f} "
        f"se {error:.4f})  AUC {auc:.3f} (plain {plain_auc:.3f})  "
        f"time x{with_split:.2f}, x{alone:.2f} without the split",
        flush=True,
    )


if __name__ == "__main__":
    for each in sys.argv[1].split(","):
        for name in sys.argv[2].split(","):
            compare(each, name, int(sys.argv[3]))
