"""What the jobs of finished studies took: time, memory and GPU memory of each rule, beside the size of the study.

    python benchmarks/sizing_table.py results/demo results/cichy92

Read from the benchmark files and logs of the studies' own jobs, and printed as a Markdown table. Time is that of the
processor, so that what else a machine did changes it little. Each number is that of the job that took most.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a table; none where the study has no such table."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def size_of(study: Path) -> str:
    """Images, features and voxels of a study, the largest network and area of it."""
    import h5py

    features = [0]
    for path in (study / "embeddings").glob("*.h5"):
        with h5py.File(path) as file:
            features.append(file["measurements"].shape[1])
    voxels = [
        int(float(row["n_voxels"])) for row in rows_of(study / "qc/voxels.tsv") if row["n_voxels"] != "n/a"
    ]
    sizes = (len(rows_of(study / "stimuli.tsv")), max(features), max(voxels, default=0))
    return " | ".join(str(size) if size else "–" for size in sizes)


def gpu_memory(logs: Path) -> str:
    """The most GPU memory that a log tells of, in MB."""
    texts = [
        path.read_text(encoding="utf-8")
        for path in logs.parent.rglob("*.log")
        if logs.name in (*path.parts, path.stem)
    ]
    found = [int(number) for text in texts for number in re.findall(r"GPU memory: at most (\d+) MB", text)]
    return str(max(found)) if found else "–"


def numbers(jobs: list[dict[str, str]], column: str) -> list[float]:
    """A column of benchmark files; jobs that were too short to be measured leave it out."""
    return [float(job[column]) for job in jobs if job[column] not in ("NA", "-")]


def table(studies: list[Path]) -> list[str]:
    """The table, a row a rule × study."""
    columns = [
        "rule",
        "study",
        "images",
        "features",
        "voxels",
        "jobs",
        "CPU time (s)",
        "memory (MB)",
        "GPU memory (MB)",
    ]
    made = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for study in studies:
        by_rule: dict[str, list[Path]] = {}
        for path in sorted((study / "benchmarks").rglob("*.tsv")):
            rule = path.relative_to(study / "benchmarks").parts[0].removesuffix(".tsv")
            by_rule.setdefault(rule, []).append(path)
        for rule, paths in by_rule.items():
            jobs = [job for path in paths for job in rows_of(path)]
            most = [f"{max(numbers(jobs, column), default=0):.0f}" for column in ("cpu_time", "max_rss")]
            gpu = gpu_memory(study / "logs" / rule)
            made.append(
                f"| {rule} | {study.name} | {size_of(study)} | {len(jobs)} | {' | '.join(most)} | {gpu} |"
            )
    return made


if __name__ == "__main__":
    print("\n".join(table([Path(argument) for argument in sys.argv[1:]])))
