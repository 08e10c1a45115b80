"""Your own table: CSV, TSV or Parquet, with a column that names the class of each row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from benchmark.protocol.arguments import Range
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Data, Estimator, Network, Source, Splits, Task
from tasks.synthetic import table as synthetic_table
from tasks.tables import dataset, features, models, own_model, reader

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Settings:
    """Names are those of columns, as in the header of the table; "" names none."""

    target: str = ""  # the column to predict; "": the one called target, label, class, ...
    positive: str = ""  # the positive value of the target; "": the rarer of two
    group: str = ""  # rows with the same value here share a split
    time: str = ""  # the newest rows are tested, those before them validate
    # every row is tested in turn, seed by seed; with `time`, windows move on in it. 0: at random
    folds: Annotated[int, Range(0, 50)] = 0
    split: str = ""  # its values train, validation and test are kept as splits
    weight: str = ""  # of each row in training
    drop: str = ""  # columns to leave out, separated by commas
    numbers: str = ""  # columns to read as numbers, separated by commas
    categories: str = ""  # columns to read as categories, separated by commas
    model: str = "mlp"  # or hgb, xgboost, lightgbm, catboost, ... or my_model.py:build
    validation: Annotated[float, Range(0.01, 0.45)] = 0.15  # share of the rows
    test: Annotated[float, Range(0.01, 0.45)] = 0.15  # share of the rows
    rare: Annotated[int, Range(1)] = 10  # a level with fewer training rows is "other"
    smallest: Annotated[int, Range(0)] = 0  # classes with fewer rows are left out
    rows: Annotated[int, Range(100)] = 500_000  # a longer table is sampled at random
    encoding: str = ""  # of the file, if it is neither UTF-8 nor Windows' Western one


def load(settings: Settings, path: Path) -> Data:
    """Read the table at `path`, or the only one in that folder; UserError says what is wrong."""
    file = reader.find(path)
    table = reader.read(file, settings.encoding, settings.rows)
    return _of_model(dataset.from_table(table, settings, "real", str(file)), settings)


def synthetic(settings: Settings) -> Data:
    """Draw customers, of whom one in ten leaves."""
    customers = synthetic_table.customers()
    data = dataset.from_table(customers, settings, "synthetic", "synthetic customers")
    return _of_model(data, settings)


def _of_model(data: Data, settings: Settings) -> Data:
    """Let the content of a model's own file be a part of what tells results apart."""
    if not own_model.names(settings.model):
        return data
    return replace(data, digest=own_model.digest(settings.model)[:8] + data.digest)


def complete(settings: Settings, source: Source) -> tuple[Settings, str]:
    """Check the model, which may be a file of the user's own; nothing is left open."""
    models.check(settings.model)
    return settings, ""


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Split by share or time, groups together; features are learned on training rows alone."""
    train, validation, test = dataset.split_rows(data, settings, seed)
    learned = features.learn(data.rows.iloc[train], models.coding(settings))
    return Splits(
        x=features.encode(learned, data.rows),
        y=data.labels,
        train=train,
        validation=validation,
        test=test,
        categorical=features.categorical(learned),
        weights=data.weights,
        learned=learned,
    )


def encode(settings: Settings, learned: Any, raw: pd.DataFrame) -> NDArray[np.float32]:
    """Encode numbers as their quantiles in training, then categories as codes."""
    return features.encode(learned, raw)


def network(
    settings: Settings, splits: Splits, classes: int, budget: Budget
) -> Network | Estimator:
    """Build the model untrained."""
    return models.build(settings.model, splits, classes, budget)


def budget(settings: Settings, source: Source) -> Budget:
    """Return the budget of the model, the same for every table."""
    return models.budget(settings.model, source)


def fetch(path: Path) -> None:
    """Raise UserError: a user's own table cannot be downloaded."""
    raise UserError("the table is your own: name it with --data")


TASK = Task(
    summary='your own table (CSV, TSV, Parquet): settings="target=... positive=..."',
    kind="table",
    settings=Settings,
    load=load,
    synthetic=synthetic,
    split=split,
    encode=encode,
    network=network,
    budget=budget,
    fetch=fetch,
    complete=complete,
    is_network=lambda settings: models.is_network(settings.model),
    takes_loss=lambda settings: settings.model in models.TAKE_LOSSES,
)
