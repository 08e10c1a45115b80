"""What the differences depend on, and a forecast for a data set that was not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.metrics import pooled
from benchmark.metrics.pooled import Fitted, Observed, Slopes
from benchmark.metrics.stats import Difference
from benchmark.protocol.arrays import Floats
from benchmark.results.suite.field import ROPE, estimates

# known before anything is trained; the number of rows is positives / prevalence
BEFORE = ("prevalence", "positives", "columns", "overlap")
DIFFICULTY = "difficulty"  # 1 - ROC AUC of the baseline
FEWEST_SETS = 10
NEAREST = 15  # data sets that count as alike, half of all at most
BASELINE = "none"
FEWEST_DEGREES = 3.0  # of an error: fewer have no variance
COVERED = 0.9  # of intervals that are checked

Known = Mapping[str, Mapping[str, Difference]]  # strategy -> data set -> difference
Properties = Mapping[str, Mapping[str, float]]  # of each data set


@dataclass(frozen=True)
class When:
    """A regression of differences on properties, and how well it foretells.

    Attributes:
        strategies, sets, names: of the differences, the data sets and the properties.
        table: properties as they are regressed on, (data sets, properties).
        coverage: share of measured differences inside the 90 % interval that is forecast without
            their data set, and the standard error of that share.
        error, plain: root mean square error of such forecasts, and of the strategies' means.
        promised, kept: mean probability, forecast without a data set, that a strategy is within
            `ROPE` of the best there; share of those that were.
        kept_error: standard error of `kept` over data sets.
    """

    strategies: tuple[str, ...]
    sets: tuple[str, ...]
    names: tuple[str, ...]
    table: Floats
    fitted: Fitted
    slopes: Slopes
    coverage: tuple[float, float]
    error: float
    plain: float
    promised: float
    kept: float
    kept_error: float
    gaps: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def when(known: Known, properties: Properties, names: Sequence[str] = BEFORE) -> When | None:
    """Regress differences on properties; None for fewer data sets than `FEWEST_SETS`.

    Args:
        names: properties to regress on.
    """
    sets = [
        name
        for name in dict.fromkeys(name for own in known.values() for name in own)
        if all(np.isfinite(properties[name].get(each, np.nan)) for each in names)
    ]
    if len(sets) < FEWEST_SETS:
        return None
    table = np.array([_as_regressed(properties[name], names) for name in sets])
    strategies = tuple(known)
    fitted = pooled.fit(_observed(known, strategies, sets, _standardised(table, table)))
    checks = [_check(fitted, number) for number in range(len(sets))]
    values, forecasts, means, inside, promised, kept = (
        np.concatenate([getattr(check, part) for check in checks])
        for part in ("values", "forecasts", "means", "inside", "promised", "kept")
    )
    of_sets = np.array([check.kept.mean() - check.promised.mean() for check in checks])
    shares = np.array([check.inside.mean() for check in checks])
    return When(
        strategies=strategies,
        sets=tuple(sets),
        names=tuple(names),
        table=table,
        fitted=fitted,
        slopes=pooled.slopes(fitted),
        coverage=(float(inside.mean()), float(shares.std(ddof=1) / np.sqrt(len(sets)))),
        error=float(np.sqrt(np.mean((values - forecasts) ** 2))),
        plain=float(np.sqrt(np.mean((values - means) ** 2))),
        promised=float(promised.mean()),
        kept=float(kept.mean()),
        kept_error=float(of_sets.std(ddof=1) / np.sqrt(len(sets))),
        gaps=_gaps(known, sets),
    )


def _as_regressed(properties: Mapping[str, float], names: Sequence[str]) -> list[float]:
    """Prevalence in log-odds, counts in logs, shares as they are."""
    found = []
    for name in names:
        value = properties[name]
        if name == "prevalence":
            found.append(float(np.log(value / (1 - value))))
        else:
            found.append(float(np.log(value)) if name in ("positives", "columns") else value)
    return found


def _standardised(values: Floats, table: Floats) -> Floats:
    spread = table.std(axis=0)
    return np.asarray((values - table.mean(axis=0)) / np.where(spread > 0, spread, 1))


def _observed(
    known: Known, strategies: Sequence[str], sets: Sequence[str], table: Floats
) -> Observed:
    rows = [
        (number, sets.index(name), difference)
        for number, label in enumerate(strategies)
        for name, difference in known[label].items()
        if name in sets
    ]
    found = estimates([difference for *_, difference in rows])
    degrees = np.maximum(found.degrees, FEWEST_DEGREES)
    errors = found.errors * np.sqrt(degrees / (degrees - 2))  # normal ones as wide as Student's t
    data_set = np.array([row for _, row, _ in rows])
    return Observed(found.means, errors, np.array([s for s, *_ in rows]), data_set, table[data_set])


@dataclass(frozen=True)
class _Check:
    """A data set and what is forecast of it from the others, by strategy."""

    values: Floats
    forecasts: Floats
    means: Floats  # of the strategies on the other data sets
    inside: Floats
    promised: Floats
    kept: Floats


def _check(fitted: Fitted, data_set: int) -> _Check:
    observed = fitted.observed
    rows = np.flatnonzero(observed.data_set == data_set)
    draws = pooled.without(fitted, data_set).draw(np.random.default_rng(data_set))
    low, high = np.quantile(draws, [(1 - COVERED) / 2, (1 + COVERED) / 2], axis=0)
    values, others = observed.values[rows], observed.data_set != data_set
    means = [
        observed.values[others & (observed.strategy == number)].mean()
        for number in observed.strategy[rows]
    ]
    return _Check(
        values=values,
        forecasts=draws.mean(axis=0),
        means=np.array(means),
        inside=((values >= low) & (values <= high)).astype(np.float64),
        promised=_within(draws).mean(axis=0),
        kept=_within(values[None])[0].astype(np.float64),
    )


def _within(differences: Floats) -> Floats:
    """Whether the baseline and each strategy is within `ROPE` of the best, (draws, 1 + s)."""
    every = np.column_stack([np.zeros(len(differences)), differences])
    return np.asarray(every >= every.max(axis=1, keepdims=True) - ROPE)


def _gaps(known: Known, sets: Sequence[str]) -> dict[str, dict[str, float]]:
    """Data set -> strategy, the baseline among them -> what it lacks to the best there."""
    found = {}
    for name in sets:
        own = {label: of[name].mean for label, of in known.items() if name in of}
        own = {BASELINE: 0.0, **own}
        found[name] = {label: max(own.values()) - value for label, value in own.items()}
    return found


@dataclass(frozen=True)
class Outlook:
    """A forecast for a data set that was not run.

    Attributes:
        within: strategy, the baseline among them -> probability that it is within `ROPE` of the
            best.
        gains: strategy -> expected difference to the baseline, and its 90 % interval.
        alike: names of the data sets most alike.
        near: strategy -> on how many of these it was within `ROPE` of the best.
        inside: whether each property lies within those of the data sets.
    """

    within: Mapping[str, float]
    gains: Mapping[str, tuple[float, float, float]]
    alike: tuple[str, ...]
    near: Mapping[str, int]
    inside: bool


def outlook(known: When, properties: Mapping[str, float]) -> Outlook:
    """Forecast the strategies' differences on a data set with these properties."""
    raw = np.array(_as_regressed(properties, known.names))
    own = _standardised(raw, known.table)
    draws = pooled.forecast(known.fitted, own).draw(np.random.default_rng(0))
    within = _within(draws).mean(axis=0)
    low, high = np.quantile(draws, [(1 - COVERED) / 2, (1 + COVERED) / 2], axis=0)
    distance = ((_standardised(known.table, known.table) - own) ** 2).sum(axis=1)
    nearest = min(NEAREST, len(known.sets) // 2)
    alike = [known.sets[row] for row in np.argsort(distance, kind="stable")[:nearest]]
    labels = (BASELINE, *known.strategies)
    means = draws.mean(axis=0)
    return Outlook(
        within=dict(zip(labels, within.tolist(), strict=True)),
        gains={
            label: (float(means[i]), float(low[i]), float(high[i]))
            for i, label in enumerate(known.strategies)
        },
        alike=tuple(alike),
        near={
            label: sum(known.gaps[name].get(label, np.inf) <= ROPE for name in alike)
            for label in labels
        },
        inside=bool(((raw >= known.table.min(axis=0)) & (raw <= known.table.max(axis=0))).all()),
    )
