"""What a worker of a cluster elsewhere must have before it is given a run, and the check of it.

Dask only warns of a worker with other packages; one with other code or other data would leave
results that look like all others.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from benchmark.protocol import fingerprint, grid
from benchmark.protocol.errors import UserError, without_passwords
from benchmark.protocol.grammar import StrategySpec
from benchmark.protocol.grid import Conditions
from benchmark.tracking import probe
from benchmark.tracking.store import Store, connect
from benchmark.training.device import processor
from benchmark.workflows.execution import stopping, worker

# packages that change results, or how trainings and results are sent
PACKAGES = (
    *("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "imbalanced-learn", "pandas"),
    *("pillow", "catboost", "lightgbm", "xgboost", "xgboost-cpu", "mlflow", "distributed"),
)
WORKER_CODE = "benchmark.workflows.execution.remote"  # with all it imports
LEAST_MEMORY = 1.5e9  # bytes, with TensorFlow loaded and data of moderate size
MOST_NAMED = 3  # modules named in an objection


@dataclass(frozen=True)
class Requirements:
    """What the coordinator has and its workers must have. Small enough to send to each.

    Attributes:
        store: with the experiment that artifacts are written to.
        code: module -> hash of all code that runs on a worker.
        versions: package -> version, `python` among them.
        reach: further checks that raise an error where something cannot be reached.
    """

    conditions: Conditions
    store: Store
    code: Mapping[str, str]
    versions: Mapping[str, str]
    reach: tuple[Callable[[], object], ...] = ()


@dataclass(frozen=True)
class WorkerFacts:
    """What a worker says of itself.

    Attributes:
        objections: why it cannot be used, a phrase each; none if it can.
        gpus: names of the GPUs that it sees.
        visible: CUDA_VISIBLE_DEVICES of its process: workers of a host with the same value share
            these GPUs.
        resources: as it declares them to Dask.
        artifact: name of the file that it wrote to the store, and read back.
        memory: bytes.
    """

    name: str
    host: str
    objections: tuple[str, ...]
    device: str
    gpus: tuple[str, ...]
    visible: str
    threads: int
    memory: float
    resources: Mapping[str, float]
    artifact: str = ""

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.name} ({self.device}, {threads}, {self.memory / 1e9:.1f} GB)"


def requirements(
    conditions: Conditions,
    specs: Sequence[StrategySpec],
    store: Store,
    called: Sequence[str] = (),
    reach: Sequence[Callable[[], object]] = (),
) -> Requirements:
    """Return what workers must have to run these strategies under these conditions.

    Args:
        called: further modules whose functions are called on workers.
        reach: further checks.
    """
    modules = {*grid.HARNESS, f"tasks.{conditions.task}", WORKER_CODE, *called}
    for spec in specs:
        modules |= {*spec.training_modules, *spec.decision_modules}
    return Requirements(conditions, store, fingerprint.codes(modules), _versions(), tuple(reach))


def examine(required: Requirements) -> WorkerFacts:
    """Check the worker that this runs on, from cheap to costly; it also reads the data.

    One that still trains for this benchmark, as its coordinator lost the connection and came
    back, answers when it is done.
    """
    from distributed import get_worker

    current = get_worker()
    stopping.wait_for_own(required.store.invocation)
    memory = float(current.memory_manager.memory_limit or _all_memory())
    objections = [
        *_other_versions(required.versions, _versions()),
        *_other_code(required.code),
        *_too_little(memory),
    ]
    artifact = ""
    if not objections:
        artifact, objections = _try_out(required)
    gpus = _gpus()
    return WorkerFacts(
        name=str(current.name),
        host=platform.node(),
        objections=tuple(objections),
        device=", ".join(sorted(set(gpus))) or f"CPU: {processor()}",
        gpus=gpus,
        visible=os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        threads=current.state.nthreads,
        memory=memory,
        resources=dict(current.state.total_resources),
        artifact=artifact,
    )


def _other_versions(required: Mapping[str, str], own: Mapping[str, str]) -> Iterable[str]:
    for name, wanted in required.items():
        if own.get(name) != wanted:
            yield f"{name} {own.get(name) or '(not installed)'} instead of {wanted}"


def _other_code(required: Mapping[str, str]) -> Iterable[str]:
    own = {name: fingerprint.code(name) for name in required}
    other = [name for name, wanted in required.items() if own[name] != wanted]
    if other:
        more = f" and {len(other) - MOST_NAMED} more" if len(other) > MOST_NAMED else ""
        lacking = all(not own[name] for name in other)
        yield f"{'no' if lacking else 'other'} code of {', '.join(other[:MOST_NAMED])}{more}"


def _too_little(memory: float) -> Iterable[str]:
    if memory < LEAST_MEMORY:
        yield (
            f"a memory limit of {memory / 1e9:.1f} GB, where a training takes "
            f"{LEAST_MEMORY / 1e9:.1f} GB or more (--memory-limit of `dask worker`)"
        )


def _try_out(required: Requirements) -> tuple[str, list[str]]:
    """Read the data and write to the store; return the artifact's name and what failed."""
    objections = []
    artifact = ""
    try:
        worker.find_data(required.conditions)
    except Exception as error:
        objections.append(_phrase(error))
    try:
        connect(required.store.uri)
        artifact = probe.write(required.store)
    except UserError as error:
        objections.append(str(error))
    except Exception as error:
        objections.append(f"artifacts cannot be written: {_phrase(error)}")
    for check in required.reach:
        try:
            check()
        except Exception as error:
            objections.append(_phrase(error))
    return artifact, objections


def _phrase(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return without_passwords(text if isinstance(error, UserError) else f"{error!r}"[:300])


@cache
def _versions() -> dict[str, str]:
    """Return the version of Python, as far as it matters, and of each package."""
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = ""
    return versions


def _all_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def _gpus() -> tuple[str, ...]:
    """Return the names of the GPUs that this process sees, without loading TensorFlow."""
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        names = [str(pynvml.nvmlDeviceGetName(handle)) for handle in handles]
    except pynvml.NVMLError:  # no driver
        return ()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return tuple(names)
    chosen = [part for part in visible.split(",") if part.strip() and part.strip() != "-1"]
    return tuple(
        f"GPU: {names[int(part)] if part.strip().isdigit() and int(part) < len(names) else part}"
        for part in chosen
    )
