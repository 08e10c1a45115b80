"""System metrics of a block: at least one sample, more in a longer one."""

from __future__ import annotations

import time

import pytest

from benchmark.tracking import system_metrics
from benchmark.tracking.system_metrics import samples


def test_a_short_block_has_one_sample_of_each_metric() -> None:
    with samples() as taken:
        assert taken == []
    keys = [sample.key for sample in taken]
    assert "system/cpu_utilization_percentage" in keys
    assert len(set(keys)) == len(keys)
    assert all(abs(sample.timestamp / 1000 - time.time()) < 60 for sample in taken)


def test_a_long_block_is_sampled_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_metrics, "POLL_SECONDS", 0.05)
    key = "system/cpu_utilization_percentage"
    with samples() as taken:
        end = time.monotonic() + 20
        while sum(sample.key == key for sample in taken) < 3 and time.monotonic() < end:
            time.sleep(0.05)
    steps = [sample.step for sample in taken if sample.key == key]
    assert len(steps) >= 3 and steps == sorted(set(steps))


def test_a_block_that_fails_is_sampled_too() -> None:
    with pytest.raises(ValueError), samples() as taken:
        raise ValueError
    assert taken
