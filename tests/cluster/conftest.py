"""A Slurm for all tests of this folder, and the runs that they look at."""

import fcntl
import shutil
import tempfile
from pathlib import Path

import pytest

from cluster.local_slurm import PREFIX, LocalSlurm, reason_against


@pytest.fixture(scope="session")
def slurm():
    """A running Slurm; where there can be none, tests are skipped and say why."""
    if reason := reason_against():
        pytest.skip(reason)
    with Path("/tmp/isoprune-slurm.lock").open("w") as lock:  # /etc/slurm can point to one only
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        local = LocalSlurm(folder)
        try:
            local.start()
            yield local
        finally:
            local.stop()
            shutil.rmtree(folder)
