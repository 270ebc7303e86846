"""The retained sets of relabelled targets: what a target without any relation to the images keeps.

They share with the target's own sets whatever the procedure favours in itself, such as features of high variance and
features that are alike, and so tell what a target adds to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isoprune.folds import Fold
from isoprune.foldsets import masks_of
from isoprune.io.arrays import read_arrays, write_arrays

N_KEPT = 199
"""Relabelled targets whose sets a unit keeps, at most: p of a statistic of sets is then .005 or more."""

_WHAT = "the retained sets of a unit's relabelled targets"


@dataclass(frozen=True)
class RelabelledSets:
    """Retained sets of every fold, of the target as it is and of its first relabellings.

    Attributes
    ----------
    labels : tuple of str
        The unit's images.
    held_out : ndarray of shape (n_folds, n_images), bool
        Whether an image was held out of the fold.
    packed : ndarray of shape (n_arrangements, n_folds, ceil(n_features / 8)), uint8
        Sets as bits, eight features a byte. The target as it is comes first; nothing was drawn where there is no
        arrangement. A set is empty where a relabelled training block has no geometry.
    n_features : int
    fingerprint : str
        Of the labels and of the relabellings. Units that share it were relabelled alike.
    """

    labels: tuple[str, ...]
    held_out: np.ndarray
    packed: np.ndarray
    n_features: int
    fingerprint: str

    @property
    def n_relabelled(self) -> int:
        """Number of relabelled targets."""
        return max(len(self.packed) - 1, 0)

    def of_fold(self, fold: int) -> np.ndarray:
        """The sets of a fold: bool, shape (n_arrangements, n_features)."""
        return np.unpackbits(self.packed[:, fold], axis=-1, count=self.n_features).astype(bool)


def relabelled_sets(
    retained: Sequence[Sequence[np.ndarray]],
    folds: Sequence[Fold],
    labels: Sequence[str],
    n_features: int,
    fingerprint: str = "",
) -> RelabelledSets:
    """Pack retained sets.

    Parameters
    ----------
    retained : sequence of (sequence of ndarray of int)
        Of each fold, the set of each arrangement, the target as it is first; may be empty.
    folds : sequence of Fold
    labels : sequence of str
    n_features : int
    fingerprint : str
    """
    packed = np.zeros((len(retained[0]) if retained else 0, len(folds), -(-n_features // 8)), dtype=np.uint8)
    for fold, of_fold in enumerate(retained):
        packed[:, fold] = np.packbits(masks_of(of_fold, n_features), axis=-1)
    held_out = np.array([np.isin(labels, fold.test) for fold in folds]).reshape(len(folds), len(labels))
    return RelabelledSets(tuple(labels), held_out, packed, n_features, fingerprint)


def write_relabelled_sets(path: str | Path, sets: RelabelledSets) -> None:
    """Write them as npz, an array an attribute; equal sets give equal bytes.

    Raises
    ------
    NotWritableError
        If the place cannot be written to.
    """
    write_arrays(
        path,
        labels=np.array(sets.labels),
        held_out=sets.held_out,
        packed=sets.packed,
        n_features=np.array(sets.n_features),
        fingerprint=np.array(sets.fingerprint),
    )


def read_relabelled_sets(path: str | Path) -> RelabelledSets:
    """Those that `write_relabelled_sets` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    arrays = read_arrays(path, ("labels", "held_out", "packed", "n_features", "fingerprint"), what=_WHAT)
    return RelabelledSets(
        tuple(str(label) for label in arrays["labels"]),
        arrays["held_out"],
        arrays["packed"],
        int(arrays["n_features"]),
        str(arrays["fingerprint"]),
    )
