"""Boosted trees of XGBoost, LightGBM and CatBoost, which the extra `boosting` installs.

All take categories and missing values as such, one thread, and as many trees as have the best
average precision on validation. XGBoost and LightGBM take the loss of a strategy too.
"""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol import text
from benchmark.protocol.arrays import Floats
from benchmark.protocol.errors import UserError
from benchmark.protocol.task import Budget, Estimator, FitData, Splits

if TYPE_CHECKING:
    import pandas as pd

RATE = 0.05
PATIENCE = 50  # trees without a better average precision, after which no more are grown
SEED = 0


@dataclass
class Boosted:
    """Boosted trees, before and after they are fitted."""

    library: str
    classes: int
    categorical: tuple[int, ...]
    steps: int  # trees at most, per class
    booster: Any = None
    best_step: int = 0
    classes_: list[int] = field(default_factory=list)

    def decision_function(self, x: NDArray[Any]) -> Floats:
        """Return log-odds (rows,) of two classes, logits (rows, classes) of more."""
        return np.asarray(MARGINS[self.library](self, x), np.float64)


def build(library: str, splits: Splits, classes: int, budget: Budget) -> Estimator:
    """Build the untrained model of a library; UserError if that is not installed."""
    try:
        importlib.import_module(library)
    except ImportError:
        raise UserError(
            f"model={library} needs the library of that name: `{text.install('boosting')}` "
            "installs it"
        ) from None
    names = list(range(classes))
    model = Boosted(library, classes, splits.categorical, budget.steps, classes_=names)
    return Estimator(model, FITS[library], library)


def _score(data: FitData, scores: Floats) -> float:
    """Return the average precision on validation of margins, or of a library's probabilities."""
    are_probabilities = data.derivatives is None and scores.ndim == 2
    return data.average_precision(
        np.log(np.maximum(scores, 1e-30)) if are_probabilities else scores
    )


