"""Leave-one-out isomorphisms as quadratic forms, for NumPy.

Second-order Pearson correlation needs only sums of C, C² and C·T over pairs, and each of these is a quadratic form:
one product of an (M × n) with an (n × n) matrix does it for all features.

Networks with random weights have correlations of .999…, whose squares would cancel most of their digits. All sums
are therefore taken of C − c, with c the mean of R, and of ``e = u − 1`` instead of ``u``. Where digits are lost all
the same, which the sums themselves tell, the caller computes pair by pair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from isoprune.isomorphism import pairs_of

CANCELLATION = 1e4
"""Terms may exceed the spread that they add up to by this factor: four of sixteen digits are lost then."""


def prepared(measure: str, similarity: np.ndarray) -> CosineForms | DistanceForms:
    """The forms of a measure for an embedding's similarities, shape (n_images, n_images)."""
    return DistanceForms(similarity) if measure == "euclidean" else CosineForms(similarity)


class _Forms(ABC):
    def __init__(self, similarity: np.ndarray):
        self.similarity = similarity
        self.shift = pairs_of(similarity).mean()
        self.shifted = similarity - self.shift
        np.fill_diagonal(self.shifted, 0.0)

    @abstractmethod
    def product(self, y: np.ndarray, u: np.ndarray, weighted: np.ndarray, standard: np.ndarray) -> np.ndarray:
        """Σ C·T over pairs, with ``weighted`` = R∘T."""

    @abstractmethod
    def spread(self, y: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ(C − mean C)² over pairs, and the size of the terms that it is the sum of."""

    def of_targets(self, standards: np.ndarray) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """What gives, for a chunk of features, the isomorphism without each and where that is inexact.

        Parameters
        ----------
        standards : ndarray of shape (n_targets, n_images, n_images)
            Standardised targets with zero diagonal.

        Returns
        -------
        callable
            Takes ``y`` and ``u`` of shape (n_features, n_images), gives arrays of shape (n_targets, n_features)
            and (n_features,).
        """
        weighted = standards * self.similarity

        def of_chunk(y: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            spread, terms = self.spread(y, u)
            inexact = ~(terms < CANCELLATION * spread)
            both = zip(weighted, standards, strict=True)
            products = np.array([self.product(y, u, one, standard) for one, standard in both])
            return -products / np.sqrt(np.where(inexact, np.nan, spread)), inexact

        return of_chunk


class CosineForms(_Forms):
    """Forms of ``C_ij = (R_ij − y_i y_j) u_i u_j``: correlation and cosine."""

    def product(self, y: np.ndarray, u: np.ndarray, weighted: np.ndarray, standard: np.ndarray) -> np.ndarray:
        """Σ C·T over pairs, with ``weighted`` = R∘T."""
        return 0.5 * (_form(u, weighted) - _form(u * y, standard))

    def spread(self, y: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ(C − mean C)² over pairs, and the size of the terms that it is the sum of.

        C − c = u_i u_j K_ij + c (u_i u_j − 1) − p_i p_j, with K = R − c and p = u·y.
        """
        c, shifted = self.shift, self.shifted
        root = np.sqrt(1.0 - y**2)
        e = y**2 / (root * (1.0 + root))  # u − 1
        p, n, u2 = u * y, len(shifted), u**2
        e1, e2, p1, p2 = e.sum(1), (e**2).sum(1), p.sum(1), (p**2).sum(1)
        own = e * (2.0 + e)  # u² − 1
        # u_i u_j − 1 = e_i + e_j + e_i e_j, summed over ordered pairs i ≠ j; likewise its square and the
        # product with p_i p_j.
        g = 2 * n * e1 + e1**2 - own.sum(1)
        gg = 2 * n * e2 + e2**2 + 2 * e1**2 + 4 * e1 * e2 - (own**2).sum(1)
        gp = 2 * (e * p).sum(1) * p1 + (e * p).sum(1) ** 2 - (own * p**2).sum(1)
        pp = p2**2 - (p**4).sum(1)
        linear, of_u2 = _form(u, shifted), _form(u2, shifted)
        total = 0.5 * (linear + c * g - (p1**2 - p2))
        terms = [
            _form(u2, shifted**2),
            2 * c * of_u2,
            -2 * c * linear,
            -2 * _form(u * p, shifted),
            c**2 * gg,
            -2 * c * gp,
            pp,
            -2 * total**2 / (n * (n - 1) / 2),
        ]
        return 0.5 * np.sum(terms, axis=0), 0.5 * np.abs(terms).sum(axis=0)


class DistanceForms(_Forms):
    """Forms of ``C_ij = R_ij + w_ij`` with ``w_ij = (y_i − y_j)²``: squared distances."""

    def product(self, y: np.ndarray, u: np.ndarray, weighted: np.ndarray, standard: np.ndarray) -> np.ndarray:
        """Σ C·T over pairs, with ``weighted`` = R∘T."""
        return 0.5 * weighted.sum() + (y**2) @ standard.sum(1) - _form(y, standard)

    def spread(self, y: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ(C − mean C)² over pairs, and the size of the terms that it is the sum of.

        C − mean C = K_ij + w_ij − mean w, with K = R − mean R.
        """
        n, shifted = len(self.shifted), self.shifted
        s1, s2, s3, s4 = (np.sum(y**power, axis=1) for power in (1, 2, 3, 4))
        terms = [
            np.full(len(y), 0.5 * (shifted**2).sum()),
            2 * ((y**2) @ shifted.sum(1) - _form(y, shifted)),
            n * s4 - 4 * s3 * s1 + 3 * s2**2,  # Σ (y_i − y_j)⁴
            -((n * s2 - s1**2) ** 2) / (n * (n - 1) / 2),
        ]
        return np.sum(terms, axis=0), np.abs(terms).sum(axis=0)


def _form(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """vᵀAv for every row v."""
    return np.einsum("ki,ki->k", vectors @ matrix, vectors)
