"""Jobs that wait for workers, as the scheduler counts them: a cluster that adapts starts some."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from benchmark.workflows.execution import sealed

if TYPE_CHECKING:
    from distributed import Client, Future

MOST = 100  # that the scheduler is told of
RESOURCE = "skewbench-wish"  # no worker has it: these jobs are never done


class Wishes:
    """Jobs that the scheduler shall count, though nobody is given them."""

    def __init__(self) -> None:
        self._futures: list[Future[int]] = []

    def tell(self, client: Client, count: int) -> None:
        """Let the scheduler count so many, in place of those before."""
        count = min(count, MOST) if client.status == "running" else 0
        del self._futures[count:]
        while len(self._futures) < count:
            key = f"training-{uuid.uuid4().hex}"  # Dask takes them to last as long as these
            wish = sealed.submit(client, int, key=key, resources={RESOURCE: 1})
            self._futures.append(wish)

    def forget(self) -> None:
        """Drop those that went with a lost connection."""
        self._futures.clear()
