"""Arithmetic of activity patterns: means of conditions, and what is normalised within runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from isoprune.errors import BetasError
from isoprune.labelled import Patterns
from isoprune.labels import check_labels, positions


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
