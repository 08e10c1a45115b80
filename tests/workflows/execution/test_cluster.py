"""How many workers are started if nobody says."""

import pytest

from benchmark.workflows.execution import cluster


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [([], 16), ([80e9], 4), ([13e9], 2), ([2e9], 1), ([80e9, 80e9], 8), ([80e9] * 8, 16)],
)
def test_workers_by_cores_and_gpus(
    gpus: list[float], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dask.system.CPU_COUNT", 16)
    monkeypatch.setattr(cluster, "WORKER_MEMORY", 1.0)
    monkeypatch.setattr(cluster, "_free_gpu_memory", lambda: gpus)
    assert cluster.default_workers() == expected


def test_no_more_workers_than_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKER_MEMORY", 1e30)
    assert cluster.default_workers() == 1
