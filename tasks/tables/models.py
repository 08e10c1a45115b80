"""Models of table tasks: a network, and boosted trees, forests and others to compare it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Estimator, Network, Source, Splits
from tasks.tables import boosting, own_model
from tasks.tables.features import Coding

if TYPE_CHECKING:
    import keras


SEED = 0  # boosting and logistic regression as set up here draw no random numbers
MOST_EMBEDDINGS = 8  # layers of their own; each takes time to compile, and in every step
NUMBERS_PER_LEVEL = 4  # where all columns share one layer
RATE = 2e-3  # of the network, at the first step


def mlp(splits: Splits, classes: int, budget: Budget, dropout: float = 0.2) -> Network:
    """Build a network: embedded codes beside the numbers, two dense layers, one logit per class.

    The numbers are the columns before the categorical ones.
    """
    import keras
    from keras import layers

    from benchmark.training.dropout import Dropout

    rows = keras.Input(splits.x.shape[1:])
    numbers = rows[:, : splits.x.shape[1] - len(splits.categorical)]
    few = len(splits.categorical) <= MOST_EMBEDDINGS
    embedded = (_embedded if few else _embedded_together)(splits, rows)
    hidden = layers.concatenate([numbers, *embedded]) if embedded else numbers
    for units in (64, 32):
        hidden = layers.Dense(units, activation="relu")(hidden)
        if dropout:
            hidden = Dropout(dropout)(hidden)
    logits = layers.Dense(classes, name="logits")(hidden)
    return Network(keras.Model(rows, logits), _adamw(budget))


def _embedded(splits: Splits, rows: keras.KerasTensor) -> list[keras.KerasTensor]:
    """Embed each categorical column, whose codes are known from training alone.

    The size of an embedding is the next power of two, so that seeds that differ by a level or two
    share compiled code.
    """
    from keras import layers

    sizes = [1 + int(splits.x[splits.train, column].max()) for column in splits.categorical]
    return [
        layers.Embedding(1 << (levels - 1).bit_length(), min(levels, 8))(rows[:, column])
        for levels, column in zip(sizes, splits.categorical, strict=True)
    ]


def _embedded_together(splits: Splits, rows: keras.KerasTensor) -> list[keras.KerasTensor]:
    """Embed many categorical columns in one table, which builds and trains as fast as one column.

    A few numbers per level do for columns that are so many.
    """
    from keras import layers

    from benchmark.training.layers import Offsets

    first, last = splits.categorical[0], splits.categorical[-1] + 1
    levels = 1 + splits.x[splits.train, first:last].max(axis=0).astype(int)
    starts = Offsets()  # of the columns in the table of embeddings
    codes = starts(rows[:, first:last])
    starts.offsets.assign(np.cumsum(levels) - levels)
    table = layers.Embedding(1 << int(levels.sum() - 1).bit_length(), NUMBERS_PER_LEVEL)
    return [layers.Flatten()(table(codes))]


def _adamw(budget: Budget) -> keras.optimizers.Optimizer:
    """Return AdamW whose rate decays from `RATE` to 0 as a cosine."""
    import keras

    rate = keras.optimizers.schedules.CosineDecay(RATE, budget.steps)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)


def hgb(splits: Splits, classes: int, budget: Budget) -> Estimator:
    """Build boosted trees on histograms; a step is one tree per class, codes are categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return Estimator(
        HistGradientBoostingClassifier(
            max_iter=budget.steps,
            learning_rate=0.05,
            l2_regularization=1.0,
            categorical_features=list(splits.categorical) or None,
            early_stopping=False,  # copies of a resampled row would be on both sides of its split
            random_state=SEED,
        )
    )


