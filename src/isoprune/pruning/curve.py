"""The whole insertion curve in one fused pass over images × images per prefix.

Adding a feature changes the co-moments of all images by a rank-one term: with ``δ`` the distance of the new
feature from the running mean of each image, ``S ← S + (m−1)/m · δδᵀ`` (Welford's update, which keeps exact zeros where
an image is constant). The similarities of a prefix are ``S_ij z_i z_j`` with ``z = diag(S)^(−1/2)``; only three
sums of them are kept. Time O(M n²) with a small constant, memory O(M n + n²).

Two backends compute the sums: a compiled one (numba) and plain NumPy, chosen by what is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numpy as np

from isoprune.isomorphism import (
    CONSTANT_RDM,
    pairs_of,
    second_order_of_ranked,
    similarity,
    standardised_pairs,
)
from isoprune.labelled import CONSTANT_IMAGE
from isoprune.pruning.criteria import Criterion

ROW_BLOCKS = 8
"""Parts into which the pairs are cut. Fixed, so that the number of threads changes no bit of the result."""


def compiled() -> bool:
    """Whether numba is installed."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def insertion_curve(
    values: np.ndarray,
    target: np.ndarray,
    ranking: np.ndarray,
    criterion: Criterion,
    *,
    use_compiled: bool,
    threads: int = 1,
) -> np.ndarray:
    """Signed isomorphism of the first m ranked features, for m = 0 … n_features.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        No image may be constant.
    target : ndarray of shape (n_images, n_images)
        Dissimilarities.
    ranking : ndarray of shape (n_features,), int
        Features, most important first.
    criterion : Criterion
    use_compiled : bool
        Whether numba computes the sums.
    threads : int
        Row blocks computed at the same time; changes no bit of the result.

    Returns
    -------
    ndarray of shape (n_features + 1,)
        NaN where undefined; 0 there if the criterion is a published one.
    """
    ranked = np.ascontiguousarray(values[:, ranking].T, dtype=np.float64)
    moments = _compiled_moments() if use_compiled else _prefix_moments
    delta, scale, constant = moments(ranked, CONSTANT_IMAGE)
    if criterion.published:
        scale[constant] = 0.0
        undefined = np.zeros(len(ranked), dtype=bool)
    else:
        undefined = constant.any(axis=1)
    undefined[0] = True  # one feature
    if criterion.curve == "spearman":
        r = _spearman(delta, scale, undefined, target)
    else:
        shift = pairs_of(similarity(values)).mean()
        sums = _blockwise(use_compiled, threads)(delta, scale, _standard(target), shift)
        r = _correlation_from_sums(sums, len(target) * (len(target) - 1) // 2)
    r[undefined] = np.nan
    curve = np.concatenate([[np.nan], r])
    return np.nan_to_num(curve) if criterion.published else curve


def _prefix_moments(ranked: np.ndarray, constant_image: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Welford's quantities of every prefix, each (n_features, n_images).

    Returns the weighted distances √((m−1)/m)·δ, the scales ``z`` (0 where undefined), and which images
    are constant. Written so that numba compiles it as it stands.
    """
    n_features, n_images = ranked.shape
    delta = np.zeros((n_features, n_images))
    scale = np.zeros((n_features, n_images))
    constant = np.ones((n_features, n_images), dtype=np.bool_)
    mean, moment, squares = np.zeros(n_images), np.zeros(n_images), np.zeros(n_images)
    for row in range(n_features):
        distance = ranked[row] - mean
        mean += distance / (row + 1)
        delta[row] = np.sqrt(row / (row + 1)) * distance
        moment += delta[row] ** 2
        squares += ranked[row] ** 2
        constant[row] = moment <= constant_image * squares
        scale[row] = np.where(moment > 0.0, 1.0 / np.sqrt(np.where(moment > 0.0, moment, 1.0)), 0.0)
    return delta, scale, constant


@cache
def _compiled_moments() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    from numba import njit

    return njit(nogil=True, cache=True)(_prefix_moments)


def _standard(target: np.ndarray) -> np.ndarray:
    """The target with mean 0 and norm 1 over pairs, as a symmetric matrix with zero diagonal."""
    n = len(target)
    upper = np.triu_indices(n, 1)
    standard = np.zeros((n, n))
    standard[upper] = standardised_pairs(target[upper])
    return standard + standard.T


def _correlation_from_sums(sums: np.ndarray, n_pairs: int) -> np.ndarray:
    """Signed isomorphism from Σ(C − c), Σ(C − c)² and Σ C·T, each of shape (n_features,)."""
    total, squares, product = sums
    spread = squares - total**2 / n_pairs
    spread[spread <= CONSTANT_RDM * n_pairs] = np.nan
    return -product / np.sqrt(spread)


def _blockwise(use_compiled: bool, threads: int) -> Callable[..., np.ndarray]:
    kernel = _compiled_kernel() if use_compiled else _numpy_kernel

    def sums(delta: np.ndarray, scale: np.ndarray, standard: np.ndarray, shift: float) -> np.ndarray:
        # Row i holds i pairs: cut where the number of pairs, not of rows, is equal.
        edges = np.unique(np.round(np.sqrt(np.linspace(0, 1, ROW_BLOCKS + 1)) * len(standard)).astype(int))
        blocks = list(pairwise(edges))
        with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
            parts = pool.map(lambda block: kernel(delta, scale, standard, shift, *block), blocks)
            return np.sum(list(parts), axis=0)

    return sums


def _numpy_kernel(
    delta: np.ndarray, scale: np.ndarray, standard: np.ndarray, shift: float, first: int, last: int
) -> np.ndarray:
    sums = np.zeros((3, len(delta)))
    below = np.tril(np.ones((last, last), dtype=bool), -1)[first:]
    moments = np.zeros((last - first, last))
    for m in range(len(delta)):
        moments += np.outer(delta[m, first:last], delta[m, :last])
        shifted = (moments * np.outer(scale[m, first:last], scale[m, :last]) - shift) * below
        sums[:, m] = shifted.sum(), (shifted**2).sum(), (shifted * standard[first:last, :last]).sum()
    return sums


@cache
def _compiled_kernel() -> Callable[..., np.ndarray]:
    from numba import njit

    # Sums may be reordered (which lets them use vector instructions); NaN and infinity keep their meaning.
    @njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
    def kernel(delta, scale, standard, shift, first, last):
        n_features = delta.shape[0]
        sums = np.zeros((3, n_features))
        moments = np.zeros((last - first, last))
        for m in range(n_features):
            total, squares, product = 0.0, 0.0, 0.0
            for i in range(first, last):
                delta_i, scale_i = delta[m, i], scale[m, i]
                row = moments[i - first]
                for j in range(i):
                    moment = row[j] + delta_i * delta[m, j]
                    row[j] = moment
                    shifted = moment * (scale_i * scale[m, j]) - shift
                    total += shifted
                    squares += shifted * shifted
                    product += shifted * standard[i, j]
            sums[0, m], sums[1, m], sums[2, m] = total, squares, product
        return sums

    return kernel


def _spearman(delta: np.ndarray, scale: np.ndarray, undefined: np.ndarray, target: np.ndarray) -> np.ndarray:
    rows, columns = np.triu_indices(len(target), 1)
    ranked_target = standardised_pairs(target[rows, columns], "spearman")
    moments = np.zeros(len(rows))
    r = np.full(len(delta), np.nan)
    for m in range(len(delta)):
        moments += delta[m, rows] * delta[m, columns]
        if not undefined[m]:
            pairs = moments * scale[m, rows] * scale[m, columns]
            r[m] = second_order_of_ranked(pairs, ranked_target)
    return r
