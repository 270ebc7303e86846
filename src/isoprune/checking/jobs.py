"""The jobs that a run would start, counted by Snakemake itself without running one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import isoprune
from isoprune.errors import PlanError

SNAKEFILE = Path(isoprune.__file__).parents[2] / "Snakefile"
"""The workflow, where the library stands in a clone of the project."""


def planned_jobs(config: str | Path, data_dir: str | None = None) -> dict[str, int] | None:
    """Number of jobs of each rule that a run would start now; what is finished is not counted.

    Parameters
    ----------
    config : path
        The study's YAML file.
    data_dir : str, optional
        In place of the setting.

    Returns
    -------
    dict of str to int, or None
        In the order in which Snakemake names them; None where the workflow is not beside the library.

    Raises
    ------
    PlanError
        With Snakemake's own words.
    """
    if not SNAKEFILE.is_file():
        return None
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--configfile", str(config)]
    command += ["--config", f"data_dir={data_dir}"] if data_dir else []
    command += ["--dry-run", "--nolock", "--cores", "1", "--quiet", "rules"]
    # No shell reads the command: a path is one argument, whatever it holds.
    done = subprocess.run(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        # Where in the workflow it stopped helps nobody who reads a setting's error.
        lines = [line.strip() for line in done.stdout.splitlines()]
        said = [line for line in lines if line.strip("^~ ") and not line.startswith("File ")]
        raise PlanError(
            "a dry run of the workflow",
            "; ".join(said[-3:]) or "it stopped",
            "a plan of jobs",
            f"See all of it: snakemake --configfile {config} --dry-run",
        )
    rows = re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE)
    return {name: int(count) for name, count in rows if name not in ("total", "all")}
