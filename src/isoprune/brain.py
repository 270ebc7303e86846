"""One subject's brain, from betas and regions to RDMs and their quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.errors import NoRegionError
from isoprune.extraction import extract_patterns, roles_of_runs
from isoprune.io.betas import beta_runs
from isoprune.io.betas.volumes import volumes_a_chunk
from isoprune.io.regions import regions_of
from isoprune.io.volumes import BetaRun, Grid, Region
from isoprune.labelled import RDM, Patterns
from isoprune.quality import reliability_table, voxel_table
from isoprune.rdms import rdm_from_patterns
from isoprune.region_values import check_grid_of_run
from isoprune.voxel_matching import VoxelMatching, match_voxels
from isoprune.voxels import VoxelSelection

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SubjectBrain:
    """What the betas of one subject give, by region.

    Attributes
    ----------
    patterns : dict of str to Patterns
    rdms : dict of str to RDM
    voxels, reliability : DataFrame
        Columns as `isoprune.quality.VOXEL_COLUMNS` and `RELIABILITY_COLUMNS`.
    notes : tuple of str
        What was left out of the betas, in words.
    """

    patterns: dict[str, Patterns]
    rdms: dict[str, RDM]
    voxels: pd.DataFrame
    reliability: pd.DataFrame
    notes: tuple[str, ...]


def subject_brain(
    subject: str,
    stimuli: Sequence[str],
    definitions: Mapping[str, Mapping[str, Any]],
    *,
    betas: Mapping[str, Any],
    roi: Mapping[str, Any],
    rdm: Mapping[str, Any],
    root: str | Path,
    fitted: str | Path,
    seed: int = 0,
) -> SubjectBrain:
    """Read one subject's betas and compute the RDM of each region.

    Parameters
    ----------
    subject : str
    stimuli : sequence of str
        Labels of the study's stimuli, in the order of its table.
    definitions : dict of str to mapping
        Definition of each region, as `isoprune.io.regions.region` takes it.
    betas, roi, rdm : mapping
        These blocks of the study's settings.
    root : path
        Folder that data paths are relative to.
    fitted : path
        Folder of betas that were fitted to raw BOLD (format ``bold``).
    seed : int
        Of the voxels that are drawn where regions are matched.

    Returns
    -------
    SubjectBrain

    Raises
    ------
    IsopruneError
        If files are missing or damaged, grids differ, or an area has too few voxels.
    """
    runs = beta_runs(betas, subject, fitted if betas["format"] == "bold" else root)
    regions, lacking = regions_of(definitions, subject, root, runs[0].grid, resample=roi["resample"])
    for name, reason in lacking.items():
        raise NoRegionError(
            f"target '{name}' of subject '{subject}'",
            reason,
            "a region in every subject of the target",
            "List the subjects who have it by the target's `subjects`.",
        )
    labels = _labels(stimuli, runs, betas)
    selection, localiser = _selection(roi["select_voxels"], subject, root)
    patterns = extract_patterns(
        runs,
        regions,
        labels=labels,
        subject=subject,
        min_voxels=roi["min_voxels"],
        selection=selection,
        localiser=localiser,
        # Distances need them for their noise precision, and tSNR where they were fitted here anyway.
        residuals=rdm["measure"] in ("mahalanobis", "crossnobis") or betas["format"] == "bold",
    )
    if roi["match_voxels"] is not None:
        patterns = match_voxels(patterns, VoxelMatching(roi["match_voxels"], roi["match_draw"], seed))
    rdms = {
        name: rdm_from_patterns(one, labels, target=name, subject=subject, provenance=one.provenance, **rdm)
        for name, one in patterns.items()
    }
    return SubjectBrain(
        patterns,
        rdms,
        voxel_table(patterns, list(definitions), subject),
        reliability_table(patterns, rdms, **rdm),
        tuple(dict.fromkeys(note for run in runs for note in run.notes)),
    )


def checked_runs(
    subject: str,
    stimuli: Sequence[str],
    *,
    betas: Mapping[str, Any],
    roi: Mapping[str, Any],
    root: str | Path,
) -> tuple[list[BetaRun], list[str]]:
    """The runs of a subject and the labels of the stimuli they show, as `subject_brain` takes them; no volume is read.

    Parameters
    ----------
    subject, stimuli, betas, roi, root
        As for ``subject_brain``.

    Returns
    -------
    runs : list of BetaRun
    labels : list of str

    Raises
    ------
    IsopruneError
        If files are missing or damaged, conditions and stimuli do not join, or runs are of different grids.
    """
    runs = beta_runs(betas, subject, root)
    labels = _labels(stimuli, runs, betas)
    selection, localiser = _selection(roi["select_voxels"], subject, root)
    roles_of_runs(runs, localiser, selection, labels, subject)
    for run in (*runs, *localiser):
        check_grid_of_run(run, runs[0].grid, f"subject '{subject}'")
    return runs, labels


def _labels(stimuli: Sequence[str], runs: Sequence[BetaRun], betas: Mapping[str, Any]) -> list[str]:
    """The stimuli that the subject saw, in the order of the study; all, where everybody saw the same."""
    if betas["stimuli"] != "per-subject":
        return list(stimuli)
    seen = {condition for run in runs for condition in run.conditions}
    return [label for label in stimuli if label in seen]


def _selection(
    settings: Mapping[str, Any] | None, subject: str, root: str | Path
) -> tuple[VoxelSelection | None, Sequence[BetaRun]]:
    if settings is None:
        return None, ()
    chosen = VoxelSelection(settings["keep"], settings["source"], tuple(settings["runs"] or ()))
    localiser = settings["localiser"]
    return chosen, beta_runs(localiser, subject, root) if localiser else ()


@dataclass(frozen=True)
class Anatomy:
    """Where the regions of one subject lie.

    Attributes
    ----------
    image : ndarray of shape grid.shape
        What the regions are drawn on; NaN where nothing was measured.
    about : str
        What the image shows.
    grid : Grid
    regions : dict of str to Region
    """

    image: np.ndarray
    about: str
    grid: Grid
    regions: dict[str, Region]


def subject_anatomy(
    subject: str,
    definitions: Mapping[str, Mapping[str, Any]],
    *,
    betas: Mapping[str, Any],
    roi: Mapping[str, Any],
    root: str | Path,
    fitted: str | Path,
) -> Anatomy:
    """A subject's regions, and an image of the same grid to draw them on.

    Parameters
    ----------
    subject, definitions, betas, roi, root, fitted
        As for ``subject_brain``.

    Returns
    -------
    Anatomy
        With the mean of the measured signal, where the betas come with one, else the mean of their magnitude.

    Raises
    ------
    IsopruneError
        If files are missing or damaged, or grids differ.
    """
    runs = beta_runs(betas, subject, fitted if betas["format"] == "bold" else root)
    regions, _ = regions_of(
        definitions, subject, root, runs[0].grid, resample=roi["resample"], missing=roi["missing"]
    )
    image, about = mean_image(runs[0])
    return Anatomy(image, about, runs[0].grid, regions)


def mean_image(run: BetaRun) -> tuple[np.ndarray, str]:
    """An image in which a brain can be recognised, and what it shows.

    Parameters
    ----------
    run : BetaRun

    Returns
    -------
    image : ndarray of shape run.grid.shape
        Mean of the measured signal; without it, mean of the betas' magnitude over volumes, NaN where none is finite.
    about : str
    """
    if run.mean is not None:
        return run.mean(), f"Mean of the measured signal, run {run.label}"
    total, count = np.zeros(run.grid.shape), np.zeros(run.grid.shape)
    step = volumes_a_chunk(run.grid)
    for start in range(0, len(run.conditions), step):
        values = np.abs(run.read(start, min(start + step, len(run.conditions))))
        total += np.nansum(values, axis=0)
        count += np.isfinite(values).sum(axis=0)
    image = np.divide(total, count, out=np.full(run.grid.shape, np.nan), where=count > 0)
    return image, f"Mean magnitude of {len(run.conditions)} betas, run {run.label}"
