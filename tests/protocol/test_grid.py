"""The grid: what makes a cell another cell, what shares a training, what is refused."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import tasks
from benchmark.protocol import fingerprint, grammar, grid
from benchmark.protocol.errors import UserError
from benchmark.protocol.grammar import StrategySpec
from benchmark.protocol.grid import Conditions, Training
from benchmark.protocol.task import Budget, Data, Task


@dataclass(frozen=True)
class Settings:
    imbalance: float = 10.0
    model: str = "simple"


DATA = Data(np.zeros(2), np.array([0, 1]), np.arange(2), ("a", "b"), "f" * 64, "real", "a.csv")
BUDGET = Budget(steps=100, batch=32)


@pytest.fixture(scope="module", autouse=True)
def _toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A task module named toy, and one named other, in ``tasks/`` as far as Python can tell."""
    folder = tmp_path_factory.mktemp("tasks")
    for name in ("toy", "other"):
        (folder / f"{name}.py").write_text("x = 1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "__path__", [*tasks.__path__, str(folder)])
        forget()
        yield
    forget()


def forget() -> None:
    fingerprint._code.cache_clear()
    fingerprint._imported.cache_clear()


def conditions(**changes: Any) -> Conditions:
    usual = {"name": "toy", "settings": Settings(), "path": "", "data": DATA, "budget": BUDGET}
    return grid.make_conditions(**{**usual, **changes})


def planned(text: str, seeds: Sequence[int] = (0,), **changes: Any) -> list[Training]:
    return list(grid.plan_trainings(conditions(**changes), grammar.read_list(text), seeds))


def identities(trainings: list[Training]) -> tuple[str, str]:
    """Of the one training and its one cell."""
    [training] = trainings
    [cell] = training.cells
    return training.identity, cell.identity


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"settings": Settings(imbalance=20.0)},
        {"settings": Settings(model="compact")},
        {"data": dataclasses.replace(DATA, digest="e" * 64)},
        {"data": dataclasses.replace(DATA, source="synthetic")},
        {"budget": Budget(steps=101, batch=32)},
        {"budget": Budget(steps=100, batch=64)},
    ],
    ids=repr,
)
def test_every_condition_is_part_of_every_identity(change: dict[str, Any]) -> None:
    before, after = planned("focal"), planned("focal", **change)
    assert conditions(**change).identity != conditions().identity
    assert not set(identities(before)) & set(identities(after))


@pytest.mark.parametrize(
    "change",
    [
        {"path": "there"},
        {"data": dataclasses.replace(DATA, origin="b.csv")},
        {"settings": Settings(imbalance=10)},
    ],
    ids=repr,
)
def test_where_the_same_content_lies_is_no_part_of_an_identity(change: dict[str, Any]) -> None:
    assert conditions(**change).identity == conditions().identity
    assert conditions(**change).settings_text == "imbalance=10 model=simple"


@pytest.mark.parametrize("strategy", ["focal(gamma=1)", "oversample", "none", "focal+oversample"])
def test_another_training_part_is_another_training_and_another_cell(strategy: str) -> None:
    assert not set(identities(planned("focal"))) & set(identities(planned(strategy)))


@pytest.mark.parametrize("strategy", ["threshold(beta=2)", "logit_shift", "none"])
def test_another_decision_part_is_another_cell_of_the_same_training(strategy: str) -> None:
    one, two = identities(planned("threshold")), identities(planned(strategy))
    assert one[0] == two[0]
    assert one[1] != two[1]


def test_spelled_out_defaults_are_the_same_cell() -> None:
    assert identities(planned("focal")) == identities(planned("focal(alpha=None, gamma=2.0)"))


def test_another_seed_is_another_training_and_another_cell() -> None:
    pairs = [identities([training]) for training in planned("focal", [0, 1, 10])]
    assert [len(set(column)) for column in zip(*pairs, strict=True)] == [3, 3]


@pytest.mark.parametrize(
    ("module", "training_changes", "cell_changes"),
    [
        ("benchmark.training.loop", True, True),
        ("benchmark.training.fit", True, True),
        ("benchmark.training.compiled", True, True),
        ("benchmark.metrics.classification", True, True),
        ("tasks.toy", True, True),
        ("strategies.losses", True, True),
        ("strategies.thresholds", False, True),
        ("strategies.weighting", False, False),
        ("benchmark.cli.experiments", False, False),
        ("tasks.other", False, False),
    ],
)
def test_edited_code_changes_the_identity_of_what_it_can_influence(
    monkeypatch: pytest.MonkeyPatch, module: str, training_changes: bool, cell_changes: bool
) -> None:
    before = identities(planned("focal+threshold"))
    original: Callable[[str], str] = fingerprint._code
    monkeypatch.setattr(
        fingerprint, "_code", lambda name: original(name) + ("# edited" if name == module else "")
    )
    after = identities(planned("focal+threshold"))
    assert (before[0] != after[0]) == training_changes
    assert (before[1] != after[1]) == cell_changes


