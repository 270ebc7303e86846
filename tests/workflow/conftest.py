"""Runs of the tiny study."""

import shutil

import pytest

from workflow_study import Study, make_study


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Study:
    """The tiny study after a whole run; tests read it and leave it as it is."""
    study = make_study(tmp_path_factory.mktemp("finished"))
    study.first_output = study.snakemake("--verbose")
    return study


@pytest.fixture
def study(finished, tmp_path) -> Study:
    """A copy of the finished study, for a test to change."""
    shutil.copytree(finished.folder, tmp_path / "study")
    return Study(tmp_path / "study")


@pytest.fixture
def fresh(tmp_path) -> Study:
    """The tiny study before any run."""
    return make_study(tmp_path)
