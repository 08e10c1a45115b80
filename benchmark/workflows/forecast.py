"""What a stored suite foretells for data that was not run."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.protocol.task import Data, Splits, Task
from benchmark.results.suite.calibration import Calibration, calibrate
from benchmark.results.suite.forecast import Outlook, outlook
from benchmark.results.suite.measured import BEFORE
from benchmark.results.suite.stored import stored
from benchmark.workflows.suite.properties import measure


@dataclass(frozen=True)
class Forecast:
    """A forecast, the calibration of such, and the model that it is of."""

    outlook: Outlook
    calibration: Calibration
    model: str


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
    return Forecast(outlook(known, properties), calibrate(known), model)
