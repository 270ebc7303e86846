"""All leave-one-out isomorphisms of an embedding, without ever leaving a feature out.

Leaving out feature k changes the similarities of images by a rank-one term. For *correlation*, with rows centred,
``d`` their sums of squares, ``R`` their correlations, ``M`` features, ``x`` column k and ``y = x·√(M/(M−1)/d)``,

    C_ij = (R_ij − y_i y_j) u_i u_j,        u = (1 − y²)^(−1/2),

is the similarity of images i and j without feature k. *Cosine* is the same without centring and without the
factor M/(M−1). For *euclidean*, with distances in units of their mean and ``y`` the column in the root of that
unit, ``C_ij = R_ij + (y_i − y_j)²``.

Four algorithms use this, each in O(M n²) time and O(M n + n²) memory:

* **one target, compiled**: one pass over pairs for each feature keeps three sums (`kernels`);
* **one target, NumPy**: quadratic forms in ``y`` and ``u``, a handful of matrix products (`forms`);
* **many targets**: the pair values of a chunk of features, made once, times all standardised targets in one matrix
  product;
* **Spearman**: the pair values of a chunk, ranked.

Where a feature carries nearly all of an image, digits are lost; it is left out by direct computation.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from isoprune.isomorphism import (
    CONSTANT_RDM,
    matrix_of,
    pairs_of,
    second_order_of_ranked,
    standardised_pairs,
)
from isoprune.pruning import forms, kernels, reference
from isoprune.pruning.memory import threads_that_fit

CHUNK = 512
"""Features handled at a time. Fixed, so that the number of threads changes no bit of the result."""

PAIRS_AT_ONCE = 2**21
"""Pair values that a thread holds at a time: 16 MB of float64, 64 MB of temporaries at most.

The chunk follows from the number of images alone, never from the machine: the memory at hand decides how many
chunks are computed side by side, which changes no bit of the result.
"""

TARGETS_AT_ONCE = 32
"""Width of the product with many targets; fewer are filled up with zeros.

BLAS chooses its order of summation by shape: with the shape fixed, what a target gets does not depend on which
others are computed with it.
"""

CANCELLATION = 1e-5
"""Sums of squares may cancel down to this share of themselves: a third of their digits are lost then.

Only similarities that hardly differ from each other, but much from those of the whole embedding, do.
"""

DIRECT = 0.9
"""A feature that carries more than this share of an image's variance is left out by direct computation.

