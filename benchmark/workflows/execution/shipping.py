"""Sends this checkout to workers that have none, through Dask's plugins for workers.

The plugin unpacks it in the worker's own folder. What the worker then runs is compared with this
checkout by the preflight, as everywhere.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.protocol.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

PACKAGES = ("benchmark", "tasks", "strategies", "studies")
ROOT = Path(__file__).parents[3]
DATE = (2000, 1, 1, 0, 0, 0)  # of all files, so that equal code is an equal archive


def pack() -> bytes:
    """Return the Python files of this checkout as a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for package in PACKAGES:
            for file in sorted((ROOT / package).rglob("*.py")):
                name = file.relative_to(ROOT).as_posix()
                archive.writestr(
                    zipfile.ZipInfo(name, DATE), file.read_bytes(), zipfile.ZIP_DEFLATED
                )
    return buffer.getvalue()


def ship(client: Client, name: str) -> None:
    """Send this checkout to all workers, those that come later too.

    Args:
        name: of the plugin; another one of the same name is replaced.

    Raises:
        UserError: if a worker cannot take it.
    """
    from distributed.diagnostics.plugin import WorkerPlugin

    content = pack()
    digest = hashlib.sha256(content).hexdigest()

    class Checkout(WorkerPlugin):
        """Unpacks the archive. A local class is pickled with its code, not by its name."""

        def setup(self, worker: Any) -> None:
            import hashlib
            import io
            import sys
            import zipfile
            from pathlib import Path

            if hashlib.sha256(content).hexdigest() != digest:
                raise ValueError("the code was damaged on its way")
            folder = Path(worker.local_directory) / f"skewbench-{digest[:16]}"
            zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))

    try:
        client.register_plugin(Checkout(), name=name)
    except Exception as error:  # of any worker
        raise UserError(f"the code could not be sent to all workers: {error}") from None
