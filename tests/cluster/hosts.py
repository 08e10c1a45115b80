"""Hosts on one machine: namespaces with a name, an address, folders and an environment each.

They share processors, kernel and packages, but each sees only its own checkout and data: folders of
the others are hidden by mounts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.harness import end_group

ROOT = Path(__file__).parents[2]
# begins a program: the host's name; pairs of what is mounted where; --; the command
BEGIN = """
echo "$1" > /proc/sys/kernel/hostname; shift
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift
exec "$@"
"""


def why_not() -> str:
    """Why there can be no such hosts here; "" if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "no program ip here: Debian's package is iproute2"
    made = subprocess.run(["ip", "netns", "add", f"sk{os.getpid()}"], capture_output=True)
    if made.returncode:
        return "this machine allows no network namespaces"
    _ip("netns", "delete", f"sk{os.getpid()}")
    return ""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Host:
    """One host; what runs on it ends with the network."""

    name: str
    namespace: str
    link: str  # the end of its cable at the bridge
    address: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    hidden: list[Path] = field(default_factory=list)  # folders of others
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    def start(
        self,
        *command: str,
        mounts: Mapping[Path, Path] | None = None,
        user: str = "",
        log: str = "",
        **environment: str,
    ) -> subprocess.Popen[str]:
        """Start a program; its output goes to a pipe, or to the file `log` in the folder.

        Args:
            mounts: folder or file -> where the host sees it.
        """
        nothing = self.folder / "nothing"
        pairs = [*((nothing, place) for place in self.hidden), *(mounts or {}).items()]
        words = ["ip", "netns", "exec", self.namespace, "unshare", "--uts", "sh", "-ec", BEGIN]
        words += ["sh", self.name, *(str(path) for pair in pairs for path in pair)]
        words += ["--", *(["setpriv", f"--reuid={user}", "--clear-groups"] if user else [])]
        with ExitStack() as opened:
            output = opened.enter_context((self.folder / log).open("a")) if log else subprocess.PIPE
            process = subprocess.Popen(
                [*words, *command],
                cwd=self.checkout if self.checkout.exists() else self.folder,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder / "home"),
                    "TMPDIR": str(self.folder / "tmp"),
                    "SKEWBENCH_CACHE": str(self.folder / "cache"),
                    "MLFLOW_DISABLE_TELEMETRY": "true",
                    "PYTHONPATH": str(self.checkout),
                    **self.environment,
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def python(
        self, *words: str, log: str = "", mounts: Mapping[Path, Path] | None = None, **env: str
    ) -> subprocess.Popen[str]:
        """Start a module of Python."""
        return self.start(sys.executable, "-m", *words, log=log, mounts=mounts, **env)

    def log(self, name: str) -> str:
        """What a program has written to a file."""
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def cut(self) -> None:
        """Pull the cable."""
        _ip("link", "set", self.link, "down")

    def join(self) -> None:
        """Plug it in again."""
        _ip("link", "set", self.link, "up")

    def end(self) -> None:
        """Kill what runs on it."""
        for process in self.processes:
            end_group(process)
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.processes.clear()


@contextmanager
def network(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Host]]:
    """Hosts of these names on one bridge, which this process reaches too."""
    number = os.getpid() % 10000
    subnet = f"10.{200 + number % 50}.{number % 250}"
    bridge = f"sk{number}b"
    hosts = {
        name: Host(name, f"sk{number}-{name}", f"sk{number}v{n}", f"{subnet}.{n}", folder / name)
        for n, name in enumerate(names, 1)
    }
    _ip("link", "add", bridge, "type", "bridge")
    try:
        _ip("address", "add", f"{subnet}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for host in hosts.values():
            for name in ("home", "tmp", "nothing/data", "data"):
                (host.folder / name).mkdir(parents=True)
            (host.folder / "tmp").chmod(0o777)  # the database runs as nobody
            _connect(host, bridge)
        yield hosts
    finally:
        for host in hosts.values():
            host.end()
            subprocess.run(["ip", "netns", "delete", host.namespace], capture_output=True)
        _ip("link", "delete", bridge)


def _connect(host: Host, bridge: str) -> None:
    _ip("netns", "add", host.namespace)
    peer = ["peer", "name", "eth0", "netns", host.namespace]
    _ip("link", "add", host.link, "type", "veth", *peer)
    _ip("link", "set", host.link, "master", bridge, "up")
    _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
    for link in ("eth0", "lo"):
        _ip("-n", host.namespace, "link", "set", link, "up")


def check_out(host: Host) -> None:
    """Give a host a checkout, with the toy task and strategies that misbehave.

    With UNTRAINED in the environment, predictions are made up.
    """
    for name in ("benchmark", "tasks", "strategies", "studies"):
        shutil.copytree(ROOT / name, host.checkout / name)
    shutil.copy(ROOT / "tasks" / "_template.py", host.checkout / "tasks" / "toy.py")
    shutil.copy(ROOT / "tests" / "faults" / "mischief.py", host.checkout / "strategies")
    training = host.checkout / "benchmark" / "training"
    with (training / "fit.py").open("a") as fit:
        fit.write((ROOT / "tests" / "cluster" / "untrained.py").read_text().partition('"""\n\n')[2])
    device = (training / "device.py").read_text()
    first = "    load()\n    import keras\n"
    assert device.count(first) == 1
    untrained = '    if os.environ.get("UNTRAINED"):\n        return\n'
    (training / "device.py").write_text(device.replace(first, untrained + first))
