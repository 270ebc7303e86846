"""How steadily a target keeps the features of a network: over folds, and over subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from isoprune.errors import EmbeddingError
from isoprune.foldsets import FoldSets

KEEPS = 0.5
"""A target keeps a feature that at least this share of its folds retain."""

MAIN_FIRST = ("group", "own", "loso")
"""Supervisions; how steadily a target keeps features is said of the first one that it has."""


@dataclass(frozen=True)
class Keeping:
    """How steadily one target keeps the features of a network.

    Attributes
    ----------
    labels : tuple of str
        The target's images, sorted.
    kept : ndarray of shape (n_features,)
        Share of folds that keep each feature.
    kept_subjects : ndarray of shape (n_features,)
        The same over folds of single subjects; NaN where they are not told apart.
    rank : ndarray of shape (n_features,)
        Rank in the final set, from 1; mean over units; NaN outside.
    sets : tuple of FoldSets
        Those that ``kept`` is about.
    n_subjects : int
        Single subjects that ``kept_subjects`` is about.
    """

    labels: tuple[str, ...]
    kept: np.ndarray
    kept_subjects: np.ndarray
    rank: np.ndarray
    sets: tuple[FoldSets, ...]
    n_subjects: int

    @property
    def order(self) -> np.ndarray:
        """Features that any fold keeps, the most steadily kept first."""
        last = np.nan_to_num(self.rank, nan=np.inf)
        order = np.lexsort((last, -np.nan_to_num(self.kept_subjects), -self.kept))
        return order[self.kept[order] > 0]

    @property
    def by_chance(self) -> float:
        """Share of folds that would keep a feature if sets of these sizes were drawn at random."""
        return float(self.kept.mean())

    @property
    def keeps(self) -> np.ndarray:
        """Features that at least half of the folds keep."""
        return np.flatnonzero(self.kept >= KEEPS)


def keeping(
    main: Sequence[tuple[FoldSets, Sequence[int] | np.ndarray]], single: Sequence[FoldSets], n_features: int
) -> Keeping:
    """How steadily a target keeps features.

    Parameters
    ----------
    main : sequence of (FoldSets, sequence of int)
        Folds and final set of the group, or of each subject where there is no group.
    single : sequence of FoldSets
        Of single subjects, beside the group.
    n_features : int

    Raises
    ------
    EmbeddingError
        If a set holds a feature that does not exist.
    """
    sets = tuple(folds for folds, _ in main)
    kept = _share(sets, n_features)
    rank = np.full((len(main), n_features), np.nan)
    for row, (_, final) in zip(rank, main, strict=True):
        row[np.asarray(final, dtype=int)] = np.arange(1, len(final) + 1)
    ranked = ~np.isnan(rank).all(axis=0)
    mean = np.full(n_features, np.nan)
    mean[ranked] = np.nanmean(rank[:, ranked], axis=0)
    labels = tuple(sorted(set(chain.from_iterable(folds.labels for folds in sets))))
    alone = _share(single, n_features) if single else np.full(n_features, np.nan)
    return Keeping(labels, kept, alone, mean, sets, len(single))


def _share(sets: Sequence[FoldSets], n_features: int) -> np.ndarray:
    retained = [features for one in sets for features in one.retained]
    counts = np.bincount(np.concatenate(retained), minlength=n_features)
    if len(counts) > n_features:
        raise EmbeddingError(
            "retained sets",
            f"feature {len(counts) - 1} of an embedding of {n_features} features",
            f"features 0 … {n_features - 1}",
            "Compare sets of the same network and layer only.",
        )
    return counts / len(retained)


def keepings_of_units(
    units: Sequence[Mapping[str, str]],
    sets: Sequence[FoldSets],
    final: Sequence[Sequence[int] | np.ndarray],
    n_features: int,
) -> dict[str, Keeping]:
    """How steadily each target of a network keeps its features.

    Parameters
    ----------
    units : sequence of mapping
        Values of the columns `isoprune.results.UNIT`, of supervision ``group`` and of one about single subjects, or
        of either.
    sets : sequence of FoldSets
        Of each unit.
    final : sequence of sequence of int
        Final set of each unit, most important first.
    n_features : int

    Returns
    -------
    dict of str to Keeping
        By target, about the units that `main_units` gives.
    """
    found = {}
    for target in dict.fromkeys(unit["target"] for unit in units):
        rows = [row for row, unit in enumerate(units) if unit["target"] == target]
        by_supervision = {
            one: [row for row in rows if units[row]["supervision"] == one] for one in MAIN_FIRST
        }
        main, *others = (some for some in by_supervision.values() if some)
        single = others[0] if others and by_supervision["group"] else []
        found[target] = keeping(
            [(sets[row], final[row]) for row in main], [sets[row] for row in single], n_features
        )
    return found


def main_units(units: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The units that say first how steadily targets keep features: of each target, those of its first supervision.

    Parameters
    ----------
    units : sequence of mapping
        As `keepings_of_units` takes them.
    """
    last_to_first = sorted(units, key=lambda unit: MAIN_FIRST.index(unit["supervision"]), reverse=True)
    first = {unit["target"]: unit["supervision"] for unit in last_to_first}
    return [unit for unit in units if unit["supervision"] == first[unit["target"]]]
