"""Runs of the tiny study."""

import fcntl
import os
import shutil

import pytest

from workflow_study import Study, make_study


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Study:
    """The tiny study after a whole run; tests read it and leave it as it is. Processes that test share it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, printed = shared / "finished", shared / "finished.txt"
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            printed.write_text(make_study(folder).snakemake("--verbose"))
    return Study(folder, first_output=printed.read_text())


@pytest.fixture
def study(finished, tmp_path) -> Study:
    """A copy of the finished study, for a test to change."""
    shutil.copytree(finished.folder, tmp_path / "study")
    return Study(tmp_path / "study")


@pytest.fixture
def fresh(tmp_path) -> Study:
    """The tiny study before any run."""
    return make_study(tmp_path)
