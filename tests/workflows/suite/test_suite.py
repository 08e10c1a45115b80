"""A suite from a folder to its page: left out, resumed, added to."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results.suite import members, summary
from benchmark.tracking import tags
from benchmark.tracking.records import read_runs
from benchmark.workflows.suite import sources
from benchmark.workflows.suite.members import Member, Wanted, prepare
from benchmark.workflows.suite.report import report_suite
from benchmark.workflows.suite.run import SuiteRequest, run_suite


def _table(rows: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    y = (np.arange(rows) % 8 == 0).astype(int)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)) + y[:, None], columns=["a", "b", "c"])
    return frame.assign(y=np.where(y, "pos", "neg")).to_csv(index=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three tables that can be used, and what cannot."""
    path = tmp_path / "tables"
    path.mkdir()
    for seed, name in enumerate(("first", "second", "third")):
        (path / f"{name}.csv").write_text(_table(240 + 40 * seed, seed))
    (path / "copy.csv").write_text(_table(240, 0))  # comes before the first, and counts
    (path / "broken.csv").write_text('a,b,y\n1,2\n3,4,5,6\n"x\n')
    (path / "one-class.csv").write_text(_table(200, 5).replace("pos", "neg"))
    (path / "sixty.csv").write_text(_table(60, 6))
    (path / "Twin.csv").write_text(_table(200, 7))
    (path / "twin.csv").write_text(_table(200, 8))
    (path / "notes.txt").write_text("hello")
    return path


LEFT_OUT = {"first", "broken", "one-class", "sixty", "Twin.csv", "twin.csv", "notes.txt"}


def _request(folder: Path, strategies: str = "none,threshold,class_weight") -> SuiteRequest:
    return SuiteRequest(
        name="mine",
        named=tuple(sources.require_distinct(sources.in_folder(folder, ""))),
        wanted=Wanted(tuple(grammar.read_list(strategies)), ("logistic",), 2, None),
        workers=0,
        timeout=None,
        uri=f"sqlite:///{folder.parent}/mlflow.db",
        output=folder.parent / "page",
    )


def _cells(request: SuiteRequest) -> int:
    return sum(tags.DONE in run.tags for run in read_runs(request.uri, "cell"))


def _texts(page: Path) -> dict[str, str]:
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in page.iterdir()
        if file.suffix in (".md", ".csv")
    }


def test_what_cannot_be_used_is_named(folder: Path) -> None:
    request = _request(folder)
    found = list(prepare(request.named, request.wanted))
    assert {one.name for one in found if isinstance(one, sources.LeftOut)} == LEFT_OUT
    assert [str(one) for one in found if isinstance(one, Member)] == [
        "copy, logistic",
        "second, logistic",
        "third, logistic",
    ]
    assert all(one.reason for one in found if isinstance(one, sources.LeftOut))


def test_a_strategy_that_does_not_suit_a_model_is_not_planned(folder: Path) -> None:
    request = _request(folder, "none,focal")
    member = next(one for one in prepare(request.named, request.wanted) if isinstance(one, Member))
    assert [label for _, label, _ in member.plan.strategies] == ["none"]
    assert member.properties["prevalence"] == pytest.approx(1 / 8)
    assert 0 <= member.properties["overlap"] <= 1


@pytest.mark.slow
def test_a_suite_runs_goes_on_and_grows(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = _request(folder)
    assert run_suite(request) == 1  # as data sets were left out
    printed = capsys.readouterr().err
    assert "sixty: 60 rows" in printed and "3 data sets" in printed
    for doing in ("checking 10 data sets ...", "comparing strategies over data sets ..."):
        assert doing in printed
    assert _cells(request) == 18
    page = (request.output / "suite.md").read_text(encoding="utf-8")
    assert "What helps across 3 data sets?" in page
    assert "planned 18 = finished 18 + failed 0 + missing 0" in page
    for figure in ("suite-logistic-f1-ranks.svg", "suite-logistic-f1-heat.svg"):
        assert figure in page and (request.output / figure).exists()
    kept = [path.parent for path in (folder.parent / "mlruns").glob("*/artifacts/predictions.npz")]
    assert kept and all(len([*run.iterdir()]) == 1 for run in kept)  # no figure of a single run

    run_suite(request)
    assert "done before: 18, trainings to go: 0" in capsys.readouterr().err

    run_suite(_request(folder, "none,threshold,class_weight,oversample"))
    assert "done before: 18, trainings to go: 6" in capsys.readouterr().err
    assert _cells(request) == 24
    assert report_suite(request.uri, "mine", request.output) == 0
    alone = _texts(request.output)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for module in (members, summary):
        monkeypatch.setattr(module, "PER_PROCESS", 1)
    assert report_suite(request.uri, "mine", request.output) == 0
    assert _texts(request.output) == alone  # from several processes
    rows = pd.read_csv(request.output / "suite.csv")
    assert set(rows["strategy"]) == {"threshold", "class_weight", "oversample"}
    with pytest.raises(UserError, match="no suite 'yours'"):
        report_suite(request.uri, "yours", request.output)


def test_no_data_set_is_an_error(folder: Path) -> None:
    for name in ("first", "second", "third", "copy"):
        (folder / f"{name}.csv").unlink()
    with pytest.raises(UserError, match="no data set is left"):
        run_suite(_request(folder))
