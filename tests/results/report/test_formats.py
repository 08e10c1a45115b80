"""Markdown, HTML and CSV of one table: the same numbers, and nothing that a run says does harm."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmark.protocol import grammar
from benchmark.protocol.strategy import Priors
from benchmark.protocol.text import escape_markdown, probability
from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predicted import predict
from benchmark.results.report import files, html, markdown, tables, terminal
from benchmark.results.row_errors import RowErrors
from benchmark.results.verdict import findings, headline
from benchmark.training import figures
from benchmark.training.predictions import Fit, Predictions
from benchmark.training.score import Score
from tests import toys

pytestmark = pytest.mark.drawn

EVIL = "<script>alert(1)</script>"
BREAK = "a | b\n\n| c |\n# d ](http://x) `e` ![f](g) https://evil.example @all"
Tables = Callable[..., Leaderboard]


@pytest.fixture
def table(table_of: Tables) -> Leaderboard:
    return table_of(
        {
            "none": {"f1": [0.1, 0.2, 0.15]},
            "focal": {"f1": [0.3, 0.35, 0.4]},
            "smote": {"f1": [0.3, None, 0.3]},
        }
    )


@pytest.fixture
def hostile(table: Leaderboard) -> Leaderboard:
    """Names, errors and facts as somebody may have written them into a store."""
    runs = table.runs.replace({"label": {"focal": EVIL, "smote": BREAK}})
    runs["reason"] = runs["reason"].where(runs["reason"] == "", f"{EVIL} {BREAK}")
    facts = table.facts | {"origin": EVIL, "settings": BREAK, "classes": [EVIL, BREAK]}
    return Leaderboard("now", facts, (EVIL,), (BREAK,), runs, 0, 1)


def page(table: Leaderboard) -> str:
    return html.report([html.section(analyse(table))])


class Tags(HTMLParser):
    """Names of all elements, and everything that an element refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.references: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.references += [value or "" for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_all_formats_show_the_same_numbers(table: Leaderboard) -> None:
    text = markdown.section(analyse(table))
    words = Tags(page(table)).words.replace("\u00a0", " ")
    for grid in tables.tables(analyse(table)):
        for row in grid.rows:
            for cell in row:
                assert escape_markdown(cell.text) in text and cell.text in words
    csv = pd.read_csv(io.StringIO(files.summary([analyse(table)]))).set_index("label")
    assert csv.loc["focal", "f1"] == pytest.approx(0.35)
    assert csv.loc["focal", "difference"] == pytest.approx(0.2)


def test_who_may_be_the_best_is_in_every_format(table: Leaderboard) -> None:
    analysis = analyse(table)
    headings = ("P(best)", "P(within 0.01)", "expected regret")
    shown = Console(file=io.StringIO(), width=240)
    terminal.show(shown, analysis)
    assert isinstance(shown.file, io.StringIO)
    for text in (markdown.section(analysis), Tags(page(table)).words):
        assert all(heading in text for heading in headings)
    for word in " ".join(headings).split():  # a column of the terminal is as wide as its words
        assert word in shown.file.getvalue()
    grid = tables.leaderboard(analysis)
    of_focal = {
        heading: cell.text
        for row in grid.rows
        if row[0].text == "focal"
        for heading, cell in zip(grid.headings, row, strict=True)
    }
    csv = pd.read_csv(io.StringIO(files.summary([analysis]))).set_index("label")
    assert analysis.race
    known = analysis.race.outlooks["focal"]
    assert csv.loc["focal", ["best", "within", "regret"]].tolist() == pytest.approx(
        [known.best, known.within, known.regret]
    )
    assert csv.loc["smote", ["best", "within", "regret"]].isna().all()  # it lacks a seed
    assert [of_focal[heading] for heading in headings] == [
        probability(known.best),
        probability(known.within),
        f"{known.regret:.3f}",
    ]


def test_findings_are_folded_in_the_page_and_after_the_tables_in_markdown(
    table: Leaderboard,
) -> None:
    analysis = analyse(table)
    first, found = headline(analysis), findings(analysis)
    assert first and found
    folded = re.search(
        r"<details><summary>Findings: (\d+)</summary>(.*?)</details>", page(table), re.S
    )
    assert folded and int(folded[1]) == len(found)
    assert all(sentence.text in Tags(folded[2]).words for sentence in found)
    assert not any(sentence.text in Tags(folded[2]).words for sentence in first)
    text = markdown.section(analysis)
    before, after = text.split("### Findings")
    assert all(escape_markdown(sentence.text) in before for sentence in first)
    assert all(escape_markdown(sentence.text) in after for sentence in found)
    assert "### Calibration" in before and "| none |" not in after


@pytest.mark.parametrize("repeated, sure", [(False, "the 95 % "), (True, "the 97.5 % ")])
def test_the_caption_says_what_holds_together(
    table: Leaderboard, repeated: bool, sure: str
) -> None:
    caption = tables.leaderboard(analyse(replace(table, repeated=repeated))).caption
    assert f"{sure}intervals of one column hold together (Bonferroni)" in caption
    assert "and so do its p (Holm)" in caption
    lines = f"{sure}intervals of the plot hold together"
    assert lines in Tags(page(replace(table, repeated=repeated))).words
    assert "of the baseline at its tuned threshold, which no strategy here is:" in caption


def test_lost_cells_are_in_every_format_with_their_reason(table: Leaderboard) -> None:
    for text in (markdown.section(analyse(table)), Tags(page(table)).words):
        assert "smote, seed 1: failed, the loss of step 7 is nan" in text
        assert "2 of 3 (1 failed)" in text
        assert "planned 9 = finished 8 + failed 1 + missing 0" in text
    cells = pd.read_csv(io.StringIO(files.runs([analyse(table)])))
    assert cells.loc[cells["state"] == "failed", "reason"].item() == "the loss of step 7 is nan"


def test_the_page_needs_nothing_from_elsewhere(table: Leaderboard) -> None:
    tags = Tags(page(table))
    assert tags.references and all(it.startswith("#") for it in tags.references)
    assert not {"link", "iframe", "object", "base", "form"} & set(tags.elements)
    assert "default-src 'none'" in page(table)


def test_what_a_run_says_is_inert_in_the_page(table: Leaderboard, hostile: Leaderboard) -> None:
    tags = Tags(page(hostile))
    assert tags.elements.count("script") == Tags(page(table)).elements.count("script") == 2
    assert EVIL in tags.words  # it is there, as text
    [data] = re.findall(r'<script type="application/json">(.*?)</script>', page(hostile), re.S)
    assert EVIL in [strategy["name"] for strategy in json.loads(data)["strategies"]]


def test_what_a_run_says_is_inert_in_markdown(table: Leaderboard, hostile: Leaderboard) -> None:
    text, plain = markdown.section(analyse(hostile)), markdown.section(analyse(table))
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert "://" not in prose and "@" not in prose
    assert "<script" not in prose and not re.search(r"(?<!\\)\]\(", prose)
    rows, usual = ([line for line in it.splitlines() if line[:1] == "|"] for it in (text, plain))
    assert [len(re.split(r"(?<!\\)\|", row)) for row in rows] == [
        len(re.split(r"(?<!\\)\|", row)) for row in usual
    ]
    headings = [line for line in text.splitlines() if line.startswith("#")]
    usual = [line for line in plain.splitlines() if line.startswith("#")]
    assert headings == ["## birds (script&gt;)", *usual[1:]]  # the file's name, as text
    assert text.count("```") == 2


def test_deleted_runs_are_missing_and_no_mean_hides_it(table: Leaderboard) -> None:
    gone = table.runs["label"].eq("focal") & table.runs["seed"].gt(0)
    measures = [name for name in table.runs if "/" in str(name)]
    table.runs.loc[gone, measures] = float("nan")
    table.runs.loc[gone, ["state", "reason"]] = "missing", "never run, or deleted"
    text = markdown.section(analyse(table))
    assert "planned 9 = finished 6 + failed 1 + missing 2" in text
    assert "1 of 3 (2 missing)" in text
    assert "focal and smote lack runs and are left out of all comparisons" in text


def test_of_more_classes_the_columns_are_macro_and_there_is_no_threshold(
    table: Leaderboard,
) -> None:
    three = replace(table, facts=table.facts | {"classes": ["a", "b", "c"]})
    headings = [heading for grid in tables.tables(analyse(three)) for heading in grid.headings]
    assert {"macro-F1", "macro-F1 at argmax", "macro average precision", "MAP at 5"} <= {*headings}
    assert not {"F1", "tuned threshold", "recall"} & {*headings}
    assert all(
        len(row) == len(grid.headings)
        for grid in tables.tables(analyse(three))
        for row in grid.rows
    )
    assert "macro-F1 at tuned class offsets" in page(three)


def test_the_figures_of_more_classes_can_all_be_drawn(table: Leaderboard) -> None:
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(3), rng.integers(0, 3, 57)])
    logits = rng.normal(size=(60, 3)) + np.eye(3)[labels]
    kept = Predictions(np.arange(60), labels, logits, logits, np.ones(60))
    shares = np.array([0.8, 0.1, 0.1])
    curves = {"train/loss": [(1, 0.7), (9, 0.4)]}
    rows = np.array([80, 10, 10])
    fit = Fit(kept, kept, {}, Priors(shares, shares), 100, rows, 9, {}, False, "CPU", curves)
    predicted = [predict(grammar.read("none").strategy, fit, seed) for seed in range(3)]
    facts = table.facts | {"classes": ["a", "b", "c"]}
    three = replace(table, facts=facts, row_errors=RowErrors({"none": predicted}))
    shown = page(three)
    assert "Recall by class size" in shown and "Confusion matrices on test" in shown
    assert "F1 against the threshold" not in shown
    scored = Score({}, labels, kept.weights, logits.argmax(axis=1), logits, False)
    name, figure = figures.of_run(scored, fit)
    assert name == "precision_recall"
    figure.savefig(io.BytesIO())


