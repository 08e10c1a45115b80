"""What learns from the features of a table: a network, or a reference of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmark.protocol.task import Budget, Estimator, Network, Source, Splits

if TYPE_CHECKING:
    import keras


SEED = 0  # boosting and logistic regression as set up here draw no random numbers
RATE = 2e-3
DROPOUT = 0.2


def mlp(splits: Splits, classes: int, budget: Budget) -> Network:
    """Embedded codes beside the numbers, two dense layers, one logit a class."""
    import keras
    from keras import layers

    rows = keras.Input(splits.x.shape[1:])
    embedded = [
        layers.Embedding(_rounded(levels), min(levels, 8))(rows[:, column])
        for column, levels in zip(splits.categorical, _levels(splits), strict=True)
    ]
    numbers = rows[:, : splits.x.shape[1] - len(splits.categorical)]
    hidden = layers.concatenate([numbers, *embedded]) if embedded else numbers
    for units in (64, 32):
        hidden = layers.Dense(units, activation="relu")(hidden)
        hidden = layers.Dropout(DROPOUT)(hidden)
    logits = layers.Dense(classes, name="logits")(hidden)
    return Network(keras.Model(rows, logits), _adamw(budget))


def _adamw(budget: Budget) -> keras.optimizers.Optimizer:
    import keras

    rate = keras.optimizers.schedules.CosineDecay(RATE, budget.steps)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)


def _levels(splits: Splits) -> list[int]:
    """How many codes each categorical column has; known from training alone."""
    return [1 + int(splits.x[splits.train, column].max()) for column in splits.categorical]


def _rounded(levels: int) -> int:
    """The next power of two: seeds that differ by a level or two then share compiled code."""
    return 1 << (levels - 1).bit_length()


def hgb(splits: Splits, classes: int, budget: Budget) -> Estimator:
    """Boosted trees on histograms; a step is a tree for each class, codes are categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return Estimator(
        HistGradientBoostingClassifier(
            max_iter=budget.steps,
            learning_rate=0.05,
            max_leaf_nodes=15,
            l2_regularization=1.0,
            categorical_features=list(splits.categorical) or None,
            early_stopping=False,  # resampled copies would be on both sides of its own split
            random_state=SEED,
        )
    )


def logistic(splits: Splits, classes: int, budget: Budget) -> Estimator:
    """Logistic regression on numbers and one column a code; a step is one of L-BFGS, at most."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    indicators = (OneHotEncoder(handle_unknown="ignore"), list(splits.categorical))
    return Estimator(
        make_pipeline(
            make_column_transformer(indicators, remainder="passthrough"),
            LogisticRegression(max_iter=budget.steps),
        )
    )


MODELS: dict[str, Callable[[Splits, int, Budget], Network | Estimator]] = {
    "mlp": mlp,
    "hgb": hgb,
    "logistic": logistic,
}
BUDGETS: dict[str, dict[Source, Budget]] = {
    "mlp": {"real": Budget(2000, 512), "synthetic": Budget(1000, 512)},
    "hgb": {"real": Budget(200, 0), "synthetic": Budget(100, 0)},
    "logistic": {"real": Budget(1000, 0), "synthetic": Budget(1000, 0)},
}
