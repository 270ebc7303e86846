"""Betas in NIfTI: an image a run, an image a subject with all its runs, or an image a condition."""

from __future__ import annotations

from pathlib import Path

from isoprune.io.betas.images import nifti_volumes
from isoprune.io.betas.runs import Settings, assembled, planned_files, planned_runs
from isoprune.io.betas.volumes import Volumes, joined
from isoprune.io.volumes import BetaRun


def nifti_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """Images and tables of a subject."""
    return planned_files(settings, subject, root)


def nifti_runs(settings: Settings, subject: str, root: Path) -> list[BetaRun]:
    """Runs of a subject from NIfTI images.

    `images` with ``{run}`` is an image a run; without it the table's column `run_column` says which run
    each volume is of, and one that is absent means a single run. With ``{condition}`` there is an image a
    condition: those that `conditions` or `volumes` name, else all that there are, sorted as people count.

    Raises
    ------
    MissingFileError, UnreadableFileError, BetasError, LabelError, GridError, UnknownNameError
        If images and tables are not there, damaged, or do not belong together.
    """
    return [assembled(plan, open_nifti) for plan in planned_runs(settings, subject, root)]


def open_nifti(paths: tuple[Path, ...]) -> Volumes:
    """Images joined along their volumes."""
    return joined([nifti_volumes(path) for path in paths])