def test_strategies_that_differ_in_decisions_share_one_training() -> None:
    trainings = planned("none,threshold,oversample,logit_shift,oversample+threshold", [0, 1])
    parts = [(training.strategy, training.seed) for training in trainings]
    assert parts == [(text, seed) for seed in (0, 1) for text in ("none", "oversample(ratio=1)")]
    assert str(trainings[2]) == "none, threshold, logit_shift · seed 1"
    for training in trainings:
        assert {cell.seed for cell in training.cells} == {training.seed}
    cells = [cell.identity for training in trainings for cell in training.cells]
    assert len(set(cells)) == len(cells) == 10


def test_cells_name_specs_that_can_be_read_back() -> None:
    [training] = planned("oversample(ratio=0.5)+threshold")
    assert grammar.read(training.cells[0].strategy).label == training.cells[0].label
    assert grammar.read(training.strategy).text == "oversample(ratio=0.5)"


def test_a_training_and_its_cells_say_what_they_are_of() -> None:
    where = conditions()
    [training] = grid.plan_trainings(where, grammar.read_list("focal+threshold"), [3])
    assert (training.conditions, training.seed) == (where, 3)
    [cell] = training.cells
    assert cell.code == grid.code_of(grammar.read("focal+threshold"))
    assert cell.identity != training.identity
    alone = planned("focal")[0]  # of one text, and yet two identities
    assert alone.cells[0].identity != alone.identity


def test_a_plan_names_its_strategies_with_label_and_code() -> None:
    where, specs = conditions(), grammar.read_list("focal,none+threshold")
    asked = grid.make_plan(where, specs, 4)
    assert (asked.conditions, asked.seeds, asked.race) == (where, (4, 4), False)
    assert (asked.most, asked.cells) == (4, 8)
    assert asked.strategies == [
        ("focal(gamma=2)", "focal", grid.code_of(specs[0])),
        ("threshold(beta=1)", "threshold", grid.code_of(specs[1])),
    ]
    assert grid.code_of(specs[0]) != grid.code_of(specs[1])


def test_facts_are_those_of_the_conditions() -> None:
    where = conditions(path="there/a.csv")
    assert where.facts() == {
        "task": "toy",
        "settings": "imbalance=10 model=simple",
        "data": "there/a.csv",
        "source": "real",
        "origin": "a.csv",
        "content": "f" * 16,
        "classes": ["a", "b"],
        "counts": [1, 1],
        "class_count": 2,
        "rows": 2,
        "steps": 100,
        "batch": 32,
        "portion": "all",
        "notes": [],
    }


@pytest.mark.parametrize("letter", ["x", "é"])
def test_facts_that_a_store_would_threshold_are_refused(letter: str) -> None:
    room = grid.MOST_FACTS - len(json.dumps(conditions().facts()))
    size = len(json.dumps(letter)) - 2
    conditions(path=letter * (room // size))
    with pytest.raises(
        UserError, match=f"\\({room // size + 1} characters\\) or the settings \\(25\\)"
    ):
        conditions(path=letter * (room // size + 1))


def test_the_grid_is_lazy() -> None:
    endless = grid.plan_trainings(conditions(), grammar.read_list("none,focal"), itertools.count())
    seeds = [training.seed for training in itertools.islice(endless, 5)]
    assert seeds == [0, 0, 1, 1, 2]


def task(kind: Any) -> Task:
    def unused(*values: Any) -> Any:
        raise AssertionError("planning looks at no data")

    return Task("Toy.", kind, Settings, *[unused] * 7)


def spec(*needs: Any) -> StrategySpec:
    plain = grammar.read("none")
    strategy = dataclasses.replace(plain.strategy, needs=frozenset(needs))
    return dataclasses.replace(plain, label="picky", strategy=strategy)


@pytest.mark.parametrize(
    ("kind", "classes", "needs", "complaint"),
    [
        ("image", "ab", ["table"], "a table, but this task has images and 2 classes"),
        ("table", "abc", ["binary"], "two classes, but this task has a table and 3 classes"),
        ("image", "abc", ["table", "binary"], "two classes and a table, but this task has images"),
        ("table", "abc", ["image", "table"], "images, but this task has a table and 3 classes"),
    ],
)
def test_a_strategy_that_makes_no_sense_is_refused_by_name(
    kind: str, classes: str, needs: list[str], complaint: str
) -> None:
    specs = [spec(), spec(*needs)]
    with pytest.raises(UserError) as error:
        grid.require_suitable(task(kind), None, classes, specs)
    assert str(error.value).startswith(f"strategy 'picky' needs {complaint}")
    assert grid.suitable_specs(task(kind), None, classes, specs) == specs[:1]


@pytest.mark.parametrize("needs", [[], ["table"], ["binary"], ["binary", "table"]])
def test_a_strategy_whose_needs_are_met_is_accepted(needs: list[str]) -> None:
    specs = [spec(*needs)]
    grid.require_suitable(task("table"), None, "ab", specs)
    assert grid.suitable_specs(task("table"), None, "ab", specs) == specs


def test_the_longest_trainings_come_first_and_unknown_ones_before_them() -> None:
    asked = planned("none, oversample, focal", seeds=[0, 1])
    none, oversample, focal = (training.strategy for training in asked[:3])
    ordered = grid.longest_first(asked, {none: 1.0, oversample: 5.0})
    assert [(training.strategy, training.seed) for training in ordered] == [
        (strategy, seed) for strategy in (focal, oversample, none) for seed in (0, 1)
    ]
    assert grid.longest_first(asked, {}) == asked
