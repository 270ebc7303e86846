"""One subject's brain, from betas and regions to RDMs and their quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoprune.errors import NoRegionError
from isoprune.io.betas import beta_runs
from isoprune.io.regions import regions_of
from isoprune.io.volumes import BetaRun
from isoprune.labelled import RDM, Patterns
from isoprune.patterns import extract_patterns
from isoprune.quality import reliability_table, voxel_table
from isoprune.rdms import rdm_from_patterns
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
    labels = _seen(stimuli, runs) if betas["stimuli"] == "per-subject" else list(stimuli)
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


def _seen(stimuli: Sequence[str], runs: Sequence[BetaRun]) -> list[str]:
    """The stimuli that the subject saw, in the order of the study."""
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
