"""A tracking server, and a proxy before it that loses answers."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import requests

from tests.faults.harness import end_group, wait_for

Action = Literal["pass", "lose", "threshold", "break", "refuse"]
Script = Callable[[str], Action]  # what to do with a request, by its path


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """An MLflow server that can be stopped and started."""

    folder: Path
    backend: str
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), *self.words]
        command += ["--backend-store-uri", self.backend]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
                | dict(self.environment),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers)

    def _answers(self) -> bool:
        assert self.process and self.process.poll() is None, "the server ended"
        try:
            return requests.get(f"{self.uri}/health", timeout=1).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """Ends it without warning."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def away(self, seconds: float) -> threading.Thread:
        """Kills it, and starts it again after that many seconds, in another thread."""
        self.kill()

        def back() -> None:
            time.sleep(seconds)
            self.start()

        thread = threading.Thread(target=back)
        thread.start()
        return thread


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """A server that runs until the block ends."""
    server.start()
    try:
        yield server
    finally:
        if server.process:
            end_group(server.process)
            server.process.wait()


class Proxy(ThreadingHTTPServer):
    """Passes requests on, and does with the answers what its script says.

    lose: the server gets the request, the client no answer; threshold: half an answer;
    break: the server gets nothing; refuse: the answer is 503.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = port
        self.script: Script = lambda path: "pass"
        self.seen: list[tuple[str, Action]] = []

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections break here on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        action = self.server.script(self.path)
        self.server.seen.append((self.path, action))
        self.close_connection = True
        if action == "break":
            return
        if action == "refuse":
            self.send_error(503)
            return
        onward = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            onward.request(self.command, self.path, body, headers)
            answer = onward.getresponse()
            content = answer.read()
        finally:
            onward.close()
        if action == "lose":
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if action == "threshold" else content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """A proxy before the server at that port, until the block ends."""
    made = Proxy(port)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()
