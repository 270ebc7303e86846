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


CONDA = ("isoprune", "analysis", "neuroimaging", "torch")


def conda(name):
    return yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text(encoding="utf-8"))


def pip_of(name):
    (pip,) = [entry["pip"] for entry in conda(name)["dependencies"] if isinstance(entry, dict)]
    return pip


@pytest.mark.parametrize("name", CONDA)
def test_conda_environment_has_pinned_versions_in_their_order(name):
    assert pip_of(name) == [pin for pin in pins(REQUIREMENTS) if pin in pip_of(name)]
    (python,) = [entry for entry in conda(name)["dependencies"] if str(entry).startswith("python=")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={python.removeprefix('python=')}"


def test_conda_environments_together_have_everything_and_heavy_packages_only_where_they_are_needed():
    assert pip_of("isoprune") == pins(REQUIREMENTS)
    light, neuroimaging, torch = (names(pip_of(name)) for name in ("analysis", "neuroimaging", "torch"))
    assert neuroimaging - light == {"nibabel", "nilearn"} and light <= neuroimaging
    assert torch - light == {"torch", "torchvision"} and light <= torch


def test_every_rule_names_an_environment_that_is_there():
    rules = [path.read_text(encoding="utf-8") for path in (ROOT / "workflow" / "rules").glob("*.smk")]
    named = {name for text in rules for name in re.findall(r"envs/(\w+)\.yaml", text)}
    assert named == {"analysis", "neuroimaging", "torch"}


def test_both_container_recipes_take_the_same_steps_from_the_same_image():
    docker = (ROOT / "envs" / "Containerfile").read_text(encoding="utf-8")
    apptainer = (ROOT / "envs" / "isoprune.def").read_text(encoding="utf-8")
    assert re.findall(r"^FROM (.+)$", docker, re.M) == re.findall(r"^From: (.+)$", apptainer, re.M)
    steps = [line.strip() for line in apptainer.split("%post\n")[1].splitlines()]
    assert steps == re.findall(r"^RUN (.+)$", docker, re.M)
    (python,) = re.findall(r"python:(\d+\.\d+)", docker)
    assert f"python={python}" in conda("isoprune")["dependencies"]
    for file in re.findall(r"/opt/isoprune/(envs/\S+)", docker):
        assert (ROOT / file).is_file()


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
