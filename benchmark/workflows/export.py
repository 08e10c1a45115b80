"""The recommended strategy as a model to serve, from tracked runs to the model registry.

Networks are not saved with the runs. The chosen one is trained again and must reproduce the
test predictions of its run, bit for bit; the logged model is read back and must decide every
test row as the benchmark did. Only then it is registered.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape

from benchmark.metrics import classification
from benchmark.metrics.costs import Costs
from benchmark.protocol import grammar
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import restrict
from benchmark.protocol.task import Budget, Data, Splits, Task
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.predicted import Predicted
from benchmark.results.recommendation import Recommendation
from benchmark.results.report.tables import TextTable
from benchmark.tracking import model_registry, tags
from benchmark.tracking.history import read_fit
from benchmark.tracking.store import open_store
from benchmark.training import inference
from benchmark.training.fit import fit_network
from benchmark.training.inference import ModelFacts
from benchmark.training.job import TrainingJob
from benchmark.training.predictions import Fit
from benchmark.training.schema import ColumnSchema, schema_of
from benchmark.workflows.execution.worker import prepare
from benchmark.workflows.model_card import card
from benchmark.workflows.raw_rows import raw_rows
from benchmark.workflows.refit import refit
from benchmark.workflows.report_details import by_columns
from benchmark.workflows.tracked_data import load_data

if TYPE_CHECKING:
    import pandas as pd


EXAMPLES = 3  # rows that are logged with the model
ADAPTS = (
    "Probabilities are adapted to the prevalence of the rows that are predicted together, if they "
    "are at least 100: it is estimated from them without labels (Saerens 2002). Right only where "
    "prevalence alone has moved."
)


@dataclass(frozen=True)
class ExportRequest:
    """What is to be exported, and under which name."""

    uri: str
    advice: Recommendation
    seed: int | None  # None: the one with the best average precision on validation
    name: str  # in the model registry; "" is made from the task's name
    alias: str
    refit: bool = False  # on all rows
    adapt_prevalence: bool = False  # to the rows that are predicted together
    by: tuple[str, ...] = ()  # columns of the data, for measures in subgroups


@dataclass(frozen=True)
class ExportedModel:
    """An exported model and where it is."""

    uri: str
    model: str  # ``models:/NAME@ALIAS``
    version: str
    card: str = field(repr=False)
    rows: int  # of test, all decided as the benchmark did

    def _repr_markdown_(self) -> str:
        """Show the card in a notebook."""
        return self.card


@dataclass(frozen=True)
class _Chosen:
    """The tracked run that is exported, and what it was made from."""

    label: str
    strategy: str  # in full
    seed: int
    fit: Fit  # as tracked
    fits: dict[int, Fit]  # by seed
    task: Task
    settings: Any
    data: Data
    splits: Splits


def export_model(request: ExportRequest) -> ExportedModel:
    """Train, check, log and register the recommended strategy.

    Raises:
        UserError: if nothing is recommended, data or predictions are lost, or training again
            gives other predictions.
    """
    advice, table = request.advice, request.advice.table
    if not advice.label:
        raise UserError(f"{advice.sentences[0].text} To export, name one with --strategy")
    if request.adapt_prevalence and advice.analysis.calibrated.get(advice.label) == "no":
        raise UserError(
            f"the probabilities of {advice.label} are not calibrated, so prevalence cannot be "
            f"estimated from them: run and export {advice.label}+platt"
        )
    name = request.name or f"skewbench-{table.facts['task']}"
    model_registry.check_names(name, request.alias)
    chosen = _choose(request)
    prepare(0)
    fit, trained = fit_network(_job(chosen, table), lambda steps: None)
    _require_same(fit, chosen.fit, table)
    decide = partial(advice.decision, grammar.read(chosen.strategy).strategy)
    decision, logits, notes = decide(fit), fit.test.best, []
    if request.refit:
        again = refit(_job(chosen, table), decide, fit, [*chosen.fits.values()])
        trained, decision, logits = again.trained, again.decision, again.test
        notes.append(again.note)
    if request.adapt_prevalence:
        notes.append(ADAPTS)
    if decision.costs:
        chosen = replace(chosen, data=_with_costs(chosen.data, decision.costs))
    facts = ModelFacts(
        task=table.facts["task"],
        settings=chosen.settings,
        learned=chosen.splits.learned,
        classes=tuple(chosen.data.classes),
        decision=decision,
        columns=schema_of(chosen.data.rows) if chosen.task.kind == "table" else {},
        adapts_from=tuple(fit.priors.population.tolist()) if request.adapt_prevalence else (),
    )
    store = open_store(request.uri, table.facts["task"])
    address = f"models:/{name}@{request.alias}"
    groups = _subgroups(chosen, advice, request.by)
    page = card(advice, chosen.seed, fit, decision, address, request.uri, notes, groups)
    run_tags = {
        tags.CONDITIONS: table.conditions,
        tags.LABEL: chosen.label,
        tags.SEED: str(chosen.seed),
    }
    run_name = f"export: {chosen.label} · seed {chosen.seed}"
    with model_registry.exporting(store, run_name, run_tags) as run_id:
        model = _log_checked(chosen, facts, trained, logits)
        version = model_registry.register(store, run_id, model, name, request.alias, page)
    return ExportedModel(request.uri, address, version, page, len(chosen.splits.test))


def _subgroups(chosen: _Chosen, advice: Recommendation, columns: Sequence[str]) -> list[TextTable]:
    """Measure the strategy, as it is exported, in the subgroups of columns, over all seeds."""
    strategy = grammar.read(chosen.strategy).strategy
    seeds = [
        Predicted(seed, fit, advice.decision(strategy, fit)) for seed, fit in chosen.fits.items()
    ]
    return by_columns(advice.analysis, chosen.label, seeds, columns)


def _with_costs(data: Data, costs: Costs) -> Data:
    """Return the data with the columns of costs among those that a model takes."""
    amounts = {name: data.column(name, "--cost") for name in costs.columns}
    return replace(data, rows=data.rows.assign(**amounts)) if amounts else data


def _choose(request: ExportRequest) -> _Chosen:
    """Find the run to export, its data and its splits."""
    table, label = request.advice.table, request.advice.label
    fits = _tracked_fits(request)
    # chosen on validation alone
    seed = max(fits, key=lambda seed: _average_precision(fits[seed]))
    if request.seed is not None:
        seed = request.seed
    strategy = str(_finished_runs(table, label)["strategy"].iloc[0])
    task, settings, data = load_data(table)
    splits = restrict(task.split(data, settings, seed), data, table.portion)
    return _Chosen(label, strategy, seed, fits[seed], fits, task, settings, data, splits)


def _job(chosen: _Chosen, table: Leaderboard) -> TrainingJob:
    return TrainingJob(
        chosen.task,
        chosen.settings,
        chosen.splits,
        len(chosen.data.classes),
        grammar.read(chosen.strategy).strategy,
        Budget(table.facts["steps"], table.facts["batch"]),
        chosen.seed,
    )


def _log_checked(chosen: _Chosen, facts: ModelFacts, trained: Any, logits: Floats) -> str:
    """Log the model, check its decisions on test as the store has it, and return its address.

    Args:
        logits: of the test rows, by the model before it was logged.

    Raises:
        RuntimeError: if it decides a test row otherwise than the benchmark.
    """
    with tempfile.TemporaryDirectory() as folder:
        inference.save(Path(folder), facts, trained)
        package = model_registry.Package(
            folder=Path(folder),
            inputs=_inputs(chosen.task, facts.columns),
            outputs=inference.output_types(facts.classes),
            example=raw_rows(chosen.task, chosen.data, chosen.splits.test[:EXAMPLES]),
        )
        model = model_registry.log(package)
        with model_registry.read_back(package, model) as logged:
            test_rows = raw_rows(chosen.task, chosen.data, chosen.splits.test)
            loaded = inference.load(logged)
            # at the prevalence that it was trained for
            loaded = replace(loaded, facts=replace(loaded.facts, adapts_from=()))
            predicted = inference.predict(loaded, test_rows)
        expected = facts.decision.decide(logits, chosen.splits.test)
        if not np.array_equal(predicted["decision"], expected):
            raise RuntimeError("the logged model decides otherwise than the benchmark on test")
    return model


def _finished_runs(table: Leaderboard, label: str) -> pd.DataFrame:
    return table.runs[(table.runs["label"] == label) & (table.runs["state"] == "finished")]


def _tracked_fits(request: ExportRequest) -> dict[int, Fit]:
    """Return the fits that the runs of the strategy saved, by seed; a refit needs all of them."""
    label = request.advice.label
    finished = _finished_runs(request.advice.table, label)
    seeds = sorted(finished["seed"])
    if request.seed is not None and request.seed not in seeds:
        raise UserError(f"{label} has no run with seed {request.seed}: it has {seeds}")
    fits: dict[int, Fit] = {}
    for run in finished.to_dict("records"):
        if request.refit or request.by or request.seed in (None, run["seed"]):
            fit = read_fit(request.uri, run["artifacts"], run["predictions"])
            if fit is not None:
                fits[run["seed"]] = fit
    if not fits or (request.seed is not None and request.seed not in fits):
        raise UserError(f"{request.uri} has lost predictions of {label}: give `run` again first")
    return fits


def _average_precision(fit: Fit) -> float:
    part = fit.validation
    return classification.average_precision(part.labels, part.best, part.weights)


def _require_same(fit: Fit, tracked: Fit, table: Leaderboard) -> None:
    """Raise UserError unless both predict test alike, bit for bit."""
    if np.array_equal(fit.test.best, tracked.test.best):
        return
    raise UserError(
        "trained again, the strategy does not predict what its run has: that was made by other "
        f"code, versions or a device ({'; '.join((*table.devices, *table.versions))}). Give the "
        "command of `run` again, here, and then export"
    )


def _inputs(task: Task, columns: Mapping[str, ColumnSchema]) -> dict[str, str]:
    """Return column -> MLflow's name of its type; "any" where a reader may change the type."""
    if task.kind == "image":
        return {inference.IMAGE: "binary"}
    return {name: column.type if column.plain else "any" for name, column in columns.items()}


def show(console: Console, model: ExportedModel) -> None:
    """Print the card, and where the model is."""
    console.print(Markdown(model.card))
    console.print(
        f"registered: {escape(model.model)}, version {model.version}, which decides all "
        f"{model.rows:,} test rows as the benchmark did"
    )