``1 − y²`` has lost more than a digit there. Only embeddings of very few active features have such images.
"""


class LeaveOneOut:
    """An embedding prepared for leaving out each of its features, for any number of targets.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        No image may be undefined under the measure.
    measure : {"correlation", "cosine", "euclidean"}

    Attributes
    ----------
    similarity : ndarray of shape (n_images, n_images)
        R.
    y, u : ndarray of shape (n_features, n_images)
        ``u`` is empty for euclidean.
    shift : ndarray of shape (n_features,)
        What is taken from similarities before they are summed.
    direct_features : ndarray of int
        Features that have to be left out by direct computation.
    """

    def __init__(self, values: np.ndarray, measure: str = "correlation"):
        self.values = np.asarray(values, dtype=np.float64)
        self.measure = measure
        n_images, n_features = self.values.shape
        self.n_pairs = n_images * (n_images - 1) // 2
        if measure == "euclidean":
            self.similarity, self.y = _distances(self.values, self.n_pairs)
            spans = n_images * (self.y**2).sum(1)  # Σ (y_i − y_j)² over pairs, as y has mean 0
            self.shift = spans / self.n_pairs - 1.0
            self.direct_features = np.flatnonzero(spans > DIRECT * self.n_pairs)
            self.u = np.empty((n_features, 0))
            return
        centred = measure == "correlation"
        self.similarity, self.y = _correlations(self.values, centred)
        self.u = np.square(self.y)
        self.direct_features = np.flatnonzero(self.u.max(1) > DIRECT)
        for one in (self.y, self.u):
            one[self.direct_features] = 0.0  # replaced by direct computation; keeps the arithmetic finite
        np.subtract(1.0, self.u, out=self.u)
        np.sqrt(self.u, out=self.u)
        np.reciprocal(self.u, out=self.u)
        self.shift = np.full(n_features, pairs_of(self.similarity).mean())

    def isomorphism(
        self,
        targets: np.ndarray,
        coefficient: str = "pearson",
        threads: int = 1,
        use_compiled: bool = False,
    ) -> np.ndarray:
        """Isomorphism without each feature, one target at a time.

        Parameters
        ----------
        targets : ndarray of shape (n_targets, n_images, n_images)
            Dissimilarities.
        coefficient : {"pearson", "spearman"}
        threads : int
            Chunks of features computed at the same time; changes no bit of the result.
        use_compiled : bool
            Whether numba computes.

        Returns
        -------
        ndarray of shape (n_targets, n_features)
            Signed correlation; NaN where an image is undefined without the feature.
        """
        if coefficient == "spearman":
            return self.isomorphism_of_many(targets, coefficient, threads, use_compiled)
        standards = np.array([standard_matrix(target) for target in targets])
        if use_compiled:
            rows = [self._fused(standard, threads) for standard in standards]
            return self.with_direct(np.array(rows), targets, coefficient)
        prepared = forms.prepared(self.measure, self.similarity)
        spread_and_products = prepared.of_targets(standards)

        def chunk(start: int) -> np.ndarray:
            part = slice(start, start + CHUNK)
            without, inexact = spread_and_products(self.y[part], self.u[part])
            if inexact.any():
                features = np.arange(*part.indices(len(self.y)))[inexact]
                without[:, inexact] = self._pearson(features, pairs_of(standards), False)
            return without

        starts = range(0, len(self.y), CHUNK)
        return self.with_direct(_joined(chunk, starts, threads), targets, coefficient)

    def isomorphism_of_many(
        self,
        targets: np.ndarray,
        coefficient: str = "pearson",
        threads: int = 1,
        use_compiled: bool = False,
    ) -> np.ndarray:
        """As `isomorphism`, sharing the pair values of each feature between all targets.

        A target's row does not depend on which other targets there are.
        """
        n_targets, n_features = len(targets), len(self.y)
        filled = np.zeros((-(-n_targets // TARGETS_AT_ONCE) * TARGETS_AT_ONCE, self.n_pairs))
        filled[:n_targets] = standardised_pairs(pairs_of(np.asarray(targets)), coefficient)
        size = chunk_size(self.n_pairs)
        of_chunk = {"pearson": self._pearson, "spearman": self._spearman}[coefficient]

        def chunk(start: int) -> np.ndarray:
            return of_chunk(np.arange(start, min(start + size, n_features)), filled, use_compiled)[:n_targets]

        held = 4 * size * self.n_pairs * 8
        without = _joined(chunk, range(0, n_features, size), threads_that_fit(threads, held))
        return self.with_direct(without, targets, coefficient)

    def _fused(self, standard: np.ndarray, threads: int) -> np.ndarray:
        def chunk(start: int) -> np.ndarray:
            part = slice(start, start + CHUNK)
            y, shift = self.y[part], self.shift[part]
            if self.measure == "euclidean":
                sums = kernels.compiled(kernels.distance_sums_without)(y, self.similarity, standard, shift)
            else:
                kernel = kernels.compiled(kernels.sums_without)
                sums = kernel(y, self.u[part], self.similarity, standard, shift)
            return correlation_from_sums(sums, self.n_pairs, self._size(shift))

        return _joined(chunk, range(0, len(self.y), CHUNK), threads)

    def _size(self, shift: np.ndarray) -> np.ndarray:
        """Unit of the similarities: distances are measured against their own mean."""
        return np.abs(shift) if self.measure == "euclidean" else np.ones_like(shift)

    def _pearson(self, features: np.ndarray, standards: np.ndarray, use_compiled: bool) -> np.ndarray:
        """Isomorphism without each of some features, shape (n_targets, n_chosen)."""
        size = chunk_size(self.n_pairs)
        without = []
        for first in range(0, len(features), size):
            chosen = features[first : first + size]
            shift = self.shift[chosen]
            pairs, (total, squares) = self._pairs(chosen, shift, use_compiled)
            sums = total, squares, standards @ pairs.T
            without.append(correlation_from_sums(sums, self.n_pairs, self._size(shift)))
        return np.concatenate(without, axis=1)

    def _spearman(self, features: np.ndarray, ranked_targets: np.ndarray, use_compiled: bool) -> np.ndarray:
        pairs, (total, _) = self._pairs(features, np.zeros(len(features)), use_compiled)
        if self.measure == "euclidean":
            pairs /= np.abs(total / self.n_pairs)[:, None]
        return second_order_of_ranked(pairs, ranked_targets)

    def _pairs(
        self, features: np.ndarray, shift: np.ndarray, use_compiled: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pair values less ``shift`` without each of some features, (n_chosen, n_pairs); their two sums."""
        y, u = self.y[features], self.u[features]
        if use_compiled:
            pairs = np.empty((len(features), self.n_pairs))
            if self.measure == "euclidean":
                kernel = kernels.compiled(kernels.distance_pairs_without)
                return pairs, kernel(y, self.similarity, shift, pairs)
            return pairs, kernels.compiled(kernels.pairs_without)(y, u, self.similarity, shift, pairs)
        rows, columns = np.triu_indices(len(self.similarity), 1)
        similarity = self.similarity[rows, columns]
        if self.measure == "euclidean":
            pairs = similarity + (y[:, rows] - y[:, columns]) ** 2
        else:
            pairs = (similarity - y[:, rows] * y[:, columns]) * (u[:, rows] * u[:, columns])
        pairs -= shift[:, None]
        return pairs, np.array([pairs.sum(1), np.einsum("kp,kp->k", pairs, pairs)])

    def with_direct(self, without: np.ndarray, targets: np.ndarray, coefficient: str) -> np.ndarray:
        """``without``, shape (n_targets, n_features), with features filled in whose closed form loses digits."""
        lost = np.flatnonzero(np.isinf(without).any(axis=0))
        for feature in np.union1d(self.direct_features, lost):
            without[:, feature] = [
                reference.isomorphism_without(self.values, target, feature, coefficient, self.measure)
                for target in targets
            ]
        return without


