"""Activity patterns: from runs of betas and regions to labelled matrices of observations × voxels.

Runs give plain arrays, and a region says which voxels belong to it, so taking voxels out is indexing. No
masker is asked: it would turn voxels that were not measured (NaN) into zeros, which a distance believes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import BetasError, GridError, LabelError, RoiError
from isoprune.io.betas import read_conditions
from isoprune.io.betas.nifti import open_nifti
from isoprune.io.betas.runs import PlannedRun, assembled
from isoprune.io.masks import grid_error, grid_mapping, read_mask_on_grid
from isoprune.io.volumes import BetaRun, Grid, Region
from isoprune.labelled import Patterns, Residuals
from isoprune.labels import check_labels, choose, listing, nearest, positions
from isoprune.provenance import record, sha256_of_file
from isoprune.voxels import (
    VoxelSelection,
    as_record,
    check_enough,
    finite_voxels,
    most_reliable,
    varying_voxels,
    voxel_reliability,
)

_CHUNK_BYTES = 1 << 27
"""Volumes are read in chunks of about this size: the volumes of a subject need not fit into memory."""

_Voxels = tuple[np.ndarray, ...]


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
    own, choosing = _roles(runs, localiser, selection, where)
    _check_conditions(own if choosing is localiser else runs, own, labels, subject)
    grid = runs[0].grid
    voxels = {name: _voxels_of(region, grid, subject) for name, region in regions.items()}
    betas = _read([(run, run.read, len(run.conditions)) for run in own], voxels, grid, where)
    rests = _read_residuals(own, voxels, grid, where) if residuals else {}
    means = _read_means(own, voxels, grid, where) if residuals else {}
    choices = _read([(run, run.read, len(run.conditions)) for run in choosing], voxels, grid, where)
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


def mean_patterns(patterns: Patterns, labels: Sequence[str]) -> np.ndarray:
    """Mean pattern of each condition over its repetitions and runs.

    Parameters
    ----------
    patterns : Patterns
        Observations × voxels.
    labels : sequence of str
        Conditions wanted, in the order wanted: exactly those that the patterns have.

    Returns
    -------
    ndarray of shape (n_conditions, n_voxels), float64
        In the units of the betas; row i belongs to ``labels[i]``.

    Raises
    ------
    LabelError
        If ``labels`` are not exactly the conditions of the patterns.
    """
    labels = check_labels(labels, "the labels wanted")
    present = tuple(dict.fromkeys(patterns.conditions))
    positions(labels, present, wanted_in="the labels wanted", present_in=patterns.where)
    rows: dict[str, list[int]] = {}
    for row, condition in enumerate(patterns.conditions):
        rows.setdefault(condition, []).append(row)
    return np.stack([patterns.values[rows[label]].mean(axis=0) for label in labels])


def normalise_runs(patterns: Patterns, *, run_centre: bool = False, run_zscore: bool = False) -> Patterns:
    """Patterns as the settings want them: z-scored within runs, centred within runs, or as they are.

    Parameters
    ----------
    patterns : Patterns
    run_centre, run_zscore : bool, default False
        ``zscore_runs`` includes ``centre_runs``.

    Raises
    ------
    BetasError
        As these two.
    """
    if run_zscore:
        return zscore_runs(patterns)
    return centre_runs(patterns) if run_centre else patterns


def centre_runs(patterns: Patterns) -> Patterns:
    """The same patterns without each voxel's mean over the observations of a run.

    Sensible where every run has the same conditions; otherwise it also removes differences between them.

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
                f"run '{run}' has the single condition '{conditions.pop()}'",
                "at least two conditions in a run whose mean is to be removed",
                "Leave the means of runs in, or join runs before the GLM.",
            )
        values[rows] -= values[rows].mean(axis=0)
    return replace(patterns, values=values)


def zscore_runs(patterns: Patterns) -> Patterns:
    """The same patterns, each voxel with mean 0 and standard deviation 1 over the observations of a run.

    Residuals are divided by the same standard deviations, so that they stay in the units of the patterns.

    Parameters
    ----------
    patterns : Patterns
        Observations × voxels.

    Returns
    -------
    Patterns
        Dimensionless.

    Raises
    ------
    BetasError
        If a run has a single condition, or a voxel that does not vary within it.
    """
    centred = centre_runs(patterns)
    runs, values = np.array(patterns.runs), centred.values
    residuals = patterns.residuals
    scaled = None if residuals is None else residuals.values.copy()
    for run in dict.fromkeys(patterns.runs):
        spread = values[runs == run].std(axis=0)
        if not spread.all():
            raise BetasError(
                patterns.where,
                f"{int((spread == 0).sum())} voxel(s) have one value in all volumes of run '{run}'",
                "voxels that vary within every run that is to be z-scored",
                "Drop these voxels, or leave `run_zscore` out.",
            )
        values[runs == run] /= spread
        if scaled is not None:
            scaled[np.array(residuals.runs) == run] /= spread
    return replace(
        centred, values=values, residuals=None if scaled is None else replace(residuals, values=scaled)
    )


def _check_any(runs: Sequence[Any], regions: Mapping[str, Any], where: str) -> None:
    if not runs:
        raise BetasError(where, "no run", "at least one", "Name the betas of the subject's runs.")
    if not regions:
        raise RoiError(where, "no mask", "at least one", "Name the mask of each region of interest.")


