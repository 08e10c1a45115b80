"""Tables from tracked runs: nothing is averaged that was not measured alike."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from benchmark.protocol.errors import UserError
from benchmark.results import leaderboard, measures
from benchmark.results.analysis import analyse
from benchmark.results.report import markdown
from benchmark.tracking import tags
from benchmark.tracking.records import Record

FACTS = {
    "task": "birds",
    "settings": "size=64",
    "data": "../birds",
    "source": "real",
    "origin": "../birds",
    "content": "c0ffee",
    "classes": ["robin", "wren"],
    "counts": [900, 100],
    "steps": 100,
    "batch": 32,
}
METRICS = dict.fromkeys([*measures.MEASURES, *measures.COUNTS, "test/threshold_tuned"], 0.5)


def cell(strategy: str, seed: int, f1: float | None, started: int = 1, **given: Any) -> Record:
    """A done cell with that F1, or a failed one without."""
    conditions, code = given.get("conditions", "now"), given.get("code", "v1")
    values = {
        tags.KIND: "cell",
        tags.CONDITIONS: conditions,
        tags.CELL: f"{conditions} {strategy} {seed} {code}",
        tags.FACTS: json.dumps(FACTS | given.get("facts", {})),
        tags.STRATEGY: strategy,
        tags.TRAINING_PART: strategy,
        tags.LABEL: given.get("label", strategy.split("(")[0]),
        tags.CODE: code,
        tags.SEED: str(seed),
    }
    if f1 is None:
        return Record("run", "files", started, "FAILED", values | {tags.ERROR: "a | <b>"}, {})
    done = {tags.DONE: "yes", tags.COLLAPSED: "no", tags.DEVICE: "CPU", tags.VERSIONS: "v"}
    return Record("run", "files", started, "FINISHED", values | done, METRICS | {"test/f1": f1})


def plan(strategies: list[str], seeds: int, started: int = 0, **given: Any) -> Record:
    """An invocation."""
    code = given.get("code", "v1")
    planned = [[text, text.split("(")[0], code] for text in strategies]
    values = {
        tags.KIND: "invocation",
        tags.CONDITIONS: given.get("conditions", "now"),
        tags.FACTS: json.dumps(FACTS | given.get("facts", {})),
        f"{tags.PLAN}.0": json.dumps({"strategies": planned, "seeds": seeds}),
    }
    return Record("run", "files", started, "FINISHED", values, {})


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the tables of a list of records."""

    def tables(*records: Record) -> list[leaderboard.Leaderboard]:
        def tracked(uri: str, kind: str) -> Iterator[Record]:
            ordered = sorted(records, key=lambda record: -record.started)
            of_kind = [r for r in ordered if (f"{tags.PLAN}.0" in r.tags) == (kind == "invocation")]
            return iter(of_kind)

        monkeypatch.setattr(leaderboard, "read_runs", tracked)
        return leaderboard.leaderboards("store", ["birds"])

    return tables


def test_mean_and_spread_over_seeds_best_first(made: Any) -> None:
    cells = [cell("none", seed, f1) for seed, f1 in enumerate((0.1, 0.2, 0.3))]
    [table] = made(plan(["none", "focal"], 3), *cells, *(cell("focal", s, 0.4) for s in range(3)))
    summary = table.summary()
    assert list(summary.index) == ["focal", "none"]
    assert summary.loc["none", ("test/f1", "mean")] == pytest.approx(0.2)
    assert summary.loc["none", ("test/f1", "std")] == pytest.approx(0.1)
    assert "| none | 0.200 ± 0.100 |" in markdown.section(analyse(table))


def test_planned_is_finished_and_failed_and_missing(made: Any) -> None:
    [table] = made(plan(["none", "focal"], 2), cell("none", 0, 0.1), cell("focal", 0, None))
    assert table.counts() == {"planned": 4, "finished": 1, "failed": 1, "missing": 2}
    assert "planned 4 = finished 1 + failed 1 + missing 2" in markdown.section(analyse(table))


@pytest.mark.parametrize(
    "seeds, repeated", [([3], False), ([3, 3], False), ([1, 3], False), ([3, 5], True)]
)
def test_coming_back_for_further_seeds_is_a_repeated_look(
    made: Any, seeds: list[int], repeated: bool
) -> None:
    """One seed shows nothing, so nobody stops at it because of what it shows."""
    plans = [plan(["none"], number, started) for started, number in enumerate(seeds)]
    [table] = made(*plans)
    assert (table.repeated, table.level) == (repeated, 0.025 if repeated else 0.05)