def logistic(splits: Splits, classes: int, budget: Budget) -> Estimator:
    """Build logistic regression on numbers and one column per code; a step is one of L-BFGS."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = StandardScaler()
    indicators = (OneHotEncoder(handle_unknown="ignore"), list(splits.categorical))
    columns = make_column_transformer(indicators, remainder=numbers) if indicators[1] else numbers
    return Estimator(make_pipeline(columns, LogisticRegression(max_iter=budget.steps)))


def balanced_forest(splits: Splits, classes: int, budget: Budget) -> Estimator:
    """Build a random forest whose trees each see a balanced sample; a step is one tree.

    Source: Chen, Liaw and Breiman 2004, "Using random forest to learn imbalanced data".
    """
    from imblearn.ensemble import BalancedRandomForestClassifier

    forest = BalancedRandomForestClassifier(
        n_estimators=budget.steps,
        sampling_strategy="all",
        replacement=True,
        bootstrap=False,
        random_state=SEED,
    )
    return Estimator(forest, library="imbalanced-learn")


def easy_ensemble(splits: Splits, classes: int, budget: Budget) -> Estimator:
    """Build AdaBoost ensembles, each on a balanced sample; a step is one ensemble of 50 stumps.

    Source: Liu, Wu and Zhou 2009, "Exploratory undersampling for class-imbalance learning".
    """
    from imblearn.ensemble import EasyEnsembleClassifier

    ensemble = EasyEnsembleClassifier(n_estimators=budget.steps, random_state=SEED)
    return Estimator(ensemble, library="imbalanced-learn")


def rusboost(splits: Splits, classes: int, budget: Budget) -> Estimator:
    """Build AdaBoost of stumps, each on a balanced sample; a step is at most one stump.

    It ends early where a stump is no better than chance on the weighted rows. Source: Seiffert,
    Khoshgoftaar, Van Hulse and Napolitano 2010, "RUSBoost: a hybrid approach to alleviating class
    imbalance".
    """
    from imblearn.ensemble import RUSBoostClassifier

    boosted = RUSBoostClassifier(n_estimators=budget.steps, random_state=SEED)
    return Estimator(boosted, library="imbalanced-learn")


class CodingSettings(Protocol):
    """The settings that decide how a model takes columns."""

    @property
    def model(self) -> str: ...
    @property
    def rare(self) -> int: ...
    @property
    def categories(self) -> str: ...


def coding(settings: CodingSettings) -> Coding:
    """Return how the model of the settings takes columns."""
    categories = frozenset(name.strip() for name in settings.categories.split(","))
    known = CODINGS.get(settings.model, OWN)
    return replace(known, rare=settings.rare, categories=categories)


def check(model: str) -> None:
    """Raise UserError for a model that there is not, or that breaks the contract of own models."""
    if own_model.names(model):
        own_model.is_network(model)
    elif model not in MODELS:
        raise UserError(
            f"model must be one of {', '.join(MODELS)}, or a file of your own like "
            f"my_model.py:build, not {model!r}"
        )


def build(model: str, splits: Splits, classes: int, budget: Budget) -> Network | Estimator:
    """Build the model untrained."""
    if own_model.names(model):
        return own_model.build(model, splits, classes, budget, _adamw)
    return MODELS[model](splits, classes, budget)


def is_network(model: str) -> bool:
    """Return whether a model is a Keras network."""
    return own_model.is_network(model) if own_model.names(model) else model == "mlp"


def budget(model: str, source: Source) -> Budget:
    """Return the default budget of a model."""
    if not own_model.names(model):
        return BUDGETS[model][source]
    return BUDGETS["mlp" if own_model.is_network(model) else "balanced_forest"][source]


OWN = Coding(rare=1, codes=0)
# codes of numbers would only invite overfitting: trees single numbers out without them
TREES = Coding(rare=1, codes=0, gaps=True)
CODINGS = {
    "mlp": Coding(rare=1),
    "hgb": TREES,
    "xgboost": TREES,
    "lightgbm": TREES,
    "catboost": TREES,
    "balanced_forest": Coding(rare=1, codes=0),
    "easy_ensemble": Coding(rare=1, codes=0),
    "rusboost": Coding(rare=1, codes=0),
    # plain numbers for what is linear, their quantiles for long tails and steps
    "logistic": Coding(rare=1, codes=0, standardised=True),
}
Model = Literal[
    "mlp",
    "hgb",
    "xgboost",
    "lightgbm",
    "catboost",
    "balanced_forest",
    "easy_ensemble",
    "rusboost",
    "logistic",
]
MODELS: dict[str, Callable[[Splits, int, Budget], Network | Estimator]] = {
    "mlp": mlp,
    "hgb": hgb,
    "xgboost": partial(boosting.build, "xgboost"),
    "lightgbm": partial(boosting.build, "lightgbm"),
    "catboost": partial(boosting.build, "catboost"),
    "balanced_forest": balanced_forest,
    "easy_ensemble": easy_ensemble,
    "rusboost": rusboost,
    "logistic": logistic,
}
TAKE_LOSSES = ("xgboost", "lightgbm")
BUDGETS: dict[str, dict[Source, Budget]] = {
    "mlp": {"real": Budget(2000, 512), "synthetic": Budget(1000, 512)},
    "hgb": {"real": Budget(200, 0), "synthetic": Budget(100, 0)},
    "xgboost": {"real": Budget(500, 0), "synthetic": Budget(200, 0)},
    "lightgbm": {"real": Budget(500, 0), "synthetic": Budget(200, 0)},
    "catboost": {"real": Budget(500, 0), "synthetic": Budget(200, 0)},
    "balanced_forest": {"real": Budget(100, 0), "synthetic": Budget(100, 0)},
    "easy_ensemble": {"real": Budget(10, 0), "synthetic": Budget(10, 0)},
    "rusboost": {"real": Budget(50, 0), "synthetic": Budget(50, 0)},
    "logistic": {"real": Budget(1000, 0), "synthetic": Budget(1000, 0)},
}
