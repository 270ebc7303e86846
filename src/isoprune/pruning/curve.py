"""The whole insertion curve in one fused pass over pairs of images per prefix.

Adding a feature changes the co-moments of all images by a rank-one term: with ``δ`` the distance of the new
feature from the running mean of each image, ``S ← S + (m−1)/m · δδᵀ`` (Welford's update, which keeps exact zeros where
an image is constant). The similarities of a prefix are ``S_ij z_i z_j`` with ``z = diag(S)^(−1/2)``; only three
sums of them are kept. Cosine does without the mean; squared distances grow by ``(x_i − x_j)²``. Time O(M n²) with a
small constant, memory O(M n + n²).

Two backends compute the sums: a compiled one (`kernels`) and plain NumPy, over blocks of prefixes.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import pairwise, starmap

import numpy as np

from isoprune.isomorphism import (
    pairs_of,
    second_order,
    second_order_of_ranked,
    similarity,
    standardised_pairs,
)
from isoprune.labelled import CONSTANT_IMAGE
from isoprune.pruning import kernels
from isoprune.pruning.closed_form import correlation_from_sums, standard_matrix
from isoprune.pruning.criteria import Criterion

ROW_BLOCKS = 4
"""Parts into which the pairs are cut. Fixed, so that the number of threads changes no bit of the result.

Each part reads the terms of all prefixes again: more parts than this cost a single thread more than they give many.
"""

PREFIXES_AT_ONCE = 512
"""Prefixes whose terms are held at a time by the compiled backend: they stay in the processor's cache.

