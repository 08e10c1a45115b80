import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data
from benchmark.training.predictions import row_weights
from tasks.insurance import NUMBERS, TASK, Settings
from tasks.synthetic import insurance as synthetic_insurance
from tasks.tables import insurance_csv

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "insurance"
SETTINGS = Settings()

Table = list[list[str]]  # the fields of a CSV, header first: table[4] is line 5


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return synthetic_insurance.customers()


@pytest.fixture(scope="module")
def data() -> Data:
    return TASK.synthetic(SETTINGS)


@pytest.fixture
def table(customers: pd.DataFrame) -> Table:
    lines = customers.head(40).to_csv(index=False, lineterminator="\n").splitlines()
    return [line.split(",") for line in lines]


def write(path: Path, table: Table) -> Path:
    path.write_text("".join(",".join(row) + "\n" for row in table))
    return path


def test_the_digest_is_of_the_content_not_of_its_formatting(tmp_path: Path, table: Table) -> None:
    plain = TASK.load(SETTINGS, write(tmp_path / "data.csv", table))
    assert TASK.load(SETTINGS, tmp_path).digest == plain.digest
    styled = [[field.removesuffix(".0") for field in reversed(row[1:])] for row in table]
    (tmp_path / "styled.csv").write_text(
        "\r\n".join(map(",".join, styled)), encoding="utf-8-sig", newline=""
    )
    assert TASK.load(SETTINGS, tmp_path / "styled.csv").digest == plain.digest
    table[1], table[2] = table[2], table[1]
    assert TASK.load(SETTINGS, write(tmp_path / "x.csv", table)).digest != plain.digest


def test_same_features_are_one_group_whatever_the_id(tmp_path: Path, table: Table) -> None:
    table.append(["999999", *table[3][1:]])
    loaded = TASK.load(SETTINGS, write(tmp_path / "x.csv", table))
    assert loaded.groups[2] == loaded.groups[-1]
    assert "id" not in loaded.rows and "Response" not in loaded.rows


def test_split(data: Data) -> None:
    splits = TASK.split(data, SETTINGS, 1)
    parts = [splits.train, splits.validation, splits.test]
    assert sorted(np.concatenate(parts)) == list(range(len(data.labels)))
    for part, share in zip(parts, (0.7, 0.15, 0.15), strict=True):
        assert len(part) == pytest.approx(share * len(data.labels), rel=0.01)
        assert data.labels[part].mean() == pytest.approx(data.labels.mean(), rel=0.01)
    assert splits.x.dtype == np.float32 and np.isfinite(splits.x).all()
    assert splits.categorical == tuple(range(len(NUMBERS), splits.x.shape[1]))
    again, other = TASK.split(data, SETTINGS, 1), TASK.split(data, SETTINGS, 2)
    assert np.array_equal(splits.x, again.x) and np.array_equal(splits.test, again.test)
    assert not np.array_equal(splits.test, other.test)


def test_features_are_learned_on_training_rows_alone(data: Data) -> None:
    before = TASK.split(data, SETTINGS, 0)
    outside = np.concatenate([before.validation, before.test])
    rows = data.rows.copy()
    columns = ["Age", "Annual_Premium", "Region_Code"]
    rows.iloc[outside, rows.columns.get_indexer(columns)] = [110, 1e9, 999]
    after = TASK.split(replace(data, rows=rows), SETTINGS, 0)
    assert np.array_equal(before.x[before.train], after.x[before.train])
    region = before.categorical[list(rows.drop(columns=list(NUMBERS))).index("Region_Code")]
    assert (after.x[outside, region] == 0).all()
    assert (after.x[outside, 0] == 1).all()


def test_synthetic_reads_back_as_a_file(
    tmp_path: Path, customers: pd.DataFrame, data: Data
) -> None:
    customers.to_csv(tmp_path / "train.csv", index=False)
    loaded = TASK.load(SETTINGS, tmp_path)
    assert loaded.digest == data.digest
    assert (loaded.source, data.source) == ("real", "synthetic")


def test_network_gives_logits(data: Data) -> None:
    import keras

    splits = TASK.split(data, SETTINGS, 0)
    keras.utils.set_random_seed(0)
    network = TASK.network(SETTINGS, splits, 2, TASK.budget(SETTINGS, "synthetic"))
    logits = network.model(splits.x[:5])
    assert logits.shape == (5, 2)
    assert network.model.layers[-1].name == "logits" and network.model.layers[-1].use_bias


