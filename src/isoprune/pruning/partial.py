"""Partial isomorphism from plain ones: nuisance RDMs are removed without a kernel of their own.

With ``q`` an orthonormal basis of the nuisances' standardised pair values, and ``T'`` what a linear fit of them leaves
of the target, standardised, the correlation of the residuals of similarities ``C`` and target ``T`` is

    r(C, T | nuisances) = r(C, T') / √(1 − Σ_q r(C, q)²),

because ``T'`` is orthogonal to what is taken from C, and C loses the share Σ r(C, q)² of its variance. So ``T'`` and
the ``q`` are handed to a backend as further targets. The q are the same for all targets: a nuisance costs
one more product in the ranking, and one more sum per prefix in the curve.

*Spearman* is the same on ranks. A backend ranks what it is given, and a residual of ranks has other ranks; so it is
given target and nuisances as they are, and their rank correlations with C, in which r(C, T') and r(C, q) are linear,
are combined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from isoprune.isomorphism import (
    matrix_of,
    orthonormal,
    pairs_of,
    partial_isomorphism,
    similarity,
    standardised_pairs,
)
from isoprune.nuisances import NOTHING_LEFT, check_something_left
from isoprune.pruning.backends import Backend, Prepared
from isoprune.pruning.criteria import Criterion

LOST = 1e-3
"""Where nuisances leave less than this share of the variance of similarities, the residual is computed directly.

