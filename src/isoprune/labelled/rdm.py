"""Dissimilarity matrices: every image against every other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.errors import RDMError
from isoprune.labelled.magnitude import check_magnitude
from isoprune.labelled.names import STIMULUS, stimuli_of
from isoprune.labels import check_labels, positions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RDM:
    """A representational dissimilarity matrix.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_images), float64
        Dissimilarities: symmetric, zero on the diagonal.
    labels : tuple of str
        Stimulus label of each row and column.
    target, subject : str
        Whose it is; subject ``group`` is the mean over subjects.
    measure : str
        How dissimilarity was measured, e.g. ``correlation``.
    provenance : dict
        What it was computed from, ready for JSON.
    """

    values: np.ndarray
    labels: tuple[str, ...]
    target: str = "target"
    subject: str = "group"
    measure: str = "dissimilarity"
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"target '{self.target}' of subject '{self.subject}'"
        object.__setattr__(self, "labels", check_labels(self.labels, where))
        values = square(self.values, where, self.labels)
        if values.shape[0] != len(self.labels):
            raise RDMError(
                where,
                f"a matrix of {values.shape[0]} images with {len(self.labels)} labels",
                "one row and one column a label",
                "Check which stimuli the matrix was made from.",
            )
        object.__setattr__(self, "values", values)

    @classmethod
    def from_rsatoolbox(cls, rdms: Any, where: str = "rsatoolbox RDMs") -> RDM:
        """The RDM in an rsatoolbox ``RDMs`` object that holds one.

        Parameters
        ----------
        rdms : rsatoolbox.rdm.RDMs
            With a pattern descriptor ``stimulus``; of several RDMs take one by ``rdms[i]``.
        where : str
            What it is, for error messages.

        Returns
        -------
        RDM
            With ``target`` and ``subject`` where the object has descriptors of this name.

        Raises
        ------
        RDMError, LabelError
            If it holds several RDMs, no labels, or no dissimilarities.
        """
        if rdms.n_rdm != 1:
            found, remedy = (
                f"an rsatoolbox object with {rdms.n_rdm} RDMs",
                "Choose one (`rdms[i]`), or their mean.",
            )
            raise RDMError(where, found, "one RDM", remedy)
        labels = stimuli_of(rdms.pattern_descriptors, where)
        named: dict[str, Any] = {
            key: str(rdms.rdm_descriptors[key][0])
            for key in ("target", "subject")
            if key in rdms.rdm_descriptors
        }
        values = square(rdms.dissimilarities[0], where, labels)
        return cls(values, labels, measure=rdms.dissimilarity_measure or "dissimilarity", **named)

    def to_rsatoolbox(self) -> Any:
        """The RDM as an rsatoolbox ``RDMs`` object, with the pattern descriptor ``stimulus``.

        Returns
        -------
        rsatoolbox.rdm.RDMs
        """
        from rsatoolbox.rdm import RDMs

        return RDMs(
            self.values[np.triu_indices(len(self.labels), 1)][np.newaxis],
            dissimilarity_measure=self.measure,
            rdm_descriptors={"target": [self.target], "subject": [self.subject]},
            pattern_descriptors={STIMULUS: list(self.labels)},
        )

    def to_frame(self) -> pd.DataFrame:
        """The RDM as a pandas table, labels as its index and columns."""
        import pandas as pd

        names = pd.Index(self.labels, name=STIMULUS)
        return pd.DataFrame(self.values, index=names, columns=names)

    def select(self, labels: Sequence[str], wanted_in: str = "the other side") -> RDM:
        """The same RDM with rows and columns in the order of ``labels`` (the same set of labels)."""
        present_in = f"target '{self.target}' of subject '{self.subject}'"
        order = positions(labels, self.labels, wanted_in=wanted_in, present_in=present_in)
        return replace(self, values=self.values[np.ix_(order, order)], labels=tuple(labels))

    def subset(self, labels: Sequence[str]) -> RDM:
        """Some of the images, in the order of ``labels``.

        Raises
        ------
        LabelError
            If a label has no row.
        """
        wanted = set(labels)
        rows = [row for row, label in enumerate(self.labels) if label in wanted]
        names = tuple(self.labels[row] for row in rows)
        return replace(self, values=self.values[np.ix_(rows, rows)], labels=names).select(labels)


def square(values: np.ndarray, where: str, labels: Sequence[str] | None = None) -> np.ndarray:
    """A dissimilarity matrix as a checked square array.

    Parameters
    ----------
    values : ndarray of shape (n, n) or (n * (n - 1) / 2,)
        A square matrix, or its upper triangle without the diagonal, row by row.
    where : str
        Where it comes from, for the error messages.
    labels : sequence of str, optional
        Stimulus labels, used to name what is wrong.

    Returns
    -------
    ndarray of shape (n, n), float64
        Exactly symmetric, with a zero diagonal.

    Raises
    ------
    RDMError
        If the shape is neither, if an entry is not finite or its square is not, if the matrix is not symmetric to
        within float32 rounding, or if its diagonal is not zero.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 1:
        values = _from_triangle(values, where)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise RDMError(
            where,
            f"an array of shape {values.shape}",
            "a square matrix (n × n), or its upper triangle of n(n−1)/2 values, row by row",
            "A target relates every image to every image: cutting only its rows (as scikit-learn's "
            "cross_val_score does) leaves no RDM. Use isoprune.cross_validate for held-out scores.",
        )
    names = [str(i) for i in range(len(values))] if labels is None else list(labels)
    _check_entries(values, where, names)
    values = (values + values.T) / 2
    np.fill_diagonal(values, 0.0)
    return values


