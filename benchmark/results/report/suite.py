"""The page of a suite as Markdown; its figures and other files lie beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.protocol.text import escape_markdown as harmless
from benchmark.protocol.text import interval, listed, percent, probability
from benchmark.results.report import suite_forecast, suite_when
from benchmark.results.report.suite_files import anchor, name_of
from benchmark.results.suite.field import FEWEST_SETS, ROPE, Answer, Versus
from benchmark.results.suite.halves import Confirmed
from benchmark.results.suite.measured import BEFORE
from benchmark.results.suite.summary import Summary

HEADINGS = (
    "strategy",
    "data sets",
    "Δ of a typical data set [95 %]",
    "better / equal / worse / unclear",
    "p",
    "P(worse)",
    "P(equal)",
    "P(better)",
)
MOST_NAMED = 6  # data sets that are not compared


def page(summary: Summary, command: str) -> str:
    """Return the Markdown page; `files` are beside it."""
    return "\n".join(
        [
            f"# What helps across {summary.sets} data sets?",
            "",
            *_opening(summary, command),
            "## What was found",
            "",
            *(f"- {harmless(line)}" for line in findings(summary.answers)),
            "",
            *_held(summary.confirmed),
            *_forecasts(summary),
            *(line for model in summary.models for line in _model(summary, model)),
            *_profiles(summary),
            *_reading(),
            *_data_sets(summary),
        ]
    )


def _opening(summary: Summary, command: str) -> Iterator[str]:
    counts = summary.counts
    yield (
        f"{summary.sets} data sets x {listed(summary.models) or 'one model'} x up to "
        f"{summary.strategies} strategies x {summary.seeds} seeds; "
        f"runs planned {counts['planned']:,} = finished {counts['finished']:,} + failed "
        f"{counts['failed']:,} + missing {counts['missing']:,}. Each data set has splits "
        "of its own per seed, which all strategies share."
    )
    yield ""
    for model, names in summary.without_baseline.items():
        more = len(names) - MOST_NAMED
        named = [*names[:MOST_NAMED], f"{more} others"] if more > 0 else names
        yield (
            f"- Not compared with {model or 'their model'}: {len(names)} data sets, whose baseline "
            f"is not complete or which are fewer than {FEWEST_SETS}: {harmless(listed(named))}"
        )
    for reason, number in summary.failures:
        yield f"- {number} runs failed: {harmless(reason)}"
    yield from ("", "```bash", command, "```", "")


def findings(answers: Sequence[Answer]) -> Iterator[str]:
    """Yield a sentence or two for each model and question."""
    for answer in answers:
        where = f"{answer.model}, {answer.question.title}: " if answer.model else ""
        better = [v for v in answer.versus if v.p < 0.05 and v.centre.low > 0]
        worse = [v for v in answer.versus if v.p < 0.05 and v.centre.high < 0]
        equal = [v for v in answer.versus if v.winners[1] >= 0.95 and v not in [*better, *worse]]
        rest = [v for v in answer.versus if v not in [*better, *worse, *equal]]
        said = []
        if better:
            said.append(
                f"significantly better than the baseline: {listed([_gain(v) for v in better])}"
            )
        if worse:
            said.append(f"significantly worse: {listed([_gain(v) for v in worse])}")
        if equal:
            said.append(
                f"equal within ±{ROPE} on most data sets: {listed([v.label for v in equal])}"
            )
        if rest:
            said.append(_unclear(rest))
        yield where + "; ".join(said) + "."


def _unclear(rest: Sequence[Versus]) -> str:
    """Say what is open, and what their intervals exclude."""
    low, high = min(v.centre.low for v in rest), max(v.centre.high for v in rest)
    return (
        f"no claim about {listed([v.label for v in rest])}, where the 95 % intervals of a typical "
        f"data set lie between {low:+.3f} and {high:+.3f}"
    )


def _gain(one: Versus) -> str:
    return (
        f"{one.label} ({interval(one.centre)}; a further data set is better by more than {ROPE} "
        f"with probability {probability(one.chances[2])}, worse with "
        f"{probability(one.chances[0])})"
    )


def _held(held: Confirmed) -> Iterator[str]:
    yield from ("## Do they hold on other data?", "")
    if not held.claims:
        yield from ("Too few data sets, or no claim on a half of them.", "")
        return
    yield (
        "The data sets are split into random halves; claims made on one half (signed rank, Holm) "
        f"are tested on the other. Of {held.claims:,} such claims "
        f"{percent(held.same / held.claims)} "
        f"have the same direction there, {percent(held.significant / held.claims)} are significant "
        f"there as well and {percent(held.reversed / held.claims)} significantly reversed."
    )
    if held.equal:
        yield (
            f"Of {held.equal:,} strategies whose interquartile range of differences lies within "
            f"±{ROPE} on one half, {percent(held.still_equal / held.equal)} have a median within "
            "it on the other."
        )
    yield ""


def _forecasts(summary: Summary) -> Iterator[str]:
    if summary.when:
        yield from ("## When does what help?", "")
        for model, fitted in summary.when.items():
            yield f"- {harmless(suite_when.sentence(model, fitted))}"
        yield ""
        yield (
            "A regression of the differences in F1 at own thresholds on properties of the data, "
            "with levels and slopes pooled over strategies. *difficulty* is 1 - ROC AUC of the "
            "baseline, *overlap* the share of rare training rows whose nearest neighbour is of "
            "another class."
        )
        yield from ("", "![Slopes of the differences on properties of the data](suite-when.svg)")
        yield ""
    if summary.forecasts:
        yield from ("## How well is a further data set forecast?", "")
        yield (
            "`inspect` forecasts F1 at own thresholds for a table that was not run, from the data "
            f"sets of the suite, weighted by how like it they are in {listed(BEFORE)}. Here each "
            "data set is forecast from the others:"
        )
        yield ""
        yield from suite_forecast.page(summary.forecasts)


def _model(summary: Summary, model: str) -> Iterator[str]:
    yield from (f"## {model or 'Results'}", "")
    for answer in summary.of(model):
        scores = answer.scores
        yield from (f"### {answer.question.title[0].upper()}{answer.question.title[1:]}", "")
        yield from _versus_table(answer)
        if scores.ranks:
            yield (
                f"Average ranks on the {len(scores.sets)} data sets on which all are complete "
                f"(Friedman p {_p(scores.ranks.p)}; bars join what does not differ, Nemenyi, 95 %):"
            )
            yield from ("", f"![Critical differences]({name_of(answer, 'ranks')})", "")
        yield from (f"![Differences]({name_of(answer, 'forest')})", "")
    own = summary.of(model)[0]
    yield from ("### Data sets x strategies", "", f"![Heat map]({name_of(own, 'heat')})", "")


def _profiles(summary: Summary) -> Iterator[str]:
    if summary.own_threshold():
        yield from ("## How far from the best?", "")
        yield "Performance profiles of F1 at own thresholds (Dolan and Moré 2002, of differences):"
        yield from ("", "![Performance profiles](suite-profiles.svg)", "")


def _versus_table(answer: Answer) -> Iterator[str]:
    iqm = dict(zip(answer.scores.labels, answer.scores.iqm, strict=False))
    yield f"| {' | '.join([*HEADINGS, 'IQM [95 %]'])} |"
    yield "| --- |" + " ---: |" * len(HEADINGS)
    for one in sorted(answer.versus, key=lambda one: -one.centre.mean):
        own = iqm.get(one.label)
        cells = [
            one.label,
            str(len(one.sets)),
            interval(one.centre),
            f"{one.better} / {one.equal} / {one.worse} / {one.unclear}",
            _p(one.p),
            *map(probability, one.chances),
            interval(own, sign="") if own else "-",
        ]
        yield f"| {' | '.join(map(harmless, cells))} |"
    plain = iqm.get("none")
    if plain:
        yield f"| none | | | | | | | | {interval(plain, sign='')} |"
    yield ""


def _reading() -> Iterator[str]:
    yield from ("## How to read it", "")
    yield (
        "Every data set gives a difference to the baseline with an error that covers the luck of "
        "seeds and of test rows. *Typical data set* is the centre of the true differences in a "
        "Bayesian hierarchical model of them (Corani et al. 2017) and P(worse), P(equal) and "
        f"P(better) are about a further data set: below -{ROPE}, within ±{ROPE}, above {ROPE}. "
        "*better / equal / worse / unclear* counts data sets by their own 95 % intervals; p is of "
        "the signed-rank test over data sets, adjusted by Holm over the strategies. IQM is the "
        "interquartile mean over data sets and seeds with a stratified bootstrap (Agarwal et al. "
        "2021). Ranks: Demšar 2006. In forest plots a dot is a data set, black where its own "
        "interval excludes zero, and the diamond the typical one; the grey band is the region of "
        "practical equivalence."
    )
    yield ""


def _data_sets(summary: Summary) -> Iterator[str]:
    yield from ("## Data sets", "")
    names = list(summary.properties[next(iter(summary.properties))]) if summary.properties else []
    yield f"| data set | {' | '.join(names)} | best at own threshold |"
    yield "| --- |" + " ---: |" * len(names) + " --- |"
    for name, properties in summary.properties.items():
        cells = [
            f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
            for value in properties.values()
        ]
        link = f"[{harmless(name)}](suite-datasets.md#{anchor(name)})"
        yield f"| {link} | {' | '.join(cells)} | {harmless(summary.best.get(name, ''))} |"
    yield ""


def _p(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.3f}"
