"""What a stored suite foretells for data that was not run."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.protocol.task import Data, Splits, Task
from benchmark.results.suite.stored import stored
from benchmark.results.suite.when import BEFORE, Outlook, outlook
from benchmark.workflows.suite.properties import measure


@dataclass(frozen=True)
class Forecast:
    """A forecast, the model that it is of, and the number of data sets that it comes from."""

    outlook: Outlook
    model: str
    sets: int


def forecast(task: Task, model: str, data: Data, splits: Splits) -> Forecast | None:
    """Forecast the strategies on a table of two classes; None for other data and models."""
    if task.kind != "table" or len(data.classes) != 2:
        return None
    known = stored(model)
    if known is None:
        return None
    properties = measure(task, data, splits)
    if any(properties[name] != properties[name] for name in BEFORE):  # nan
        return None
    return Forecast(outlook(known, properties), model, len(known.sets))
