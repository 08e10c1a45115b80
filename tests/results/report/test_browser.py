"""The report in a browser, at the width of a desk and of a telephone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.protocol import grammar
from benchmark.protocol.strategy import Priors
from benchmark.results.analysis import analyse
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predicted import predict
from benchmark.results.report import html
from benchmark.results.row_errors import RowErrors
from benchmark.training.predictions import Fit, Predictions
from tests import chromium, toys

pytestmark = [pytest.mark.slow, pytest.mark.drawn, chromium.needed]
LONG = "oversample(ratio=0.123456)+class_weight(gamma=0.25)+focal(gamma=1.5)+threshold(beta=2)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, table_of: Callable[..., Leaderboard]) -> Path:
    """A report with all its figures and a name that is too long."""
    rng = np.random.default_rng(0)
    f1 = {label: {"f1": rng.uniform(0.2, 0.6, 3).tolist()} for label in ("none", LONG, "smote")}
    table = table_of(f1)
    labels = (rng.random(200) < 0.2).astype(np.int64)
    logits = np.column_stack([np.zeros(200), rng.normal(2 * labels - 1.5)])
    kept = Predictions(np.arange(200), labels, logits, logits, np.ones(200))
    curves = {"train/loss": [(1, 0.7), (9, 0.4)], "val/log_loss": [(1, 0.6), (9, 0.5)]}
    priors = Priors(np.array([0.8, 0.2]), np.array([0.8, 0.2]))
    fit = Fit(
        kept, kept, {}, priors, 200, np.array([160, 40]), 9, {"training": 1.0}, False, "CPU", curves
    )
    predicted = [predict(grammar.read("none").strategy, fit, seed) for seed in range(3)]
    table = replace(table, row_errors=RowErrors(dict.fromkeys(f1, predicted)))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html.report([html.section(analyse(table))]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium.chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_overflows_and_nothing_is_asked_for_elsewhere(
    browser: Any, page: Path, width: int
) -> None:
    chromium.resize(browser, width)
    browser.get_log("performance")
    browser.get(page.as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    drawn = "return [...document.querySelectorAll('.canvas svg')].map(it => it.childElementCount)"
    assert len(browser.execute_script(drawn)) >= 6
    assert all(count > 10 for count in browser.execute_script(drawn))
    plot = "return document.querySelector('.forest svg').getBoundingClientRect().top"
    assert width < 1000 or browser.execute_script(plot) < 800  # above the fold
    asked = [entry["message"] for entry in browser.get_log("performance")]
    asked = [message for message in asked if "Network.requestWillBeSent" in message]
    assert asked and not any('"url":"http' in message for message in asked)
    assert browser.get_log("browser") == []


def test_the_legend_hides_and_isolates(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    visible = (
        "return [...document.querySelectorAll('figure:not(.off) .canvas g')]"
        ".filter(it => it.getAttribute('visibility') === 'visible').length"
    )
    boxes = browser.find_elements("css selector", ".legend .item:not([hidden]) input")
    before = browser.execute_script(visible)
    next(box for box in boxes if box.is_selected()).click()
    assert browser.execute_script(visible) == before - 1
    browser.find_element("xpath", "//button[text()='all']").click()
    assert browser.execute_script(visible) == len(boxes)
    browser.find_elements("css selector", ".legend .item:not([hidden]) button")[-1].click()
    assert browser.execute_script(visible) <= 2  # it and the baseline


def test_tabs_choose_the_curves_and_a_selector_the_measure(browser: Any, page: Path) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    chromium.resize(browser, 1280)  # a telephone shows no single runs
    browser.get(page.as_uri())
    chosen = "return document.querySelector('figure:not(.off)').dataset.chart"
    assert browser.execute_script(chosen) == "precision-recall"
    browser.find_element("css selector", "[data-chart=calibration]").click()
    assert browser.execute_script(chosen) == "calibration"
    of = "return document.querySelector('.strips svg').getAttribute('aria-label')"
    first = browser.execute_script(of)
    browser.find_elements("css selector", ".measure option")[2].click()
    assert browser.execute_script(of) != first
    browser.find_element("css selector", ".runs summary").click()
    rows = "return document.querySelectorAll('.runs tbody tr').length"
    # the page is told a moment later that a fold was opened
    WebDriverWait(browser, 10).until(lambda it: it.execute_script(rows) > 0)
    assert browser.execute_script(rows) == 9


@pytest.mark.parametrize("width", [1280, 800])
def test_matrices_of_ten_classes_stand_side_by_side_or_below(
    browser: Any, tmp_path: Path, table_of: Callable[..., Leaderboard], width: int
) -> None:
    path = tmp_path / "report.html"
    path.write_text(of_ten_classes(table_of), encoding="utf-8")
    chromium.resize(browser, width)
    browser.get(path.as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach(it => it.open = true)")
    assert browser.execute_script("return document.querySelectorAll('.matrix').length") == 2
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def of_ten_classes(table_of: Callable[..., Leaderboard]) -> str:
    """A report of two strategies on ten classes with long names."""
    rng, labels = np.random.default_rng(0), np.arange(100) % 10
    logits = rng.normal(size=(100, 10))
    kept = Predictions(np.arange(100), labels, logits, logits, np.ones(100))
    fit = replace(toys.FIT, validation=kept, test=kept, class_rows=np.full(10, 10))
    predicted = [predict(grammar.read("none").strategy, fit, seed) for seed in range(3)]
    table = table_of({label: {"f1": [0.1, 0.2, 0.15]} for label in ("none", "focal")})
    facts = table.facts | {"classes": [f"automobile{n}" for n in range(10)], "counts": [100] * 10}
    made = RowErrors(dict.fromkeys(("none", "focal"), predicted))
    return html.report([html.section(analyse(replace(table, facts=facts, row_errors=made)))])


def test_a_click_on_a_heading_sorts(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    first = (
        "return [...document.querySelector('.sortable tbody').rows]"
        ".map(row => row.cells[1].dataset.value)"
    )
    heading = browser.find_element("css selector", ".sortable thead th:nth-child(2) button")
    as_it_came = [float(value) for value in browser.execute_script(first)]
    heading.click()
    assert [float(v) for v in browser.execute_script(first)] == sorted(as_it_came, reverse=True)
    heading.click()
    assert [float(v) for v in browser.execute_script(first)] == sorted(as_it_came)
