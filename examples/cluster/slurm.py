"""Run a benchmark on workers that SLURM starts, through dask-jobqueue.

From the root of a checkout on a shared file system, on a login node or in a job of its own:

    export MLFLOW_TRACKING_URI=https://mlflow.example.org
    export MLFLOW_TRACKING_USERNAME=me MLFLOW_TRACKING_PASSWORD=...
    uv run --with dask-jobqueue==0.9.0 python examples/cluster/slurm.py run --task insurance

Everything after the name of this file is a command of Skewbench. `sbatch` hands the environment on
to the workers, so no password is in a script. Each worker ends before its walltime does; what it
had not finished is done by the next one. With certificates in Dask's configuration the scheduler
asks for them: on a machine with other users, have some.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dask
from dask_jobqueue import SLURMCluster

ROOT = Path(__file__).parents[2]
WALLTIME_MINUTES = 120
MARGIN_MINUTES = 5  # before the walltime, at which a worker takes no more work
MOST_WORKERS = int(os.environ.get("SKEWBENCH_SLURM_WORKERS", "20"))
# workers keep freed memory for their next step; Dask would have them give it back at once
KEPT_MEMORY = "export MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=33554432"


def main() -> int:
    """Start a cluster that grows with the work, and give the command to it."""
    secured = dask.config.get("distributed.comm.tls.ca-file", None)
    lifetime = f"{WALLTIME_MINUTES - MARGIN_MINUTES}m"
    with SLURMCluster(
        queue=os.environ.get("SLURM_PARTITION"),
        account=os.environ.get("SLURM_ACCOUNT"),
        protocol="tls://" if secured else "tcp://",
        cores=1,
        processes=1,
        memory="4GB",
        walltime=f"{WALLTIME_MINUTES // 60:02}:{WALLTIME_MINUTES % 60:02}:00",
        interface=os.environ.get("SKEWBENCH_INTERFACE"),  # such as ib0
        job_extra_directives=["--export=ALL"],  # with one GPU a worker: "--gres=gpu:1"
        job_script_prologue=[f"cd {ROOT}", f"export PYTHONPATH={ROOT}", KEPT_MEMORY],
        worker_extra_args=["--lifetime", lifetime, "--lifetime-stagger", "2m"],
        python=sys.executable,
    ) as cluster:
        cluster.adapt(minimum_jobs=0, maximum_jobs=MOST_WORKERS)
        words = [sys.executable, "-m", "benchmark", *sys.argv[1:]]
        return subprocess.run(
            [*words, "--scheduler", cluster.scheduler_address], cwd=ROOT
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