A multiple of `kernels.TOGETHER`.
"""

PREFIX_PAIRS_AT_ONCE = 2**20
"""Pair values of a block of prefixes: 8 MB of float64."""


def insertion_curve(
    values: np.ndarray,
    target: np.ndarray,
    ranking: np.ndarray,
    criterion: Criterion,
    *,
    use_compiled: bool,
    threads: int = 1,
    measure: str = "correlation",
) -> np.ndarray:
    """Signed isomorphism of the first m ranked features, for m = 0 … n_features.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        No image may be undefined under the measure.
    target : ndarray of shape (n_images, n_images)
        Dissimilarities.
    ranking : ndarray of shape (n_features,), int
        Features, most important first.
    criterion : Criterion
    use_compiled : bool
        Whether numba computes the sums.
    threads : int
        Row blocks computed at the same time; changes no bit of the result.
    measure : {"correlation", "cosine", "euclidean"}

    Returns
    -------
    ndarray of shape (n_features + 1,)
        NaN where undefined; 0 there if the criterion is a published one.
    """
    return Insertion(values, measure).curve(target, ranking, criterion, use_compiled, threads)


class Insertion:
    """An embedding prepared for inserting its features in any order, for any number of targets.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        No image may be undefined under the measure.
    measure : {"correlation", "cosine", "euclidean"}
    mean_similarity : float, optional
        Mean over pairs of the similarities of the whole embedding, if known.
    """

    def __init__(
        self, values: np.ndarray, measure: str = "correlation", mean_similarity: float | None = None
    ):
        self.measure = measure
        values = np.asarray(values, dtype=np.float64)
        self.n_images = len(values)
        self.n_pairs = self.n_images * (self.n_images - 1) // 2
        # Row i holds i pairs: cut where the number of pairs, not of rows, is equal.
        edges = np.round(np.sqrt(np.linspace(0, 1, ROW_BLOCKS + 1)) * self.n_images)
        self._blocks = list(pairwise(np.unique(edges.astype(int)).tolist()))
        if measure == "euclidean":
            self.features = np.ascontiguousarray((values - values.mean(axis=0)).T)
            spans = self.n_images * (self.features**2).sum(1)  # Σ (f_i − f_j)² over pairs, as f has mean 0
            self._mean_distances = spans / self.n_pairs  # of each feature alone
            return
        self.features = np.ascontiguousarray(values.T)
        self._shift = (
            pairs_of(similarity(values, measure)).mean() if mean_similarity is None else mean_similarity
        )

    def curve(
        self,
        target: np.ndarray,
        ranking: np.ndarray,
        criterion: Criterion,
        use_compiled: bool,
        threads: int = 1,
    ) -> np.ndarray:
        """The curve of one target; arguments and result are those of `insertion_curve`."""
        if criterion.curve == "spearman":
            r = self._spearman(ranking, target, criterion, use_compiled)
        else:
            shift, size = self._shift_and_size(ranking)
            sums_of = self._compiled_sums if use_compiled else self._numpy_sums
            sums, undefined = sums_of(ranking, criterion, standard_matrix(target), shift, threads)
            r = correlation_from_sums(sums, self.n_pairs, size)
            r[undefined] = np.nan
            for m in np.flatnonzero(np.isinf(r)):
                r[m] = self._directly(ranking[: m + 1], target, criterion)
        r[0] = np.nan  # one feature
        curve = np.concatenate([[np.nan], r])
        return np.nan_to_num(curve) if criterion.published else curve

    def _directly(self, features: np.ndarray, target: np.ndarray, criterion: Criterion) -> float:
        similarities = pairs_of(similarity(self.features[features].T, self.measure))
        similarities = np.nan_to_num(similarities) if criterion.published else similarities
        return float(second_order(similarities, pairs_of(target)))

    def _terms(
        self,
        ranking: np.ndarray,
        criterion: Criterion,
        use_compiled: bool,
        before: int = 0,
        state: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Terms, scales and undefined prefixes of some features after ``before`` others, which left a state."""
        if self.measure == "euclidean":
            return self.features[ranking], np.empty((0, 0)), np.zeros(len(ranking), dtype=bool)
        centred = self.measure == "correlation"
        how = centred, CONSTANT_IMAGE if centred else 0.0, criterion.published
        if use_compiled:
            state = np.zeros((3, self.n_images)) if state is None else state
            moments = kernels.compiled(kernels.prefix_moments)
            delta, scale, undefined = moments(self.features, ranking, before, state, *how)
        else:
            delta, scale, undefined = _numpy_moments(self.features, ranking, *how)
        return delta, scale, np.zeros_like(undefined) if criterion.published else undefined

    def _shift_and_size(self, ranking: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is taken from the similarities of each prefix before they are summed, and their unit."""
        if self.measure == "euclidean":
            size = np.cumsum(self._mean_distances[ranking])
            return -size, size
        return np.full(len(ranking), self._shift), np.ones(len(ranking))

    def _compiled_sums(
        self,
        ranking: np.ndarray,
        criterion: Criterion,
        standard: np.ndarray,
        shift: np.ndarray,
        threads: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        kernel = kernels.prefix_distance_sums if self.measure == "euclidean" else kernels.prefix_sums
        kernel = kernels.compiled(kernel)
        sums, undefined = np.empty((3, len(ranking))), np.empty(len(ranking), dtype=bool)
        state = np.zeros((3, self.n_images))
        running = [(np.zeros((last - first, last)), first, last) for first, last in self._blocks]
        with ThreadPoolExecutor(max_workers=threads) if threads > 1 else nullcontext() as pool:
            for start in range(0, len(ranking), PREFIXES_AT_ONCE):
                part = slice(start, start + PREFIXES_AT_ONCE)
                delta, scale, undefined[part] = self._terms(ranking[part], criterion, True, start, state)
                terms = (delta,) if self.measure == "euclidean" else (delta, scale)
                given = *terms, standard, shift[part]
                work = [(*given, *one) for one in running]
                of_blocks = pool.map(kernel, *zip(*work, strict=True)) if pool else starmap(kernel, work)
                sums[:, part] = np.sum(list(of_blocks), axis=0)
        return sums, undefined

    def _numpy_sums(
        self,
        ranking: np.ndarray,
        criterion: Criterion,
        standard: np.ndarray,
        shift: np.ndarray,
        threads: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        delta, scale, undefined = self._terms(ranking, criterion, use_compiled=False)
        product = pairs_of(standard)
        sums = np.empty((3, len(delta)))
        for block, pairs in self._prefix_pairs(delta, scale):
            pairs -= shift[block, None]
            sums[:, block] = pairs.sum(1), np.einsum("mp,mp->m", pairs, pairs), pairs @ product
        return sums, undefined

    def _prefix_pairs(self, delta: np.ndarray, scale: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Similarities of blocks of prefixes, each (n_prefixes, n_pairs)."""
        rows, columns = np.triu_indices(self.n_images, 1)
        running = np.zeros(self.n_pairs)
        size = max(1, PREFIX_PAIRS_AT_ONCE // self.n_pairs)
        for start in range(0, len(delta), size):
            block = slice(start, start + size)
            one, other = delta[block, rows], delta[block, columns]
            pairs = -((one - other) ** 2) if self.measure == "euclidean" else one * other
            pairs[0] += running
            np.cumsum(pairs, axis=0, out=pairs)
            running = pairs[-1].copy()
            if self.measure != "euclidean":
                pairs *= scale[block, rows] * scale[block, columns]
            yield block, pairs

    def _spearman(
        self, ranking: np.ndarray, target: np.ndarray, criterion: Criterion, use_compiled: bool
    ) -> np.ndarray:
        delta, scale, undefined = self._terms(ranking, criterion, use_compiled)
        undefined[0] = True  # one feature
        ranked_target = standardised_pairs(pairs_of(target), "spearman")
        r = np.full(len(delta), np.nan)
        for block, pairs in self._prefix_pairs(delta, scale):
            defined = ~undefined[block]
            pairs = pairs[defined]
            if self.measure == "euclidean":
                mean = np.abs(pairs.mean(axis=1, keepdims=True))
                pairs /= np.where(mean == 0, np.nan, mean)
            r[block][defined] = second_order_of_ranked(pairs, ranked_target)
        return r


def _numpy_moments(
    features: np.ndarray, ranking: np.ndarray, centred: bool, tolerance: float, zero_undefined: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`kernels.prefix_moments` a feature at a time."""
    delta, moment, squares = features[ranking], np.zeros(features.shape), np.zeros(features.shape)
    np.cumsum(delta**2, axis=0, out=squares)
    if centred:
        mean = np.zeros(features.shape[1])
        for m in range(len(delta)):
            distance = delta[m] - mean
            mean += distance / (m + 1)
            delta[m] = np.sqrt(m / (m + 1)) * distance
    np.cumsum(delta**2, axis=0, out=moment)
    bad = moment <= tolerance * squares
    zero = (moment <= 0) | bad if zero_undefined else moment <= 0
    scale = np.where(zero, 0.0, 1.0 / np.sqrt(np.where(zero, 1.0, moment)))
    return delta, scale, np.any(bad, axis=1)
