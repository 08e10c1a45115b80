"""The chosen strategy against others: differences by seed, the error of the rows, and in words."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.metrics import stats
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.results import objective
from benchmark.results.leaderboard import Leaderboard
from benchmark.training.predictions import Fit, Predictions
from benchmark.workflows.search import confirmation, page
from benchmark.workflows.search.summary import Point, summarise
from tests.toys import FIT

ROWS = 600
SEEDS = 4
Tables = Callable[..., Leaderboard]


def fit(seed: int, skill: float, fixed: bool = False) -> Fit:
    """Rows of which a tenth are positive, ranked with some skill."""
    rng = np.random.default_rng(0 if fixed else seed)
    labels = (np.arange(ROWS) % 10 == 0).astype(np.int64)
    logits = np.stack([np.zeros(ROWS), rng.normal(size=ROWS) + skill * labels - 1.5], axis=1)
    rows = np.sort(np.random.default_rng(seed).choice(5 * ROWS, ROWS, replace=False))
    kept = Predictions(np.arange(ROWS) if fixed else rows, labels, logits, logits, np.ones(ROWS))
    return replace(FIT, validation=kept, test=kept)


@pytest.fixture
def confirmed(table_of: Tables, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Confirms `threshold` against `none`, `focal` and `smote`, which rank as they are told."""

    def confirm(
        goal: str, skills: dict[str, float], area: float = 0.9, fixed: bool = False
    ) -> confirmation.Confirmation:
        labels = ("threshold", *skills)
        table = table_of(
            {label: {"f1": [0.5] * SEEDS, "roc_auc": [area] * SEEDS} for label in labels}
        )
        skill_of = {"threshold": 2.0} | skills

        def read(uri: str, run: str, digest: str) -> Fit | None:
            return fit(int(run[-1]), skill_of[run[:-1]], fixed) if run[:-1] in skill_of else None

        monkeypatch.setattr(confirmation, "read_fit", read)
        return confirmation.confirm("store", table, "threshold", objective.read(goal))

    return confirm


@pytest.mark.parametrize("goal, sign", [("f1", 1), ("cost(fp=1, fn=9)", -1)])
def test_differences_are_paired_by_seed_and_positive_where_the_chosen_one_is_better(
    confirmed: Any, goal: str, sign: int
) -> None:
    found = confirmed(goal, {"none": 2.0, "focal": 0.0, "smote": 1.0})
    read = objective.read(goal)

    def values(text: str, skill: float) -> Any:
        strategy = grammar.read(text).strategy
        return np.array([read.on_test(strategy, fit(seed, skill))[0] for seed in range(SEEDS)])

    own = values("threshold", 2.0)
    assert found.label == "threshold" and found.value.mean == pytest.approx(own.mean())
    for rival, skill in zip(found.rivals, (2.0, 0.0, 1.0), strict=True):
        theirs = values(rival.label, skill)
        assert rival.value.mean == pytest.approx(theirs.mean())
        assert rival.ahead.mean == pytest.approx(sign * (own - theirs).mean())
        assert rival.ahead.mean > 0 or rival.label == "none"
    raw = np.array([rival.ahead.p for rival in found.rivals])
    assert [rival.p for rival in found.rivals] == pytest.approx(stats.holm(raw).tolist())
    for rival in found.rivals:
        assert (rival.low < 0 < rival.high) == (rival.p >= stats.LEVEL)
        assert rival.high - rival.low >= rival.ahead.high - rival.ahead.low
    words = {rival.label: found.verdict(rival) for rival in found.rivals}
    assert words["focal"] == "better"
    swapped = replace(found.rivals[1], ahead=replace(found.rivals[1].ahead, mean=-0.3))
    assert found.verdict(swapped) == "worse"


def test_sentences_say_who_is_beaten_and_what_stays_open(confirmed: Any) -> None:
    goal = objective.read("f1")
    found = confirmed("f1", {"none": 2.0, "focal": 0.0})
    text = page._of_confirmation(goal, found)
    assert "It is significantly better than focal (+" in text
    assert "No significant difference to none (" in text and "largest" not in text
    alike = replace(found, rivals=tuple(replace(rival, p=1.0) for rival in found.rivals))
    assert ", largest to focal)." in page._of_confirmation(goal, alike)


def test_seeds_that_are_all_tested_on_the_same_rows_are_no_proof(confirmed: Any) -> None:
    """Every seed shows the same difference; how it is on other rows, only the rows can tell."""
    found = confirmed("average_precision", {"none": 1.9}, fixed=True)
    [rival] = found.rivals
    assert rival.ahead.deviation == pytest.approx(0, abs=1e-12) and rival.ahead.known
    assert rival.ahead.error > 0 and found.value.error > 0.01


def test_without_skill_there_is_no_claim(confirmed: Any) -> None:
    found = confirmed("f1", {"focal": 0.0}, area=0.5)
    assert not found.skilled and found.verdict(found.rivals[0]) == "no claim"
    unsure = replace(found.rivals[0], p=0.05)
    assert found.verdict(unsure) == "not significant"


def test_lost_predictions_are_one_line(table_of: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "read_fit", lambda *_: None)
    table = table_of({"none": {"f1": [0.5, 0.5]}})
    with pytest.raises(UserError, match="lost the predictions of none, seed 0: the same command"):
        confirmation.confirm("store", table, "none", objective.read("f1"))


def trial(number: int, scores: list[float], state: str = "COMPLETE") -> Any:
    return SimpleNamespace(
        number=number,
        user_attrs={"scores": scores, "strategy": f"s{number}"},
        params={"gamma": float(number)},
        state=SimpleNamespace(name=state),
    )


@pytest.mark.parametrize("minimize", [False, True])
def test_trials_near_the_best_are_those_not_significantly_behind_it(
    minimize: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmark.workflows.search import summary

    for name, key in (("SCORES", "scores"), ("STRATEGY", "strategy")):
        monkeypatch.setattr(summary, name, key)
    dimension = SimpleNamespace(name="gamma", rounded=lambda value: value)
    search: Any = SimpleNamespace(pattern=SimpleNamespace(dimensions=[dimension]))
    sign = -1 if minimize else 1
    best, noisy = np.array([0.50, 0.52, 0.51]), np.array([0.53, 0.44, 0.52])
    trials = [
        trial(1, (sign * (best - [0.2, 0.21, 0.2])).tolist()),  # far behind, at every seed
        trial(2, (sign * best).tolist()),
        trial(3, (sign * noisy).tolist()),
        trial(4, [sign * 0.9], "PRUNED"),  # is not complete
    ]
    found = summarise(search, trials, minimize)
    assert found.best.number == 2 and found.alike == {"gamma": (2, 3)}
    assert found.states == {"COMPLETE": 3, "PRUNED": 1, "FAIL": 0}
    alone = summarise(search, [trial(5, [0.4])], minimize)
    assert alone.alike is None and alone.best.deviation == 0
    assert isinstance(alone.best, Point)
