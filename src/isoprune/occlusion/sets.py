"""The sets of features that maps are read through: of every fold in which an image was held out, and under the null.

A map of image t through sets that t itself helped to select would show what selection put there. So the sets are those
of the folds that held t out, of the target itself as of what it is compared with: relabelled targets, the mean RDMs of
two halves of the subjects, and random sets of the same size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from isoprune.design import Design
from isoprune.foldsets import FoldSets, masks_of
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.labelled import RDM, Embedding
from isoprune.pruning import select_many
from isoprune.relabelling import relabellings
from isoprune.scoring import leaves_something

HELD_OUT, ALL = "held-out", "all"
SETS = (HELD_OUT, ALL)
"""Sets of the folds that held an image out, or the one set fitted on all images, as published."""

STREAM = 0x48454154
"""Keeps random sets and halves of subjects apart from other random numbers of the same seed."""


@dataclass(frozen=True)
class MapSets:
    """Every set of features that a target's maps are read through, and the targets that they are read against.

    Attributes
    ----------
    labels : ndarray of shape (n_images,), str
        Sorted.
    applies : ndarray of shape (n_folds, n_images), bool
        Whether an image's maps use the sets of a fold.
    target : ndarray of shape (n_images, n_images)
        The RDM that ranks features, and whose rows the maps are about.
    halves : ndarray of shape (0 or 2, n_images, n_images)
        Mean RDM of each half of the subjects; none where there are too few.
    relabellings : ndarray of shape (n_null, n_images), int
        As `isoprune.relabelling.relabellings` draws them.
    pruned, random : ndarray of shape (n_folds, n_features), bool
        Sets of the target, and random ones of the same sizes.
    of_halves : ndarray of shape (0 or 2, n_folds, n_features), bool
    of_relabelled : ndarray of shape (n_null, n_folds, n_features), bool
        Empty sets where a relabelled training block has no geometry.
    """

    labels: np.ndarray
    applies: np.ndarray
    target: np.ndarray
    halves: np.ndarray
    relabellings: np.ndarray
    pruned: np.ndarray
    random: np.ndarray
    of_halves: np.ndarray
    of_relabelled: np.ndarray


def map_sets(
    embedding: Embedding,
    supervising: RDM,
    sets: FoldSets,
    final: np.ndarray,
    design: Design,
    *,
    subjects: Sequence[RDM] = (),
    use: str = HELD_OUT,
    n_null: int = 200,
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> MapSets:
    """Select features for a target's maps.

    Parameters
    ----------
    embedding : Embedding
    supervising : RDM
        The RDM that ranked the unit's features.
    sets : FoldSets
        Of the unit.
    final : ndarray of int
        The unit's set fitted on all images.
    design : Design
    subjects : sequence of RDM
        Of single subjects, of whom the target is the mean; with at least two, halves of them select as well.
    use : {"held-out", "all"}
    n_null : int
        Relabelled targets.
    threads : int
        Changes no bit of the result.
    progress : callable, optional
        Called with what is counted, the number done and their total.

    Returns
    -------
    MapSets

    Raises
    ------
    LabelError
        If the images differ.
    """
    labels = list(sets.labels)
    values = embedding.subset(labels).values.astype(np.float64)
    side = f"embedding '{embedding.name}'"
    target = supervising.select(labels, side).values
    means = _mean_of_halves([rdm.select(labels, side).values for rdm in subjects], design.seed)
    halves = np.array(means).reshape(-1, len(labels), len(labels))
    moved = relabellings(labels, n_null, seed=design.seed)
    held_out = sets.held_out if use == HELD_OUT else np.zeros((1, len(labels)), dtype=bool)
    retained = sets.retained if use == HELD_OUT else (final,)
    controls = design.controls(target, labels)
    selected = np.zeros((len(halves) + n_null, len(held_out), values.shape[1]), dtype=bool)
    for fold, out in enumerate(held_out):
        train = np.flatnonzero(~out)
        arranged = np.array(
            [rdm[np.ix_(train, train)] for rdm in halves]
            + [target[np.ix_(b[train], b[train])] for b in moved]
        ).reshape(-1, len(train), len(train))
        removed = controls.that_rank(train, design.procedure)
        usable = np.flatnonzero([leaves_something(one, removed) for one in arranged])
        found = select_many(
            values[train], arranged[usable], design.procedure, nuisances=removed, threads=threads
        )
        for place, features in zip(usable, found.retained, strict=True):
            selected[place, fold, features] = True
        if progress:
            progress("folds", fold + 1, len(held_out))
    rng = np.random.default_rng([design.seed, STREAM])
    n_features = values.shape[1]
    return MapSets(
        labels=np.array(labels),
        applies=held_out if use == HELD_OUT else ~held_out,
        target=target,
        halves=halves,
        relabellings=moved,
        pruned=masks_of(retained, n_features),
        random=masks_of([rng.permutation(n_features)[: len(one)] for one in retained], n_features),
        of_halves=selected[: len(halves)],
        of_relabelled=selected[len(halves) :],
    )


def _mean_of_halves(subjects: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Mean RDM of two halves of the subjects, drawn at random, an odd one in the second; none of a single subject."""
    if len(subjects) < 2:
        return []
    order = np.random.default_rng([seed, STREAM, len(subjects)]).permutation(len(subjects))
    middle = len(subjects) // 2
    return [np.mean([subjects[one] for one in half], axis=0) for half in (order[:middle], order[middle:])]


_PACKED = ("pruned", "random", "of_halves", "of_relabelled")


def write_map_sets(path: str | Path, found: MapSets) -> None:
    """Write them as npz; sets are packed, eight features a byte."""
    arrays = {one.name: getattr(found, one.name) for one in fields(found)}
    packed = {name: np.packbits(arrays[name], axis=-1) for name in _PACKED}
    write_arrays(path, **{**arrays, **packed, "n_features": np.array(found.pruned.shape[-1])})


def read_map_sets(path: str | Path) -> MapSets:
    """Those that `write_map_sets` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    names = [one.name for one in fields(MapSets)]
    arrays = read_arrays(path, [*names, "n_features"], what="the sets that maps are read through")
    n_features = int(arrays.pop("n_features"))
    unpacked = {name: np.unpackbits(arrays[name], axis=-1, count=n_features).astype(bool) for name in _PACKED}
    return MapSets(**{**{name: arrays[name] for name in names}, **unpacked})
