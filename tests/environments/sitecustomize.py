"""Hides from each script of the workflow the packages that the conda environment of its rule does not have.

Python imports this module by itself where the folder is on PYTHONPATH; so every run of a workflow test also tells
whether the environments suffice. What is hidden is what `envs/requirements.txt` names and the environment does not.
"""

import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {"scikit-learn": "sklearn", "scikit-image": "skimage", "pillow": "PIL", "pyyaml": "yaml"}


def packages(file: Path) -> set[str]:
    """Modules of the packages that a list of requirements or a conda environment pins."""
    names = re.findall(r"^[ -]*([A-Za-z0-9_-]+)==", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {MODULES.get(name, name) for name in names}


def environment_of(script: str) -> str:
    """The environment of the rule that runs a script."""
    for rules in (ROOT / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"\n(?= *rule\b)", rules.read_text(encoding="utf-8")):
            if f"scripts/{script}.py" in rule and (named := re.search(r"envs/(\w+)\.yaml", rule)):
                return named[1]
    return "analysis"  # of a rule whose environment the settings decide about


def hide(modules: set[str]) -> None:
    """Make modules look as if they were not installed."""

    class Hiding(PathFinder):
        @classmethod
        def find_spec(cls, name, path=None, target=None):
            """As `PathFinder`, but blind to what is hidden."""
            return None if name in modules else PathFinder.find_spec(name, path, target)

    sys.meta_path[:] = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]


# Snakemake gives a script the name `<random>.<script>.py` in a folder of its own.
found = re.search(r"\.snakemake/scripts/\w+\.(\w+)\.py$", " ".join(sys.orig_argv))
if found:
    here = ROOT / "envs"
    # Snakemake brings itself to its scripts.
    hide(
        packages(here / "requirements.txt")
        - packages(here / f"{environment_of(found[1])}.yaml")
        - {"snakemake"}
    )
