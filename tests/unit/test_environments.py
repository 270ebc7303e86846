"""The pinned requirements, the conda environment and the package's own dependencies name the same things."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "envs" / "requirements.txt"


def pins(path):
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def names(requirements):
    return {re.split(r"[\[<>=! ]", requirement)[0].lower() for requirement in requirements}


@pytest.fixture
def conda():
    return yaml.safe_load((ROOT / "envs" / "isoprune.yaml").read_text(encoding="utf-8"))


def test_conda_environment_has_the_pinned_versions_in_the_same_order(conda):
    (pip,) = [entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)]
    assert pip == pins(REQUIREMENTS)


def test_conda_environment_has_a_python_that_the_package_allows(conda):
    (python,) = [entry for entry in conda["dependencies"] if str(entry).startswith("python=")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={python.removeprefix('python=')}"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly_and_once(file):
    lines = pins(ROOT / "envs" / file)
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line)] == []
    assert len(names(lines)) == len(lines)


def test_every_dependency_of_the_package_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    assert names(wanted) - names(pins(REQUIREMENTS)) - {"isoprune"} == set()
