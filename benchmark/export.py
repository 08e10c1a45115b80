"""The recommended strategy as a model to serve, from tracked runs to the model registry.

Networks are not kept with the runs. The chosen one is trained again and has to predict on test
what its run has, bit for bit; the logged model is read back and has to decide every test row as
the benchmark did. Only then it is registered.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark import deployed, execute, metrics, registry, run
from benchmark.decision import frozen
from benchmark.errors import UserError
from benchmark.fits import Fit
from benchmark.leaderboard import Table
from benchmark.pricing import deciding
from benchmark.recommend import Recommendation
from benchmark.report import card
from benchmark.task import Budget, Data, Ints, Task, restricted
from benchmark.tracking import models, tags
from benchmark.tracking import store as tracking
from benchmark.tracking.cells import read_fit

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 3  # rows that go with the model
KINDS = {"i": "long", "u": "long", "b": "boolean", "M": "datetime"}


@dataclass(frozen=True)
class Order:
    """What is to be exported, and as what."""

    uri: str
    advice: Recommendation
    seed: int | None  # else the one that ranked its validation rows best
    name: str  # in the model registry; "" is made of the task's
    alias: str


@dataclass(frozen=True)
class Exported:
    """Where it is."""

    uri: str
    model: str  # ``models:/NAME@ALIAS``
    version: str
    card: str
    rows: int  # of test, all decided as the benchmark did


def export(order: Order) -> Exported:
    """Trains, checks, logs and registers the recommended strategy.

    Raises:
        UserError: if nothing is recommended, data or predictions are lost, or the training does
            not repeat.
    """
    advice, table = order.advice, order.advice.table
    if not advice.label:
        raise UserError(f"{advice.sentences[0].text} To export, name one with --strategy")
    name = order.name or f"skewbench-{table.facts['task']}"
    models.require_names(name, order.alias)
    seed, tracked = _tracked(order)
    text = str(_runs(table, advice.label)["strategy"].iloc[0])
    task, settings, data = _data(table)
    execute.prepare(0)
    splits = restricted(task.split(data, settings, seed), data, table.facts.get("portion", "all"))
    fit, trained = run.fit_network(
        task,
        settings,
        splits,
        len(data.classes),
        registry.read(text).strategy,
        Budget(table.facts["steps"], table.facts["batch"]),
        seed,
        lambda steps: None,
    )
    _require_same(fit, tracked, table)
    decision = frozen(deciding(text, advice.rule, advice.costs), fit)
    facts = deployed.Facts(
        table.facts["task"], settings, splits.learned, tuple(data.classes), decision
    )
    store = tracking.open_store(order.uri, table.facts["task"])
    address = f"models:/{name}@{order.alias}"
    page = card.card(advice, seed, fit, decision, address, order.uri)
    of_run = {tags.CONDITIONS: table.conditions, tags.LABEL: advice.label, tags.SEED: str(seed)}
    with (
        models.exporting(store, f"export: {advice.label} · seed {seed}", of_run) as run_id,
        tempfile.TemporaryDirectory() as folder,
    ):
        deployed.save(Path(folder), facts, trained)
        model = models.log(
            models.Package(
                folder=Path(folder),
                inputs=inputs(task, data),
                outputs=deployed.outputs(facts.classes),
                example=raw(task, data, splits.test[:EXAMPLES]),
            )
        )
        said = models.answers(model, raw(task, data, splits.test))
        if not np.array_equal(said["decision"], decision.decide(tracked.test.best)):
            raise RuntimeError("the logged model decides otherwise than the benchmark on test")
        version = models.register(store, run_id, model, name, order.alias, page)
    return Exported(order.uri, address, version, page, len(splits.test))


def _runs(table: Table, label: str) -> pd.DataFrame:
    return table.runs[(table.runs["label"] == label) & (table.runs["state"] == "finished")]


def _tracked(order: Order) -> tuple[int, Fit]:
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
    return metrics.average_precision(fit.validation.labels, fit.validation.best)


def _data(table: Table) -> tuple[Task, Any, Data]:
    """The task, its settings and its data, which has to be what was measured."""
    facts = table.facts
    settings = registry.settings(facts["task"], facts["settings"])
    data = execute.load(facts["task"], settings, facts["data"])
    if not data.digest.startswith(facts["content"]):
        raise UserError(f"{data.origin} has changed since it was measured: give `run` again first")
    return registry.task(facts["task"]), settings, data


def _require_same(fit: Fit, tracked: Fit, table: Table) -> None:
    if np.array_equal(fit.test.best, tracked.test.best):
        return
    raise UserError(
        "trained again, the strategy does not predict what its run has: that was made by other "
        f"code, versions or a device ({'; '.join((*table.devices, *table.versions))}). Give the "
        "command of `run` again, here, and then export"
    )


def raw(task: Task, data: Data, rows: Ints) -> pd.DataFrame:
    """Rows as they are before the task has read them; pictures as PNG files."""
    import pandas as pd

    if task.kind == "table":
        found: pd.DataFrame = data.rows.iloc[rows].reset_index(drop=True)
        return found
    return pd.DataFrame({deployed.PICTURE: [_png(data.rows[row]) for row in rows]})


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def inputs(task: Task, data: Data) -> dict[str, str]:
    """What the model takes: column -> MLflow's name of its type."""
    if task.kind == "image":
        return {deployed.PICTURE: "binary"}
    return {str(name): _kind(data.rows[name]) for name in data.rows}


def _kind(values: pd.Series) -> str:
    """MLflow's name of a column's type.

    MLflow guesses the types of a CSV from its rows, and refuses whole numbers for "double", and
    True or nothing at all for "string". So these are "any". Text that may look like a number
    stays text: 007 is not 7.
    """
    import pandas as pd

    if pd.api.types.is_float_dtype(values):
        return models.ANY
    if values.dtype.kind in KINDS:
        return KINDS[values.dtype.kind]
    return "string" if pd.to_numeric(values, errors="coerce").notna().any() else models.ANY
