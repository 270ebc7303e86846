"""The maps of one image: every target's, through its pruned sets, all features and random sets, each with its null.

All are read from one pass of occluded features. What is kept of a null is the maximum of each relabelled map over its
positions; of the two halves of the subjects, how well their maps agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoprune.isomorphism import standardised_pairs
from isoprune.occlusion.maps import Answer, Occluded, Question, Reading, answer
from isoprune.occlusion.sets import MapSets
from isoprune.occlusion.windows import Windows

FULL, PRUNED, RANDOM = "full", "pruned", "random"
READ_THROUGH = (FULL, PRUNED, RANDOM)
"""Sets of features that maps are read through, by their name as competitors."""


@dataclass(frozen=True)
class ImageMap:
    """A map of one image, for one target and one kind of set.

    Attributes
    ----------
    heat : ndarray of shape (n_grid_rows, n_grid_columns), float64
        As `isoprune.occlusion.maps.Answer`.
    intact : float
        Score of the intact image.
    null : ndarray of shape (n_null,), float64
        Maximum over positions of each relabelled map; empty for random sets.
    split_half : float
        Correlation over positions of the maps of two halves of the subjects; NaN without them.
    n_sets : int
        Sets of features that the map is the mean over.
    n_retained : float
        Features of a set, mean over sets.
    undefined : str, optional
        Why there is no map.
    """

    heat: np.ndarray
    intact: float
    null: np.ndarray
    split_half: float
    n_sets: int
    n_retained: float
    undefined: str | None = None


def maps_of_image(
    occluded: Occluded,
    image: Any,
    label: str,
    windows: Windows,
    values: np.ndarray,
    targets: Mapping[str, MapSets],
    reading: Reading,
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[tuple[str, str], ImageMap]:
    """The maps of one image for all targets.

    Parameters
    ----------
    occluded, image, windows, reading, threads, progress
        As in `isoprune.occlusion.maps.answer`.
    label : str
        Stimulus label of the image.
    values : ndarray of shape (n_images, n_features), float64
        Features of all images, in the order of the targets' labels.
    targets : mapping of str to MapSets
        By a name of the target. All are about the same images.

    Returns
    -------
    dict of (str, str) to ImageMap
        By name of the target, and ``full``, ``pruned`` or ``random``.

    Raises
    ------
    OcclusionError
        If the image has another shape than the windows are for.
    """
    labels = list(next(iter(targets.values())).labels)
    own = labels.index(label)
    others = np.delete(np.arange(len(labels)), own)
    asked = {name: _Asked(sets, own, others) for name, sets in targets.items()}
    everything = np.arange(values.shape[1])
    # The full set is one: all rows of all targets are read from one correlation.
    questions = [Question([everything], np.concatenate([one.rows for one in asked.values()]))]
    questions += [question for one in asked.values() for question in one.questions()]
    full, *answers = answer(
        occluded, image, windows, values[others], questions, reading, threads=threads, progress=progress
    )
    found, place, row = {}, 0, 0
    for name, one in asked.items():
        rows = slice(row, row + len(one.rows))
        of_full = [Answer(full.heat[[r]], full.intact[[r]]) for r in range(rows.start, rows.stop)]
        of_pruned = answers[place : place + len(one.rows)]
        found[name, FULL] = one.map_of(of_full, [len(everything)])
        found[name, PRUNED] = one.map_of(of_pruned, one.sizes)
        found[name, RANDOM] = one.map_of(answers[place + len(one.rows) :][:1], one.sizes)
        row, place = rows.stop, place + len(one.rows) + 1
    return found


def no_map(windows: Windows, n_null: int) -> ImageMap:
    """What stands for the map of an image that a target is not about."""
    nothing = np.full(windows.grid, np.nan)
    null = np.full(n_null, np.nan)
    return ImageMap(nothing, np.nan, null, np.nan, 0, np.nan, "the target is not about this image")


def questions_of_preview(sets: MapSets, own: int, others: np.ndarray, n_features: int) -> list[Question]:
    """The full and the pruned map's question about one image, without any null.

    Parameters
    ----------
    sets : MapSets
    own : int
        Row of the image.
    others : ndarray of int
        Rows of all others.
    n_features : int
    """
    pruned = [np.flatnonzero(sets.pruned[fold]) for fold in np.flatnonzero(sets.applies[:, own])]
    row = sets.target[own, others][None]
    return [Question([np.arange(n_features)], row), Question(pruned, row)]


class _Asked:
    """What is asked about one image for one target: its own row, those of the halves, those of relabelled targets."""

    def __init__(self, sets: MapSets, own: int, others: np.ndarray):
        self.sets, self.folds = sets, np.flatnonzero(sets.applies[:, own])
        relabelled = [sets.target[moved[own], moved[others]] for moved in sets.relabellings]
        rows = [sets.target[own, others], *(half[own, others] for half in sets.halves), *relabelled]
        self.rows = np.array(rows)
        self.n_halves = len(sets.halves)

    @property
    def sizes(self) -> list[int]:
        """Features of each set of the image."""
        return [int(self.sets.pruned[fold].sum()) for fold in self.folds]

    def questions(self) -> list[Question]:
        """A question for each row through the sets that its own target selected, and the own row's random sets."""
        own, halves, relabelled = self.sets.pruned[None], self.sets.of_halves, self.sets.of_relabelled
        asked = [
            Question([np.flatnonzero(of_row[fold]) for fold in self.folds], row[None])
            for of_row, row in zip([*own, *halves, *relabelled], self.rows, strict=True)
        ]
        random = [np.flatnonzero(self.sets.random[fold]) for fold in self.folds]
        return [*asked, Question(random, self.rows[:1])]

    def map_of(self, answers: Sequence[Answer], sizes: Sequence[int]) -> ImageMap:
        """The map of answers in the order of the rows; random sets are asked about the own row only."""
        heat, intact = answers[0].heat[0], float(answers[0].intact[0])
        halves = [one.heat[0] for one in answers[1 : 1 + self.n_halves]]
        relabelled = answers[1 + self.n_halves :]
        return ImageMap(
            heat=heat,
            intact=intact,
            null=np.array([largest(one.heat) for one in relabelled]),
            split_half=spatial_correlation(*halves) if len(halves) == 2 else np.nan,
            n_sets=len(sizes),
            n_retained=float(np.mean(sizes)) if sizes else np.nan,
            undefined=self._why_undefined(heat, sizes),
        )

    def _why_undefined(self, heat: np.ndarray, sizes: Sequence[int]) -> str | None:
        if not np.isnan(heat).all():
            return None
        if not sizes:
            return "no fold held the image out"
        if np.isnan(standardised_pairs(self.rows[:1])).any():
            return "the image is as dissimilar to each other image as to any"
        return "the image is constant under every set that did not see it"


def largest(heat: np.ndarray) -> float:
    """The largest value of a map; NaN where it has none."""
    return float(np.nanmax(heat)) if not np.isnan(heat).all() else np.nan


def spatial_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson correlation over positions of two maps, where both are defined; NaN if either is constant."""
    there = ~(np.isnan(one) | np.isnan(other))
    if there.sum() < 3:
        return float("nan")
    first, second = standardised_pairs(np.array([one[there], other[there]]))
    return float(first @ second)