def test_fetch(tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "cached.csv", table)
    monkeypatch.setattr("kagglehub.dataset_download", lambda handle, path: str(file))
    TASK.fetch(tmp_path / "new")
    assert (tmp_path / "new" / "train.csv").read_bytes() == file.read_bytes()

    def unreachable(handle: str, path: str) -> str:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr("kagglehub.dataset_download", unreachable)
    with pytest.raises(UserError, match=r"no route\).*log in.*download train\.csv") as error:
        TASK.fetch(tmp_path / "other")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "other").exists()


def test_importing_the_task_imports_nothing_heavy() -> None:
    heavy = "{'keras', 'tensorflow', 'sklearn', 'pandas', 'pandera', 'kagglehub'}"
    code = f"import sys, tasks.insurance; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real rows in {REAL}")
def test_real_rows() -> None:
    loaded = TASK.load(SETTINGS, REAL)
    assert len(loaded.labels) == len(loaded.rows) == 100_000
    assert loaded.labels.mean() == pytest.approx(0.1226, abs=1e-4)
    assert loaded.source == "real"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_sound_file_is_read_as_one_whose_problems_are_looked_for(
    tmp_path: Path, table: Table, line_end: str
) -> None:
    table[4][table[0].index("Annual_Premium")] = "12345.678901234567"
    table[5][table[0].index("Gender")] = f'"{table[5][table[0].index("Gender")]}"'
    file = tmp_path / "data.csv"
    lines = [",".join(row) + line_end for row in table] + [line_end]
    file.write_text("".join(lines), encoding="utf-8-sig", newline="")
    fast = insurance_csv._sound(file)
    assert fast is not None
    slow = insurance_csv._with_problems_named(file)
    pd.testing.assert_frame_equal(fast, slow, check_exact=True)


def test_imbalance_is_of_every_split_and_train_imbalance_of_training_alone(data: Data) -> None:
    settings = replace(SETTINGS, imbalance=50, left_out="drop")
    rare = TASK.split(data, settings, 0)
    assert rare.population is None
    for part in (rare.train, rare.validation, rare.test):
        negatives, positives = np.bincount(rare.y[part])
        assert negatives / positives == pytest.approx(50, rel=0.05)
    plain = TASK.split(data, SETTINGS, 0)
    balanced = TASK.split(data, replace(SETTINGS, train_imbalance=1, left_out="drop"), 0)
    np.testing.assert_array_equal(plain.test, balanced.test)
    np.testing.assert_array_equal(plain.validation, balanced.validation)
    negatives, positives = np.bincount(balanced.y[balanced.train])
    assert negatives == positives == plain.y[plain.train].sum()


@pytest.mark.parametrize(
    "changes", [{"imbalance": 50.0}, {"train_imbalance": 1.0}, {"imbalance": 2.0}]
)
def test_rows_that_an_imbalance_leaves_out_are_tested_weighted_to_it(
    data: Data, changes: dict[str, float]
) -> None:
    settings = replace(SETTINGS, **changes)
    more, plain = (
        TASK.split(data, replace(settings, left_out=where), 0) for where in ("test", "drop")
    )
    np.testing.assert_array_equal(more.train, plain.train)
    np.testing.assert_array_equal(more.validation, plain.validation)
    assert set(plain.test) < set(more.test) and len(np.unique(more.test)) == len(more.test)
    parts = [set(data.groups[rows]) for rows in (more.train, more.validation, more.test)]
    assert len(set.union(*parts)) == sum(map(len, parts)) == len(np.unique(data.groups))
    prevalence = (
        data.labels.mean() if "train_imbalance" in changes else 1 / (1 + changes["imbalance"])
    )
    assert more.population is not None
    assert more.population[1] == pytest.approx(prevalence, rel=1e-3)
    weights = row_weights(data.labels[more.test], more.population)
    assert weights[data.labels[more.test] == 1].sum() / weights.sum() == pytest.approx(
        prevalence, rel=1e-3
    )


def test_without_an_imbalance_no_row_is_left_over_and_none_is_weighted(data: Data) -> None:
    splits = TASK.split(data, SETTINGS, 0)
    assert splits.population is None
    same = TASK.split(data, replace(SETTINGS, left_out="drop"), 0)
    np.testing.assert_array_equal(splits.test, same.test)
