"""One door for whatever users hold: arrays, labelled containers or rsatoolbox objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from isoprune.errors import EmbeddingError, RDMError, TooFewImagesError
from isoprune.isomorphism import check_target_varies
from isoprune.labelled import RDM, Embedding, check_magnitude, check_no_constant_image, square


@dataclass(frozen=True)
class Joined:
    """An embedding and a target over the same images in the same order.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_features), float64
    target : ndarray of shape (n_images, n_images), float64
        Dissimilarities.
    labels : tuple of str
        Stimulus labels; row numbers where neither side has labels.
    """

    values: np.ndarray
    target: np.ndarray
    labels: tuple[str, ...]


def join(embedding: Any, target: Any) -> Joined:
    """Join an embedding and a target, by label where both have labels.

    Parameters
    ----------
    embedding : array of shape (n_images, n_features), Embedding, or rsatoolbox Dataset
    target : array of shape (n_images, n_images) or (n_pairs,), RDM, or rsatoolbox RDMs

    Returns
    -------
    Joined
        Rows in the order of the embedding.

    Raises
    ------
    EmbeddingError, RDMError, LabelError, ConstantImageError, TooFewImagesError
        If either is malformed, or they are not about the same images.
    """
    values, labels = _embedding(embedding)
    matrix, target_labels = matrix_and_labels(target, "target")
    if labels is not None and target_labels is not None:
        side = Embedding(values, labels)
        rdm = RDM(matrix, target_labels).select(side.labels, "the embedding")
        matrix = rdm.values
    elif len(matrix) != len(values):
        raise RDMError(
            "target",
            f"it relates {len(matrix)} images",
            f"the {len(values)} images of the embedding",
            "Pass the whole target; for held-out scores use isoprune.cross_validate, which cuts rows and columns.",
        )
    names = labels or target_labels or tuple(str(row) for row in range(len(values)))
    if len(values) < 3:
        raise TooFewImagesError(
            "embedding",
            f"{len(values)} images",
            "at least 3",
            "Two images make a single pair: nothing varies.",
        )
    check_no_constant_image(values, "embedding", names)
    check_target_varies(matrix, "target")
    return Joined(values, matrix, tuple(names))


def _embedding(embedding: Any) -> tuple[np.ndarray, tuple[str, ...] | None]:
    if hasattr(embedding, "measurements"):  # an rsatoolbox Dataset
        embedding = Embedding.from_rsatoolbox(embedding)
    if isinstance(embedding, Embedding):
        return embedding.values.astype(np.float64), embedding.labels
    values = np.asarray(embedding, dtype=np.float64)
    if values.ndim != 2:
        raise EmbeddingError(
            "embedding",
            f"an array of shape {values.shape}",
            "two dimensions: images in rows, features in columns",
            "Average or flatten feature maps over space first.",
        )
    if not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values).all(axis=1))
        raise EmbeddingError(
            "embedding",
            f"NaN or infinite features in row {rows[0]} ({len(rows)} row(s) in all)",
            "finite numbers",
            "Check the images and the network's precision (float16 overflows).",
        )
    check_magnitude(
        values, "embedding", [f"row {row}" for row in range(len(values))], "features", EmbeddingError
    )
    return values, None


def matrix_and_labels(rdm: Any, where: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """A dissimilarity matrix in whatever container, as a checked array.

    Parameters
    ----------
    rdm : array of shape (n_images, n_images) or (n_pairs,), RDM, or rsatoolbox RDMs
    where : str
        What it is, for the error messages.

    Returns
    -------
    matrix : ndarray of shape (n_images, n_images), float64
    labels : tuple of str, or None
        None for an array.

    Raises
    ------
    RDMError, LabelError
        If it is malformed, several, or has no labels where it should.
    """
    if isinstance(rdm, RDM):
        return rdm.values, rdm.labels
    if hasattr(rdm, "dissimilarities"):  # rsatoolbox RDMs
        found = RDM.from_rsatoolbox(rdm, where)
        return found.values, found.labels
    return square(rdm, where), None
