"""A look at the data: what is counted, what is tracked, and how sharp the test split is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from benchmark.cli.main import main
from benchmark.metrics import stats
from benchmark.protocol import grammar
from benchmark.results.report.document import render
from benchmark.tracking import tags
from benchmark.workflows import inspection, inspection_page, inspection_report
from tests.docs.words import offences

pytestmark = pytest.mark.drawn

ROWS = 500


def table(path: Path) -> Path:
    rng = np.random.default_rng(0)
    lines = ["a,b,kind"]
    for number in range(ROWS):
        gap = "" if number % 10 == 0 else f"{rng.normal():.4f}"
        lines.append(f"{gap},{rng.normal():.4f},{'x' if number % 5 == 0 else 'y$|<b>'}")
    lines += [lines[2], lines[3], lines[4].replace("y$|<b>", "x")]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_what_is_counted(tmp_path: Path) -> None:
    settings = grammar.settings("csv", "target=kind")
    found = inspection.inspect_task("csv", settings, str(table(tmp_path / "t.csv")))
    assert found.counts.tolist() == [402, 101] and found.imbalance == pytest.approx(402 / 101)
    assert {part: counts.sum() for part, counts in found.splits.items()} == {
        **{"train": found.splits["train"].sum(), "validation": found.splits["validation"].sum()},
        "test": 503 - found.splits["train"].sum() - found.splits["validation"].sum(),
    }
    assert (found.together, found.contradictory, found.unused) == (6, 1, 0)
    assert found.missing == {"a": pytest.approx(50 / 503)} and found.columns == 2
    assert found.half_width == pytest.approx(1.091 / found.splits["test"][1] ** 0.5, rel=1e-3)


def test_it_is_printed_and_tracked_as_a_run_of_its_own(tmp_path: Path, store_uri: str) -> None:
    words = ["inspect", "csv", "--data", str(table(tmp_path / "t.csv"))]
    words += ["--settings", "target=kind", "--tracking", store_uri]
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code == 0, shown.output
    assert offences(shown.output) == []
    for expected in ("imbalance ratio 4.0", "a 9.9%", "y$|<b>", "█", "6 rows share a group", "±"):
        assert expected in shown.output
    client = MlflowClient(store_uri)
    experiment = client.get_experiment_by_name("csv").experiment_id
    [run] = client.search_runs([experiment])
    assert (run.info.status, run.data.tags[tags.KIND]) == ("FINISHED", "inspection")
    assert "| x | 101 |" in run.data.tags[tags.NOTE]
    names = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert names == {"inspection.md", "classes.png"}
    assert f"#/experiments/{experiment}/runs/{run.info.run_id}/artifacts" in shown.output


def test_images_are_shown_with_their_labels() -> None:
    settings = grammar.settings("folder", "size=16")
    found = inspection.inspect_task("folder", settings, "")
    drawn = inspection_report.figures(found)
    assert set(drawn) == {"classes", "images"}
    shown = [axes for axes in drawn["images"].axes if axes.images]
    assert len(shown) == 2 * inspection_report.SHEET_IMAGES
    titles = [axes.get_title("left") for axes in drawn["images"].axes]
    assert [title for title in titles if title] == ["cat", "dog"]
    assert "SYNTHETIC" in inspection_report.markdown(found)


def test_what_a_benchmark_would_refuse_is_one_line_and_leaves_no_run(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,0\n2,1\n")
    words = ["inspect", "csv", "--data", str(tmp_path / "t.csv")]
    shown = CliRunner().invoke(main, [*words, "--tracking", f"sqlite:///{tmp_path}/m.db"])
    begun, *said = shown.stderr.splitlines()
    assert shown.exit_code == 2 and begun == "reading the data of csv ..."
    assert len(said) == 1 and said[0].startswith("error: ")
    assert not (tmp_path / "m.db").exists()


def test_rows_that_are_left_over_are_shown_as_tested_with_their_weights() -> None:
    settings = grammar.settings("catsdogs", "size=16 train=100 validation=50")
    found = inspection.inspect_task("catsdogs", settings, "")
    assert found.splits["test"].tolist() == [1000, 190] and found.unused == 0
    lines = [*inspection_report.sentences(found)]
    assert "tested on 1,000 cat and 190 dog rows, weighted to 10:1" in lines
    bounded = grammar.settings("catsdogs", "size=16 train=100 validation=50 test=1000")
    narrow = inspection.inspect_task("catsdogs", bounded, "")
    assert not any("weighted" in line for line in inspection_report.sentences(narrow))
    assert found.half_width < narrow.half_width


@pytest.mark.parametrize("recall", [0.3, 0.42, 0.7])
@pytest.mark.parametrize("tested", [(1000, 1450), (1000, 100), (5000, 100)])
def test_the_half_width_of_f1_of_weighted_rows(recall: float, tested: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    negatives, positives = tested
    odds = 10
    tp = rng.binomial(positives, recall, 20_000) / positives
    # precision = recall at 10:1
    fp = rng.binomial(negatives, (1 - recall) / odds, 20_000) / negatives * odds
    low, high = np.quantile(2 * tp / (tp + fp + 1), [0.025, 0.975])
    said = stats.f1_half_width(*map(np.array, (positives, negatives / odds, recall, recall)))
    assert said == pytest.approx((high - low) / 2, rel=0.05)
    widest = inspection.half_widths(np.array(tested), np.array([10, 1]) / 11)[1]
    assert said <= widest < 2 * said


def test_the_half_width_without_weights_depends_on_the_class_alone() -> None:
    found = inspection.half_widths(np.array([900, 100, 25]), None)
    assert found == pytest.approx(1.091 / np.sqrt([900, 100, 25]), rel=1e-3)


def test_each_column_is_described_with_what_is_done_to_it(tmp_path: Path, store_uri: str) -> None:
    rng = np.random.default_rng(0)
    lines = ["customer_id,income,tenure,since,city,state,kind"]
    for number in range(ROWS):
        tenure = "unknown" if number % 4 == 0 else f"{rng.integers(400)}"
        city, kind = "Rom" if number % 3 else "Oslo|<b>", "x" if number % 5 == 0 else "y"
        income, since = f"{rng.normal():.3f} EUR", f"2.{1 + number % 12}.2024"
        lines.append(f"{number},{income},{tenure},{since},{city},{kind},{kind}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    words = ["inspect", "csv", "--data", str(tmp_path / "t.csv"), "--tracking", store_uri]
    shown = CliRunner().invoke(main, [*words, "--settings", "target=kind"])
    assert shown.exit_code == 0, shown.output
    reading, splitting, tracking = shown.stderr.splitlines()  # nothing is waited for in silence
    assert reading == "reading the data of csv ..."
    assert splitting == "splitting it, and comparing training with test ..."
    assert tracking.startswith("tracking it in ")
    assert offences(shown.output) == []
    text = " ".join(shown.output.split())
    for expected in (
        "columns: left out 1, number 2, date 1, category 2, target 1; numbers=, categories= and",
        "the unit EUR is left out",
        "missing values: tenure 25.0%",
        "written as DD.MM.YYYY",
        "Rom 67%, Oslo|<b> 33%",
    ):
        assert expected in text, expected
    [run] = MlflowClient(store_uri).search_runs(["1"])
    note = run.data.tags[tags.NOTE]
    assert "| customer_id | left out |  |  |  | an id |" in note
    assert "| state | category |  | 2 | y 80%, x 20% | alone predicts the class (ROC AUC" in note
    assert "| tenure | number | 25.0% |" in note
    assert "| kind | target |" in note and "Oslo\\|&lt;b&gt; 33%" in note


def test_of_many_columns_the_first_are_described(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = (
        pd.DataFrame(rng.normal(size=(200, 100))).add_prefix("c").assign(y=np.arange(200) % 4 == 0)
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = inspection.inspect_task("csv", grammar.settings("csv", ""), str(tmp_path / "t.csv"))
    page = inspection_report.markdown(found)
    assert "| c59 | number |" in page and "| c60 |" not in page
    assert "41 more columns are not shown" in page


def test_the_page_names_leaks_drift_and_label_conflicts(tmp_path: Path, store_uri: str) -> None:
    rng = np.random.default_rng(0)
    count = 6000
    yes = rng.random(count) < 0.2
    frame = pd.DataFrame(
        {
            "when": np.arange(count),
            "size": rng.normal(size=count).round(4),
            "price<b>": (rng.normal(size=count) + np.arange(count) / 1500).round(4),
            "refund": np.where(yes, 30, 1) + rng.normal(size=count).round(4),
            "state": np.where(yes ^ (rng.random(count) < 0.02), "closed", "open"),
            "y": np.where(yes, "yes", "no"),
        }
    )
    twins = frame[:3].assign(y=np.where(yes[:3], "no", "yes"))
    pd.concat([frame, twins]).to_csv(tmp_path / "t.csv", index=False)
    words = ["inspect", "csv", "--data", str(tmp_path / "t.csv"), "--tracking", store_uri]
    words += ["--settings", "target=y time=when", "--html", str(tmp_path / "t.html")]
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code == 0, shown.output
    page = (tmp_path / "t.html").read_text()
    told = " ".join(page.split())
    for expected in (
        "<li>Column refund alone tells the class: a leak?</li>",
        "<li>Column state alone ranks rows well: known before the class is?</li>",
        "<li>6 rows have a twin of another class.</li>",
        "<li>Column price&lt;b&gt; differs between training and test.</li>",
        '<th scope="row">1, 6,001</th>',
        "6 rows in 3 groups are equal but for their class.",
        "almost certain",
        "is known to ±",
    ):
        assert expected in told, expected
    assert offences(page.split("</style>")[1]) == [] and "<script" not in page


def test_the_page_of_sound_data_says_so() -> None:
    found = inspection.inspect_task("csv", grammar.settings("csv", "test=0.4"), "")
    sound = replace(found, half_widths=np.array([0.01, 0.04]))
    page = inspection_page.page(sound, {})
    assert page.headline == ["Nothing suspicious was found."]
    assert [part.title for part in page.parts][-1] == "Columns"


def test_the_page_of_images_holds_them() -> None:
    found = inspection.inspect_task("folder", grammar.settings("folder", "size=16"), "")
    page = render(inspection_page.page(found, inspection_report.figures(found)))
    assert page.count('src="data:image/png;base64,') == 2
