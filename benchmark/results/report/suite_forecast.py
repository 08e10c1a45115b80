"""Forecasts from a suite, and their calibration, in sentences and a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmark.protocol.text import listed, percent, probability
from benchmark.results.suite.calibration import Bin, Calibration
from benchmark.results.suite.field import ROPE
from benchmark.results.suite.forecast import BASELINE, COVERED, Outlook

MOST_NAMED = 4
NEAR_BEST = f"within {ROPE} of the best"
HEADINGS = (
    "forecast",
    "cases",
    "data sets",
    "mean forecast",
    "observed frequency",
    "binomial error",
    "error over data sets",
)


def forecast(outlook: Outlook, known: Calibration, model: str) -> Iterator[str]:
    """Yield what a suite forecasts for a data set that was not run."""
    order = sorted(outlook.within, key=lambda label: -outlook.within[label])
    best = order[0]
    yield (
        f"Forecast for model={model} from a suite of {known.sets} tables (F1 at own thresholds): "
        f"on {outlook.near[best]} of the {len(outlook.alike)} tables most like yours {best} was "
        f"{NEAR_BEST}, the baseline on {outlook.near[BASELINE]}."
    )
    shares = [f"{label} {probability(outlook.within[label])}" for label in order[:MOST_NAMED]]
    yield (
        f"P({NEAR_BEST}) here, tables weighted by likeness: {listed(shares)}. Forecast like this "
        f"for each table of the suite from the others, its observed frequency is "
        f"{percent(known.whole.observed)} where {percent(known.whole.forecast)} was forecast "
        f"(standard error {percent(known.whole.error)})."
    )
    if best in outlook.gains:
        mean, low, high = outlook.gains[best]
        yield (
            f"Expected ΔF1 of {best} vs baseline: {mean:+.3f}, {percent(COVERED)} interval "
            f"[{low:+.3f}, {high:+.3f}]."
        )
    if not outlook.inside:
        yield "A property of your table lies outside those of the suite: the forecast is a guess."


def page(models: Mapping[str, Calibration]) -> Iterator[str]:
    """Yield the lines of a page on how well forecasts are calibrated, model by model."""
    for model, known in models.items():
        yield f"- {_sentence(model, known)}"
    yield from (
        "",
        f"P({NEAR_BEST}), forecast without the data set, beside its observed frequency:",
    )
    yield ""
    yield f"| model | {' | '.join(HEADINGS)} |"
    yield "| --- |" + " ---: |" * len(HEADINGS)
    for model, known in models.items():
        for each in (*known.bins, known.whole):
            name = (
                "all" if each is known.whole else f"{100 * each.low:.0f} to {100 * each.high:.0f} %"
            )
            yield f"| {' | '.join([model or '-', name, *_cells(each)])} |"
    yield ""


def _sentence(model: str, known: Calibration) -> str:
    where = f"{model}: " if model else ""
    share, error = known.covered
    return (
        f"{where}a strategy was {NEAR_BEST} in {percent(known.whole.observed)} of cases where "
        f"{percent(known.whole.forecast)} were forecast (standard error over data sets "
        f"{percent(known.whole.error)}); Brier score {known.brier:.3f} against {known.base:.3f} of "
        f"the strategies' base rates. {percent(share)} (± {percent(error)}) of the measured "
        f"differences lie in their {percent(COVERED)} intervals, and the root mean square error is "
        f"{known.error:.3f} against {known.plain:.3f} of the strategies' means."
    )


def _range(each: Bin) -> str:
    return f"{100 * each.low:.0f} to {100 * each.high:.0f} %"


def _cells(each: Bin) -> list[str]:
    return [
        f"{each.cases}",
        f"{each.sets}",
        *map(percent, (each.forecast, each.observed, each.binomial, each.error)),
    ]