def _roles(
    runs: Sequence[BetaRun],
    localiser: Sequence[BetaRun],
    selection: VoxelSelection | None,
    where: str,
) -> tuple[Sequence[BetaRun], Sequence[BetaRun]]:
    """Runs that the patterns come from, and runs that choose voxels (none: the patterns' own)."""
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
                _name_of(run, f"subject '{subject}'"),
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


def _name_of(run: BetaRun, where: str) -> str:
    files = f" ({listing((str(path) for path in run.files), most=2)})" if run.files else ""
    return f"{where}, run '{run.label}'{files}"


def _conditions(runs: Sequence[BetaRun]) -> tuple[str, ...]:
    return tuple(condition for run in runs for condition in run.conditions)


def _run_labels(runs: Sequence[BetaRun]) -> tuple[str, ...]:
    return tuple(run.label for run in runs for _ in run.conditions)


def _voxels_of(region: Region, grid: Grid, subject: str) -> _Voxels:
    if region.inside.shape != tuple(grid.shape):
        raise GridError(
            f"ROI '{region.name}' of subject '{subject}'",
            f"a region of {'×'.join(map(str, region.inside.shape))} voxels",
            f"{'×'.join(map(str, grid.shape))}, as the betas of the first run",
            "Put the region on the grid of the betas.",
        )
    return np.nonzero(region.inside)


def _voxels_in(run: BetaRun, voxels: _Voxels, grid: Grid, where: str) -> tuple[_Voxels, np.ndarray]:
    """Where voxels of the common grid are stored in a run, and which of them it has."""
    everywhere = np.ones(len(voxels[0]), dtype=bool)
    if grid.affine is None or run.grid.affine is None:
        if run.grid.shape == grid.shape and run.grid.affine is grid.affine:
            return voxels, everywhere
        raise GridError(
            _name_of(run, where),
            f"{'×'.join(map(str, run.grid.shape))} vertices or voxels",
            f"{'×'.join(map(str, grid.shape))}, as the first run",
            "Give all runs of a subject on one surface, or in one volume.",
        )
    if run.grid.shape == grid.shape and np.array_equal(run.grid.affine, grid.affine):
        return voxels, everywhere
    mapping = grid_mapping(grid.affine, grid.shape, run.grid.affine)
    if mapping is None:
        found, betas = (run.grid.shape, run.grid.affine), (grid.shape, grid.affine)
        raise grid_error(_name_of(run, where), "this run's", found, betas)
    turn, shift = mapping
    places = turn @ np.array(voxels) + shift[:, np.newaxis]
    reached = ((places >= 0) & (places < np.array(run.grid.shape)[:, np.newaxis])).all(axis=0)
    return tuple(places[:, reached]), reached


def _read(
    parts: Sequence[tuple[BetaRun, Callable[[int, int], np.ndarray], int]],
    voxels: Mapping[str, _Voxels],
    grid: Grid,
    where: str,
) -> dict[str, np.ndarray]:
    """Values (n_rows, n_voxels) of every region, in one pass through the volumes, some at a time."""
    n_rows = sum(n_volumes for _, _, n_volumes in parts)
    values = {name: np.full((n_rows, len(places[0])), np.nan) for name, places in voxels.items()}
    row = 0
    for run, read, n_volumes in parts:
        places = {name: _voxels_in(run, inside, grid, where) for name, inside in voxels.items()}
        n_together = max(1, _CHUNK_BYTES // (8 * int(np.prod(run.grid.shape))))
        for start in range(0, n_volumes, n_together):
            stop = min(start + n_together, n_volumes)
            volumes = _checked(read(start, stop), (stop - start, *run.grid.shape), run, where)
            for name, (stored, reached) in places.items():
                values[name][row : row + len(volumes), reached] = volumes[(slice(None), *stored)]
            row += len(volumes)
    return values


def _checked(volumes: np.ndarray, shape: tuple[int, ...], run: BetaRun, where: str) -> np.ndarray:
    if volumes.shape != shape:
        raise BetasError(
            _name_of(run, where),
            f"volumes of shape {volumes.shape}",
            f"{shape}: as many as asked for, on the grid of the run",
            "Check that image and table are of the same run.",
        )
    return volumes


def _read_residuals(
    runs: Sequence[BetaRun], voxels: Mapping[str, _Voxels], grid: Grid, where: str
) -> dict[str, Residuals]:
    """Residuals of the runs that have them, by region; nothing if none has."""
    modelled = [run for run in runs if run.residuals is not None]
    if not modelled:
        return {}
    values = _read([(run, run.residuals, run.n_residuals) for run in modelled], voxels, grid, where)
    labels = tuple(run.label for run in modelled for _ in range(run.n_residuals))
    df = {run.label: run.residual_df for run in modelled}
    return {name: Residuals(values[name], labels, df) for name in voxels}


def _read_means(
    runs: Sequence[BetaRun], voxels: Mapping[str, _Voxels], grid: Grid, where: str
) -> dict[str, dict[str, np.ndarray]]:
    """Mean signal (n_voxels,) by region and run, for runs that know it and have residuals."""
    means: dict[str, dict[str, np.ndarray]] = {}
    for run in runs:
        if run.mean is None or run.residuals is None:
            continue
        image = run.mean()
        for name, inside in voxels.items():
            stored, reached = _voxels_in(run, inside, grid, where)
            signal = np.full(len(inside[0]), np.nan)
            signal[reached] = image[stored]
            means.setdefault(name, {})[run.label] = signal
    return means


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

    betas = {}
    for run in runs:
        betas |= named(f"run-{run.label}", run.files)
    return {name: {**betas, **named("region", region.files)} for name, region in regions.items()}
