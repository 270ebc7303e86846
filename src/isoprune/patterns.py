"""Activity patterns: from beta images and masks to labelled matrices of observations × voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isoprune.errors import BetasError, LabelError, RoiError
from isoprune.io.betas import read_betas, read_conditions, read_grid
from isoprune.io.masks import grid_error, on_grid, read_mask_on_grid
from isoprune.labelled import Patterns
from isoprune.labels import check_labels, listing, nearest, positions
from isoprune.provenance import record, sha256_of_file

if TYPE_CHECKING:
    from nilearn.maskers import NiftiMasker

Run = tuple[str | Path, str | Path]


def extract_patterns(
    runs: Sequence[Run],
    masks: Mapping[str, str | Path],
    *,
    labels: Sequence[str],
    subject: str,
    resample: str | None = None,
    min_voxels: int = 10,
) -> dict[str, Patterns]:
    """Patterns of one subject in several regions, each betas file being read once.

    A voxel is dropped, and counted, if any of its values is not finite, or if it has one value in all
    volumes of a run (or of all runs together): it lies outside of what was measured.

    Parameters
    ----------
    runs : sequence of (path, path)
        For each run the 4-D image of betas and its table of conditions.
    masks : dict of str to path
        Mask image of each region, in the space of the betas (voxel order does not matter).
    labels : sequence of str
        Stimulus labels; each must occur as a condition in some run, and no other may.
    subject : str
        Whose betas they are.
    resample : {None, 'nearest'}
        What to do with a mask of another grid: refuse, or take the nearest voxel.
    min_voxels : int, default 10
        A region with fewer usable voxels is refused.

    Returns
    -------
    dict of str to Patterns
        By region; rows in the order of the runs and of the volumes within them. ``counts`` has
        ``n_voxels_in_mask`` (as stored), ``n_voxels_on_grid`` (on the betas' grid),
        ``n_dropped_non_finite``, ``n_dropped_constant`` and ``n_voxels`` (kept).

    Raises
    ------
    MissingFileError, UnreadableFileError
        If a file is not there, truncated or damaged.
    BetasError
        If an image and its table do not belong together, or there is no run.
    LabelError
        If a condition is no stimulus, or a stimulus is no condition of any run.
    GridError
        If a mask, or a run, is of another grid than the first run.
    RoiError
        If there is no mask, a mask is empty, or too few voxels are usable.
    """
    labels = check_labels(labels, "the stimulus labels")
    _check_any(runs, masks, subject)
    conditions = [tuple(read_conditions(table)["condition"]) for _, table in runs]
    _check_conditions(conditions, runs, labels, subject)
    shape, affine = read_grid(runs[0][0])
    regions = {roi: read_mask_on_grid(path, shape, affine, resample=resample) for roi, path in masks.items()}
    in_any = np.any([inside for inside, _ in regions.values()], axis=0)
    masker = _fitted_masker(in_any, affine)
    read = [
        _read_voxels(path, len(names), in_any, masker)
        for (path, _), names in zip(runs, conditions, strict=True)
    ]
    usable = _usable([values for values, _ in read], [finite for _, finite in read])
    values = np.concatenate([values for values, _ in read])
    row_conditions = tuple(name for names in conditions for name in names)
    row_runs = tuple(run for run, names in enumerate(conditions, start=1) for _ in names)
    provenance = _provenance(runs, subject, resample, min_voxels)
    patterns = {}
    for roi, (inside, n_in_mask) in regions.items():
        where = f"ROI '{roi}' of subject '{subject}'"
        columns, counts = _choose_voxels(inside[in_any], n_in_mask, usable, min_voxels, where)
        inputs = {**provenance["inputs_sha256"], "mask": sha256_of_file(masks[roi])}
        patterns[roi] = Patterns(
            values[:, columns],
            row_conditions,
            row_runs,
            roi,
            subject,
            counts,
            {**provenance, "inputs_sha256": inputs},
        )
    return patterns


def mean_patterns(patterns: Patterns, labels: Sequence[str], *, run_centre: bool = False) -> np.ndarray:
    """Mean pattern of each condition over its repetitions and runs.

    Parameters
    ----------
    patterns : Patterns
        Observations × voxels.
    labels : sequence of str
        Conditions wanted, in the order wanted: exactly those that the patterns have.
    run_centre : bool, default False
        First remove each voxel's mean over a run. Sensible where every run has the same conditions;
        otherwise it also removes differences between them.

    Returns
    -------
    ndarray of shape (n_conditions, n_voxels), float64
        In the units of the betas; row i belongs to ``labels[i]``.

    Raises
    ------
    LabelError
        If ``labels`` are not exactly the conditions of the patterns.
    BetasError
        If a run has a single condition and ``run_centre`` would leave nothing of it.
    """
    labels = check_labels(labels, "the labels wanted")
    present = tuple(dict.fromkeys(patterns.conditions))
    positions(labels, present, wanted_in="the labels wanted", present_in=patterns.where)
    values = (centre_runs(patterns) if run_centre else patterns).values
    conditions = np.array(patterns.conditions)
    return np.stack([values[conditions == label].mean(axis=0) for label in labels])


def centre_runs(patterns: Patterns) -> Patterns:
    """The same patterns without each voxel's mean over the observations of a run.

    Parameters
    ----------
    patterns : Patterns
        Observations × voxels.

    Returns
    -------
    Patterns
        With a mean of zero for every run and voxel.

    Raises
    ------
    BetasError
        If a run has a single condition: centring would leave nothing of it.
    """
    runs, values = np.array(patterns.runs), patterns.values.copy()
    for run in dict.fromkeys(patterns.runs):
        rows = runs == run
        conditions = {name for name, chosen in zip(patterns.conditions, rows, strict=True) if chosen}
        if len(conditions) == 1:
            raise BetasError(
                patterns.where,
                f"run {run} has the single condition '{conditions.pop()}'",
                "at least two conditions in a run whose mean is to be removed",
                "Leave the means of runs in, or join runs before the GLM.",
            )
        values[rows] -= values[rows].mean(axis=0)
    return replace(patterns, values=values)


def _check_any(runs: Sequence[Run], masks: Mapping[str, str | Path], subject: str) -> None:
    where = f"subject '{subject}'"
    if not runs:
        raise BetasError(where, "no run", "at least one", "Name the betas of the subject's runs.")
    if not masks:
        raise RoiError(where, "no mask", "at least one", "Name the mask of each region of interest.")


def _check_conditions(
    conditions: Sequence[Sequence[str]], runs: Sequence[Run], labels: Sequence[str], subject: str
) -> None:
    for names, (_, table) in zip(conditions, runs, strict=True):
        unknown = [name for name in dict.fromkeys(names) if name not in set(labels)]
        if unknown:
            hint = nearest(unknown[0], labels)
            guess = f" Is '{hint}' meant?" if hint else ""
            raise LabelError(
                str(table),
                f"{len(unknown)} condition(s) that are no stimulus: {listing(unknown)}",
                f"the labels of the {len(labels)} stimuli",
                f"Spell conditions as in the stimulus table, and leave other volumes out.{guess}",
            )
    present = {name for names in conditions for name in names}
    missing = [label for label in labels if label not in present]
    if missing:
        raise LabelError(
            f"betas of subject '{subject}'",
            f"no volume of {len(missing)} stimuli: {listing(missing)}",
            f"each of the {len(labels)} stimuli in at least one of {len(runs)} run(s)",
            "Add the run that shows them, or take them out of the stimulus table.",
        )


def _read_voxels(
    path: str | Path, n_volumes: int, inside: np.ndarray, masker: NiftiMasker
) -> tuple[np.ndarray, np.ndarray]:
    """Values (n_volumes, n_inside) of one run, and which voxels are finite in all its volumes."""
    import nibabel

    affine = masker.mask_img_.affine
    stored, stored_affine = read_betas(path, n_volumes)
    values = on_grid(stored, stored_affine, inside.shape, affine, empty=np.nan)
    if values is None:
        raise grid_error(str(path), "this run's", (stored.shape, stored_affine), (inside.shape, affine))
    # nilearn turns NaN into 0, so that it must be known beforehand where they are.
    finite = np.isfinite(values).all(axis=3)[inside]
    return masker.transform(nibabel.Nifti1Image(values, affine)).astype(np.float64), finite


def _fitted_masker(inside: np.ndarray, affine: np.ndarray) -> NiftiMasker:
    import nibabel
    from nilearn.maskers import NiftiMasker

    return NiftiMasker(mask_img=nibabel.Nifti1Image(inside.astype(np.uint8), affine), standardize=None).fit()


def _usable(values: Sequence[np.ndarray], finite: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """For each voxel, whether it is finite in all runs, and whether it varies in each run and over all."""
    constant = np.ptp(np.concatenate(values), axis=0) == 0
    for run in values:
        if len(run) > 1:
            constant |= np.ptp(run, axis=0) == 0
    return {"finite": np.all(finite, axis=0), "varying": ~constant}


def _choose_voxels(
    inside: np.ndarray, n_in_mask: int, usable: Mapping[str, np.ndarray], min_voxels: int, where: str
) -> tuple[np.ndarray, dict[str, int]]:
    finite = inside & usable["finite"]
    kept = finite & usable["varying"]
    counts = {
        "n_voxels_in_mask": n_in_mask,
        "n_voxels_on_grid": int(inside.sum()),
        "n_dropped_non_finite": int((inside & ~usable["finite"]).sum()),
        "n_dropped_constant": int((finite & ~usable["varying"]).sum()),
        "n_voxels": int(kept.sum()),
    }
    if counts["n_voxels"] < max(1, min_voxels):
        raise RoiError(
            where,
            f"{counts['n_voxels']} usable of {n_in_mask} voxels ({counts['n_voxels_on_grid']} on the betas' "
            f"grid; {counts['n_dropped_non_finite']} not finite, {counts['n_dropped_constant']} constant)",
            f"at least {max(1, min_voxels)}",
            "Check that mask and betas are of the same subject and space, or lower `roi.min_voxels`.",
        )
    return kept, counts


def _provenance(runs: Sequence[Run], subject: str, resample: str | None, min_voxels: int) -> dict:
    inputs = {}
    for number, (betas, table) in enumerate(runs, start=1):
        inputs |= {f"betas_run-{number}": betas, f"conditions_run-{number}": table}
    return record({"subject": subject, "resample": resample, "min_voxels": min_voxels}, inputs)
