"""Subgroups: measures of the rows of a group alone, with intervals that cover."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import f1_score, precision_score, recall_score

from benchmark.protocol import grammar
from benchmark.results.predicted import Predicted, predict
from benchmark.results.report import subgroups as report
from benchmark.results.subgroups import OWN_THRESHOLD, groups_of, subgroups
from benchmark.training.predictions import Predictions
from tests import toys

ROWS = 12_000
SHIFT = 1.5  # by which the risk of the south is underestimated


def seeds(count: int = 4, rows: int = ROWS) -> tuple[list[Predicted], pd.Series]:
    """Predictions at several splits of one data set, and the region of its rows."""
    rng = np.random.default_rng(0)
    region = np.where(rng.random(rows) < 0.3, "south", "north").astype(object)
    scores = -2 + 1.5 * rng.normal(size=rows)
    labels = (rng.random(rows) < expit(scores + SHIFT * (region == "south"))).astype(np.int64)
    logits = np.stack([np.zeros(rows), scores], axis=1)
    found = []
    for seed in range(count):
        order = np.random.default_rng(seed).permutation(rows)
        parts = [
            Predictions(part, labels[part], logits[part], logits[part], np.ones(len(part)))
            for part in (order[: rows // 3], order[rows // 3 : 2 * rows // 3])
        ]
        fit = replace(toys.FIT, validation=parts[0], test=parts[1])
        found.append(predict(grammar.read("threshold").strategy, fit, seed))
    return found, pd.Series(region)


def test_measures_are_those_of_the_rows_of_the_group() -> None:
    predicted, region = seeds()
    found = subgroups("region", "threshold", predicted, region)
    assert [group.name for group in found.groups] == ["north", "south"]
    for group in found.groups:
        own = [region.to_numpy()[one.rows] == group.name for one in predicted]
        for name, of in {"recall": recall_score, "precision": precision_score}.items():
            values = [
                of(one.labels[rows], one.decisions[rows])
                for one, rows in zip(predicted, own, strict=True)
            ]
            it = group.measures[name]
            assert it.mean == pytest.approx(np.mean(values)) and it.low < it.mean < it.high
        assert group.rows == sum(rows.sum() for rows in own)
        p = [expit(one.logits[rows, 1]).mean() for one, rows in zip(predicted, own, strict=True)]
        observed = [one.labels[rows].mean() for one, rows in zip(predicted, own, strict=True)]
        excess = group.measures["predicted - observed"].mean
        assert excess == pytest.approx(np.mean(p) - np.mean(observed))
    north, south = (group.measures for group in found.groups)
    # risks of the south are underestimated, and the threshold of all rows is too high there
    assert south["predicted - observed"].high < 0 and abs(north["predicted - observed"].mean) < 0.02
    assert south["ECE"].low > 0.05
    assert south[OWN_THRESHOLD].mean > 0.005 > north[OWN_THRESHOLD].mean
    assert south["Δrecall vs others"].mean == pytest.approx(-north["Δrecall vs others"].mean)


def test_the_threshold_of_a_group_is_tuned_on_its_validation_rows() -> None:
    predicted, region = seeds(1, 3000)
    [one] = predicted
    [south] = [
        it for it in subgroups("r", "threshold", predicted, region).groups if it.name == "south"
    ]
    rows = {
        part: region.to_numpy()[getattr(one.fit, part).rows] == "south"
        for part in ("validation", "test")
    }
    margins = {part: getattr(one.fit, part).best[rows[part], 1] for part in rows}
    labels = {part: getattr(one.fit, part).labels[rows[part]] for part in rows}
    cuts = np.unique(margins["validation"])
    best = max(cuts, key=lambda cut: f1_score(labels["validation"], margins["validation"] >= cut))
    own = f1_score(labels["test"], margins["test"] >= best)
    shared = f1_score(labels["test"], one.tuned[rows["test"]])
    assert south.measures[OWN_THRESHOLD].mean == pytest.approx(own - shared, abs=2e-3)


def test_a_column_becomes_few_groups() -> None:
    numbers = pd.Series([*range(100), np.nan], dtype=float)
    found = groups_of(numbers)
    assert len({*found}) == 5 and found[-1] == "(missing)" and found[0] == found[24] != found[25]
    assert {*groups_of(pd.Series([1.0, 0.0, np.nan]))} == {"1", "0", "(missing)"}
    many = groups_of(pd.Series([f"c{n}" for n in range(11) for _ in range(20 - n)]))
    assert {*many} == {*(f"c{n}" for n in range(10)), "(others)"}


def test_a_group_without_positives_has_no_recall() -> None:
    predicted, region = seeds(2)
    labels = np.zeros(ROWS, int)
    for one in predicted:
        labels[one.rows] = one.labels
    rare = region.where((labels == 1) | (np.arange(ROWS) % 40 > 0), "calm")
    found = {group.name: group for group in subgroups("r", "threshold", predicted, rare).groups}
    calm = found["calm"]
    assert "recall" not in calm.measures and calm.shares[0] == 0
    assert calm.measures["predicted - observed"].mean > 0
    shown = report.table(subgroups("r", "threshold", predicted, rare))
    [row] = [row for row in shown.rows if row[0].text == "calm"]
    assert row[4].text == "-" and all(len(each) == len(shown.headings) for each in shown.rows)


def test_three_classes_have_macro_measures() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(900, 3))
    labels = (logits + rng.gumbel(size=(900, 3))).argmax(axis=1)
    part = Predictions(np.arange(900), labels, logits, logits, np.ones(900))
    fit = replace(toys.FIT, validation=part, test=part)
    one = predict(grammar.read("none").strategy, fit, 0)
    region = pd.Series(np.where(rng.random(900) < 0.5, "a", "b"))
    for group in subgroups("r", "none", [one], region).groups:
        rows = (region == group.name).to_numpy()
        macro = recall_score(labels[rows], one.decisions[rows], average="macro")
        assert group.measures["recall"].mean == pytest.approx(macro)
        assert np.isnan(group.shares[0])


@pytest.mark.slow
def test_intervals_of_subgroups_hold_the_truth_in_95_of_100_data_sets() -> None:
    names, shares = np.array(["a", "b", "c", "d"]), np.array([0.5, 0.3, 0.15, 0.05])

    def draw(rng: np.random.Generator, rows: int) -> tuple[Any, Any, Any]:
        region = rng.choice(names, rows, p=shares)
        scores = -1 + 1.5 * rng.normal(size=rows) - 0.5 * (region == "b")
        labels = (rng.random(rows) < expit(scores + (region == "d"))).astype(np.int64)
        return region, np.stack([np.zeros(rows), scores], axis=1), labels

    region, logits, labels = draw(np.random.default_rng(0), 400_000)
    taken, own = logits[:, 1] > 0, {name: region == name for name in names}
    truth = {name: taken[rows & (labels == 1)].mean() for name, rows in own.items()}
    rng, held = np.random.default_rng(1), dict.fromkeys(names.tolist(), 0)
    draws, strategy = 150, grammar.read("none").strategy
    for _ in range(draws):
        region, logits, labels = draw(rng, 3000)
        seeds = []
        for seed in range(3):
            rows = rng.permutation(3000)[:450]
            part = Predictions(rows, labels[rows], logits[rows], logits[rows], np.ones(450))
            seeds.append(predict(strategy, replace(toys.FIT, validation=part, test=part), seed))
        for group in subgroups("region", "none", seeds, pd.Series(region)).groups:
            it = group.measures["recall"]
            held[group.name] += it.low <= truth[group.name] <= it.high
    covered = {name: count / draws for name, count in held.items()}
    print(f"\ncoverage of recall: {covered}")
    assert min(covered.values()) > 0.9
    assert np.mean(list(covered.values())) < 0.995  # nor are they too wide to tell anything
