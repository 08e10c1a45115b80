"""Samplers of imbalanced-learn by name: `sampler(ADASYN)`."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import Features, Resampling, Strategy
from strategies._sampling import seed

Name = Literal[
    "ADASYN",
    "AllKNN",
    "BorderlineSMOTE",
    "ClusterCentroids",
    "CondensedNearestNeighbour",
    "EditedNearestNeighbours",
    "InstanceHardnessThreshold",
    "KMeansSMOTE",
    "NearMiss",
    "NeighbourhoodCleaningRule",
    "OneSidedSelection",
    "RandomOverSampler",
    "RandomUnderSampler",
    "RepeatedEditedNearestNeighbours",
    "SMOTE",
    "SMOTEENN",
    "SMOTETomek",
    "SVMSMOTE",
    "TomekLinks",
]
NEIGHBOURS = ("k_neighbors", "n_neighbors")  # what samplers call their k


def sampler(
    name: Name = "BorderlineSMOTE",
    ratio: Annotated[float, Range(0, 1, open_low=True), Space(0.1, 1, log=True)] = 1.0,
    k: Annotated[int | None, Range(1)] = None,
) -> Strategy:
    """Resample with a sampler of imbalanced-learn, as in sampler(ADASYN); tables only.

    Arguments that are not given are the library's defaults. Samplers measure distances: a category
    counts as one column per level, of which generated rows get the largest. (imbalanced-learn
    itself takes codes for numbers, but for SMOTENC, which is `smote` here.)

    Args:
        ratio: smallest class / largest class afterwards; a sampler that only cleans has none.
        k: number of neighbours.
    """

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        table = features()
        chosen = _sampler(name, labels, ratio, k, rng)
        wide, levels = _spread(table)
        try:
            values, all_labels = chosen.fit_resample(wide, labels)
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"sampler({name}) cannot resample these rows: {reason}") from None
        rows = _origins(chosen, len(labels), len(values))
        new = rows >= len(labels)
        if not new.any():
            return Resampling(rows)
        rows[new] = len(labels) + np.arange(new.sum())
        generated = _gathered(np.asarray(values)[new], table, levels)
        return Resampling(rows, generated, np.asarray(all_labels)[new])

    return Strategy(resample=resample, needs=frozenset({"table"}))


def _sampler(name: str, labels: Ints, ratio: float, k: int | None, rng: np.random.Generator) -> Any:
    """Return the sampler, its arguments filled in; UserError for one that it does not take."""
    from imblearn import combine, over_sampling, under_sampling

    kind: Any = next(
        getattr(module, name)
        for module in (over_sampling, under_sampling, combine)
        if hasattr(module, name)
    )
    taken = inspect.signature(kind).parameters
    options: dict[str, Any] = {"random_state": seed(rng)} if "random_state" in taken else {}
    if kind._sampling_type != "clean-sampling":
        options["sampling_strategy"] = _target(labels, ratio, kind._sampling_type)
    elif ratio != 1:
        raise UserError(f"sampler({name}) only cleans: it takes no ratio")
    if k is not None:
        named = [neighbours for neighbours in NEIGHBOURS if neighbours in taken]
        if not named:
            raise UserError(f"sampler({name}) takes no k")
        options[named[0]] = k
    return kind(**options)


def _target(labels: Ints, ratio: float, sampling: str) -> dict[int, int]:
    """Return class -> rows after sampling."""
    counts = {label: n for label, n in enumerate(np.bincount(labels).tolist()) if n}
    if sampling == "under-sampling":
        most = round(min(counts.values()) / ratio)
        return {label: min(n, most) for label, n in counts.items()}
    least = round(max(counts.values()) * ratio)
    return {label: max(n, least) for label, n in counts.items()}


def _origins(fitted: Any, received: int, returned: int) -> Ints:
    """Return where each row comes from: its number, or one from `received` on if it is new."""
    parts = (fitted, getattr(fitted, "enn_", None), getattr(fitted, "tomek_", None))
    for chooser in parts:  # what cleans after SMOTE saw generated rows behind the others
        if hasattr(chooser, "sample_indices_"):
            return np.array(chooser.sample_indices_, np.int64)
    if fitted._sampling_type == "under-sampling":  # centroids take the place of rows
        return received + np.arange(returned)
    return np.arange(returned)


def _spread(table: Features) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """Return numbers, then a column per level of each category, and the codes of the levels."""
    levels = [np.unique(table.values[:, column]) for column in table.categorical]
    plain = np.delete(table.values, table.categorical, axis=1)
    shown = [
        (table.values[:, [column]] == codes).astype(table.values.dtype)
        for column, codes in zip(table.categorical, levels, strict=True)
    ]
    return np.concatenate([plain, *shown], axis=1), levels


def _gathered(wide: NDArray[Any], table: Features, levels: list[NDArray[Any]]) -> NDArray[Any]:
    """Return rows in the columns of the table, from rows that `_spread` made."""
    values = np.empty((len(wide), table.values.shape[1]), table.values.dtype)
    start = values.shape[1] - len(levels)
    values[:, np.delete(np.arange(values.shape[1]), table.categorical)] = wide[:, :start]
    for column, codes in zip(table.categorical, levels, strict=True):
        values[:, column] = codes[wide[:, start : start + len(codes)].argmax(axis=1)]
        start += len(codes)
    return values
