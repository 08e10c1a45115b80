"""The example for SLURM, with an `sbatch` that runs its script at once on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.harness import end_group
from tests.faults.servers import Server, serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SBATCH = """#!/bin/sh
for script; do :; done
cp "$script" {folder}/script.$$
setsid bash {folder}/script.$$ > {folder}/job.$$ 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = '#!/bin/sh\nfor job; do kill -- "-$job" 2> /dev/null; done; true\n'


def test_workers_that_slurm_starts_are_examined_and_used(tmp_path: Path, full: bool) -> None:
    if not full:
        pytest.skip("takes minutes: with --full-faults")
    for name, text in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        (tmp_path / name).write_text(text.format(folder=tmp_path) if "{" in text else text)
        (tmp_path / name).chmod(0o755)
    command = [sys.executable, str(ROOT / "examples" / "cluster" / "slurm.py"), "run"]
    command += ["--task", "insurance", "--data", "synthetic", "--strategies", "none"]
    command += ["--seeds", "1", "--steps", "20"]
    with serving(Server(tmp_path, f"sqlite:///{tmp_path}/mlflow.db")) as server:
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "MLFLOW_TRACKING_URI": server.uri,
            "MLFLOW_TRACKING_PASSWORD": "a-password-of-no-server",
            "SKEWBENCH_INTERFACE": "lo",
            "SKEWBENCH_SLURM_WORKERS": "1",
        }
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=600)
        finally:
            end_group(process)
    assert process.returncode == 0, output
    assert "worker SLURMCluster-0 (" in output and "planned 1 = finished 1" in output
    [script] = tmp_path.glob("script.*")
    text = script.read_text()
    assert "#SBATCH -t 02:00:00" in text and "--lifetime 115m" in text
    assert "a-password" not in text