def test_the_prevalence_on_top_is_that_of_test_not_of_the_files(table: Leaderboard) -> None:
    assert "10.0 % wren" in page(table)  # of the data, where no predictions are kept
    labels, logits = np.arange(40) % 2, np.random.default_rng(0).normal(size=(40, 2))
    kept = Predictions(np.arange(40), labels, logits, logits, np.where(labels, 1.0, 3.0))
    fit = replace(toys.FIT, validation=kept, test=kept)
    predicted = [predict(grammar.read("none").strategy, fit, seed) for seed in range(3)]
    shown = page(replace(table, row_errors=RowErrors({"none": predicted})))
    assert "25.0 % wren" in shown and "10.0 % wren" not in shown


@pytest.mark.parametrize("skill, loc", [(0, "upper right"), (9, "lower left")])
def test_the_legend_of_a_run_is_where_no_curve_is(skill: float, loc: str) -> None:
    """Matplotlib warns where it takes long to look for the best place."""
    rng, labels = np.random.default_rng(0), np.arange(100) % 5 // 4
    logits = rng.normal(size=(100, 2)) + skill * np.eye(2)[labels]
    drawn = figures.precision_recall(labels, logits, logits.argmax(axis=1), np.ones(100))
    legend, searched = drawn.axes[0].get_legend(), []
    assert legend is not None
    legend._find_best_position = lambda *words, **_: searched.append(words) or (0, 0)
    drawn.draw_without_rendering()
    middle = legend.get_window_extent().get_points().mean(axis=0)
    x, y = drawn.axes[0].transAxes.inverted().transform(middle)
    assert not searched and (x < 0.5, y < 0.5) == (loc == "lower left",) * 2


