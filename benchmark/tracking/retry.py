"""A store that fails now and then: calls are repeated until it answers.

MLflow repeats requests as well, but makes a second run where the answer to the creation
of the first was lost. Its own repetition is therefore switched off.
"""

from __future__ import annotations

import errno
import os
import random
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from benchmark.protocol.errors import UserError
from benchmark.tracking.tags import CREATION

PATIENCE = 180.0  # seconds without an answer after which a store counts as lost
REFUSALS = 3  # of the same write, before it is believed that the store means it
LONGEST_PAUSE = 5.0  # seconds

Answer = TypeVar("Answer")


class StoreUnavailableError(UserError):
    """The store stayed away or is full: what was to be written is not in it."""


class RetryingClient:
    """An ``MlflowClient`` whose calls are repeated as long as there is hope.

    All calls that the benchmark makes can be repeated without harm: the same parameter,
    tag, metric or artifact is written once. The creation of a run is made so here.
    Once given up, the store is not asked again.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lost: StoreUnavailableError | None = None
        self._silent_since: float | None = None
        self.patience = float(os.environ.get("SKEWBENCH_PATIENCE", PATIENCE))

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return lambda *given, **named: self.repeated(lambda: call(*given, **named))

    def create_run(self, experiment_id: str, *, tags: dict[str, str], **named: Any) -> Any:
        """Creates one run, even where the answer to the first request is lost."""
        told_apart = {**tags, CREATION: uuid.uuid4().hex}
        asked = False

        def create() -> Any:
            nonlocal asked
            query = f"tags.`{CREATION}` = '{told_apart[CREATION]}'"
            found = self._client.search_runs([experiment_id], query) if asked else []
            asked = True
            if found:
                return found[0]
            return self._client.create_run(experiment_id, tags=told_apart, **named)

        return self.repeated(create)

    def repeated(self, call: Callable[[], Answer]) -> Answer:
        """The answer to a call, however often it has to be made."""
        if self._lost:
            raise self._lost
        tries = 0
        while True:
            try:
                answer = call()
            except Exception as error:
                tries += 1
                self._consider(error, tries)
            else:
                self._silent_since = None
                return answer
            pause = min(LONGEST_PAUSE, 0.1 * 2**tries)
            time.sleep(pause * random.uniform(0.5, 1))

    def _consider(self, error: Exception, tries: int) -> None:
        """Raises what ends the call; returns if it is worth another try."""
        if _is_full(error):
            self._lost = StoreUnavailableError(
                f"no space is left for the tracking store ({_line(error)})"
            )
            raise self._lost from error
        if not _is_silence(error):
            if tries < REFUSALS and _is_refusal(error):
                return
            raise error
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        if now - self._silent_since < self.patience:
            return
        try:
            self._client.search_experiments(max_results=1)
        except Exception:
            waited = f"for {now - self._silent_since:.0f} s"
            self._lost = StoreUnavailableError(
                f"the tracking store has not answered {waited} ({_line(error)})"
            )
            raise self._lost from error
        self._silent_since = None
        raise error  # it answers, but not this


def _is_full(error: BaseException) -> bool:
    full = (errno.ENOSPC, errno.EDQUOT)
    text = str(error)
    return (isinstance(error, OSError) and error.errno in full) or any(
        words in text for words in (os.strerror(full[0]), os.strerror(full[1]), "disk is full")
    )


def _is_silence(error: BaseException) -> bool:
    """Whether the store did not answer, or only that it cannot."""
    import requests
    import urllib3
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, MlflowException):
        return error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code >= 500
    lost = (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError, DBAPIError)
    return isinstance(error, lost)


def _is_refusal(error: BaseException) -> bool:
    """Whether it may have been bad luck, such as two that wrote the same at once."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) and error.error_code == "BAD_REQUEST"


def _line(error: BaseException) -> str:
    """What was at the root of it, in one line."""
    while deeper := getattr(error, "orig", None) or error.__cause__ or error.__context__:
        error = deeper
    return " ".join(str(error).split())[:300] or type(error).__name__
