"""Time and memory of planning a large study: a dry run of 100 subjects × 20 areas × 3 networks.

    python benchmarks/dry_run.py
    python benchmarks/dry_run.py --subjects 30 --areas 10 --prune subject

`--prune` is the setting `jobs.prune`.

A study of empty files is made in a temporary folder and planned in a process of its own: nothing is computed. Printed
are the number of jobs, seconds, and the most memory that Snakemake held.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from measuring import write

ROOT = Path(__file__).parents[1]
MOST = {"seconds": 30, "memory_mb": 1000}
"""What a dry run of the default size may take."""


def make_study(
    folder: Path, n_subjects: int, n_areas: int, n_networks: int, n_images: int, prune: str
) -> None:
    """Write the settings of a study of fMRI, and empty files in place of its data."""
    subjects = [f"{number:03d}" for number in range(1, n_subjects + 1)]
    areas = [f"area{number:02d}" for number in range(1, n_areas + 1)]
    networks = [f"network{number}" for number in range(1, n_networks + 1)]
    runs = ["1", "2", "3", "4"]
    rows = "".join(f"image{number:03d}\n" for number in range(n_images))
    (folder / "stimuli.tsv").write_text(f"stimulus\n{rows}")
    for network in networks:
        (folder / f"{network}.npz").touch()
    for subject in subjects:
        (folder / f"sub-{subject}").mkdir()
        names = [f"roi-{area}_mask.nii.gz" for area in areas]
        names += [f"run-{run}_{what}" for run in runs for what in ("betas.nii.gz", "conditions.tsv")]
        for name in names:
            (folder / f"sub-{subject}" / f"sub-{subject}_{name}").touch()
    start = "sub-{subject}/sub-{subject}_"
    settings = {
        "study": "large",
        "stimuli": {"table": "stimuli.tsv"},
        "subjects": subjects,
        "networks": [{"name": name, "file": f"{name}.npz"} for name in networks],
        "targets": [{"name": area, "mask": f"{start}roi-{area}_mask.nii.gz"} for area in areas],
        "betas": {
            "images": f"{start}run-{{run}}_betas.nii.gz",
            "conditions": f"{start}run-{{run}}_conditions.tsv",
            "runs": runs,
        },
        "jobs": {"prune": prune},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(settings))


def planned(folder: Path, *options: str) -> dict[str, float]:
    """Plan the study; the number of jobs, seconds, and memory in MB."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--configfile", "study.yaml", "--dry-run", "--quiet", "rules", *options]
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    seconds = time.perf_counter() - started
    found = re.search(r"^total +(\d+)", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        raise SystemExit(done.stdout[-3000:])
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    return {"jobs": int(found[1]), "seconds": round(seconds, 1), "memory_mb": round(memory)}


def main() -> None:
    """Measure, print, and write to benchmarks/out/dry_run.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, number in (("subjects", 100), ("areas", 20), ("networks", 3), ("images", 100)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--prune", choices=("unit", "subject"), default="unit")
    options = parser.parse_args()
    size = vars(options)
    with tempfile.TemporaryDirectory() as folder:
        make_study(Path(folder), *size.values())
        found = planned(Path(folder))
    write("dry_run", {"size": size, "most": MOST, **found})
    print(
        f"{options.subjects} subjects × {options.areas} areas × {options.networks} networks: {found['jobs']} jobs, "
        f"planned in {found['seconds']} s with {found['memory_mb']} MB"
    )


if __name__ == "__main__":
    main()
