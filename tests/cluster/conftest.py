"""A cluster of hosts: a scheduler, workers, a coordinator, and a tracking server with passwords."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import pytest
import requests
from werkzeug.security import generate_password_hash

from tests.cluster.hosts import Host, check_out, network, why_not
from tests.faults import postgres
from tests.faults.harness import Bench, finish, wait_for

PASSWORD = "a-password-of-twenty-four"
READER = "another-password-of-some-length"
ACCOUNTS = """[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/basic_auth.db
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""
LONG = 600  # seconds that anything may take on a busy machine
NAMES = ("head", "one", "two", "three", "server", "desk")


@dataclass
class Cluster:
    """The hosts, and how programs are started on them.

    `head` runs the scheduler, `one`, `two` and `three` run workers, `server` PostgreSQL and
    MLflow, `desk` the coordinator.
    """

    hosts: Mapping[str, Host]
    folder: Path
    tracking: str
    known: dict[tuple[str, ...], dict[str, dict[str, float]]]  # command -> results on one machine

    @property
    def scheduler(self) -> str:
        return f"tcp://{self.hosts['head'].address}:8786"

    @property
    def data(self) -> Path:
        """Where the coordinator has its data."""
        return self.hosts["desk"].folder / "data" / "points.npz"

    def start_scheduler(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start the scheduler, which needs no code of ours, and wait until it listens."""
        head = self.hosts["head"]
        lines = head.log("scheduler.log").count("Scheduler at")
        given = words or ("--host", head.address)
        process = head.python(
            "distributed.cli.dask_scheduler", "--dashboard-address", ":0", *given,
            log="scheduler.log", **environment,
        )  # fmt: skip
        wait_for(lambda: head.log("scheduler.log").count("Scheduler at") > lines, LONG)
        return process

    def start_worker(
        self,
        host: str,
        name: str,
        *words: str,
        mounts: Mapping[Path, Path] | None = None,
        scheduler: str = "",
        **environment: str,
    ) -> subprocess.Popen[str]:
        """Start a worker of that name on a host."""
        given = [scheduler or self.scheduler, "--name", name, "--nthreads", "1", *words]
        return self.hosts[host].python(
            "distributed.cli.dask_worker", *given, "--dashboard-address", ":0",
            log=f"{name}.log", mounts=mounts, **environment,
        )  # fmt: skip

    def start_bare_worker(self, host: str, name: str) -> subprocess.Popen[str]:
        """Start a worker that has all libraries, but no Skewbench, not even an installed one."""
        libraries = sysconfig.get_path("purelib")
        words = ["-m", "distributed.cli.dask_worker", self.scheduler, "--name", name]
        words += ["--nthreads", "1", "--dashboard-address", ":0"]
        command = [sys.executable, "-S", "-P", *words]  # -S: what is installed by links is not seen
        return self.hosts[host].start(*command, log=f"{name}.log", PYTHONPATH=libraries)

    def bench(self, tracking: str = "") -> Bench:
        """What the store holds."""
        return Bench(self.hosts["desk"].checkout, self.folder / "marks", tracking or self.tracking)

    def start(
        self, *words: str, scheduler: str = "", log: str = "run.log", **environment: str
    ) -> subprocess.Popen[str]:
        """Start the coordinator; what it says is in a log of `desk`."""
        given = ["--task", "toy", "--data", str(self.data), "--steps", "20"]
        given += ["--scheduler", scheduler or self.scheduler, "--tracking", self.tracking]
        return self.hosts["desk"].python("benchmark", "run", *given, *words, log=log, **environment)

    def said(self, log: str = "run.log") -> str:
        """What the coordinator has said."""
        return self.hosts["desk"].log(log)

    def finish(
        self, process: subprocess.Popen[str], log: str = "run.log", seconds: float = LONG
    ) -> tuple[int, str]:
        """Exit status of a coordinator, and what it said."""
        status, _ = finish(process, seconds)
        return status, self.said(log)

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        """Exit status and output of a whole `run`."""
        log = f"run-{time.time_ns()}.log"
        return self.finish(self.start(*words, log=log, **environment), log)

    def wait_until_said(self, text: str, log: str = "run.log") -> None:
        """Wait until the coordinator has said something."""
        wait_for(lambda: text in self.said(log), LONG)

    def wait_until_begun(self, trainings: int = 1) -> None:
        """Wait until that many trainings with the strategy `slow` have begun."""
        wait_for(lambda: self.bench().marks("begun") >= trainings, LONG)

    def worker_log(self, name: str) -> str:
        """What a worker's process has said."""
        return "".join(host.log(f"{name}.log") for host in self.hosts.values())

    def alone(self, *words: str, **environment: str) -> dict[str, dict[str, float]]:
        """The results of the same command on one machine, without a cluster."""
        if words in self.known:
            return self.known[words]
        folder = self.folder / f"alone-{time.time_ns()}"
        folder.mkdir()
        uri = f"sqlite:///{folder}/mlflow.db"
        desk = self.hosts["desk"]
        given = ["--task", "toy", "--data", str(self.data), "--steps", "20", "--workers", "1"]
        process = desk.python("benchmark", "run", *given, *words, "--tracking", uri, **environment)
        status, output = finish(process, LONG)
        assert status == 0, output
        self.known[words] = Bench(desk.checkout, folder, uri).results()
        return self.known[words]

    def clear(self) -> None:
        """End schedulers, workers and coordinators, and plug in all cables."""
        for name in ("head", "one", "two", "three", "desk"):
            self.hosts[name].end()
            self.hosts[name].join()
            for log in self.hosts[name].folder.glob("*.log"):
                log.rename(log.with_suffix(f".{time.time_ns()}.old"))
        for mark in (self.folder / "marks").iterdir():
            mark.unlink()


def write_points(path: Path, seed: int) -> None:
    """Data of the toy task."""
    y = (np.arange(600) % 6 == 0).astype(np.int64)
    x = np.random.default_rng(seed).normal(size=(len(y), 3)) + y[:, None]
    np.savez(path, x=x, y=y)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the tests on several hosts, run those marked as brief, or all with --full-faults."""
    if config.getoption("--full-faults"):
        return
    skip = pytest.mark.skip(reason="six hosts take a minute a test: with --full-faults")
    for item in items:
        on_hosts = "hosts" in getattr(item, "fixturenames", ())
        if on_hosts and item.get_closest_marker("brief") is None:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def hosts() -> Iterator[dict[str, Host]]:
    """Six hosts, all with the same code and data in folders that the others do not see.

    Not below pytest's own folder, which each pytest that starts closes to other users: the
    database runs as nobody.
    """
    if reason := why_not():
        pytest.skip(reason)
    with (
        tempfile.TemporaryDirectory(prefix="skewbench-hosts-") as name,
        network(folder := Path(name), NAMES) as made,
    ):
        folder.chmod(0o755)
        (folder / "marks").mkdir()
        for name, host in made.items():
            host.hidden = [other.folder for other in made.values() if other.name != name]
            host.environment = {
                "MISCHIEF": str(folder / "marks"),
                "MLFLOW_TRACKING_USERNAME": "admin",
                "MLFLOW_TRACKING_PASSWORD": PASSWORD,
                "UNTRAINED": "yes",
                "SKEWBENCH_DATA": str(host.folder / "data"),
            }
            write_points(host.folder / "data" / "points.npz", seed=0)
            if name not in ("head", "server"):
                check_out(host)
        made["head"].environment = made["server"].environment = {}
        yield made


@pytest.fixture(scope="session")
def tracking(hosts: dict[str, Host]) -> str:
    """An MLflow server on PostgreSQL that asks who you are; both ask for passwords."""
    host = hosts["server"]
    programs = postgres.binaries()
    if programs is None:
        pytest.skip("no PostgreSQL here: Debian's package is postgresql")
    _start_database(host, programs)
    (host.folder / "auth.ini").write_text(ACCOUNTS.format(folder=host.folder, password=PASSWORD))
    words = ["server", "--app-name", "basic-auth", "--workers", "1", "--host", host.address]
    words += ["--port", "5000", "--backend-store-uri", "postgresql://mlflow@127.0.0.1/postgres"]
    words += ["--artifacts-destination", str(host.folder / "artifacts")]
    server = host.python(
        "mlflow", *words, log="mlflow.log", PGPASSWORD=PASSWORD,
        MLFLOW_AUTH_CONFIG_PATH=str(host.folder / "auth.ini"),
        MLFLOW_FLASK_SERVER_SECRET_KEY="a-third-secret",
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
    )  # fmt: skip
    uri = f"http://{host.address}:5000"
    wait_for(lambda: _answers(f"{uri}/health") or server.poll() is not None, LONG)
    assert server.poll() is None, host.log("mlflow.log")
    account = {"username": "reader", "password": READER}
    path = "api/2.0/mlflow/users/create"
    made = requests.post(f"{uri}/{path}", json=account, auth=("admin", PASSWORD), timeout=30)
    made.raise_for_status()
    _hash_quickly(host.folder / "basic_auth.db", {"admin": PASSWORD, "reader": READER})
    return uri


def _hash_quickly(accounts: Path, passwords: Mapping[str, str]) -> None:
    """Let passwords be checked at once; MLflow's own hashes take longer than all else."""
    with closing(sqlite3.connect(accounts)) as database, database:
        for name, password in passwords.items():
            quick = generate_password_hash(password, method="pbkdf2:sha256:1")
            database.execute("UPDATE users SET password_hash = ? WHERE username = ?", (quick, name))


def _start_database(host: Host, programs: Path) -> None:
    """PostgreSQL with a password for everyone who connects."""
    folder = host.folder / "database"
    folder.mkdir()
    (folder / "password").write_text(PASSWORD)
    subprocess.run(["chown", "-R", "nobody", folder], check=True)
    words = ["--username", "mlflow", "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"]
    words += ["--pwfile", str(folder / "password"), "-D", str(folder / "data")]
    made = host.start(str(programs / "initdb"), *words, user="nobody")
    status, output = finish(made, LONG)
    assert status == 0, output
    (folder / "password").unlink()
    with (folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    words = ["-D", str(folder / "data"), "-h", "*", "-k", str(folder)]
    host.start(str(programs / "postgres"), *words, user="nobody", log="postgres.log")
    address = f"host={host.address} user=mlflow dbname=postgres password={PASSWORD}"

    def answers() -> bool:
        try:
            psycopg.connect(address, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    wait_for(answers, LONG)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="session")
def known() -> dict[tuple[str, ...], dict[str, dict[str, float]]]:
    """What commands give on one machine."""
    return {}


@pytest.fixture
def cluster(
    hosts: dict[str, Host],
    tracking: str,
    known: dict[tuple[str, ...], dict[str, dict[str, float]]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cluster]:
    """The hosts without a scheduler or workers, and a store without runs of the toy task."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    made = Cluster(hosts, hosts["desk"].folder.parent, tracking, known)
    _forget_runs(tracking)
    yield made
    made.clear()


def _forget_runs(uri: str) -> None:
    """Give the experiment another name: its runs are no longer found by its task."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    for experiment in client.search_experiments():
        if experiment.name != "Default":
            client.rename_experiment(experiment.experiment_id, f"old {time.time_ns()}")
            client.delete_experiment(experiment.experiment_id)
