"""The data that a leaderboard was measured on, read again for what its runs do not hold."""

from __future__ import annotations

from typing import Any

from benchmark.metrics.cost_spec import CostSpec
from benchmark.metrics.costs import Costs
from benchmark.protocol import grammar, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Data, Task
from benchmark.results import objective
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.objective import Objective
from benchmark.training.schema import amount_column
from benchmark.workflows.execution.worker import load


def load_data(table: Leaderboard) -> tuple[Task, Any, Data]:
    """Return the task, its settings and its data. UserError if that has changed since."""
    facts = table.facts
    settings = grammar.settings(facts["task"], facts["settings"])
    data = load(facts["task"], settings, facts["data"])
    if not data.digest.startswith(facts["content"]):
        raise UserError(f"{data.origin} has changed since it was measured: give `run` again first")
    return registry.task(facts["task"]), settings, data


def costs_of(spec: CostSpec, table: Leaderboard) -> Costs:
    """Return costs of the classes of a leaderboard, and their amounts in the rows of its data.

    Raises:
        UserError: for other classes, or for columns that the data lacks or that hold no amounts.
    """
    names = table.facts["classes"]
    if len(names) < table.class_count:
        raise UserError(f"--cost: {table.class_count:,} classes are too many: at most {len(names)}")
    costs = spec.of(names)
    return with_amounts(costs, load_data(table)[2]) if costs.columns else costs


def with_amounts(costs: Costs, data: Data) -> Costs:
    """Return costs with the values of their columns in the rows of the data.

    Raises:
        UserError: for columns that the data lacks, or that hold no amounts.
    """
    amounts = {name: amount_column(data.column(name, "--cost")) for name in costs.columns}
    return costs.with_amounts(amounts)


def priced(goal: Objective, data: Data) -> Objective:
    """Return the objective for the classes and rows of the data, if it sums up costs.

    Raises:
        UserError: for other classes, or for columns that the data lacks or that hold no amounts.
    """
    if goal.costs is None:
        return goal
    return objective.cost(goal.costs, with_amounts(goal.costs.of(data.classes), data))