def test_the_figure_of_a_run_of_many_classes_shows_their_recalls() -> None:
    classes = figures.MOST_DRAWN + 1
    labels, shares = np.arange(classes), np.full(classes, 1 / classes)
    logits = np.eye(classes)
    kept = Predictions(labels, labels, logits, logits, np.ones(classes))
    rows = np.arange(1, classes + 1)
    fit = Fit(kept, kept, {}, Priors(shares, shares), 100, rows, 9, {}, False, "CPU", {})
    name, figure = figures.of_run(Score({}, labels, kept.weights, labels, logits, False), fit)
    figure.savefig(io.BytesIO())
    assert name == "recalls"


def test_devices_and_versions_that_were_mixed_are_named(table_of: Tables) -> None:
    table = table_of({"none": {"f1": [0.5, 0.6]}})
    assert table.mixed == {} and "mixed" not in markdown.conditions(table)
    mixed = replace(
        table,
        devices=("CPU: A, 1 thread", "GPU: B, float32"),
        versions=("python 3.11.7, numpy 2.3.5", "python 3.11.7, numpy 2.4.6"),
    )
    said = markdown.conditions(mixed)["mixed"]
    assert said.startswith("device CPU: A, 1 thread and GPU: B, float32; numpy 2.3.5 and 2.4.6.")
    shown = io.StringIO()
    terminal.show(Console(file=shown, width=200), analyse(mixed))
    assert f"mixed: {said}" in shown.getvalue()
