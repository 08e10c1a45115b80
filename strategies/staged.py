"""Staged strategies: rows, weights or loss change during training."""

from collections.abc import Callable
from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Ints
from benchmark.protocol.errors import UserError
from benchmark.protocol.strategy import (
    NONE,
    Features,
    Resample,
    Resampling,
    StageSpec,
    Strategy,
    default_strategy,
)
from strategies._sampling import oversampled

AS_PUBLISHED = default_strategy("effective_number(beta=0.9999)")
Share = Annotated[float, Range(0.01, 0.99)]


def deferred(
    strategy: Strategy = AS_PUBLISHED,
    share: Annotated[Share, Space(0.05, 0.5)] = 0.2,
) -> Strategy:
    """Train without `strategy` first, and with it for the last `share` of the steps.

    With weights it is deferred reweighting (DRW), with resampling deferred resampling (DRS).
    Strategies joined with it act all the time: ``ldam+deferred`` is LDAM-DRW. Source:
    Cao et al. 2019, "Learning imbalanced datasets with label-distribution-aware margin loss",
    algorithm 1; they defer weights by the effective number to the last 40 of 200 epochs.
    """
    if strategy == NONE:
        raise UserError("there is nothing to defer: name a strategy, e.g. deferred(class_weight)")
    return Strategy(stages=(StageSpec(share, strategy),), needs=strategy.needs)


def crt(share: Annotated[Share, Space(0.05, 0.5)] = 0.1) -> Strategy:
    """Retrain the classifier at the end, on balanced classes and a frozen backbone (cRT).

    Its learning rate starts again as well. Source: Kang et al. 2020, "Decoupling representation
    and classifier for long-tailed recognition", section 4.1; 10 epochs after 90.
    """
    balanced = Strategy(resample=_balanced(1.0))
    return Strategy(stages=(StageSpec(share, balanced, trains="head"),))


def progressive_sampling(stages: Annotated[int, Range(2, 50)] = 10) -> Strategy:
    """Draw classes as they are at first, and more and more evenly towards the end.

    In stage t = 0, 1, ... of T, class c is drawn with probability (1 - t/T) n_c/n + (t/T)/K.
    Source: Kang et al. 2020, "Decoupling representation and classifier for long-tailed
    recognition", eq. 3, where every epoch is a stage.
    """
    parts = [Strategy(resample=_balanced(t / stages)) for t in range(1, stages)]
    return Strategy(stages=tuple(StageSpec(1 / stages, part) for part in parts))


def _balanced(progress: float) -> Resample:
    """Draw classes as they are (0), equally probable (1), or in between; no row is lost."""

    def resample(
        labels: Ints, features: Callable[[], Features], rng: np.random.Generator
    ) -> Resampling:
        counts = np.bincount(labels)
        p = (1 - progress) * counts / len(labels) + progress * (counts > 0) / (counts > 0).sum()
        largest = np.argmax(counts)
        return oversampled(labels, p * counts[largest] / p[largest], rng)

    return resample