def test_a_later_attempt_counts_and_a_done_one_is_not_lost(made: Any) -> None:
    [table] = made(plan(["none"], 1), cell("none", 0, None, 1), cell("none", 0, 0.7, 2))
    assert table.runs["test/f1"].tolist() == [0.7]
    [table] = made(plan(["none"], 1), cell("none", 0, 0.7, 1), cell("none", 0, None, 2))
    assert table.runs["test/f1"].tolist() == [0.7]


def test_a_strategys_older_code_is_left_out_and_counted(made: Any) -> None:
    [table] = made(
        plan(["focal"], 3),
        *(cell("focal", seed, 0.2) for seed in range(3)),
        plan(["focal"], 3, 10, code="v2"),
        cell("focal", 0, 0.8, 11, code="v2"),
    )
    assert table.summary().loc["focal", ("test/f1", "mean")] == pytest.approx(0.8)
    assert table.counts() == {"planned": 3, "finished": 1, "failed": 0, "missing": 2}
    assert table.older == 3
    assert "older code: 3 runs made by it are left out" in markdown.section(analyse(table))


def test_strategies_of_one_label_are_not_averaged(made: Any) -> None:
    one, two = "focal(gamma=2)", "focal(gamma=2.0, alpha=None)"
    [table] = made(plan([one, two], 1), cell(one, 0, 0.2), cell(two, 0, 0.8))
    assert list(table.summary().index) == [two, one]


def test_code_of_the_harness_makes_another_table_and_the_newest_is_shown(made: Any) -> None:
    old = [plan(["none"], 1, 1, conditions="old"), cell("none", 0, 0.1, 2, conditions="old")]
    new = [plan(["none"], 1, 3, conditions="new"), cell("none", 0, 0.9, 4, conditions="new")]
    [table] = made(*old, *new)
    assert (table.conditions, table.older) == ("new", 1)
    back = plan(["none"], 1, 5, conditions="old")  # an older commit was checked out again
    [table] = made(*old, *new, back)
    assert (table.conditions, table.older) == ("old", 1)


@pytest.mark.parametrize("name, value", [("source", "synthetic"), ("content", "f00"), ("steps", 9)])
def test_other_data_or_budget_is_another_table(made: Any, name: str, value: Any) -> None:
    other = {"conditions": "other", "facts": {name: value}}
    tables = made(plan(["none"], 1), cell("none", 0, 0.1), cell("none", 0, 0.9, **other))
    assert sorted(table.runs["test/f1"].item() for table in tables) == [0.1, 0.9]


def test_an_invocation_of_which_nothing_ran_is_all_missing(made: Any) -> None:
    [table] = made(plan(["none"], 2))
    assert table.counts() == {"planned": 2, "finished": 0, "failed": 0, "missing": 2}
    assert "| none | - |" in markdown.section(analyse(table))


def test_synthetic_data_is_named_in_the_title(made: Any) -> None:
    facts = {"source": "synthetic", "data": ""}
    [table] = made(plan(["none"], 1, facts=facts))
    assert "## birds: SYNTHETIC DATA" in markdown.section(analyse(table))
    assert "--data synthetic" in table.command


def test_errors_cannot_break_out_of_the_table(made: Any) -> None:
    [table] = made(plan(["none"], 1), cell("none", 0, None))
    assert "a \\| &lt;b&gt;" in markdown.section(analyse(table))


def test_tasks_that_have_no_runs_are_named(made: Any) -> None:
    with pytest.raises(UserError, match="no runs of birds"):
        made()


def test_settings_with_spaces_are_told_from_the_defaults() -> None:
    facts = {"task": "csv", "settings": "target='Claim made' model=mlp rows=500000 drop='a b,c'"}
    table = leaderboard.Leaderboard("now", facts, (), (), pd.DataFrame(), 0, 0)
    assert table.changed_settings == ["target='Claim made'", "drop='a b,c'"]
    damaged = leaderboard.Leaderboard(
        "now", facts | {"settings": "target='Claim"}, (), (), pd.DataFrame(), 0, 0
    )
    assert len(damaged.changed_settings) == 1
