"""Tables like those that people have, drawn from known odds: a bank's, a census's, a clinic's."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmark.protocol.arrays import Floats


def _answers(logits: Floats, names: tuple[str, str], rng: np.random.Generator) -> list[str]:
    return np.where(rng.random(len(logits)) < expit(logits), names[1], names[0]).tolist()


def bank(rows: int, seed: int) -> pd.DataFrame:
    """Customers of a bank who were called; one in nine takes a term deposit."""
    rng = np.random.default_rng(seed)
    jobs = ["admin.", "blue-collar", "technician", "services", "retired", "student", "unknown"]
    months = ["may", "jul", "aug", "jun", "nov", "apr", "feb", "mar", "oct", "dec"]
    outcomes = ["unknown", "failure", "other", "success"]
    frame = pd.DataFrame(
        {
            "age": rng.gamma(14, 3, rows).astype(int) + 17,
            "job": rng.choice(jobs, rows, p=[0.2, 0.22, 0.2, 0.15, 0.1, 0.08, 0.05]),
            "marital": rng.choice(["married", "single", "divorced"], rows, p=[0.6, 0.28, 0.12]),
            "balance": (rng.lognormal(6.5, 1.2, rows) - 400).round().astype(int),
            "housing": rng.choice(["yes", "no"], rows),
            "month": rng.choice(months, rows, p=[0.3, 0.15, 0.14, 0.12, *[0.29 / 6] * 6]),
            "campaign": rng.geometric(0.4, rows),
            "pdays": np.where(rng.random(rows) < 0.8, -1, rng.integers(1, 400, rows)),
            "poutcome": rng.choice(outcomes, rows, p=[0.8, 0.11, 0.05, 0.04]),
        }
    )
    logits = -3.4 + 0.0012 * (frame["age"] - 40) ** 2 + 2.6 * (frame["poutcome"] == "success")
    logits += 1.4 * frame["month"].isin(["mar", "oct", "dec"]) - 0.6 * (frame["housing"] == "yes")
    logits += 0.8 * frame["job"].isin(["student", "retired"]) - 0.25 * frame["campaign"]
    logits += 0.35 * np.log(frame["balance"].clip(lower=1)) - 1
    return frame.assign(y=_answers(logits.to_numpy(), ("no", "yes"), rng))


def census(rows: int, seed: int) -> pd.DataFrame:
    """Persons, some of whose answers are missing; a quarter earns more than 50K."""
    rng = np.random.default_rng(seed)
    works = ["Private", "Self-emp", "Gov", "?"]
    married = rng.random(rows) < 0.47
    years = rng.choice([7, 9, 10, 13, 14, 16], rows, p=[0.12, 0.33, 0.23, 0.18, 0.1, 0.04])
    gain = np.where(rng.random(rows) < 0.08, rng.lognormal(8.5, 0.8, rows), 0).round()
    frame = pd.DataFrame(
        {
            "age": rng.integers(17, 80, rows),
            "workclass": rng.choice(works, rows, p=[0.7, 0.11, 0.13, 0.06]),
            "education-num": years,
            "marital-status": np.where(married, "Married-civ-spouse", "Never-married"),
            "sex": rng.choice(["Male", "Female"], rows, p=[0.67, 0.33]),
            "capital-gain": gain.astype(int),
            "hours-per-week": rng.normal(40, 12, rows).clip(1, 99).round().astype(int),
        }
    )
    logits = -3.5 + 2.2 * married + 0.33 * (years - 10) + 0.0007 * gain
    logits += 0.035 * (frame["hours-per-week"] - 40) - 0.0018 * (frame["age"] - 50) ** 2 + 0.9
    return frame.assign(income=_answers(logits.to_numpy(), ("<=50K", ">50K"), rng))


def clinic(rows: int, seed: int) -> pd.DataFrame:
    """Shapes in mammograms by six measures, of which one in forty is a calcification."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6)) + 0.5 * rng.normal(size=(rows, 1))
    logits = -7.4 + 1.6 * x[:, 0] + 1.2 * np.maximum(x[:, 3], 0) ** 2 - 1.1 * x[:, 2] * x[:, 4]
    frame = pd.DataFrame(x.round(5), columns=[f"attr{number}" for number in range(1, 7)])
    return frame.assign(**{"class": _answers(logits, ("-1", "1"), rng)})
