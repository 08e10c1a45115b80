import numpy as np
import pandas as pd
import pytest

from tasks.insurance import TASK, Settings
from tasks.synthetic import insurance


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return insurance.customers()


def test_rates_are_the_published_ones(customers: pd.DataFrame) -> None:
    for column, rates in insurance.RATES.items():
        for level, rate in rates.items():
            labels = customers.loc[customers[column] == level, "Response"]
            error = np.sqrt(rate * (1 - rate) / len(labels))
            assert abs(labels.mean() - rate) < max(0.05 * rate, error), (column, level)
    assert customers["Response"].mean() == pytest.approx(0.1226, rel=0.05)
    minimum = customers["Annual_Premium"] == 2630
    assert minimum.mean() == pytest.approx(0.17, rel=0.05)
    free = customers.loc[~minimum, "Annual_Premium"]
    assert free.mean() == pytest.approx(36_000, rel=0.05)
    assert free.std() == pytest.approx(14_000, rel=0.05)


def test_every_call_gives_the_same_customers(customers: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(customers, insurance.customers())


@pytest.mark.slow
def test_boosted_trees_score_as_on_real_rows() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    data, settings = TASK.synthetic(Settings()), Settings()
    aucs = []
    for seed in range(2):
        splits = TASK.split(data, settings, seed)
        trees = HistGradientBoostingClassifier(learning_rate=0.05, random_state=0)
        with threadpool_limits(1):  # threads that wait for each other on a busy machine
            trees.fit(splits.x[splits.train], splits.y[splits.train])
        scores = trees.predict_proba(splits.x[splits.test])[:, 1]
        aucs.append(roc_auc_score(splits.y[splits.test], scores))
    assert np.mean(aucs) == pytest.approx(0.855, abs=0.015)
