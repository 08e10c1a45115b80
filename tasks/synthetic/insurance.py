"""Synthetic customers for the insurance task, with the published rates of the real ones.

Features are drawn first, each from its distribution in the group of the vehicle's age. The
label is then drawn from a logistic model whose offsets are solved so that its rates are the
published ones in all groups at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.protocol.arrays import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

ROWS = 40_000
VEHICLE_AGES = ("< 1 Year", "1-2 Year", "> 2 Years")

# Share of positives by level: column -> {level: rate}
RATES: dict[str, dict[str | int, float]] = {
    "Previously_Insured": {0: 0.225, 1: 0.0009},
    "Vehicle_Damage": {"Yes": 0.238, "No": 0.005},
    "Vehicle_Age": {"< 1 Year": 0.043, "1-2 Year": 0.175, "> 2 Years": 0.299},
    "Gender": {"Male": 0.140, "Female": 0.102},
}

# By vehicle age, in the order of VEHICLE_AGES.
SHARE = np.array([0.434, 0.524, 0.042])
MALE = np.array([0.46, 0.60, 0.66])
INSURED = np.array([0.66, 0.325, 0.01])
DAMAGED_UNINSURED = np.array([0.80, 0.905, 0.99])
DAMAGED_INSURED = np.array([0.04, 0.09, 0.50])
YOUNGEST = np.array([20, 28, 32])
AGE_SHAPE = np.array([1.5, 2.8, 3.2])  # of a gamma distribution of the years above the youngest
AGE_SCALE = np.array([3, 7, 7])

LARGE_REGIONS = {28: 0.28, 8: 0.09}
YOUNG_CHANNELS = {152: 0.75, 160: 0.12, 124: 0.03, 26: 0.03}
OTHER_CHANNELS = {26: 0.36, 124: 0.34, 152: 0.06}

# Effects on the log odds: standard deviations of the effects of regions and channels, and the
# distance in years from the most interested age that costs 1. They are chosen so that boosted
# trees reach about the same ROC AUC as on real rows.
REGION_EFFECT, CHANNEL_EFFECT, AGE_WIDTH = 0.5, 0.3, 26.0


def customers(rows: int = ROWS) -> pd.DataFrame:
    """Draw customers with the columns and types of the real file, always the same."""
    import pandas as pd

    rng = np.random.default_rng(2020)
    vehicle = rng.choice(3, rows, p=SHARE)
    insured = rng.random(rows) < INSURED[vehicle]
    damage_rates = np.where(insured, DAMAGED_INSURED[vehicle], DAMAGED_UNINSURED[vehicle])
    damaged = rng.random(rows) < damage_rates
    age = YOUNGEST[vehicle] + rng.gamma(AGE_SHAPE[vehicle], AGE_SCALE[vehicle])
    young = _skewed(rng, rows, np.arange(1, 164), YOUNG_CHANNELS)
    other = _skewed(rng, rows, np.arange(1, 164), OTHER_CHANNELS)
    frame = pd.DataFrame(
        {
            "id": 1 + np.arange(rows),
            "Gender": np.where(rng.random(rows) < MALE[vehicle], "Male", "Female"),
            "Age": np.minimum(age, 85).astype(np.int64),
            "Driving_License": (rng.random(rows) < 0.998).astype(np.int64),
            "Region_Code": _skewed(rng, rows, np.arange(53), LARGE_REGIONS).astype(np.float64),
            "Previously_Insured": insured.astype(np.int64),
            "Vehicle_Age": np.array(VEHICLE_AGES)[vehicle],
            "Vehicle_Damage": np.where(damaged, "Yes", "No"),
            "Annual_Premium": _premiums(rng, rows),
            "Policy_Sales_Channel": np.where(vehicle == 0, young, other).astype(np.float64),
            "Vintage": rng.integers(10, 300, rows),
        }
    )
    return frame.assign(Response=_drawn(rng, frame, _probabilities(rng, frame)))


def _skewed(rng: np.random.Generator, rows: int, codes: Ints, large: dict[int, float]) -> Ints:
    """Draw codes: the `large` ones with the given shares, the others ever rarer."""
    rest = rng.permutation(np.setdiff1d(codes, list(large)))
    tail = 1 / np.arange(4, len(rest) + 4)
    tail *= (1 - sum(large.values())) / tail.sum()
    return rng.choice([*large, *rest], rows, p=[*large.values(), *tail])


def _premiums(rng: np.random.Generator, rows: int) -> Floats:
    """Draw premiums: the minimum, 2630, for 17 %; else a mean of 36,000, deviation 14,000."""
    low, mean, deviation = 10_000, 36_000, 14_000
    shape = ((mean - low) / deviation) ** 2
    free = low + rng.gamma(shape, (mean - low) / shape, rows)
    return np.where(rng.random(rows) < 0.17, 2630.0, free.round())


def _probabilities(rng: np.random.Generator, frame: pd.DataFrame) -> Floats:
    """Return the probability of a positive label (rows,); its mean in each group is in `RATES`."""
    # people around 40 are the most interested, whatever they drive
    logits = -(((frame["Age"].to_numpy() - 40) / AGE_WIDTH) ** 2)
    logits += _effects(rng, frame["Region_Code"], REGION_EFFECT)
    logits += _effects(rng, frame["Policy_Sales_Channel"], CHANNEL_EFFECT)
    groups = [
        (frame[name].to_numpy() == level, np.log(rate / (1 - rate)))
        for name, rates in RATES.items()
        for level, rate in rates.items()
    ]
    # iterative proportional fitting on the log odds: every step adjusts one group
    for _ in range(50):
        for group, target in groups:
            mean = _sigmoid(logits[group]).mean()
            logits[group] += target - np.log(mean / (1 - mean))
    return _sigmoid(logits)


def _effects(rng: np.random.Generator, codes: pd.Series, deviation: float) -> Floats:
    """Draw a shift for each code and return it for each row."""
    levels, position = np.unique(codes, return_inverse=True)
    shifts: Floats = rng.normal(0, deviation, len(levels))
    return shifts[position]


def _sigmoid(logits: Floats) -> Floats:
    odds: Floats = np.exp(logits)
    return odds / (1 + odds)


def _drawn(rng: np.random.Generator, frame: pd.DataFrame, probabilities: Floats) -> Ints:
    """Draw labels systematically: each group's share is its mean probability, without noise."""
    shuffled = rng.permutation(len(frame))
    keys = [frame[name].to_numpy()[shuffled].astype(str) for name in RATES]
    order = shuffled[np.lexsort(keys)]
    steps = np.floor(np.cumsum(probabilities[order]) + rng.random())
    labels = np.empty(len(frame), np.int64)
    labels[order] = np.diff(steps, prepend=0).astype(np.int64)
    return labels
