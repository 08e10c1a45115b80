"""A PostgreSQL cluster of a test's own, on 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.harness import wait_for
from tests.faults.servers import free_port


def binaries() -> Path | None:
    """The folder with initdb and postgres; None if PostgreSQL is not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb", path=os.pathsep.join([*map(str, debian), os.environ["PATH"]]))
    return Path(found).resolve().parent if found else None


def _account() -> pwd.struct_passwd:
    """Whom PostgreSQL runs as: it refuses to be root."""
    if os.getuid():
        return pwd.getpwuid(os.getuid())
    return pwd.getpwnam("nobody")


@dataclass
class Postgres:
    """A cluster that can be stopped, killed and started."""

    folder: Path
    programs: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"postgresql://mlflow@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Makes the cluster's files."""
        words = ["--username", "mlflow", "--auth", "trust", "--encoding", "UTF8", "--no-sync"]
        self._as_user("initdb", "-D", str(self.folder / "data"), *words).communicate()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        words = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        self.process = self._as_user("postgres", "-D", str(self.folder / "data"), *words)
        wait_for(self._answers)

    def stop(self) -> None:
        """Ends it as an administrator would: connections are cut."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends it, with all its processes, without warning."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
            self.process.wait()

    def _answers(self) -> bool:
        import psycopg

        assert self.process and self.process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.uri).close()
        except psycopg.OperationalError:
            return False
        return True

    def _as_user(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        account = _account()
        other = {"user": account.pw_uid, "group": account.pw_gid} if os.getuid() == 0 else {}
        extra = {"extra_groups": []} if other else {}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self.programs / program), *words],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **other,
                **extra,
            )


@contextmanager
def cluster(programs: Path) -> Iterator[Postgres]:
    """A running cluster, in a folder that its user can enter."""
    with tempfile.TemporaryDirectory(prefix="skewbench-") as name:
        if os.getuid() == 0:
            os.chown(name, _account().pw_uid, _account().pw_gid)
        made = Postgres(Path(name), programs)
        made.create()
        made.start()
        try:
            yield made
        finally:
            made.kill()
