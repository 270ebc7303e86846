"""The retained sets of a unit's folds, and the images that they were scored on: what other analyses start from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isoprune.crossvalidation import FoldScore
from isoprune.folds import Fold
from isoprune.io.arrays import read_arrays, write_arrays


@dataclass(frozen=True)
class FoldSets:
    """The retained set of every fold, and the images that were scored.

    Attributes
    ----------
    labels : tuple of str
        Sorted labels of the unit's images.
    repeat, fold : ndarray of shape (n_folds,), int
        From 1.
    retained : tuple of ndarray of int
        Most important first.
    held_out : ndarray of shape (n_folds, n_images), bool
        Whether an image was held out of the fold.
    tested : ndarray of shape (n_folds, n_images), bool
        Whether it was scored; nothing in a fold without a score.
    """

    labels: tuple[str, ...]
    repeat: np.ndarray
    fold: np.ndarray
    retained: tuple[np.ndarray, ...]
    held_out: np.ndarray
    tested: np.ndarray

    @property
    def fingerprint(self) -> str:
        """Hash of which images each fold holds out: units that share it are scored on the same images."""
        content = hashlib.sha256("\0".join(self.labels).encode())
        for array in (self.repeat, self.fold, self.held_out):
            content.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        return content.hexdigest()[:16]

    def scored_blocks(self) -> list[Fold]:
        """The blocks of images that were scored, as folds without training images."""
        names = np.array(self.labels, dtype=object)
        return [
            Fold(int(repeat), int(fold), (), tuple(names[images]))
            for repeat, fold, images in zip(self.repeat, self.fold, self.tested, strict=True)
            if images.any()
        ]


def masks_of(sets: Sequence[Sequence[int] | np.ndarray], n_features: int) -> np.ndarray:
    """Which features are in each set: bool, shape (n_sets, n_features)."""
    masks = np.zeros((len(sets), n_features), dtype=bool)
    for mask, features in zip(masks, sets, strict=True):
        mask[np.asarray(features, dtype=int)] = True
    return masks


def fold_sets(scores: Sequence[FoldScore], labels: Sequence[str]) -> FoldSets:
    """The retained set of every fold, and the images that were scored."""
    labels = tuple(sorted(labels))
    held_out = np.array([np.isin(labels, score.fold.test) for score in scores])
    tested = np.array([np.isin(labels, () if score.undefined else score.tested) for score in scores])
    return FoldSets(
        labels,
        np.array([score.fold.repeat for score in scores]),
        np.array([score.fold.fold for score in scores]),
        tuple(score.retained for score in scores),
        held_out,
        tested,
    )


def write_fold_sets(path: str | Path, sets: FoldSets) -> None:
    """Write fold sets as npz: retained sets one after the other in ``features``, their sizes in ``n_retained``."""
    write_arrays(
        path,
        labels=np.array(sets.labels),
        repeat=sets.repeat,
        fold=sets.fold,
        features=np.concatenate(sets.retained),
        n_retained=np.array([len(features) for features in sets.retained]),
        held_out=sets.held_out,
        tested=sets.tested,
    )


def read_fold_sets(path: str | Path) -> FoldSets:
    """Fold sets that `write_fold_sets` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    arrays = read_arrays(
        path,
        ("labels", "repeat", "fold", "features", "n_retained", "held_out", "tested"),
        what="the retained sets of a unit's folds",
    )
    ends = np.cumsum(arrays["n_retained"])[:-1]
    return FoldSets(
        tuple(str(label) for label in arrays["labels"]),
        arrays["repeat"],
        arrays["fold"],
        tuple(np.split(arrays["features"], ends)),
        arrays["held_out"],
        arrays["tested"],
    )
