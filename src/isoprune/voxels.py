"""Which voxels of a region are used: those that were measured, and if wanted the most reliable of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np

from isoprune.errors import BetasError, ConfigError, RoiError
from isoprune.labels import choose, listing

SELECTION_SOURCES = ("runs", "localiser", "same")
_LEAST_CONDITIONS = 3


@dataclass(frozen=True)
class VoxelSelection:
    """How many of a region's voxels are kept, and which data choose them.

    A voxel's reliability is the correlation, over conditions, of its responses in two halves of the data
    (Tarhan & Konkle 2020, NeuroImage 207:116350).

    Attributes
    ----------
    keep : int or float
        Number of voxels (int), or share of the usable voxels (float between 0 and 1).
    source : {'runs', 'localiser', 'same'}
        Data that choose: runs that are then left out of the patterns, other measurements, or the very data
        that the patterns are made of, whose reliability the selection then flatters.
    runs : tuple of str
        Labels of the runs that choose, if ``source`` is ``runs``.

    Raises
    ------
    ConfigError
        If ``keep`` is no such number, or ``runs`` are named without use or missing.
    UnknownNameError
        If there is no such source.
    """

    keep: int | float
    source: str
    runs: tuple[str, ...] = ()

    def __post_init__(self):
        choose(self.source, SELECTION_SOURCES, what="source of the selection", where="voxel selection")
        if not (0 < self.keep < 1 if isinstance(self.keep, float) else self.keep >= 2):
            raise ConfigError(
                "voxel selection",
                f"keep {self.keep}",
                "a whole number of voxels from 2, or a share between 0 and 1",
                "Write 100 for a hundred voxels, 0.5 for half of them.",
            )
        if (self.source == "runs") != bool(self.runs):
            raise ConfigError(
                "voxel selection",
                f"source '{self.source}' with {len(self.runs)} runs named",
                "runs for the source `runs`, and for no other",
                "Name the runs that choose the voxels, or take them away.",
            )

    def number_of(self, n_usable: int) -> int:
        """How many of ``n_usable`` voxels are kept."""
        wanted = round(self.keep * n_usable) if isinstance(self.keep, float) else self.keep
        return min(wanted, n_usable)

    @property
    def words(self) -> str:
        """The selection as a phrase of the methods text."""
        amount = f"{self.keep:.0%} of the" if isinstance(self.keep, float) else f"{self.keep}"
        data = {
            "runs": f"in run(s) {', '.join(self.runs)}, which were then left out",
            "localiser": "in the localiser",
            "same": "in the same data that the patterns come from",
        }[self.source]
        return f"the {amount} most reliable voxels (split-half) {data}"


def as_record(selection: VoxelSelection | None) -> dict[str, Any] | None:
    """A selection ready for a provenance record."""
    if selection is None:
        return None
    return {"keep": selection.keep, "source": selection.source, "runs": list(selection.runs)}


def finite_voxels(values: np.ndarray) -> np.ndarray:
    """Which columns are finite in every row.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_voxels)

    Returns
    -------
    ndarray of shape (n_voxels,), bool
    """
    return np.isfinite(values).all(axis=0)


def varying_voxels(values: np.ndarray, run_starts: Sequence[int]) -> np.ndarray:
    """Which columns vary in every run of more than one row, and over all runs.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_voxels)
    run_starts : sequence of int
        First row of each run, then the number of rows.

    Returns
    -------
    ndarray of shape (n_voxels,), bool
        Columns that are not finite count as varying: that is another reason to drop them.
    """
    with np.errstate(invalid="ignore"):
        varying = np.ptp(values, axis=0) != 0
        for start, stop in pairwise(run_starts):
            if stop - start > 1:
                varying &= np.ptp(values[start:stop], axis=0) != 0
    return varying


def halves(conditions: Sequence[str], runs: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two halves of the data that have the same conditions.

    The runs that show a condition go to the halves by turns; so where every run shows every condition, the
    halves are odd and even runs. With one run only, the repetitions of a condition go by turns. What would
    leave one half without a condition belongs to neither.

    Parameters
    ----------
    conditions, runs : sequence of str
        Of each row.

    Returns
    -------
    first, second : ndarray of int
        Row numbers, ascending; both empty if nothing is repeated.
    """
    several = len(set(runs)) > 1
    turns: dict[str, dict[Any, list[int]]] = {}
    for row, (condition, run) in enumerate(zip(conditions, runs, strict=True)):
        turns.setdefault(condition, {}).setdefault(run if several else row, []).append(row)
    first: list[int] = []
    second: list[int] = []
    for groups in turns.values():
        rows = list(groups.values())
        if len(rows) > 1:
            first += chain.from_iterable(rows[::2])
            second += chain.from_iterable(rows[1::2])
    return np.array(sorted(first), dtype=np.intp), np.array(sorted(second), dtype=np.intp)