def _fit_xgboost(model: Boosted, data: FitData) -> None:
    import xgboost

    objective = (
        {"objective": "binary:logistic"}
        if model.classes == 2
        else {"objective": "multi:softprob", "num_class": model.classes}
    )
    derivatives = data.derivatives

    def of_classes(scores: Floats, _: xgboost.DMatrix) -> tuple[str, float]:
        return "average_precision", _score(data, scores)

    # its own measure of two classes is as good, and costs next to nothing
    metric = {"eval_metric": "aucpr"} if model.classes == 2 else {"disable_default_eval_metric": 1}
    train = _matrix(model, data.x, label=data.y, weight=data.weights)
    if derivatives:
        # the margins start at zero: the loss itself says where zero is
        objective |= {"base_score": 0.5}
    model.booster = xgboost.train(
        {**objective, **metric, "eta": RATE, "nthread": 1, "seed": SEED},
        train,
        model.steps,
        obj=(lambda scores, _: derivatives(scores)) if derivatives else None,
        custom_metric=None if model.classes == 2 else of_classes,
        evals=[(_matrix(model, data.validation_x, label=data.validation_y), "validation")],
        maximize=True,
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    model.best_step = model.booster.best_iteration + 1


def _matrix(model: Boosted, x: NDArray[Any], **columns: Any) -> Any:
    import xgboost

    kinds = np.full(x.shape[1], "q", object)
    kinds[list(model.categorical)] = "c"
    return xgboost.DMatrix(
        x, feature_types=kinds.tolist(), enable_categorical=True, nthread=1, **columns
    )


def _xgboost_margins(model: Boosted, x: NDArray[Any]) -> Floats:
    margins: Floats = model.booster.predict(
        _matrix(model, x), output_margin=True, iteration_range=(0, model.best_step)
    )
    return margins


def _fit_lightgbm(model: Boosted, data: FitData) -> None:
    import lightgbm

    objective = (
        {"objective": "binary"}
        if model.classes == 2
        else {"objective": "multiclass", "num_class": model.classes}
    )
    derivatives = data.derivatives

    def of_classes(scores: Floats, _: lightgbm.Dataset) -> tuple[str, float, bool]:
        return "average_precision", _score(data, scores), True

    if derivatives:
        objective["objective"] = lambda scores, _: derivatives(scores)
    settings = {
        "learning_rate": RATE,
        "num_threads": 1,
        "seed": SEED,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
        "metric": "average_precision" if model.classes == 2 else "None",
    }
    columns = {"categorical_feature": list(model.categorical), "free_raw_data": True}
    train = lightgbm.Dataset(data.x, data.y, weight=data.weights, **columns)
    model.booster = lightgbm.train(
        objective | settings,
        train,
        model.steps,
        valid_sets=[lightgbm.Dataset(data.validation_x, data.validation_y, reference=train)],
        feval=None if model.classes == 2 else of_classes,
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    model.best_step = model.booster.best_iteration or model.booster.current_iteration()


def _lightgbm_margins(model: Boosted, x: NDArray[Any]) -> Floats:
    margins: Floats = model.booster.predict(
        x, raw_score=True, num_iteration=model.best_step, num_threads=1
    )
    return margins


class AveragePrecision:
    """CatBoost's measure of when to stop, with the methods that it calls.

    Its own PRAUC takes tied rows for well ranked ones: on insurance rows the first tree, of few
    leaves, had .59 and all later ones less than .38.
    """

    def __init__(self, data: FitData) -> None:
        self.data = data

    def is_max_optimal(self) -> bool:
        """Return that more is better."""
        return True

    def evaluate(self, margins: Any, labels: Any, weights: Any) -> tuple[float, float]:
        """Return the measure and its weight; 0 for training rows, which decide nothing."""
        if len(labels) != len(self.data.validation_y):
            return 0.0, 1.0
        scores = np.column_stack([np.asarray(margin) for margin in margins])
        return self.data.average_precision(scores[:, 0] if len(margins) == 1 else scores), 1.0

    def get_final_error(self, measure: float, weight: float) -> float:
        """Return the measure."""
        return measure


def _fit_catboost(model: Boosted, data: FitData) -> None:
    from catboost import CatBoostClassifier

    fitted = CatBoostClassifier(
        iterations=model.steps,
        learning_rate=RATE,
        loss_function="Logloss" if model.classes == 2 else "MultiClass",
        eval_metric=AveragePrecision(data),
        od_type="Iter",
        od_wait=PATIENCE,
        use_best_model=True,
        thread_count=1,
        random_seed=SEED,
        verbose=False,
        allow_writing_files=False,
    )
    with warnings.catch_warnings():  # compiled, the measure would be no faster
        warnings.filterwarnings("ignore", "Failed to (import|optimize)", UserWarning)
        fitted.fit(
            _frame(model, data.x),
            data.y,
            sample_weight=data.weights,
            cat_features=list(model.categorical),
            eval_set=(_frame(model, data.validation_x), data.validation_y),
        )
    with tempfile.TemporaryDirectory() as folder:  # the trees alone, without the measure's rows
        fitted.save_model(f"{folder}/trees.cbm")
        model.booster = CatBoostClassifier().load_model(f"{folder}/trees.cbm")
    model.best_step = int(fitted.tree_count_)


def _frame(model: Boosted, x: NDArray[Any]) -> pd.DataFrame:
    """Return the rows as CatBoost takes categories: whole numbers in a data frame."""
    import pandas as pd

    frame = pd.DataFrame(x)
    return frame.astype(dict.fromkeys(model.categorical, np.int32))


def _catboost_margins(model: Boosted, x: NDArray[Any]) -> Floats:
    margins: Floats = model.booster.predict(
        _frame(model, x), prediction_type="RawFormulaVal", thread_count=1
    )
    return margins


FITS: dict[str, Callable[[Boosted, FitData], None]] = {
    "xgboost": _fit_xgboost,
    "lightgbm": _fit_lightgbm,
    "catboost": _fit_catboost,
}
MARGINS: dict[str, Callable[[Boosted, NDArray[Any]], Floats]] = {
    "xgboost": _xgboost_margins,
    "lightgbm": _lightgbm_margins,
    "catboost": _catboost_margins,
}
