"""Imports what every worker needs; nothing is initialised, so that the process can be forked."""

from __future__ import annotations

import gc

from benchmark.tracking.store import preload, without_gc
from benchmark.training import device
from benchmark.workflows.execution import tracked_training  # noqa: F401

with without_gc():  # it would visit all that is imported again and again
    device.load()
    preload()
gc.freeze()  # nor do workers: what is imported stays
