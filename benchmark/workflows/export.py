"""The recommended strategy as a model to serve, from tracked runs to the model registry.

Networks are not kept with the runs. The chosen one is trained again and has to predict on test
what its run has, bit for bit; the logged model is read back and has to decide every test row as
the benchmark did. Only then it is registered.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics import classification
from benchmark.protocol import grammar, registry
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Budget, Data, Task
from benchmark.results.expected_cost import with_rule
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.recommendation import Recommendation
from benchmark.tracking import model_registry, tags
from benchmark.tracking import store as tracking
from benchmark.tracking.history import read_fit
from benchmark.training import fit as fitting
from benchmark.training import inference
from benchmark.training.decision import fit_decision
from benchmark.training.network import TrainingJob
from benchmark.training.predictions import Fit
from benchmark.training.schema import ColumnSchema, schema_of
from benchmark.workflows import model_card
from benchmark.workflows.execution import worker as workers

if TYPE_CHECKING:
    import pandas as pd


from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape

EXAMPLES = 3  # rows that go with the model


@dataclass(frozen=True)
class ExportRequest:
    """What is to be exported, and as what."""

    uri: str
    advice: Recommendation
    seed: int | None  # else the one that ranked its validation rows best
    name: str  # in the model registry; "" is made of the task's
    alias: str


@dataclass(frozen=True)
class ExportedModel:
    """Where it is."""

    uri: str
    model: str  # ``models:/NAME@ALIAS``
    version: str
    card: str
    rows: int  # of test, all decided as the benchmark did


def export(order: ExportRequest) -> ExportedModel:
    """Trains, checks, logs and registers the recommended strategy.

    Raises:
        UserError: if nothing is recommended, data or predictions are lost, or the training does
            not repeat.
    """
    advice, table = order.advice, order.advice.table
    if not advice.label:
        raise UserError(f"{advice.sentences[0].text} To export, name one with --strategy")
    name = order.name or f"skewbench-{table.facts['task']}"
    model_registry.require_names(name, order.alias)
    seed, tracked = _tracked(order)
    text = str(_runs(table, advice.label)["strategy"].iloc[0])
    task, settings, data = _data(table)
    workers.prepare(0)
    splits = restrict(task.split(data, settings, seed), data, table.facts.get("portion", "all"))
    fit, trained = fitting.fit_network(
        TrainingJob(
            task,
            settings,
            splits,
            len(data.classes),
            grammar.read(text).strategy,
            Budget(table.facts["steps"], table.facts["batch"]),
            seed,
        ),
        lambda steps: None,
    )
    _require_same(fit, tracked, table)
    decision = fit_decision(with_rule(text, advice.rule, advice.costs), fit)
    facts = inference.ModelFacts(
        task=table.facts["task"],
        settings=settings,
        learned=splits.learned,
        classes=tuple(data.classes),
        decision=decision,
        columns=schema_of(data.rows) if task.kind == "table" else {},
    )
    store = tracking.open_store(order.uri, table.facts["task"])
    address = f"models:/{name}@{order.alias}"
    page = model_card.card(advice, seed, fit, decision, address, order.uri)
    of_run = {tags.CONDITIONS: table.conditions, tags.LABEL: advice.label, tags.SEED: str(seed)}
    with (
        model_registry.exporting(store, f"export: {advice.label} · seed {seed}", of_run) as run_id,
        tempfile.TemporaryDirectory() as folder,
    ):
        inference.save(Path(folder), facts, trained)
        package = model_registry.Package(
            folder=Path(folder),
            inputs=_inputs(task, facts.columns),
            outputs=inference.output_types(facts.classes),
            example=raw_rows(task, data, splits.test[:EXAMPLES]),
        )
        model = model_registry.log(package)
        with model_registry.read_back(package, model) as kept:
            said = inference.predict(inference.load(kept), raw_rows(task, data, splits.test))
        if not np.array_equal(said["decision"], decision.decide(tracked.test.best)):
            raise RuntimeError("the logged model decides otherwise than the benchmark on test")
        version = model_registry.register(store, run_id, model, name, order.alias, page)
    return ExportedModel(order.uri, address, version, page, len(splits.test))


def _runs(table: Leaderboard, label: str) -> pd.DataFrame:
    return table.runs[(table.runs["label"] == label) & (table.runs["state"] == "finished")]


def _tracked(order: ExportRequest) -> tuple[int, Fit]:
    """The seed to train again, and what its run kept."""
    label = order.advice.label
    own = _runs(order.advice.table, label)
    seeds = sorted(own["seed"])
    if order.seed is not None and order.seed not in seeds:
        raise UserError(f"{label} has no run with seed {order.seed}: it has {seeds}")
    fits: dict[int, Fit] = {}
    for cell in own.to_dict("records"):
        if order.seed in (None, cell["seed"]):
            fit = read_fit(order.uri, cell["run"], cell["predictions"])
            if fit is not None:
                fits[cell["seed"]] = fit
    if not fits:
        raise UserError(f"{order.uri} has lost predictions of {label}: give `run` again first")
    # test has no say in it
    best = max(fits, key=lambda seed: _ranks(fits[seed]))
    return best, fits[best]


def _ranks(fit: Fit) -> float:
    return classification.average_precision(fit.validation.labels, fit.validation.best)


def _data(table: Leaderboard) -> tuple[Task, Any, Data]:
    """The task, its settings and its data, which has to be what was measured."""
    facts = table.facts
    settings = grammar.settings(facts["task"], facts["settings"])
    data = workers.load(facts["task"], settings, facts["data"])
    if not data.digest.startswith(facts["content"]):
        raise UserError(f"{data.origin} has changed since it was measured: give `run` again first")
    return registry.task(facts["task"]), settings, data


def _require_same(fit: Fit, tracked: Fit, table: Leaderboard) -> None:
    if np.array_equal(fit.test.best, tracked.test.best):
        return
    raise UserError(
        "trained again, the strategy does not predict what its run has: that was made by other "
        f"code, versions or a device ({'; '.join((*table.devices, *table.versions))}). Give the "
        "command of `run` again, here, and then export"
    )


def raw_rows(task: Task, data: Data, rows: Ints) -> pd.DataFrame:
    """Rows as they are before the task has read them; images as PNG files."""
    import pandas as pd

    if task.kind == "table":
        found: pd.DataFrame = data.rows.iloc[rows].reset_index(drop=True)
        return found
    return pd.DataFrame({inference.IMAGE: [_png(data.rows[row]) for row in rows]})


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _inputs(task: Task, columns: Mapping[str, ColumnSchema]) -> dict[str, str]:
    """Column -> MLflow's name of its type; "any" where a reader may make another of it."""
    if task.kind == "image":
        return {inference.IMAGE: "binary"}
    return {name: column.type if column.plain else "any" for name, column in columns.items()}


def exported(console: Console, model: ExportedModel) -> None:
    """Prints the card, and where the model is."""
    console.print(Markdown(model.card))
    console.print(
        f"registered: {escape(model.model)}, version {model.version}, which decides all "
        f"{model.rows:,} test rows as the benchmark did"
    )
