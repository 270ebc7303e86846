"""Betas of single trials, stored session by session as scaled integers, as the Natural Scenes Dataset does."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from isoprune.errors import BetasError
from isoprune.io.betas.arrays import HDF5_SUFFIXES, array_volumes
from isoprune.io.betas.images import nifti_volumes
from isoprune.io.betas.runs import Settings, assembled, filled, planned_files, planned_runs, required
from isoprune.io.betas.volumes import Read, Volumes, joined, volumes_a_chunk
from isoprune.io.volumes import BetaRun

KEY = "betas"


def nsd_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """Images, tables of trials and, if it is set, the reference image of a subject."""
    files = planned_files(settings, subject, root)
    if settings.get("reference") is not None:
        files.append(filled(settings["reference"], root, subject=subject))
    return files


def nsd_runs(settings: Settings, subject: str, root: Path) -> list[BetaRun]:
    """Sessions of a subject, each a run whose conditions are the images of its trials.

    Values are divided by `divisor` (300 for NSD's int16). With `zscore`, each voxel is then standardised
    over all trials of the session (standard deviation of the population); a voxel that has one value in all
    of them is NaN. Repeats of an image stay trials of their own, and are counted in the notes.

    Raises
    ------
    BetasError
        If the file carries a scale of its own as well as `divisor`, or does not fit its table.
    MissingFileError, UnreadableFileError, LabelError, GridError, UnknownNameError
        If images and tables are not there, damaged, or do not belong together.
    """
    divisor = float(required(settings, "divisor"))

    def open_scaled(paths: tuple[Path, ...]) -> Volumes:
        return _divided(joined([_open(path, settings, subject, root) for path in paths]), divisor)

    sessions = [assembled(plan, open_scaled) for plan in planned_runs(settings, subject, root)]
    sessions = [_with_repeats_counted(session) for session in sessions]
    return [_standardised(session) for session in sessions] if settings.get("zscore") else sessions


def _open(path: Path, settings: Settings, subject: str, root: Path) -> Volumes:
    if path.suffix.lower() not in HDF5_SUFFIXES:
        return nifti_volumes(path)
    reference = filled(required(settings, "reference"), root, subject=subject)
    return array_volumes(path, reference, settings.get("key") or KEY)


def _divided(volumes: Volumes, divisor: float) -> Volumes:
    if divisor == 1:
        return volumes
    if volumes.is_scaled:
        raise BetasError(
            str(volumes.files[0]),
            f"the image's header scales its values, and `betas.divisor` is {divisor:g} besides",
            "one scale",
            "Set `betas.divisor: 1`: the header's scale is always applied.",
        )
    return replace(volumes, read=lambda start, stop: volumes.read(start, stop) / divisor)


def _with_repeats_counted(session: BetaRun) -> BetaRun:
    counts = Counter(session.conditions)
    n_repeated, most = sum(count > 1 for count in counts.values()), max(counts.values(), default=0)
    note = f"{len(session.conditions)} trials of {len(counts)} images, {n_repeated} of them repeated"
    return replace(session, notes=(*session.notes, f"{note} (at most {most} times)" if n_repeated else note))


def _standardised(session: BetaRun) -> BetaRun:
    n_trials = len(session.conditions)
    if n_trials < 2:
        raise BetasError(
            str(session.files[0]),
            f"session '{session.label}' has {n_trials} trial(s)",
            "at least two, over which a voxel can be standardised",
            "Set `betas.zscore: false`, or leave the session out by `betas.runs`.",
        )
    read = _StandardisedVolumes(session.read, n_trials, volumes_a_chunk(session.grid))
    return replace(
        session, read=read, notes=(*session.notes, f"voxels z-scored over the session's {n_trials} trials")
    )


class _StandardisedVolumes:
    """Volumes less each voxel's mean over all of them, in units of its standard deviation."""

    def __init__(self, read: Read, n_volumes: int, n_at_a_time: int):
        self._read, self._n_volumes, self._n_at_a_time = read, n_volumes, n_at_a_time

    def __call__(self, start: int, stop: int) -> np.ndarray:
        mean, deviation = self._moments
        return (self._read(start, stop) - mean) / deviation

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        starts = range(0, self._n_volumes, self._n_at_a_time)
        chunks = [(start, min(start + self._n_at_a_time, self._n_volumes)) for start in starts]
        mean, lowest, highest = np.zeros(()), np.array(np.inf), np.array(-np.inf)
        for chunk in chunks:
            values = self._read(*chunk)
            mean = mean + values.sum(axis=0) / self._n_volumes
            lowest = np.minimum(lowest, values.min(axis=0))
            highest = np.maximum(highest, values.max(axis=0))
        # A second pass, since the difference of two large sums would lose the digits of small deviations.
        variance = sum(((self._read(*chunk) - mean) ** 2).sum(axis=0) for chunk in chunks) / self._n_volumes
        return mean, np.sqrt(np.where(highest > lowest, variance, np.nan))
