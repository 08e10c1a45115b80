"""Results that the store did not take, saved on disk until it does.

Each is an ``.npz`` file without pickles, in a folder per store.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocol.errors import UserError
from benchmark.tracking import cells
from benchmark.tracking.retry import StoreUnavailableError
from benchmark.tracking.store import Store
from benchmark.tracking.system_metrics import Sample
from benchmark.training import predictions
from benchmark.training.score import Score


def folder(uri: str) -> Path:
    """Return where results for a store are saved, in the cache folder."""
    import pooch

    base = Path(os.environ.get("SKEWBENCH_CACHE") or pooch.os_cache("skewbench"))
    return base / "kept" / hashlib.sha256(uri.encode()).hexdigest()[:16]


def save(uri: str, result: cells.CellResult) -> bool:
    """Write a result to disk, as a whole or not at all; return whether it succeeded."""
    path = folder(uri) / f"{result.run_id}.npz"
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(_to_bytes(result))
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        return False
    return True


def send(store: Store) -> Iterator[str]:
    """Log the results that are saved for a store; yield a message on each.

    Raises:
        StoreUnavailableError: if the store is lost again; the rest stays on disk.
    """
    for path in sorted(folder(store.uri).glob("*.npz")):
        try:
            cells.complete(store, _from_bytes(path.read_bytes()))
            message = "logged a saved result"
        except StoreUnavailableError:
            raise
        except Exception as error:
            message = f"dropped a saved result, which is run again: {error}"
        path.unlink()
        yield f"{message} ({path.stem})"


def _to_bytes(result: cells.CellResult) -> bytes:
    facts = {
        "run_id": result.run_id,
        "ended": result.ended,
        "metrics": result.score.metrics,
        "collapsed": result.score.collapsed,
        "samples": result.samples,
    }
    arrays: dict[str, Any] = {
        "fit": np.frombuffer(predictions.to_bytes(result.fit), np.uint8),
        "decisions": result.score.decisions,
        "logits": result.score.logits,
        "facts": np.array(json.dumps(facts)),
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _from_bytes(content: bytes) -> cells.CellResult:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["facts"]))
            fit = predictions.from_bytes(arrays["fit"].tobytes())
            decisions, logits = arrays["decisions"], arrays["logits"]
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"the file is damaged ({error})") from error
    test = fit.test
    score = Score(
        facts["metrics"], test.labels, test.weights, decisions, logits, facts["collapsed"]
    )
    samples = [Sample(*sample) for sample in facts["samples"]]
    return cells.CellResult(facts["run_id"], facts["ended"], fit, score, samples)
