"""Non-negative ridge regression by exchange of features between those at zero and those that are free.

Block principal pivoting (Portugal, Júdice & Vicente 1994; Kim & Park 2011): of a guess at the free features follow
their weights, and the slopes at zero of all others; those of the wrong sign change sides. It ends with weights that
meet the conditions of the only minimum, and never needs more of ``ZᵀZ`` than the part between free features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from isoprune.errors import ReweightingError
from isoprune.isomorphism import pairs_of
from isoprune.reweighting.predictors import Predictors, matrices_of

if TYPE_CHECKING:
    from isoprune.reweighting.solvers import Unpenalised

PATIENCE = 3
"""Exchanges of all features on the wrong side that may make no progress before they change sides one by one."""

WRONG = 1e-10
"""A weight or slope is on the wrong side when it is so by more than this share of the largest."""


def non_negative(
    predictors: Predictors, unpenalised: Unpenalised, pairs: np.ndarray, penalties: Sequence[float]
) -> np.ndarray:
    """Weights that are not negative, for each penalty.

    Parameters
    ----------
    predictors : Predictors
    unpenalised : Unpenalised
    pairs : ndarray of shape (n_pairs,)
        What is predicted, as the intercept and nuisances leave it.
    penalties : sequence of float
        Each starts from the free features of the one before.

    Returns
    -------
    ndarray of shape (n_penalties, n_features), float64

    Raises
    ------
    ReweightingError
        If exchanges do not come to an end.
    """
    n_images = len(predictors.values)
    along = predictors.along(matrices_of(pairs[None], n_images))[0]
    shadow = unpenalised.shadow(predictors)
    unit = (predictors.squares().sum() - (shadow**2).sum()) / len(pairs)
    free, found = along > WRONG * np.abs(along).max(), []
    for penalty in penalties:
        weights, free = _exchange(predictors, unpenalised, along, shadow, penalty * unit, free)
        found.append(weights)
    return np.array(found)


def _exchange(
    predictors: Predictors,
    unpenalised: Unpenalised,
    along: np.ndarray,
    shadow: np.ndarray,
    raised: float,
    free: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and free features at the minimum, from a guess at the free features."""
    fewest, patience = len(along) + 1, PATIENCE
    for _ in range(10 * len(along) + 100):
        weights = _of_free(predictors, along, shadow, raised, free)
        slopes = _left_of(predictors, unpenalised, weights) + raised * weights - along
        wrong = np.where(
            free, weights < -WRONG * np.abs(weights).max(), slopes < -WRONG * np.abs(along).max()
        )
        n_wrong = int(wrong.sum())
        if not n_wrong:
            return np.maximum(weights, 0), free
        if n_wrong < fewest:
            fewest, patience = n_wrong, PATIENCE
        elif patience:
            patience -= 1
        else:
            # One feature at a time cannot go round in circles (Murty's rule).
            wrong = np.arange(len(wrong)) == np.flatnonzero(wrong).max()
        free = free ^ wrong
    raise ReweightingError(
        "non-negative weights",
        f"no end after {10 * len(along) + 100} exchanges of {len(along)} features",
        "features of which each stays at zero or free",
        "Use larger `reweighting.penalties`.",
    )


def _of_free(
    predictors: Predictors, along: np.ndarray, shadow: np.ndarray, raised: float, free: np.ndarray
) -> np.ndarray:
    """Weights of the free features as if these were all, and 0 elsewhere."""
    weights, features = np.zeros(len(along)), np.flatnonzero(free)
    if len(features):
        system = predictors.gram(features) - shadow[:, features].T @ shadow[:, features]
        system.flat[:: len(features) + 1] += raised
        factor = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        weights[features] = cho_solve(factor, along[features], check_finite=False)
    return weights


def _left_of(predictors: Predictors, unpenalised: Unpenalised, weights: np.ndarray) -> np.ndarray:
    """``ZᵀZw`` without what the intercept and nuisances explain, shape (n_features,)."""
    (predicted,) = predictors.weighted(weights[None])
    left = unpenalised.leave(pairs_of(predicted)[None])
    return predictors.along(matrices_of(left, len(predicted)))[0]
