"""Imports what every worker needs; nothing is initialised, so that the process can be forked."""

from __future__ import annotations

from benchmark.tracking.store import preload
from benchmark.training import device
from benchmark.workflows.execution import tracked_training  # noqa: F401

device.load()
preload()
