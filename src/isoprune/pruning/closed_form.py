"""All leave-one-out isomorphisms of an embedding from a handful of matrix products.

Leaving out feature k is a rank-one change of the images' covariance. With rows centred, ``d`` their sums
of squares, ``R`` their correlation matrix, ``M`` features, ``x`` column k and ``y = x·√(M/(M−1)/d)``,

    C_ij = (R_ij − y_i y_j) u_i u_j,        u = (1 − y²)^(−1/2),

is the correlation of images i and j without feature k. A second-order Pearson correlation needs only sums
of C, C² and C·T over pairs, and each of these is a quadratic form in ``u``, ``u²`` and ``p = u·y``: one
product of an (M × n) with an (n × n) matrix does it for all features. Time O(M n²), memory O(M n + n²).

Networks with random weights have correlations of .999…, whose squares would cancel most of their digits.
All sums are therefore taken of C − c, with c the mean of R, and of ``e = u − 1`` instead of ``u``. Where
digits are lost all the same, which the sums themselves tell, the feature is left out pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from isoprune.isomorphism import (
    pairs_of,
    second_order_of_ranked,
    second_order_of_standard,
    standardised_pairs,
)
from isoprune.pruning import reference

CHUNK = 512
"""Features handled at a time. Fixed, so that the number of threads changes no bit of the result."""

PAIRS_AT_ONCE = 2**21
"""Pair values that are held at a time: 16 MB of float64."""

DIRECT = 0.9
"""A feature that carries more than this share of an image's variance is left out by direct computation.

``1 − y²`` has lost more than a digit there. Only embeddings of very few active features have such images.
"""

CANCELLATION = 1e4
"""Terms may exceed the spread that they add up to by this factor: four of sixteen digits are lost then."""


class LeaveOneOut:
    """An embedding prepared for leaving out each of its features, for any number of targets.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        No image may be constant.
    """

    def __init__(self, values: np.ndarray):
        self.values = np.asarray(values, dtype=np.float64)
        n_features = self.values.shape[1]
        centred = self.values - self.values.mean(axis=1, keepdims=True)
        sums_of_squares = (centred**2).sum(axis=1)
        unit = centred / np.sqrt(sums_of_squares)[:, None]
        self.similarity = unit @ unit.T
        self.y = unit.T * np.sqrt(n_features / (n_features - 1))
        self.shift = pairs_of(self.similarity).mean()
        self._shifted = self.similarity - self.shift
        np.fill_diagonal(self._shifted, 0.0)
        self._direct = (self.y**2).max(axis=1) > DIRECT

    def isomorphism(self, targets: np.ndarray, measure: str = "pearson", threads: int = 1) -> np.ndarray:
        """Isomorphism without each feature.

        Parameters
        ----------
        targets : ndarray of shape (n_targets, n_images, n_images)
            Dissimilarities.
        measure : {"pearson", "spearman"}
        threads : int
            Chunks of features computed at the same time; changes no bit of the result.

        Returns
        -------
        ndarray of shape (n_targets, n_features)
            Signed correlation; NaN where an image is constant without the feature.
        """
        starts = range(0, self.values.shape[1], CHUNK)
        prepare, chunk = {
            "pearson": (self._target_forms, self._pearson),
            "spearman": (self._target_ranks, self._spearman),
        }[measure]
        prepared = prepare(targets)
        with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
            without = np.concatenate(list(pool.map(lambda start: chunk(start, prepared), starts)), axis=1)
        for feature in np.flatnonzero(self._direct):
            without[:, feature] = [
                reference.isomorphism_without(self.values, target, feature, measure) for target in targets
            ]
        return without

    def _target_ranks(self, targets: np.ndarray) -> np.ndarray:
        return standardised_pairs(pairs_of(np.asarray(targets)), "spearman")

    def _target_forms(self, targets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        n = len(self.similarity)
        upper = np.triu_indices(n, 1)
        forms = []
        for target in targets:
            standard = np.zeros((n, n))
            standard[upper] = standardised_pairs(target[upper])
            standard += standard.T
            forms.append((standard * self.similarity, standard))
        return forms

    def _chunk(self, start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``y``, ``e = u − 1`` and ``u`` of a chunk of features, each (n_chunk, n_images)."""
        y = self.y[start : start + CHUNK].copy()
        y[self._direct[start : start + CHUNK]] = 0.0  # replaced by _directly; keeps the arithmetic finite
        root = np.sqrt(1.0 - y**2)
        e = y**2 / (root * (1.0 + root))
        return y, e, 1.0 + e

    def _pearson(self, start: int, forms: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        y, e, u = self._chunk(start)
        p = u * y
        spread, terms = self._spread(e, u, p)
        products = np.array([0.5 * (_form(u, weighted) - _form(p, standard)) for weighted, standard in forms])
        inexact = ~(terms < CANCELLATION * spread)
        without = -products / np.sqrt(np.where(inexact, np.nan, spread))
        if inexact.any():
            standards = pairs_of(np.array([standard for _, standard in forms]))
            without[:, inexact] = self._pair_by_pair(
                y[inexact], u[inexact], standards, second_order_of_standard
            )
        return without

    def _spread(self, e: np.ndarray, u: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ(C − mean C)² over pairs, and the size of the terms that it is the sum of.

        C − c = u_i u_j K_ij + c (u_i u_j − 1) − p_i p_j, with K = R − c.
        """
        c, shifted = self.shift, self._shifted
        n, u2 = len(shifted), u**2
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

    def _spearman(self, start: int, ranked_targets: np.ndarray) -> np.ndarray:
        y, _, u = self._chunk(start)
        return self._pair_by_pair(y, u, ranked_targets, second_order_of_ranked)

    def _pair_by_pair(
        self, y: np.ndarray, u: np.ndarray, targets: np.ndarray, isomorphism: Callable[..., np.ndarray]
    ) -> np.ndarray:
        rows, columns = np.triu_indices(len(self.similarity), 1)
        similarity = self.similarity[rows, columns]
        block = max(1, PAIRS_AT_ONCE // len(rows))
        without = []
        for first in range(0, len(y), block):
            y_k, u_k = y[first : first + block], u[first : first + block]
            pairs = (similarity - y_k[:, rows] * y_k[:, columns]) * u_k[:, rows] * u_k[:, columns]
            without.append(isomorphism(pairs, targets))
        return np.concatenate(without, axis=1)


def _form(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """vᵀAv for every row v."""
    return np.einsum("ki,ki->k", vectors @ matrix, vectors)
