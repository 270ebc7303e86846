"""Betas of GLMsingle: one array of single-trial betas (`betasmd`) and its table of trials."""

from __future__ import annotations

from pathlib import Path

from isoprune.io.betas.arrays import array_volumes
from isoprune.io.betas.runs import Settings, assembled, filled, planned_files, planned_runs, required
from isoprune.io.betas.volumes import Volumes, joined
from isoprune.io.volumes import BetaRun

KEY = "betasmd"


def glmsingle_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """Arrays, tables of trials, and the reference image of a subject."""
    return [*planned_files(settings, subject, root), _reference(settings, subject, root)]


def glmsingle_runs(settings: Settings, subject: str, root: Path) -> list[BetaRun]:
    """Runs of a subject from GLMsingle's output.

    `images` is the array (``.npy``, or HDF5 with `key`), one a subject or, with ``{run}``, one a run or
    session; `conditions` has a row a trial, and its column `run_column` says which run the trial is of;
    `reference` is a NIfTI image on whose grid GLMsingle was run.

    Raises
    ------
    MissingFileError, UnreadableFileError, BetasError, LabelError, GridError, UnknownNameError
        If array and tables are not there, damaged, pickled, without the key, or do not belong together.
    """
    reference = _reference(settings, subject, root)
    key = settings.get("key") or KEY

    def open_arrays(paths: tuple[Path, ...]) -> Volumes:
        return joined([array_volumes(path, reference, key) for path in paths])

    return [assembled(plan, open_arrays) for plan in planned_runs(settings, subject, root)]


def _reference(settings: Settings, subject: str, root: Path) -> Path:
    return filled(required(settings, "reference"), root, subject=subject)
