"""The checkout as it is sent to workers that have none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pytest

from benchmark.protocol import fingerprint
from benchmark.protocol.errors import UserError
from benchmark.workflows.execution import shipping

SETUP = """
import pickle, sys, types
from pathlib import Path
pickle.load(open("plugin", "rb")).setup(types.SimpleNamespace(local_directory="."))
from benchmark.protocol import fingerprint, registry
print(fingerprint.fingerprint(["benchmark.training.fit", "tasks.insurance"]))
print(len(registry.tasks()), Path(registry.__file__).is_relative_to(Path.cwd()))
"""


class FakeClient:
    """Keeps the plugin, as Dask would send it."""

    def register_plugin(self, plugin: Any, name: str) -> None:
        self.content = cloudpickle.dumps(plugin)


def test_a_process_without_skewbench_gets_the_same_code(tmp_path: Path) -> None:
    client = FakeClient()
    shipping.ship(client, "x")  # type: ignore[arg-type]
    assert len(client.content) < 1_000_000
    (tmp_path / "plugin").write_bytes(client.content)
    ran = subprocess.run(
        [sys.executable, "-P", "-c", SETUP], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    code, facts = ran.stdout.splitlines()
    assert code == fingerprint.fingerprint(["benchmark.training.fit", "tasks.insurance"])
    assert facts.endswith("True")


def test_equal_code_is_an_equal_archive() -> None:
    assert shipping.pack() == shipping.pack()


def test_code_that_is_damaged_on_its_way_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = FakeClient()
    content = shipping.pack()
    monkeypatch.setattr(shipping, "pack", lambda: content)
    shipping.ship(client, "x")  # type: ignore[arg-type]
    plugin = cloudpickle.loads(client.content.replace(content[100:120], bytes(20)))
    with pytest.raises(ValueError, match="damaged on its way"):
        plugin.setup(SimpleNamespace(local_directory=str(tmp_path)))
    assert not list(tmp_path.iterdir())


def test_a_worker_that_cannot_take_it_is_one_line() -> None:
    class Refusing:
        def register_plugin(self, plugin: Any, name: str) -> None:
            raise OSError("no space left on device")

    with pytest.raises(UserError, match=r"the code could not be sent.*no space left"):
        shipping.ship(Refusing(), "x")  # type: ignore[arg-type]
