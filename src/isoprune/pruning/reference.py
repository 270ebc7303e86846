"""The definition of pruning, written for reading: one feature, one prefix at a time.

Every faster backend is tested against this module. It takes seconds where they take milliseconds.
"""

from __future__ import annotations

import numpy as np

from isoprune.isomorphism import pairs_of, second_order, similarity, undefined_images
from isoprune.pruning.criteria import Criterion


def isomorphism_without_each(
    values: np.ndarray, target: np.ndarray, coefficient: str, measure: str = "correlation"
) -> np.ndarray:
    """Isomorphism of the embedding without feature k, for every k.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    target : ndarray of shape (n_images, n_images)
        Dissimilarities.
    coefficient : {"pearson", "spearman"}
    measure : {"correlation", "cosine", "euclidean"}

    Returns
    -------
    ndarray of shape (n_features,)
        Signed correlation; NaN where an image is undefined without feature k.
    """
    return np.array(
        [isomorphism_without(values, target, k, coefficient, measure) for k in range(values.shape[1])]
    )


def isomorphism_without(
    values: np.ndarray, target: np.ndarray, feature: int, coefficient: str, measure: str = "correlation"
) -> float:
    """Isomorphism of the embedding without one feature; NaN where an image is then undefined."""
    others = np.delete(values, feature, axis=1)
    if undefined_images(others, measure).any():
        return np.nan
    return float(second_order(pairs_of(similarity(others, measure)), pairs_of(target), coefficient))


def insertion_curve(
    values: np.ndarray,
    target: np.ndarray,
    ranking: np.ndarray,
    criterion: Criterion,
    measure: str = "correlation",
) -> np.ndarray:
    """Signed isomorphism of the first m ranked features, for m = 0 … n_features.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    target : ndarray of shape (n_images, n_images)
        Dissimilarities.
    ranking : ndarray of shape (n_features,), int
        Features, most important first.
    criterion : Criterion
    measure : {"correlation", "cosine", "euclidean"}

    Returns
    -------
    ndarray of shape (n_features + 1,)
        NaN where undefined; 0 there if the criterion is a published one.
    """
    curve = np.full(len(ranking) + 1, np.nan)
    for m in range(2, len(ranking) + 1):
        prefix = values[:, ranking[:m]]
        if criterion.published or not undefined_images(prefix, measure).any():
            similarities = pairs_of(similarity(prefix, measure))
            if criterion.published:
                similarities = np.nan_to_num(similarities)
            curve[m] = second_order(similarities, pairs_of(target), criterion.curve)
    return np.nan_to_num(curve) if criterion.published else curve
