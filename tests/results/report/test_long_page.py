"""A report of 22 strategies and ten seeds in a browser: its size, on a telephone, for everybody."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.protocol import grammar
from benchmark.results.predicted import Predicted, predict
from benchmark.results.report import html
from benchmark.results.row_errors import RowErrors
from benchmark.training.predictions import Predictions
from tests import chromium, toys
from tests.results.test_stored_tables import analysis_of

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
TELEPHONE, SCREENS = (400, 800), 8  # pixels; how often one scrolls at most
OPEN = "document.querySelectorAll('details').forEach(it => it.open = true)"
SEEDS = 10

pytestmark = [pytest.mark.slow, pytest.mark.drawn, chromium.needed]


def predicted(seed: int) -> Predicted:
    """Predictions of many rows, so that no number of the curves is round."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(900) < 0.2).astype(np.int64)
    logits = np.column_stack([np.zeros(900), rng.normal(2 * labels - 2)])
    part = Predictions(np.arange(900), labels, logits, logits, np.ones(900))
    return predict(grammar.read("none").strategy, replace(toys.FIT, validation=part, test=part), 0)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored results of insurance, with predictions that are made up."""
    analysis = analysis_of("insurance")
    labels = analysis.table.runs["label"].drop_duplicates()
    made = {
        label: [replace(predicted(10 * n + seed), seed=seed) for seed in range(SEEDS)]
        for n, label in enumerate(labels)
    }
    facts = analysis.table.facts | {"origin": "train.csv", "content": "c0ffee", "batch": 256}
    facts |= {"steps": 2000}
    table = replace(analysis.table, facts=facts, row_errors=RowErrors(made))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html.report([html.section(replace(analysis, table=table))]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium.chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def test_it_is_small(page: Path) -> None:
    assert page.stat().st_size < 400_000


def test_a_telephone_shows_it_on_few_screens_without_scrolling_sideways(
    browser: Any, page: Path
) -> None:
    width, height = TELEPHONE
    chromium.resize(browser, width, height)
    browser.get(page.as_uri())
    browser.execute_script(OPEN)
    assert browser.execute_script("return document.documentElement.scrollHeight") < SCREENS * height
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    wider = (
        "return [...document.querySelectorAll('.scroll, .box')]"
        ".filter(it => it.scrollWidth > it.clientWidth).map(it => it.ariaLabel)"
    )
    assert browser.execute_script(wider) == []


@pytest.mark.skipif(not AXE.exists(), reason="npm install --no-save axe-core@4.12.1")
@pytest.mark.parametrize("width, scheme", [(1280, "light"), (800, "dark"), (400, "light")])
def test_axe_finds_nothing_serious(browser: Any, page: Path, width: int, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    chromium.resize(browser, width)
    browser.get(page.as_uri())
    browser.execute_script(OPEN)
    browser.execute_script(AXE.read_text("utf-8"))
    run = "axe.run().then(it => arguments[arguments.length - 1](it.violations))"
    found = browser.execute_async_script(run)
    serious = [
        (one["id"], one["nodes"][0]["html"])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