Isomorphisms are exact to 1e-13; a difference of 1 and a sum that is nearly 1 would lose more than three more digits.
"""


def removing(backend: Backend, nuisances: np.ndarray) -> Backend:
    """A backend whose isomorphisms are partial ones.

    Parameters
    ----------
    backend : Backend
        What computes plain isomorphisms.
    nuisances : ndarray of shape (n_nuisances, n_images, n_images)
        Dissimilarities of the images in use, and no others.

    Returns
    -------
    Backend
        What it prepares raises RDMError if the nuisances leave nothing of a target or of the whole embedding.
    """
    removed = cache(lambda coefficient: _Removed(nuisances, coefficient))

    def prepare(values: np.ndarray, measure: str) -> PartialPrepared:
        return PartialPrepared(backend.prepare(values, measure), values, measure, removed)

    return Backend(backend.name, prepare)


class _Removed:
    """Nuisances under one coefficient: what a backend is given, and how its answers are combined.

    Parameters
    ----------
    nuisances : ndarray of shape (n_nuisances, n_images, n_images)
    coefficient : {"pearson", "spearman"}

    Attributes
    ----------
    pairs : ndarray of shape (n_nuisances, n_pairs)
        The nuisances.
    basis : ndarray of shape (n_dimensions, n_pairs)
        q.
    given : ndarray of shape (n_given, n_images, n_images)
        What a backend is given as targets.
    weights : ndarray of shape (n_dimensions, n_given)
        ``r(C, q) = weights @ r(C, given)``.
    """

    def __init__(self, nuisances: np.ndarray, coefficient: str):
        self.coefficient, self.pairs = coefficient, pairs_of(nuisances)
        standard = standardised_pairs(self.pairs, coefficient)
        self.basis = orthonormal(standard)
        if coefficient == "pearson":
            self.given, self.weights = _squares(self.basis, nuisances.shape[-1]), np.eye(len(self.basis))
        else:
            varying = ~np.isnan(standard).any(axis=1)
            self.given = nuisances[varying]
            self.weights = self.basis @ np.linalg.pinv(standard[varying])

    def of_targets(self, targets: np.ndarray) -> tuple[np.ndarray, Callable[..., np.ndarray]]:
        """What a backend is given for targets, and what gives r(C, T') from r(C, given) and every r(C, q).

        Raises
        ------
        RDMError
            If nothing is left of a target.
        """
        standard = standardised_pairs(pairs_of(np.asarray(targets)), self.coefficient)
        # One target at a time: BLAS sums in an order that depends on the shape, and a target's numbers are not to
        # depend on how many others there are.
        onto = np.array([self.basis @ one for one in standard])
        left = np.array([one - share @ self.basis for one, share in zip(standard, onto, strict=True)])
        norm = np.sqrt((left**2).sum(axis=1, keepdims=True))
        for number in np.flatnonzero(norm <= NOTHING_LEFT):
            check_something_left(pairs_of(targets[number]), self.pairs, self.coefficient)
        if self.coefficient == "pearson":
            return _squares(left / norm, targets.shape[-1]), lambda r, of_basis: r
        return targets, lambda r, of_basis: (r - _combined(onto.T[:, :, None], of_basis)) / norm

    def of_basis(self, of_given: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
        """r(C, q) of each q from the r(C, given)."""
        return [_combined(row, of_given) for row in self.weights]


def _squares(pairs: np.ndarray, n_images: int) -> np.ndarray:
    return np.array([matrix_of(one) for one in pairs]).reshape(len(pairs), n_images, n_images)


def _combined(
    weights: np.ndarray | Sequence[np.ndarray], values: np.ndarray | Sequence[np.ndarray]
) -> np.ndarray:
    """Σ weights · values, term by term; 0 of nothing."""
    return sum((weight * value for weight, value in zip(weights, values, strict=True)), np.zeros(()))


class PartialPrepared:
    """An embedding whose isomorphisms are partial ones; see `isoprune.pruning.backends.Prepared`.

    Parameters
    ----------
    prepared : Prepared
        The embedding, ready for plain isomorphisms.
    values : ndarray of shape (n_images, n_features)
    measure : str
    removed : callable
        From a coefficient to the nuisances under it.
    """

    def __init__(
        self, prepared: Prepared, values: np.ndarray, measure: str, removed: Callable[[str], _Removed]
    ):
        self._prepared, self._values, self._measure, self._removed = prepared, values, measure, removed

    def isomorphism_with_all(self, targets: np.ndarray, coefficient: str) -> np.ndarray:
        """As `Prepared`; the correlation of residuals."""
        everything = np.arange(self._values.shape[1])
        return self._directly(everything, targets, self._removed(coefficient))

    def isomorphism_without_each(
        self, targets: np.ndarray, coefficient: str, batched: bool = False
    ) -> np.ndarray:
        """As `Prepared`; the correlation of residuals."""
        removed = self._removed(coefficient)
        given, residual = removed.of_targets(targets)
        together = np.concatenate([given, removed.given])
        r = self._prepared.isomorphism_without_each(together, coefficient, batched)
        of_basis = removed.of_basis(r[len(targets) :])
        r, lost = _partial(residual(r[: len(targets)], of_basis), of_basis)
        for feature in np.flatnonzero(lost.any(axis=0)):
            others = np.delete(np.arange(self._values.shape[1]), feature)
            r[:, feature] = self._directly(others, targets, removed)
        return r

    def insertion_curves(self, targets: np.ndarray, rankings: np.ndarray, criterion: Criterion) -> np.ndarray:
        """As `Prepared`; the correlation of residuals."""
        removed = self._removed(criterion.curve)
        given, residual = removed.of_targets(targets)
        curves = self._prepared.insertion_curves
        of_given = [curves(np.broadcast_to(one, targets.shape), rankings, criterion) for one in removed.given]
        of_basis = removed.of_basis(of_given)
        r, lost = _partial(residual(curves(given, rankings, criterion), of_basis), of_basis)
        for number, m in np.argwhere(lost):
            features, target = rankings[number, :m], targets[number : number + 1]
            r[number, m] = self._directly(features, target, removed, criterion.published)[0]
        return np.nan_to_num(r) if criterion.published else r

    def _directly(
        self, features: np.ndarray, targets: np.ndarray, removed: _Removed, zero_undefined: bool = False
    ) -> np.ndarray:
        similarities = pairs_of(similarity(self._values[:, features], self._measure))
        if zero_undefined:
            similarities = np.nan_to_num(similarities)
        given = removed.pairs, removed.coefficient
        return np.array([partial_isomorphism(similarities, pairs_of(one), *given) for one in targets])


def _partial(r: np.ndarray, of_basis: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """r(C, T') / √(1 − Σ r(C, q)²), and where that has lost digits; both of the shape of ``r``."""
    left = np.broadcast_to(1.0 - _combined(of_basis, of_basis), r.shape)
    lost = left <= LOST
    return r / np.sqrt(np.where(lost, 1.0, left)), lost
