"""Weights for many targets and penalties at once, on the pairs of some images.

Regressions minimise ``Σ (y − b − Zw)² + λ |w|²`` over pairs, with an intercept b that is not penalised. λ is a
penalty times the total variance of the predictors over these pairs, so that no unit of the features matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from isoprune.isomorphism import orthonormal, pairs_of, standardised_pairs
from isoprune.reweighting.exchange import non_negative
from isoprune.reweighting.predictors import (
    Differences,
    Predictors,
    Products,
    matrices_of,
    similarity_of_pairs,
)

DEAD = 1e-12
"""A predictor does not vary when its variance over pairs is at most this share of the largest one's."""


class Solver(Protocol):
    """An embedding whose features are ready to be weighed."""

    def weights(
        self, rows: np.ndarray, pairs: np.ndarray, penalties: Sequence[float], removed: np.ndarray | None
    ) -> np.ndarray:
        """Weights of each feature.

        Parameters
        ----------
        rows : ndarray of int
            The images that are fitted, ascending.
        pairs : ndarray of shape (n_targets, n_pairs)
            What is predicted, for the pairs of these images.
        penalties : sequence of float
        removed : ndarray of shape (n_nuisances, n_pairs), optional
            Pair values that are fitted beside the features, without penalty.

        Returns
        -------
        ndarray of shape (n_penalties, n_targets, n_features), float64
        """


class Unpenalised:
    """The intercept and nuisances, which are fitted without penalty: everything else is what they leave.

    Parameters
    ----------
    n_pairs : int
    removed : ndarray of shape (n_nuisances, n_pairs), optional
    """

    def __init__(self, n_pairs: int, removed: np.ndarray | None):
        constant = np.full((1, n_pairs), n_pairs**-0.5)
        nuisances = () if removed is None else orthonormal(standardised_pairs(removed))
        self.basis = np.vstack([constant, *([nuisances] if len(nuisances) else [])])

    def leave(self, pairs: np.ndarray) -> np.ndarray:
        """What is left of pair values, shape (n, n_pairs)."""
        return pairs - (pairs @ self.basis.T) @ self.basis

    def leave_on_both_sides(self, alike: np.ndarray) -> np.ndarray:
        """What is left of a similarity of pairs, shape (n_pairs, n_pairs)."""
        return self.leave(self.leave(alike).T)

    def shadow(self, predictors: Predictors) -> np.ndarray:
        """What the predictors share with the basis: ``ZᵀZ`` less ``shadowᵀ shadow`` is what is left of it."""
        return predictors.along(matrices_of(self.basis, len(predictors.values)))


class Ridge:
    """Ridge regression on the products of activations.

    Everything that does not depend on the target is shared by all targets: the matrix of a linear system between
    pairs of images or between features, whichever takes less time, is factorised once a penalty.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
    n_fitted : sequence of int
        Number of images in each of the systems that are going to be solved; the time that they take together decides
        between pairs and features.
    """

    def __init__(self, values: np.ndarray, n_fitted: Sequence[int]):
        self.values = values
        pairs = [n * (n - 1) / 2 for n in n_fitted]
        self.between_pairs = sum(n**3 for n in pairs) < len(pairs) * float(values.shape[1]) ** 3
        # Once for all folds, whose pairs are some of all pairs.
        self.alike = similarity_of_pairs(values) if self.between_pairs else None

    def weights(
        self, rows: np.ndarray, pairs: np.ndarray, penalties: Sequence[float], removed: np.ndarray | None
    ) -> np.ndarray:
        """As `Solver`."""
        predictors, unpenalised = Products(self.values[rows]), Unpenalised(pairs.shape[1], removed)
        left = unpenalised.leave(pairs)
        if not self.between_pairs:
            shadow = unpenalised.shadow(predictors)
            system = predictors.gram(np.arange(self.values.shape[1])) - shadow.T @ shadow
            along = predictors.along(matrices_of(left, len(rows)))
            return np.array([one.T for one in _ridges(system, along.T, penalties, pairs.shape[1])])
        places = _places(rows, len(self.values))
        system = unpenalised.leave_on_both_sides(self.alike[np.ix_(places, places)])
        duals = _ridges(system, left.T, penalties, pairs.shape[1])
        return np.array([predictors.along(matrices_of(unpenalised.leave(one.T), len(rows))) for one in duals])


def _ridges(system: np.ndarray, right: np.ndarray, penalties: Sequence[float], n_pairs: int):
    """Solutions of a system whose diagonal is raised by each penalty; each of the shape of the right-hand side."""
    unit = np.trace(system) / n_pairs
    for penalty in penalties:
        raised = system.copy()
        raised.flat[:: len(system) + 1] += penalty * unit
        factor = cho_factor(raised, lower=True, overwrite_a=True, check_finite=False)
        yield cho_solve(factor, right, check_finite=False)


def _places(rows: np.ndarray, n_images: int) -> np.ndarray:
    """Places of the pairs of some images among the pairs of all."""
    number = np.zeros((n_images, n_images), dtype=np.intp)
    number[np.triu_indices(n_images, 1)] = np.arange(n_images * (n_images - 1) // 2)
    return pairs_of(number[np.ix_(rows, rows)])


class NonNegative:
    """Ridge regression with weights that are not negative.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
    differences : bool
        Whether squared differences are weighed, each standardised over the fitted pairs before it is penalised, or
        products of activations.
    """

    def __init__(self, values: np.ndarray, differences: bool):
        self.values, self.differences = values, differences

    def weights(
        self, rows: np.ndarray, pairs: np.ndarray, penalties: Sequence[float], removed: np.ndarray | None
    ) -> np.ndarray:
        """As `Solver`."""
        unpenalised = Unpenalised(pairs.shape[1], removed)
        values, scale = self.values[rows], np.ones(self.values.shape[1])
        if self.differences:
            scale = _deviation(Differences(values), unpenalised)
            # Differences are squared: features are divided by the root of what their predictors are divided by.
            values = values / np.sqrt(scale)
        predictors = Differences(values) if self.differences else Products(values)
        left = unpenalised.leave(pairs)
        found = [non_negative(predictors, unpenalised, one, penalties) for one in left]
        return np.moveaxis(np.array(found), 1, 0) / scale


def _deviation(predictors: Predictors, unpenalised: Unpenalised) -> np.ndarray:
    """Root mean square over pairs of what is left of each predictor; infinite for one that does not vary."""
    n_pairs = unpenalised.basis.shape[1]
    variance = (predictors.squares() - (unpenalised.shadow(predictors) ** 2).sum(axis=0)) / n_pairs
    return np.sqrt(np.where(variance > DEAD * variance.max(initial=0.0), variance, np.inf))
