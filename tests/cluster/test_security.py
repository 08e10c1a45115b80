"""Certificates of the scheduler, and where passwords are: in the environment alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import requests

from tests.cluster.conftest import PASSWORD, Cluster
from tests.faults.harness import wait_for

pytestmark = pytest.mark.slow

GRID = ["--strategies", "slow(seconds=3),none", "--seeds", "1"]
ROLES = ("CLIENT", "SCHEDULER", "WORKER")


@pytest.fixture
def certificates(cluster: Cluster) -> dict[str, str]:
    """Dask's configuration with a certificate that signs itself."""
    folder = cluster.folder / "tls"  # hidden from no host
    folder.mkdir(exist_ok=True)
    words = ["-nodes", "-days", "2", "-subj", "/CN=skewbench", "-newkey", "rsa:2048"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", "req", "-x509", *words, *files], check=True, capture_output=True)
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    configuration = {
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
        f"{prefix}CA_FILE": str(folder / "cert.pem"),
    }
    for role in ROLES:
        configuration[f"{prefix}{role}__CERT"] = str(folder / "cert.pem")
        configuration[f"{prefix}{role}__KEY"] = str(folder / "key.pem")
    return configuration


def test_certificates_are_asked_for(cluster: Cluster, certificates: dict[str, str]) -> None:
    address = cluster.scheduler.replace("tcp://", "tls://")
    cluster.start_scheduler("--host", address.rpartition(":")[0], "--port", "8786", **certificates)
    cluster.start_worker("one", "one", scheduler=address, **certificates)
    status, output = cluster.run(*GRID, scheduler=address, **certificates)
    assert status == 0, output
    for wrong in (address, cluster.scheduler):  # without certificates
        status, output = cluster.run(*GRID, "--steps", "21", scheduler=wrong)
        assert status == 2 and "Traceback" not in output, output
        assert output.splitlines()[-1].startswith(f"error: no Dask scheduler answers at {wrong}")
    assert len(cluster.bench().results()) == 2


@pytest.mark.brief
def test_a_password_is_found_in_the_environment_alone(cluster: Cluster) -> None:
    cluster.start_scheduler("--host", cluster.hosts["head"].address, "--dashboard-address", ":8787")
    cluster.start_worker("one", "one")
    process = cluster.start(*GRID)
    cluster.wait_until_begun()
    assert not [words for words in arguments() if PASSWORD in words]
    dashboard = f"http://{cluster.hosts['head'].address}:8787"
    for page in ("info/main/workers.html", "info/main/logs.html", "json/identity.json"):
        assert PASSWORD not in shown(f"{dashboard}/{page}")
    status, output = cluster.finish(process)
    assert status == 0, output
    found = [
        file
        for file in cluster.folder.rglob("*")
        if file.is_file() and file.name != "auth.ini" and PASSWORD.encode() in file.read_bytes()
    ]
    assert not found
    bench = cluster.bench()
    for run in [*bench.runs(), *bench.runs("invocation")]:
        assert PASSWORD not in str(run.to_dictionary())


def shown(page: str) -> str:
    """The text of a page of the dashboard, which fails until a worker has reported itself."""

    def text() -> str:
        answer = requests.get(page, timeout=60)
        return answer.text if answer.ok else ""

    return str(wait_for(text))


def arguments() -> list[str]:
    """Command lines of all processes."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_text())
        except OSError:
            continue
    return found


def test_a_password_in_an_address_is_refused(cluster: Cluster) -> None:
    address = cluster.tracking.replace("http://", f"http://admin:{PASSWORD}@")
    status, output = cluster.run(*GRID, "--tracking", address)
    assert status == 2
    assert "MLFLOW_TRACKING_PASSWORD" in output.splitlines()[-1]
    assert PASSWORD not in output
