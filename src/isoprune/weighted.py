"""Correlations and ranks of observations that occur as often as weights say: how resampled pairs are scored."""

from __future__ import annotations

import numpy as np

from isoprune.isomorphism import ranks_of_similarities

LEAST_SPREAD = 1e-14
"""A variable is constant in a sample when its weighted variance is at most this share of its largest square.

Below, the difference of two sums that it is computed from has no digit left.
"""


def weighted_r(x: np.ndarray, y: np.ndarray, weights: np.ndarray, coefficient: str = "pearson") -> np.ndarray:
    """Correlation of variables with another, observations occurring as often as the weights say.

    Parameters
    ----------
    x : ndarray of shape (n_variables, n_pairs) or (n_pairs,)
    y : ndarray of shape (n_pairs,)
    weights : ndarray of shape (n_samples, n_pairs)
        Whole numbers, 0 where an observation does not occur.
    coefficient : {"pearson", "spearman"}
        ``spearman`` ranks anew in every sample, ties sharing their mean rank.

    Returns
    -------
    ndarray of shape (n_variables, n_samples) or (n_samples,), float64
        Dimensionless; NaN where either variable is constant in the sample.
    """
    if x.ndim == 1:
        return weighted_r(x[None], y, weights, coefficient)[0]
    if coefficient == "spearman":
        ranks = weighted_ranks(y, weights)
        return np.array([weighted_correlation(weighted_ranks(one, weights), ranks, weights) for one in x])
    # Sums of products less products of sums: taken from means over pairs, little of the digits cancels.
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        total = weights.sum(axis=1)
        sum_x, sum_y = x @ weights.T, weights @ y
        xx = x**2 @ weights.T - sum_x**2 / total
        yy = weights @ y**2 - sum_y**2 / total
        r = ((x * y) @ weights.T - sum_x * sum_y / total) / np.sqrt(xx * yy)
    vary = (xx > LEAST_SPREAD * total * np.square(x).max(axis=1, keepdims=True)) & (
        yy > LEAST_SPREAD * total * np.square(y).max()
    )
    return np.where(vary & _several(weights), r, np.nan)


def weighted_correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Correlation of the rows of two arrays, observations occurring as often as the weights say.

    Parameters
    ----------
    x, y, weights : ndarray of shape (n_samples, n_pairs)

    Returns
    -------
    ndarray of shape (n_samples,), float64
        NaN where either is constant, or fewer than three observations occur.
    """
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = (v - (weights * v).sum(axis=1, keepdims=True) / total for v in (x, y))
        xx, yy, xy = ((weights * product).sum(axis=1) for product in (x * x, y * y, x * y))
        r = xy / np.sqrt(xx * yy)
    return np.where((xx > 0) & (yy > 0) & _several(weights), r, np.nan)


def weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ranks of observations that occur as often as the weights say, from 1 on; ties share their mean rank.

    Parameters
    ----------
    values : ndarray of shape (n_pairs,)
    weights : ndarray of shape (n_samples, n_pairs)

    Returns
    -------
    ndarray of shape (n_samples, n_pairs), float64
    """
    _, tied = np.unique(ranks_of_similarities(values), return_inverse=True)
    order = np.argsort(tied, kind="stable")
    starts = np.flatnonzero(np.diff(tied[order], prepend=-1))
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    return (np.cumsum(counts, axis=1) - counts / 2 + 0.5)[:, tied]


def _several(weights: np.ndarray) -> np.ndarray:
    # Two distinct pairs always correlate by ±1, which says nothing.
    return (weights > 0).sum(axis=1) > 2
