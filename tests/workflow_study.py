"""A tiny study of ready RDMs and a ready embedding, and a way to run the workflow on it."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from examples import random_target, sparse_embedding

ROOT = Path(__file__).parents[1]
SUBJECTS = ["01", "02", "03"]
LABELS = [f"img_{i}" for i in range(15)]  # img_10 sorts before img_2
SHOWN = [
    "dog",
    "cat",
    "wolf",
    "lion",
    "horse",
    "cow",
    "car",
    "bus",
    "train",
    "chair",
    "desk",
    "apple",
    "banana",
    "pear",
]
SYNSETS = [*(f"{noun}.n.01" for noun in SHOWN), "n/a"]


def in_environments() -> dict[str, str]:
    """Variables with which each script sees only the packages of its rule's conda environment."""
    paths = [str(ROOT / "tests" / "environments"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@dataclass
class Study:
    """A study in its own folder."""

    folder: Path
    name: str = "tiny"
    first_output: str = ""  # what its first run printed

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.name

    def command(self, *arguments: str) -> list[str]:
        """What runs the workflow in the study's folder."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
        return [*command, "--configfile", "study.yaml", *arguments]

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Run the workflow; what it printed comes back."""
        here = {"cwd": self.folder, "env": in_environments(), "text": True}
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(self.command(*arguments), check=False, **output, **here)
        assert not check or done.returncode == 0, done.stdout[-6000:]
        assert check or done.returncode != 0, "the run was expected to fail"
        return done.stdout

    def planned(self, *arguments: str) -> list[str]:
        """Messages of the jobs that a run would execute, sorted."""
        lines = self.snakemake("--dry-run", *arguments).splitlines()
        return sorted(found[1] for line in lines if (found := re.fullmatch(r"Job \d+: (.+)", line)))

    def tables(self) -> dict[str, bytes]:
        """Every table of the study and every file of arrays, byte for byte."""
        kinds = (path for path in sorted(self.results.rglob("*")) if path.suffix in (".tsv", ".npz"))
        paths = [path for path in kinds if "benchmarks" not in path.parts]
        return {str(path.relative_to(self.results)): path.read_bytes() for path in paths}

    def read(self) -> dict:
        """The settings in the study's file."""
        return yaml.safe_load((self.folder / "study.yaml").read_text())

    def settings(self, **changes) -> None:
        """Change top-level settings of the study's file."""
        path = self.folder / "study.yaml"
        path.write_text(yaml.safe_dump({**self.read(), **changes}))


def write_rdms(folder: Path, target: str, seed: int, **replaced: int) -> None:
    """All subjects of a target in one file; ``sub_01=7`` gives subject 01 the data of another seed."""
    seeds = [replaced.get(f"sub_{subject}", seed + i) for i, subject in enumerate(SUBJECTS)]
    np.savez(folder / f"{target}.npz", rdms=np.array([random_target(len(LABELS), one) for one in seeds]))


def make_study(folder: Path) -> Study:
    """Write the tiny study: 15 images, 3 subjects, 2 targets, an embedding of 30 features."""
    rows = [f"{label}\t{'ab'[i % 2]}\t{SYNSETS[i]}" for i, label in enumerate(LABELS)]
    (folder / "stimuli.tsv").write_text("\n".join(["stimulus\tcategory\tsynset", *rows]) + "\n")
    np.savez(folder / "features.npz", X=sparse_embedding(15, 30, 0), labels=np.array(LABELS))
    (folder / "order.txt").write_text("\n".join(LABELS) + "\n")
    for seed, target in ((10, "EVC"), (20, "IT")):
        write_rdms(folder, target, seed)
    settings = {
        "study": "tiny",
        "stimuli": {"table": "stimuli.tsv"},
        "subjects": SUBJECTS,
        "networks": [{"name": "mine", "file": "features.npz", "key": "X"}],
        "targets": [
            {"name": target, "rdms": {"file": f"{target}.npz", "labels": "order.txt"}}
            for target in ("EVC", "IT")
        ],
        "supervision": ["own", "group", "loso"],
        "crossvalidation": {"n_splits": 3, "n_repeats": 1, "n_random": 50},
        "inference": {
            "n_permutations": 19,
            "n_permutations_subjects": 9,
            "n_bootstrap": 200,
            "n_bootstrap_images": 100,
        },
        "specificity": {"n_relabelled": 2, "n_variance": 10},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(settings))
    return Study(folder)
