"""What is chosen for a GPU, on a machine that pretends to have one."""

from typing import Any

import pytest

from benchmark.protocol.task import Kind
from benchmark.training import device


@pytest.mark.parametrize(
    ("gpu", "kind", "expected"),
    [
        ({"device_name": "A100", "compute_capability": (8, 0)}, "image", "mixed_bfloat16"),
        ({"device_name": "A100", "compute_capability": (8, 0)}, "table", "float32"),
        ({"device_name": "V100", "compute_capability": (7, 0)}, "image", "float32"),
        (None, "image", "float32"),
    ],
)
def test_precision_is_halved_for_images_where_the_gpu_has_units_for_it(
    gpu: dict[str, Any] | None, kind: Kind, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.setattr(device, "_gpu", lambda: gpu)
    with device.precision(kind):
        assert keras.config.dtype_policy().name == expected
    assert keras.config.dtype_policy().name == "float32"
    name = device.name(kind)
    assert name == f"GPU: {gpu['device_name']}, {expected}" if gpu else name.startswith("CPU: ")


def test_data_stays_with_the_host_where_there_is_no_gpu() -> None:
    assert device.room() == 0
