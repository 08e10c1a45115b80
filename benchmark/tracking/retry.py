"""Retries calls to a store that fails now and then.

MLflow retries requests as well, but creates a second run if the response to the creation
of the first was lost. Its own retries are therefore switched off.
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
REFUSALS = 3  # of the same write before it counts as an error
MAX_PAUSE = 5.0  # seconds between two tries

Answer = TypeVar("Answer")


class StoreUnavailableError(UserError):
    """The store did not answer or is full: what was to be written is not in it."""


class RetryingClient:
    """An ``MlflowClient`` that retries its calls while the store may come back.

    All calls that the benchmark makes are idempotent: the same parameter, tag, metric or
    artifact is written once. `create_run` is made so here. After giving up, every further
    call fails at once.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._gave_up: StoreUnavailableError | None = None
        self._silent_since: float | None = None
        self.patience = float(os.environ.get("SKEWBENCH_PATIENCE", PATIENCE))

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return lambda *args, **kwargs: self.retry(lambda: call(*args, **kwargs))

    def create_run(self, experiment_id: str, *, tags: dict[str, str], **kwargs: Any) -> Any:
        """Create one run, even if the response to the first request is lost."""
        identified = {**tags, CREATION: uuid.uuid4().hex}
        requested = False

        def create() -> Any:
            nonlocal requested
            query = f"tags.`{CREATION}` = '{identified[CREATION]}'"
            runs = self._client.search_runs([experiment_id], query) if requested else []
            requested = True
            if runs:
                return runs[0]
            return self._client.create_run(experiment_id, tags=identified, **kwargs)

        return self.retry(create)

    def retry(self, call: Callable[[], Answer]) -> Answer:
        """Make a call until it succeeds; return its answer.

        Raises:
            StoreUnavailableError: if the store has not answered for as long as its patience.
        """
        if self._gave_up:
            raise self._gave_up
        tries = 0
        while True:
            try:
                answer = call()
            except Exception as error:
                tries += 1
                self._raise_if_final(error, tries)
            else:
                self._silent_since = None
                return answer
            pause = min(MAX_PAUSE, 0.1 * 2**tries)
            time.sleep(pause * random.uniform(0.5, 1))

    def _raise_if_final(self, error: Exception, tries: int) -> None:
        """Raise what ends the call; return if it is worth another try."""
        if _is_full(error):
            self._gave_up = StoreUnavailableError(
                f"no space is left for the tracking store ({_root_cause(error)})"
            )
            raise self._gave_up from error
        if _is_read_only(error):
            self._gave_up = StoreUnavailableError(
                f"the tracking store cannot be written ({_root_cause(error)}): get write "
                "permission on it and its folder, or name another with --tracking"
            )
            raise self._gave_up from error
        if not _is_unanswered(error):
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
            self._gave_up = StoreUnavailableError(
                f"the tracking store has not answered {waited} ({_root_cause(error)})"
            )
            raise self._gave_up from error
        self._silent_since = None
        raise error  # the store answers, but not this call


def _is_full(error: BaseException) -> bool:
    full = (errno.ENOSPC, errno.EDQUOT)
    text = str(error)
    return (isinstance(error, OSError) and error.errno in full) or any(
        words in text for words in (os.strerror(full[0]), os.strerror(full[1]), "disk is full")
    )


def _is_read_only(error: BaseException) -> bool:
    """Return whether the store can be read but not written, which MLflow calls temporary."""
    return "readonly database" in str(error) or "read-only transaction" in str(error)


def _is_unanswered(error: BaseException) -> bool:
    """Return whether the store did not answer, or only that it cannot now."""
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
    """Return whether the error may be a race, such as two writers of the same value."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) and error.error_code == "BAD_REQUEST"


def _root_cause(error: BaseException) -> str:
    """Return the root cause of an error in one line."""
    while deeper := getattr(error, "orig", None) or error.__cause__ or error.__context__:
        error = deeper
    return " ".join(str(error).split())[:300] or type(error).__name__
