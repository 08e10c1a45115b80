"""Which trainings of a plan are left to run."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Sequence

from rich.console import Console

from benchmark.protocol import grammar, grid
from benchmark.protocol.grid import Plan, Training
from benchmark.tracking import history
from benchmark.tracking.store import Store


def unfinished(plan: Plan, store: Store, console: Console) -> list[Training]:
    """Return the trainings that are left, with only their unfinished cells, longest first."""
    finished = history.finished_cells(store, plan.conditions)
    damaged = history.fail_damaged(store, finished)
    if damaged:
        console.print(f"runs whose artifacts the store has lost, to be run again: {len(damaged)}")
    left_over = without(plan, {cell.cell for cell in finished if cell not in damaged})
    _announce_outdated(plan, store, finished, left_over, console)
    to_run = sum(len(training.cells) for training in left_over)
    console.print(
        f"runs planned: {plan.cells}, done before: {plan.cells - to_run}, "
        f"trainings to go: {len(left_over)}"
    )
    seconds = {cell.training_part: cell.seconds.get("training", 0.0) for cell in finished}
    return grid.longest_first(left_over, seconds)


def without(plan: Plan, done: Container[str]) -> list[Training]:
    """Return the trainings of a plan, seed by seed, without the cells that are done."""
    specs = [grammar.read(text) for text, _, _ in plan.strategies]
    planned = (
        training
        for seed in range(plan.most)
        for training in grid.plan_trainings(
            plan.conditions,
            [spec for spec, number in zip(specs, plan.seeds, strict=True) if seed < number],
            [seed],
        )
    )
    left_over = []
    for training in planned:
        left = tuple(cell for cell in training.cells if cell.identity not in done)
        if left:
            left_over.append(dataclasses.replace(training, cells=left))
    return left_over


def _announce_outdated(
    plan: Plan,
    store: Store,
    finished: Sequence[history.FinishedCell],
    unfinished: Sequence[Training],
    console: Console,
) -> None:
    """Say why cells are run that the store seems to have: older code made their runs."""
    to_run = {(cell.strategy, cell.seed) for training in unfinished for cell in training.cells}
    if not to_run:
        return
    outdated = [cell for cell in history.outdated_cells(store, plan, finished) if cell in to_run]
    if len(outdated) == 1:
        console.print("1 run in this store was made by older code; it is left out and run again")
    elif outdated:
        console.print(
            f"{len(outdated)} runs in this store were made by older code; they are left out and "
            "run again"
        )
