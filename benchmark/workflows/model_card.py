"""Model card of an exported model, in Markdown: data, strategy, measures, limits, use."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.metrics import classification
from benchmark.metrics.costs import PER, Costs, rule_in_words
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import without_passwords
from benchmark.protocol.splits import class_shares
from benchmark.protocol.text import escape_markdown, interval, ratio, runner, share
from benchmark.results import comparison
from benchmark.results.constrained import AT_MOST, on_fresh_rows
from benchmark.results.expected_cost import fresh_mean
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.recommendation import Recommendation
from benchmark.results.report import markdown
from benchmark.results.report.tables import TextTable
from benchmark.training.decision import Decision
from benchmark.training.predictions import Fit, Predictions

MOST_NAMED = 10  # classes
ANY_THRESHOLD = (
    "test/average_precision",
    "test/roc_auc",
    "test/brier",
    "test/log_loss",
    "test/ece",
)
AT_THRESHOLD = ("test/f1", "test/precision", "test/recall", "test/balanced_accuracy", "test/mcc")
RANGES = {"test/mcc": (-1.0, 1.0), "test/brier": (0.0, 2.0), "test/log_loss": (0.0, math.inf)}


def card(
    advice: Recommendation,
    seed: int,
    fit: Fit,
    decision: Decision,
    model: str,
    uri: str,
    notes: Sequence[str] = (),
    groups: Sequence[TextTable] = (),
) -> str:
    """Write the card. `model` is the address of the model in the store at `uri`.

    Args:
        notes: on how it differs from what was measured, one paragraph each.
        groups: measures of the strategy in subgroups.
    """
    sections = {
        "Data": _data(advice.table, fit),
        "Strategy": _strategy(advice, decision),
        "On test": [*_measures(advice, fit, decision), *(f"\n{note}" for note in notes)],
        "Probabilities": _probabilities(advice, decision),
        **{f"Subgroups: {escape_markdown(it.title)}": markdown.grid(it) for it in groups},
        "Limits": _limits(advice.table, fit, decision, groups),
        "Use": _use(model, uri),
    }
    names = advice.table.facts["classes"]
    named = " or ".join(f"*{escape_markdown(name)}*" for name in names)
    count = advice.table.class_count
    classes = named if count <= MOST_NAMED else f"{count:,} classes"
    lines = [
        f"# {escape_markdown(markdown.title(advice.table))}: {escape_markdown(advice.label)}",
        "",
        f"Classifies rows as {classes}. Trained by Skewbench with seed {seed}.",
        "",
    ]
    for title, text in sections.items():
        lines += [f"## {title}", "", *text, ""]
    return "\n".join(lines)


def _data(table: Leaderboard, fit: Fit) -> list[str]:
    facts = table.facts
    counts = dict(zip(facts["classes"], facts["counts"], strict=True))  # of many, the first
    tested = dict(zip(counts, _test_counts(fit), strict=False))
    conditions = markdown.conditions(table)
    return [
        f"- {escape_markdown(conditions['data'])}",
        f"- rows: {_shares(counts, facts['rows'], table.class_count)}",
        f"- test rows: {_shares(tested, len(fit.test.labels), table.class_count)}{_weighted(fit)}",
        f"- trained on {_trained(fit)}; threshold and checkpoint "
        f"chosen on {len(fit.validation.labels):,} others; tested on {len(fit.test.labels):,}",
        f"- settings: {escape_markdown(facts['settings'])}",
        f"- versions: {escape_markdown(conditions['versions'])}",
        f"- device: {escape_markdown(conditions['device'])}",
    ]


def _trained(fit: Fit) -> str:
    """Rows of the training split, and how many the strategy made of them if it resamples."""
    split = int(fit.class_rows.sum())
    resampled = "" if fit.trained_rows == split else f", resampled to {fit.trained_rows:,}"
    return f"{split:,} rows{resampled}"


def _test_counts(fit: Fit) -> list[int]:
    counts: list[int] = np.bincount(fit.test.labels, minlength=fit.test.best.shape[1]).tolist()
    return counts


def _weighted(fit: Fit) -> str:
    """Say which class shares the test rows stand for, if not for their own."""
    if np.ptp(fit.test.weights) == 0:
        return ""
    return f", weighted to {ratio(_test_shares(fit).tolist())}"


def _test_shares(fit: Fit) -> Floats:
    return class_shares(fit.test.labels, fit.test.best.shape[1], fit.test.weights)


def _shares(counts: Mapping[str, int], rows: int, classes: int) -> str:
    """Rows and prevalence of each class; of many, of the rarest and of the most frequent ones."""
    ordered = sorted(counts, key=lambda name: counts[name])
    half = MOST_NAMED // 2
    told = list(counts) if len(counts) <= MOST_NAMED else [*ordered[:half], *ordered[-half:]]
    shares = ", ".join(
        f"{escape_markdown(name)} {counts[name]:,} ({counts[name] / rows:.2%})" for name in told
    )
    left = f", and {classes - len(told):,} more classes" if len(told) < classes else ""
    return shares.replace("%", " %") + left


def _strategy(advice: Recommendation, decision: Decision) -> list[str]:
    lines = [f"**{escape_markdown(advice.label)}**"]
    if decision.is_threshold:
        positive = escape_markdown(advice.table.facts["classes"][1])
        lines[0] += f", predicting *{positive}* from a probability of {decision.threshold:.4g}"
    if decision.costs and advice.candidate:
        rule = rule_in_words(decision.costs, advice.candidate.rule)
        lines[0] += f", deciding each row by {rule}"
    lines += ["", "Why, according to the leaderboard:", ""]
    for sentence in advice.sentences:
        figures = f" ({escape_markdown(sentence.figures)})" if sentence.figures else ""
        lines.append(f"- {escape_markdown(sentence.text)}{figures}")
    return lines


def _measures(advice: Recommendation, fit: Fit, decision: Decision) -> list[str]:
    """Measures over seeds, as in the leaderboard, and of this model alone."""
    table, label = advice.table, advice.label
    own = classification.all_metrics(
        fit.test.labels, decision.calibration(fit.test.best), decision.offsets, fit.test.weights
    )
    lines = ["| | over seeds (95 % confidence interval) | this model |", "| --- | ---: | ---: |"]
    for name in (*AT_THRESHOLD, *ANY_THRESHOLD):
        # with costs or a constraint decisions are others than the leaderboard's
        known = advice.keeps_threshold or name in ANY_THRESHOLD
        mean, within = comparison.mean(table, label, name), RANGES.get(name, (0.0, 1.0))
        over = interval(mean, sign="", within=within) if known else ""
        this = own[name.removeprefix("test/")]
        lines.append(f"| {table.words.headings()[name]} | {over} | {this:.3f} |")
    if advice.costs:
        cost, fresh = _costs(advice.costs, fit.test, decision)
        costs = escape_markdown(str(advice.costs))
        lines.append(f"| cost per {PER:,} rows, {costs} | {_cost(advice)} | {cost:,.1f} |")
        lines += ["", fresh]
    return [
        *lines,
        "",
        *_constraint(advice, fit, decision),
        f"Seeds measured: {len(comparison.of(table, label, AT_THRESHOLD[0]).dropna())}.",
    ]


def _constraint(advice: Recommendation, fit: Fit, decision: Decision) -> list[str]:
    """Say how well the constraint is kept, over seeds and by this model on fresh rows."""
    found = advice.constrained
    if not found or not found.goal.rule:
        return []
    name, test = found.goal.rule.bounded, fit.test
    [one] = [each for each in found.strategies if each.label == advice.label]
    decided = decision.decide(test.best, test.rows)
    own, low, high = on_fresh_rows(name, test.labels, decided, test.weights)
    bound = found.goal.rule.values[name]
    limit = "at most" if name in AT_MOST else "at least"
    return [
        f"Its threshold was chosen on validation for the {found.goal.name}, which over seeds is "
        f"{share(found.value(one))} on test. The constraint, {name} {limit} {bound:g}: "
        f"over seeds {share(found.kept(one))}. **This model on fresh rows like these: "
        f"{name} between {low:.3f} and {high:.3f}** (95 %; {own:.3f} on test).",
        "",
    ]


def _costs(costs: Costs, test: Predictions, decision: Decision) -> tuple[float, str]:
    """Return what this model costs on test, and a sentence on its costs on fresh rows."""
    decided = decision.decide(test.best, test.rows)
    each = costs.of_each(test.labels, decided, test.rows)
    mean = float(np.average(each, weights=test.weights))
    low, high = fresh_mean(each, test.weights)
    return mean, (
        f"**This model on fresh rows like these costs between {low:,.1f} and {high:,.1f} per "
        f"{PER:,} rows** (95 %; {mean:,.1f} on test)."
    )


def _cost(advice: Recommendation) -> str:
    assert advice.expected and advice.candidate
    return interval(advice.expected.mean(advice.candidate), 1, sign="")


def _probabilities(advice: Recommendation, decision: Decision) -> list[str]:
    table, label = advice.table, advice.label
    error = comparison.mean(table, label, "test/ece")
    words = {"yes": "calibrated", "no": "not calibrated", "unclear": "perhaps calibrated"}
    word = words[advice.analysis.calibrated[label]]
    moved = decision.calibration.changes
    noted = bool(table.facts.get("notes"))
    return [
        f"They are {word}: expected calibration error (ECE) {share(error)}; "
        f"significantly below {comparison.UNCALIBRATED} counts as calibrated, above as not.",
        "The strategy recalibrates them." if moved else "They are the model's own.",
        *(["This holds for these test rows: see the notes on the data under Limits."] * noted),
    ]


def _limits(
    table: Leaderboard, fit: Fit, decision: Decision, groups: Sequence[TextTable]
) -> list[str]:
    shares = _test_shares(fit)
    rarest = np.argmin(np.where(shares > 0, shares, 1))
    rare = _test_counts(fit)[rarest]
    lines = [
        f"- The rarest class has {rare:,} test rows; the intervals above reflect that. They hold "
        "for rows like these.",
        "- With another prevalence than here, probabilities and predictions are biased.",
        "- Fairness was examined between the subgroups above alone."
        if groups
        else "- Fairness between groups of people was not examined.",
        *(f"- Data: {escape_markdown(note)}." for note in table.facts.get("notes", ())),
    ]
    if len(np.unique(decision.decide(fit.test.best, fit.test.rows))) == 1:
        lines.insert(0, "- **It predicts the same class for every test row.**")
    if table.facts["source"] != "real":
        lines.insert(0, "- **Trained on SYNTHETIC DATA: it says nothing about real data.**")
    return lines


def _use(model: str, uri: str) -> list[str]:
    words = [*runner(), "mlflow", "models"]
    local = ["-m", model, "--env-manager", "local"]
    serve = shlex.join([*words, "serve", *local, "--host", "127.0.0.1", "--port", "5001"])
    files = ["-t", "csv", "-i", "rows.csv", "-o", "predictions.json"]
    return [
        "Takes raw rows; returns the predicted class of each, its number, and the probability:",
        "",
        "```bash",
        f"export MLFLOW_TRACKING_URI={shlex.quote(without_passwords(uri))}",
        serve,
        "curl -d @serving_input_example.json -H 'Content-Type: application/json' \\",
        "    http://127.0.0.1:5001/invocations   # that file is logged beside the model",
        shlex.join([*words, "predict", *local, *files]),
        "```",
    ]
