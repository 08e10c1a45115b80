"""Collections of other libraries become a folder of tables."""

import shutil
from pathlib import Path
from typing import Any

import imblearn.datasets
import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from sklearn.utils import Bunch

from benchmark.protocol.errors import UserError
from benchmark.workflows.suite import collections, sources


def test_each_data_set_is_a_table_whose_target_is_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bunch = Bunch(data=np.eye(3), target=np.array([-1, 1, -1]))
    monkeypatch.setattr(imblearn.datasets, "fetch_datasets", lambda data_home: {"ecoli": bunch})
    [path] = collections.fetch("imbalanced-learn", tmp_path / "new")
    table = pd.read_csv(path)
    assert list(table) == ["x0", "x1", "x2", "target"]
    assert table["target"].tolist() == ["negative", "positive", "negative"]
    [source] = sources.in_folder(tmp_path / "new", "")
    assert isinstance(source, sources.Source) and source.settings == "target='target'"


def test_what_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(**_: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(imblearn.datasets, "fetch_datasets", offline)
    with pytest.raises(UserError, match=r"cannot be downloaded .* no route to host"):
        collections.fetch("imbalanced-learn", tmp_path)
    with pytest.raises(UserError, match="did you mean 'imbalanced-learn'"):
        collections.fetch("imbalanced-lern", tmp_path)


IRIS = 61  # a data set of OpenML whose answers scikit-learn has recorded for its own tests
RECORDED = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml" / f"id_{IRIS}"


def answer(folder: Path) -> None:
    """Puts recorded answers of OpenML where scikit-learn keeps those it has had."""
    kept = folder / ".cache" / "openml" / "openml.org"
    answers = {
        "api-v1-jd-61.json.gz": f"api/v1/json/data/{IRIS}.gz",
        "api-v1-jdf-61.json.gz": f"api/v1/json/data/features/{IRIS}.gz",
        "api-v1-jdq-61.json.gz": f"api/v1/json/data/qualities/{IRIS}.gz",
        "data-v1-dl-61.arff.gz": f"data/v1/download/{IRIS}/iris.arff.gz",
    }
    for source, target in answers.items():
        (kept / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(RECORDED / source, kept / target)


def test_data_sets_of_openml_are_named_by_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(tmp_path)
    monkeypatch.setattr("socket.socket.connect", None)  # nothing is asked of the network
    [path] = collections.fetch(f"openml:{IRIS}", tmp_path)
    table = pd.read_csv(path)
    assert path.name == "iris-61.csv"
    assert list(table) == ["sepallength", "sepalwidth", "petallength", "petalwidth", "target"]
    assert table["target"].value_counts().to_dict() == {
        "Iris-setosa": 50,
        "Iris-versicolor": 50,
        "Iris-virginica": 50,
    }


@pytest.mark.parametrize("name", ["openml:", "openml:iris", "openml:31,", "openml"])
def test_a_number_is_asked_for(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown collection .*openml:ID,ID"):
        collections.fetch(name, tmp_path)


def test_a_data_set_without_a_target_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Bunch(data=pd.DataFrame({"a": [1]}), target=None, details={"name": "it"})
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **_: found)
    with pytest.raises(UserError, match="data set 7 of OpenML has no single target"):
        collections.fetch("openml:7", tmp_path)