def chunk_size(n_pairs: int) -> int:
    """Features whose pair values are held at a time."""
    return int(np.clip(PAIRS_AT_ONCE // n_pairs, 16, CHUNK))


def standard_matrix(target: np.ndarray) -> np.ndarray:
    """Dissimilarities standardised over pairs, as a symmetric matrix with zero diagonal, shape (n_images, n_images)."""
    return matrix_of(standardised_pairs(pairs_of(target)))


def correlation_from_sums(
    sums: tuple[np.ndarray, np.ndarray, np.ndarray] | np.ndarray, n_pairs: int, size: np.ndarray
) -> np.ndarray:
    """Signed isomorphism from sums over pairs.

    Parameters
    ----------
    sums : three ndarrays, the first two of shape (n,), the third of shape (..., n)
        Σ(C − c), Σ(C − c)² and Σ(C − c)·T with a standardised target.
    n_pairs : int
    size : ndarray of shape (n,)
        Unit of the similarities: C is constant where its variance is below `CONSTANT_RDM` of that squared.

    Returns
    -------
    ndarray of shape (..., n)
        NaN where C is constant; infinite where the sums have lost more digits than they may.
    """
    total, squares, product = sums
    spread = squares - total**2 / n_pairs
    r = -product / np.sqrt(np.where(spread > CONSTANT_RDM * n_pairs * size**2, spread, np.nan))
    return np.where(spread <= CANCELLATION * squares, np.inf, r)


def _correlations(values: np.ndarray, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    n_features = values.shape[1]
    y = np.array(values.T, order="C")
    if centred:
        y -= values.mean(axis=1)
    y *= 1.0 / np.sqrt(np.einsum("ki,ki->i", y, y))
    similarity = y.T @ y
    if centred:
        y *= np.sqrt(n_features / (n_features - 1))
    return similarity, y


def _distances(values: np.ndarray, n_pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Minus the squared distances in units of their mean, and the features in the root of that unit."""
    y = np.ascontiguousarray((values - values.mean(axis=0)).T)
    products = y.T @ y
    squares = np.diag(products)
    distances = squares[:, None] + squares - 2 * products
    np.fill_diagonal(distances, 0.0)
    unit = pairs_of(distances).sum() / n_pairs
    unit = unit if unit > 0 else np.nan
    return -distances / unit, y / np.sqrt(unit)


def _joined(chunk: Callable[[int], np.ndarray], starts: range, threads: int) -> np.ndarray:
    """Results of chunks of features side by side, computed by threads."""
    if threads == 1 or len(starts) == 1:
        return np.concatenate([chunk(start) for start in starts], axis=-1)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return np.concatenate(list(pool.map(chunk, starts)), axis=-1)