def half_means(
    values: np.ndarray, conditions: Sequence[str], runs: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Mean pattern of each repeated condition in two halves of the data.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_voxels)
    conditions, runs : sequence of str
        Of each row.

    Returns
    -------
    first, second : ndarray of shape (n_repeated, n_voxels)
    repeated : tuple of str
        Conditions that occur in both halves, in the order of their first rows.
    """
    names = np.array(conditions, dtype=object)
    rows = halves(conditions, runs)
    present = set(names[rows[0]])
    repeated = tuple(name for name in dict.fromkeys(conditions) if name in present)
    means = [
        np.array([values[half[names[half] == name]].mean(axis=0) for name in repeated]).reshape(
            len(repeated), values.shape[1]
        )
        for half in rows
    ]
    return means[0], means[1], repeated


def voxel_reliability(
    values: np.ndarray, conditions: Sequence[str], runs: Sequence[str], where: str
) -> np.ndarray:
    """Split-half reliability of each voxel: correlation over conditions between two halves of the data.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_voxels)
    conditions, runs : sequence of str
        Of each row.
    where : str
        For the error message.

    Returns
    -------
    ndarray of shape (n_voxels,)
        Pearson r (−1 to 1); NaN where a half is constant or not finite.

    Raises
    ------
    BetasError
        If fewer than three conditions occur in both halves.
    """
    first, second, repeated = half_means(values, conditions, runs)
    if len(repeated) < _LEAST_CONDITIONS:
        raise BetasError(
            where,
            f"{len(repeated)} conditions are repeated in runs {listing(dict.fromkeys(runs))}",
            f"at least {_LEAST_CONDITIONS}, so that the reliability of a voxel can be known",
            "Select voxels by data with repetitions, or leave the selection out.",
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = first - first.mean(axis=0), second - second.mean(axis=0)
        return (first * second).sum(axis=0) / np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))


def most_reliable(reliability: np.ndarray, usable: np.ndarray, selection: VoxelSelection) -> np.ndarray:
    """The usable voxels of highest reliability; those whose reliability is undefined are never among them.

    Parameters
    ----------
    reliability : ndarray of shape (n_voxels,)
    usable : ndarray of shape (n_voxels,), bool
    selection : VoxelSelection

    Returns
    -------
    ndarray of shape (n_voxels,), bool
        Of voxels equally reliable, the first are taken.
    """
    candidates = np.flatnonzero(usable & np.isfinite(reliability))
    best = candidates[np.argsort(-reliability[candidates], kind="stable")]
    kept = np.zeros(len(usable), dtype=bool)
    kept[best[: selection.number_of(int(usable.sum()))]] = True
    return kept


def check_enough(counts: Mapping[str, int], min_voxels: int, where: str) -> None:
    """Refuse a region of too few voxels, with the reasons for those that are gone.

    Raises
    ------
    RoiError
    """
    least = max(1, min_voxels)
    if counts["n_voxels"] >= least:
        return
    unselected = f", {counts['n_not_selected']} not selected" if counts["n_not_selected"] else ""
    raise RoiError(
        where,
        f"{counts['n_voxels']} usable of {counts['n_voxels_in_mask']} voxels "
        f"({counts['n_voxels_on_grid']} on the betas' grid; {counts['n_dropped_non_finite']} not finite, "
        f"{counts['n_dropped_constant']} constant{unselected})",
        f"at least {least}",
        "Check that mask and betas are of the same subject and space, or lower `roi.min_voxels`.",
    )
