"""Extraction of patterns: from runs of betas and regions to labelled matrices of observations × voxels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import BetasError, LabelError, RoiError
from isoprune.io.betas import read_conditions
from isoprune.io.betas.nifti import open_nifti
from isoprune.io.betas.runs import PlannedRun, assembled
from isoprune.io.masks import read_mask_on_grid
from isoprune.io.volumes import BetaRun, Region
from isoprune.labelled import Patterns, Residuals
from isoprune.labels import check_labels, choose, listing, nearest
from isoprune.provenance import record, sha256_of_file
from isoprune.region_values import name_of, read_means, read_residuals, read_values, voxels_of
from isoprune.voxels import (
    VoxelSelection,
    as_record,
    check_enough,
    finite_voxels,
    most_reliable,
    varying_voxels,
    voxel_reliability,
)


def extract_patterns(
    runs: Sequence[BetaRun],
    regions: Mapping[str, Region],
    *,
    labels: Sequence[str],
    subject: str,
    min_voxels: int = 10,
    selection: VoxelSelection | None = None,
    localiser: Sequence[BetaRun] = (),
    residuals: bool = True,
) -> dict[str, Patterns]:
    """Patterns of one subject in several regions, each volume being read once for all of them.

    A voxel is dropped, and counted, if any of its values is not finite, or if it has one value in all
    volumes of a run (or of all runs together): it lies outside of what was measured. This holds for betas
    and for residuals.

    Parameters
    ----------
    runs : sequence of BetaRun
        Their voxels may be stored in different orders, as long as they lie at the same places.
    regions : dict of str to Region
        On the grid of the first run. A region that the subject lacks is simply not there.
    labels : sequence of str
        Stimulus labels; each must occur as a condition in some run, and no other may.
    subject : str
        Whose betas they are.
    min_voxels : int, default 10
        A region with fewer voxels, after everything, is refused.
    selection : VoxelSelection, optional
        Keep the most reliable voxels only.
    localiser : sequence of BetaRun, optional
        Measurements that choose voxels, for ``selection.source == "localiser"``; of any conditions.
    residuals : bool, default True
        Whether to read the residuals of runs that have them: for noise precision and tSNR.

    Returns
    -------
    dict of str to Patterns
        By region; rows in the order of the runs and of the volumes within them. ``counts`` has
        ``n_voxels_in_mask`` (as stored), ``n_voxels_on_grid`` (on the betas' grid),
        ``n_dropped_non_finite``, ``n_dropped_constant``, ``n_not_selected``, ``n_not_drawn`` (0; see
        `isoprune.voxel_matching`) and ``n_voxels`` (kept).

    Raises
    ------
    BetasError
        If there is no run, two have one label, a run gives another number of volumes than it has
        conditions, or voxels cannot be selected by the data that should.
    LabelError
        If a condition is no stimulus, or a stimulus is no condition of any run.
    GridError
        If a region, or a run, is of another grid than the first run.
    RoiError
        If there is no region, or too few voxels are usable.
    UnknownNameError
        If a run that should choose voxels does not exist.
    """
    labels = check_labels(labels, "the stimulus labels")
    where = f"subject '{subject}'"
    _check_any(runs, regions, where)
    own, choosing = roles_of_runs(runs, localiser, selection, labels, subject)
    grid = runs[0].grid
    voxels = {name: voxels_of(region, grid, subject) for name, region in regions.items()}
    betas = read_values([(run, run.read, len(run.conditions)) for run in own], voxels, grid, where)
    rests = read_residuals(own, voxels, grid, where) if residuals else {}
    means = read_means(own, voxels, grid, where) if residuals else {}
    choices = read_values([(run, run.read, len(run.conditions)) for run in choosing], voxels, grid, where)
    rows = (_conditions(own), _run_labels(own))
    settings = {"subject": subject, "min_voxels": min_voxels, "selection": as_record(selection)}
    inputs = _inputs([*own, *choosing], regions)
    notes = {run.label: list(run.notes) for run in own if run.notes}
    patterns = {}
    for name, region in regions.items():
        values, rest = betas.pop(name), rests.pop(name, None)
        at = f"ROI '{name}' of subject '{subject}'"
        kept, counts = _usable(values, own, rest, region)
        if selection is not None:
            by, data = (choosing, choices.pop(name)) if choosing else (own, values)
            reliability = voxel_reliability(data, _conditions(by), _run_labels(by), at)
            kept = _note_selection(most_reliable(reliability, kept, selection), kept, counts)
        check_enough(counts, min_voxels, at)
        words = selection.words if selection else ""
        facts = {"region": region.description, "selection": words, "notes": notes}
        provenance = {**record(settings, {}, **facts), "inputs_sha256": inputs[name]}
        patterns[name] = Patterns(
            # Most regions lose nothing, and need no copy.
            values if kept.all() else values[:, kept],
            *(*rows, name, subject, counts, provenance),
            np.flatnonzero(region.inside)[kept],
            words,
            _tsnr(means[name], rest)[kept] if name in means else None,
            replace(rest, values=rest.values[:, kept]) if rest else None,
        )
    return patterns


def patterns_from_files(
    runs: Sequence[tuple[str | Path, str | Path]],
    masks: Mapping[str, str | Path],
    *,
    labels: Sequence[str],
    subject: str,
    resample: str | None = None,
    min_voxels: int = 10,
) -> dict[str, Patterns]:
    """Patterns of one subject from an image and a table of conditions for each run, and a mask for each region.

    Parameters
    ----------
    runs : sequence of (path, path)
        For each run the 4-D image of betas and its table of conditions; runs are labelled 1, 2, ….
    masks : dict of str to path
        Mask image of each region, in the space of the betas (voxel order does not matter).
    labels, subject, min_voxels
        As for ``extract_patterns``.
    resample : {None, 'nearest'}
        What to do with a mask of another grid: refuse, or take the nearest voxel.

    Returns
    -------
    dict of str to Patterns
        As from ``extract_patterns``.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If a file is not there, truncated or damaged.
    IsopruneError
        As ``extract_patterns`` and ``isoprune.io.masks.read_mask_on_grid``.
    """
    where = f"subject '{subject}'"
    _check_any(runs, masks, where)
    beta_runs = [_run_of_files(str(number), *files) for number, files in enumerate(runs, start=1)]
    grid = beta_runs[0].grid
    regions = {}
    for name, path in masks.items():
        inside, n_in_mask = read_mask_on_grid(path, grid.shape, grid.affine, resample=resample)
        regions[name] = Region(name, inside, n_in_mask, (Path(path),), "a mask image")
    return extract_patterns(beta_runs, regions, labels=labels, subject=subject, min_voxels=min_voxels)


def _run_of_files(label: str, betas: str | Path, table: str | Path) -> BetaRun:
    conditions = tuple(read_conditions(table)["condition"])
    plan = PlannedRun(label, (Path(betas),), conditions, len(conditions), tables=(Path(table),))
    return assembled(plan, open_nifti)


def _check_any(runs: Sequence[Any], regions: Mapping[str, Any], where: str) -> None:
    if not runs:
        raise BetasError(where, "no run", "at least one", "Name the betas of the subject's runs.")
    if not regions:
        raise RoiError(where, "no mask", "at least one", "Name the mask of each region of interest.")


def roles_of_runs(
    runs: Sequence[BetaRun],
    localiser: Sequence[BetaRun],
    selection: VoxelSelection | None,
    labels: Sequence[str],
    subject: str,
) -> tuple[Sequence[BetaRun], Sequence[BetaRun]]:
    """Runs that the patterns come from, and runs that choose voxels, after checking that their conditions join.

    Parameters
    ----------
    runs, localiser, selection, labels, subject
        As for ``extract_patterns``.

    Returns
    -------
    own, choosing : sequence of BetaRun
        Where the patterns' own data choose, ``choosing`` is empty.

    Raises
    ------
    BetasError, LabelError, UnknownNameError
        As ``extract_patterns``.
    """
    own, choosing = _roles(runs, localiser, selection, f"subject '{subject}'")
    _check_conditions(own if choosing is localiser else runs, own, labels, subject)
    return own, choosing


def _roles(
    runs: Sequence[BetaRun],
    localiser: Sequence[BetaRun],
    selection: VoxelSelection | None,
    where: str,
) -> tuple[Sequence[BetaRun], Sequence[BetaRun]]:
    for group, what in ((runs, "runs"), (localiser, "runs of the localiser")):
        check_labels([run.label for run in group], f"{where}, {what}")
    source = selection.source if selection else "same"
    if source == "localiser":
        if not localiser:
            raise BetasError(
                where,
                "no run of a localiser, which should choose the voxels",
                "at least one",
                "Name the betas of the localiser, or select voxels by other data.",
            )
        return runs, localiser
    if source == "same":
        return runs, ()
    known = [run.label for run in runs]
    for label in selection.runs:
        choose(label, known, what="run", where=f"{where}, runs that choose voxels")
    own = [run for run in runs if run.label not in selection.runs]
    if not own:
        raise BetasError(
            where,
            f"all {len(runs)} runs choose voxels, and none is left for the patterns",
            "other runs beside them",
            "Let fewer runs choose voxels.",
        )
    return own, [run for run in runs if run.label in selection.runs]


def _check_conditions(
    runs: Sequence[BetaRun], own: Sequence[BetaRun], labels: Sequence[str], subject: str
) -> None:
    known = set(labels)
    for run in runs:
        unknown = [name for name in dict.fromkeys(run.conditions) if name not in known]
        if unknown:
            hint = nearest(unknown[0], labels)
            guess = f" Is '{hint}' meant?" if hint else ""
            raise LabelError(
                name_of(run, f"subject '{subject}'"),
                f"{len(unknown)} condition(s) that are no stimulus: {listing(unknown)}",
                f"the labels of the {len(labels)} stimuli",
                f"Spell conditions as in the stimulus table, and leave other volumes out.{guess}",
            )
    present = {name for run in own for name in run.conditions}
    missing = [label for label in labels if label not in present]
    if missing:
        raise LabelError(
            f"betas of subject '{subject}'",
            f"no volume of {len(missing)} stimuli: {listing(missing)}",
            f"each of the {len(labels)} stimuli in at least one of {len(own)} run(s)",
            "Add the run that shows them, or take them out of the stimulus table.",
        )


def _conditions(runs: Sequence[BetaRun]) -> tuple[str, ...]:
    return tuple(condition for run in runs for condition in run.conditions)


def _run_labels(runs: Sequence[BetaRun]) -> tuple[str, ...]:
    return tuple(run.label for run in runs for _ in run.conditions)


def _tsnr(means: Mapping[str, np.ndarray], residuals: Residuals) -> np.ndarray:
    """Mean signal over the standard deviation of the residuals in time; mean over runs."""
    runs = np.array(residuals.runs)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = [mean / residuals.values[runs == run].std(axis=0, ddof=1) for run, mean in means.items()]
        return np.mean(ratios, axis=0)


def _usable(
    values: np.ndarray, runs: Sequence[BetaRun], residuals: Residuals | None, region: Region
) -> tuple[np.ndarray, dict[str, int]]:
    """Which voxels were measured, and how many were not for which reason."""
    finite = finite_voxels(values)
    varying = varying_voxels(values, [0, *accumulate(len(run.conditions) for run in runs)])
    if residuals is not None:
        finite &= finite_voxels(residuals.values)
        lengths = [residuals.runs.count(run) for run in dict.fromkeys(residuals.runs)]
        varying &= varying_voxels(residuals.values, [0, *accumulate(lengths)])
    kept = finite & varying
    counts = {
        "n_voxels_in_mask": region.n_voxels_in_mask,
        "n_voxels_on_grid": len(finite),
        "n_dropped_non_finite": int((~finite).sum()),
        "n_dropped_constant": int((finite & ~varying).sum()),
        "n_not_selected": 0,
        "n_not_drawn": 0,
        "n_voxels": int(kept.sum()),
    }
    return kept, counts


def _note_selection(selected: np.ndarray, usable: np.ndarray, counts: dict[str, int]) -> np.ndarray:
    counts["n_not_selected"] = int((usable & ~selected).sum())
    counts["n_voxels"] = int(selected.sum())
    return selected


def _inputs(runs: Sequence[BetaRun], regions: Mapping[str, Region]) -> dict[str, dict[str, str]]:
    """Hashes of the files that each region's patterns depend on; every file is read once."""
    hashes: dict[Path, str] = {}

    def named(role: str, files: Iterable[Path]) -> dict[str, str]:
        for path in files:
            hashes.setdefault(path, sha256_of_file(path))
        return {f"{role}_file-{number}": hashes[path] for number, path in enumerate(files, start=1)}

    betas: dict[str, str] = {}
    for run in runs:
        betas |= named(f"run-{run.label}", run.files)
    return {name: {**betas, **named("region", region.files)} for name, region in regions.items()}
