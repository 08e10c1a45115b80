"""Networks as they are before training: built once per split, for all strategies."""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from benchmark.protocol.strategy import changed
from benchmark.protocol.task import Budget, Network, Splits
from benchmark.training.compiled import InitialNetwork, initial_network
from benchmark.training.job import TrainingJob
from benchmark.training.stages import Stage, StagePlan

MOST_KEPT = 4  # networks; of one seed, ensembles have several with budgets of their own


def build(job: TrainingJob, budget: Budget, stage: Stage) -> Network:
    """Build the network of the task with the strategy's head and initial bias."""
    network = job.task.network(job.settings, job.splits, job.classes, budget)
    assert isinstance(network, Network)
    last = network.model.layers[-1]
    head = job.strategy.head(last)
    if head is last:
        last.bias.assign(job.strategy.bias(stage.priors))
        return network
    from benchmark.training.layers import with_last

    return replace(network, model=with_last(network.model, head))


@dataclass(frozen=True)
class _Kept:
    """A network that strategies start from, and the split that it was built for."""

    splits: weakref.ref[Splits]
    initial: InitialNetwork


_kept: dict[Hashable, _Kept] = {}


def first_network(job: TrainingJob, budget: Budget, plan: StagePlan) -> InitialNetwork:
    """Return the network that a training starts with, built or kept from another strategy.

    The same seed and split give all strategies the same initial weights. A training with a head of
    its own, or that builds another network later, builds its first one too: the random numbers of
    the second follow those of the first. So does one that thaws, whose optimizers are used up.
    """
    stage = plan.stages[0]
    key = (job.task.network, job.settings, job.classes, budget, job.seed)
    if changed(job.strategy, ["head"]) or any(later.network != "as it is" for later in plan.stages):
        return initial_network(build(job, budget, stage))
    kept = _kept.pop(key, None)
    if kept is None or kept.splits() is not job.splits:
        initial = initial_network(build(job, budget, stage))
        if initial.network.thaw:
            return initial
        kept = _Kept(weakref.ref(job.splits), initial)
    while len(_kept) >= MOST_KEPT:
        del _kept[next(iter(_kept))]
    _kept[key] = kept  # the newest is last
    return _with_bias(kept.initial, job, stage)


def _with_bias(initial: InitialNetwork, job: TrainingJob, stage: Stage) -> InitialNetwork:
    """Return the network with the initial bias of the strategy."""
    variables = initial.network.model.variables
    bias = initial.network.model.layers[-1].bias
    [position] = [number for number, variable in enumerate(variables) if variable is bias]
    state = list(initial.state)
    state[position] = np.asarray(job.strategy.bias(stage.priors), state[position].dtype)
    return replace(initial, state=state)
