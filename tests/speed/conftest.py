"""What all benchmarks share."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "catsdogs"


@pytest.fixture(scope="session")
def plainly() -> Iterator[Callable[..., Any]]:
    """Calls a function in a process of its own, with TensorFlow's own number of threads."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield lambda function, *given: pool.submit(function, *given).result()


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    """Real JPEGs, cats then dogs."""
    if not PHOTOS.exists():
        pytest.skip("no real photos in ../shared/data/catsdogs")
    return [*sorted(PHOTOS.glob("cats/*"))[:1500], *sorted(PHOTOS.glob("dogs/*"))[:1500]]


@pytest.fixture
def often(benchmark: Any) -> Callable[..., Any]:
    """Measures a function five times, after one call that does not count."""

    def measure(function: Callable[..., Any], *given: Any, **facts: Any) -> Any:
        benchmark.extra_info.update(facts)
        return benchmark.pedantic(function, given, rounds=5, warmup_rounds=1)

    return measure
