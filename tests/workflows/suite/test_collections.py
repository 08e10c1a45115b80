"""Collections of other libraries become a folder of tables."""

from pathlib import Path
from typing import Any

import imblearn.datasets
import numpy as np
import pandas as pd
import pytest
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
