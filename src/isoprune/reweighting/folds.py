"""Weights of every fold of a unit in one file, for what else is compared on its held-out images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.foldsets import FoldSets
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.labelled import RDM, Embedding
from isoprune.reweighting.fitting import Weighing
from isoprune.reweighting.weights import Weights
from isoprune.specificity import RivalScore


def write_fold_weights(
    path: str | Path, scores: Sequence[Mapping[str, RivalScore]], final: Mapping[str, Weights]
) -> None:
    """Write the weights of every fold, and on all images, as npz.

    An array a kind, of shape (1 + n_folds, n_features): in the first row the weights that were fitted on all images,
    then those of each fold; NaN in a fold without a score.

    Parameters
    ----------
    path : path
    scores : sequence of mapping of str to RivalScore
        Of each fold, by kind.
    final : mapping of str to Weights
        By kind; kinds that are not in it are not written.
    """
    arrays = {}
    for kind, on_all in final.items():
        nothing = np.full_like(on_all.weights, np.nan)
        of_folds: list[Any] = [of_fold[kind].sets for of_fold in scores]
        arrays[kind] = np.array([on_all.weights, *(one[0].weights if one else nothing for one in of_folds)])
    write_arrays(path, **arrays)


def weights_of_units(sets: Sequence[str | Path], weights: Sequence[str | Path]) -> list[str | Path | None]:
    """Each unit's file of weights, by the name of the unit; None where it has none.

    Parameters
    ----------
    sets : sequence of path
        Files of the units' sets, ``<unit>_sets.npz``.
    weights : sequence of path
        Files that `write_fold_weights` wrote, ``<unit>_weights.npz``; units may be missing, the best of several layers
        among them.
    """
    found = {Path(path).name.removesuffix("_weights.npz"): path for path in weights}
    return [found.get(Path(path).name.removesuffix("_sets.npz")) for path in sets]


def spaces_of_weights(
    path: str | Path, embedding: Embedding, sets: FoldSets, measure: str
) -> dict[str, tuple[RDM, list[RDM]]]:
    """Weighed spaces of a unit: of all its images, and of each scored block with its own fold's weights.

    Parameters
    ----------
    path : path
        That `write_fold_weights` wrote.
    embedding : Embedding
    sets : FoldSets
        Of the unit.
    measure : str
        First-order measure of the embedding's RDM.

    Returns
    -------
    dict of str to (RDM, list of RDM)
        By kind; a kind that has no weights in a scored fold is left out. Dissimilarities are in no particular unit.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    names = np.array(sets.labels, dtype=object)
    scored = np.flatnonzero(sets.tested.any(axis=1))
    found = {}
    for kind, weights in read_arrays(path, what="the weights of a unit's folds").items():
        if np.isnan(weights[1 + scored]).any():
            continue

        def space(row: np.ndarray, labels: Sequence[str], kind: str = kind) -> RDM:
            values = embedding.subset(labels).values.astype(np.float64)
            rdm = 1 - Weighing(kind, row, measure)(values)
            np.fill_diagonal(rdm, 0)
            return RDM((rdm + rdm.T) / 2, tuple(labels), kind)

        blocks = [space(weights[1 + fold], list(names[sets.tested[fold]])) for fold in scored]
        found[kind] = space(weights[0], sets.labels), blocks
    return found
