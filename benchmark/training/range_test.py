"""A training with a rising learning rate, for the range test."""

from __future__ import annotations

import numpy as np

from benchmark.protocol.arrays import Floats
from benchmark.training import device
from benchmark.training.batches import Rows
from benchmark.training.compiled import compile_network, initial_network
from benchmark.training.initial import build
from benchmark.training.job import TrainingJob
from benchmark.training.loop import Clock, Segment, run_segment
from benchmark.training.network import batches
from benchmark.training.seeding import seeded
from benchmark.training.stages import plan_stages


def losses_at_rising_rates(job: TrainingJob, rates: Floats) -> Floats:
    """Return the loss of each step, finite or not, of a training with rising learning rate.

    Rows, weights, loss and network are those of the first stage.

    Args:
        rates: learning rate of each step, (steps,), each larger by the same factor.
    """
    from keras.optimizers import schedules

    steps = len(rates)
    plan = plan_stages(job.splits, job.strategy, job.classes, job.budget.steps, job.seed)
    stage = plan.stages[0]
    rows = Rows.place(plan.x, plan.y, device.room())
    with seeded(job.seed), device.precision(job.task.kind):
        network = build(job, job.budget, stage)
        rising = schedules.ExponentialDecay(rates[0], steps - 1, rates[-1] / rates[0])
        network.optimizer.learning_rate = rising
        origin = (job.task.network, job.settings, job.budget)
        compiled = compile_network(initial_network(network), origin, steps)
        segment = Segment(compiled, stage.loss, batches(job, plan, stage, 0, 0), steps)
        per_call = list(run_segment(segment, rows, steps, Clock()))
    return np.concatenate(per_call).astype(np.float64)
