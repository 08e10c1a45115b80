"""Customers of a health insurance who want a vehicle insurance too: 12 of 100 do.

Kaggle's cross-sell set: ten features of a customer, some of them codes with many
levels. The network embeds the codes, because regions and sales channels have no order.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from benchmark.protocol.arguments import Range
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import at_imbalance, class_shares, left_over, split_by_share
from benchmark.protocol.task import Budget, Data, Estimator, Network, Source, Splits, Task
from tasks.synthetic import insurance as synthetic_insurance
from tasks.tables import insurance_csv, models
from tasks.tables.insurance_csv import FEATURES, LABEL

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


KAGGLE = "anmolkumar/health-insurance-cross-sell-prediction"
NUMBERS = ("Age", "Annual_Premium", "Vintage")
CODES = tuple(name for name in FEATURES if name not in NUMBERS)


@dataclass(frozen=True)
class Settings:
    """The model, the shares of the splits, and how imbalanced they are."""

    model: models.Model = "mlp"
    validation: Annotated[float, Range(0.01, 0.45)] = 0.15  # share of the rows
    test: Annotated[float, Range(0.01, 0.45)] = 0.15  # share of the rows
    rare: Annotated[int, Range(1)] = 30  # a level with fewer training rows is "other"
    imbalance: Annotated[float | None, Range(1)] = None  # negatives per positive; leaves rows out
    train_imbalance: Annotated[float | None, Range(1)] = None  # in training, if it differs
    left_out: Literal["test", "drop"] = "test"  # rows that an imbalance leaves out: test them too


def load(settings: Settings, path: Path) -> Data:
    """Read the CSV at `path` or in the folder `path`; UserError names every line that is wrong."""
    return _data(insurance_csv.read(path), "real", str(insurance_csv.find(path)))


def synthetic(settings: Settings) -> Data:
    """Draw customers with the real columns, types and rates."""
    return _data(synthetic_insurance.customers(), "synthetic", "synthetic customers")


def _data(frame: pd.DataFrame, source: Source, origin: str) -> Data:
    """Group customers with the same features."""
    names = list(FEATURES)
    content = frame[[*names, LABEL]].to_csv(index=False)
    return Data(
        rows=frame[names],
        labels=frame[LABEL].to_numpy(np.int64),
        groups=frame.groupby(names, sort=False).ngroup().to_numpy().astype(np.int64),
        classes=("not interested", "interested"),
        digest=hashlib.sha256(content.encode()).hexdigest(),
        source=source,
        origin=origin,
    )


def split(data: Data, settings: Settings, seed: int) -> Splits:
    """Draw random splits with the population's prevalence, or with that of the settings.

    Rows that the settings leave out are tested too, weighted to that prevalence.
    """
    training_share = 1 - settings.validation - settings.test
    shares = (training_share, settings.validation, settings.test)
    rows = np.arange(len(data.labels))
    if settings.imbalance:
        rows = at_imbalance(data.labels, settings.imbalance, seed)
    sample = dataclasses.replace(data, labels=data.labels[rows], groups=data.groups[rows])
    train, validation, test = (rows[part] for part in split_by_share(sample, shares, seed))
    if settings.train_imbalance:
        train = train[at_imbalance(data.labels[train], settings.train_imbalance, seed)]
    left = left_over(data, train, validation, test)
    tests_more = settings.left_out == "test" and len(left) > 0
    learned = _learn(data.rows.iloc[train], settings.rare)
    return Splits(
        x=encode(settings, learned, data.rows),
        y=data.labels,
        train=train,
        validation=validation,
        test=np.sort(np.concatenate([test, left])) if tests_more else test,
        categorical=tuple(range(len(NUMBERS), len(NUMBERS) + len(CODES))),
        learned=learned,
        population=class_shares(sample.labels, len(data.classes)) if tests_more else None,
    )


def _learn(rows: pd.DataFrame, rare: int) -> dict[str, Any]:
    """Learn from training rows: quantiles of the numbers, levels of the codes that are not rare."""
    from sklearn.preprocessing import QuantileTransformer

    # Quantiles, because the premiums have a long tail and a spike at their minimum.
    scaler = QuantileTransformer(n_quantiles=min(200, len(rows)), subsample=None)
    scaler.fit(rows[list(NUMBERS)].to_numpy(np.float64))
    counts = {name: rows[name].value_counts() for name in CODES}
    levels = {name: sorted(count.index[count >= rare]) for name, count in counts.items()}
    return {"quantiles": scaler.quantiles_.tolist(), "levels": levels}


def encode(settings: Settings, learned: Any, raw: pd.DataFrame) -> NDArray[np.float32]:
    """Encode `NUMBERS` as their quantiles in training, 0 to 1, then `CODES` as 1, 2, ...

    The code of a level that is rare in training, or absent, is 0.
    """
    import pandas as pd
    from sklearn.preprocessing import QuantileTransformer

    scaler = QuantileTransformer()
    scaler.quantiles_ = np.array(learned["quantiles"])
    scaler.references_ = np.linspace(0, 1, len(scaler.quantiles_))
    numbers = scaler.transform(raw[list(NUMBERS)].to_numpy(np.float64))
    codes = [
        pd.Index(learned["levels"][name]).get_indexer(pd.Index(raw[name])) + 1 for name in CODES
    ]
    return np.column_stack([numbers, *codes]).astype(np.float32)


def network(
    settings: Settings, splits: Splits, classes: int, budget: Budget
) -> Network | Estimator:
    """Build the model of the settings; the network is that of tables, without dropout."""
    if settings.model == "mlp":
        return models.mlp(splits, classes, budget, dropout=0)
    return models.MODELS[settings.model](splits, classes, budget)


def budget(settings: Settings, source: Source) -> Budget:
    """Return steps enough for validation scores to stop rising."""
    return models.BUDGETS[settings.model][source]


def fetch(path: Path) -> None:
    """Download the set from Kaggle as `path`/train.csv; UserError if that fails."""
    import kagglehub

    page = f"https://www.kaggle.com/datasets/{KAGGLE}"
    print(f"From {page}, which names its licence. Kaggle may ask for a log-in.")
    try:
        file = Path(kagglehub.dataset_download(KAGGLE, path=insurance_csv.FILES[0]))
    except Exception as error:  # the network, Kaggle and its client raise all kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"the download from Kaggle failed ({reason}); log in as https://www.kaggle.com/settings"
            f" says, or download {insurance_csv.FILES[0]} from {page} into {path}"
        ) from error
    insurance_csv.read(file)
    path.mkdir(parents=True, exist_ok=True)
    copy = shutil.copyfile(file, path / insurance_csv.FILES[0])
    print(f"{copy}: downloaded and checked")


TASK = Task(
    summary="customers who want a vehicle insurance too (Kaggle's health-insurance cross-sell)",
    kind="table",
    settings=Settings,
    load=load,
    synthetic=synthetic,
    split=split,
    encode=encode,
    network=network,
    budget=budget,
    fetch=fetch,
    is_network=lambda settings: settings.model == "mlp",
    takes_loss=lambda settings: settings.model in models.TAKE_LOSSES,
)