def _from_triangle(values: np.ndarray, where: str) -> np.ndarray:
    n = round((1 + float(np.sqrt(1 + 8 * values.size))) / 2)
    if values.size == 0 or n * (n - 1) // 2 != values.size:
        below, above = (m * (m - 1) // 2 for m in (n - 1, n + 1))
        raise RDMError(
            where,
            f"a vector of {values.size} values",
            f"n(n−1)/2 values for some whole n (for instance {below}, {n * (n - 1) // 2} or {above})",
            "Give the whole upper triangle without the diagonal, row by row.",
        )
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = values
    return matrix + matrix.T


def _check_entries(values: np.ndarray, where: str, names: Sequence[str]) -> None:
    off_diagonal = ~np.eye(len(values), dtype=bool)
    undefined = np.argwhere(~np.isfinite(values) & off_diagonal)
    if len(undefined):
        i, j = map(int, undefined[0])
        raise RDMError(
            where,
            f"{len(undefined)} undefined entries, the first at ({names[i]}, {names[j]})",
            "a finite dissimilarity for every pair of images",
            "Leave out the images concerned; isoprune does not guess missing values.",
        )
    check_magnitude(np.where(off_diagonal, values, 0.0), where, names, "dissimilarities", RDMError)
    scale = float(np.abs(values[off_diagonal]).max(initial=0.0))
    gap = np.abs(values - values.T)
    np.fill_diagonal(gap, 0.0)
    if gap.max(initial=0.0) > 1e-6 * scale:
        i, j = map(int, np.unravel_index(int(gap.argmax()), gap.shape))
        raise RDMError(
            where,
            f"not symmetric: ({names[i]}, {names[j]}) is {values[i, j]:.6g}, "
            f"({names[j]}, {names[i]}) is {values[j, i]:.6g}",
            "the same dissimilarity in both directions",
            "Average both triangles yourself if the directions are repeated measurements.",
        )
    diagonal = np.abs(np.nan_to_num(np.diagonal(values)))
    if diagonal.max(initial=0.0) > 1e-6 * scale:
        i = int(diagonal.argmax())
        raise RDMError(
            where,
            f"the dissimilarity of {names[i]} with itself is {values[i, i]:.6g}",
            "0 on the diagonal",
            "If these are similarities, say so with the setting `similarity: true`.",
        )
