"""Competitors of as many features as the retained set that no target ranks: they know the images, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isoprune.isomorphism import similarity
from isoprune.labels import choose
from isoprune.scoring import Features

MATCHED = ("components", "variable", "active")
"""Principal components; features that vary most over images; features of the highest mean activation."""

RANK = 1e-10
"""A component is one when its singular value is more than this share of the largest."""


@dataclass(frozen=True)
class Components:
    """Images as their first principal components describe them.

    They are described in the space of the features, where the measure of similarity means what it means for all other
    competitors, and where no sign of a component is arbitrary.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Of the images that the components were fitted on.
    axes : ndarray of shape (n_components, n_features)
        Orthonormal.
    measure : str
        First-order measure of the embedding's RDM.
    whole : ndarray of shape (n_features,), int
        The features that they are components of.
    """

    mean: np.ndarray
    axes: np.ndarray
    measure: str
    whole: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Similarities of images, shape (n_images, n_images)."""
        varying = values[:, self.whole] - self.mean
        return similarity(self.mean + varying @ self.axes.T @ self.axes, self.measure)

    def __len__(self) -> int:
        """Number of components."""
        return len(self.axes)


def matched(
    name: str, values: np.ndarray, size: int, measure: str = "correlation", whole: np.ndarray | None = None
) -> Features:
    """A competitor of a number of features.

    Parameters
    ----------
    name : str
        One of `MATCHED`.
    values : ndarray of shape (n_images, n_features), float64
        Training images.
    size : int
        Number of features. Components are no more than the training images span.
    measure : {"correlation", "cosine", "euclidean"}
        As in `Components`.
    whole : ndarray of int, optional
        Features to choose from; default all.

    Returns
    -------
    ndarray of int, or Components
        Features from the most to the least variable or active.

    Raises
    ------
    UnknownNameError
        If there is no such competitor.
    """
    choose(name, MATCHED, what="competitor of matched number", where="specificity.matched")
    whole = np.arange(values.shape[1]) if whole is None else whole
    values = values[:, whole]
    if name == "components":
        mean = values.mean(axis=0)
        _, length, axes = np.linalg.svd(values - mean, full_matrices=False)
        n_components = min(size, int((length > RANK * length[0]).sum()))
        return Components(mean, axes[:n_components], measure, whole)
    amount = values.var(axis=0) if name == "variable" else values.mean(axis=0)
    return whole[np.argsort(-amount, kind="stable")[:size]]
