"""The inner loops, written so that numba compiles them as they stand.

Each visits every pair of images once for every feature, keeps three running sums and no array over pairs and features.
Sums are taken of similarities less a ``shift`` near their mean: correlations of .999… would otherwise lose their
digits in the squares.

Reading is what takes the time. The two kernels that nearly all of it is spent in therefore take `TOGETHER` features at
each visit of a pair, by which what belongs to the pair is read once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

TOGETHER = 4
"""Features at each visit of a pair in `sums_without` and `prefix_sums`, which are written out for this number.

Where features run out the last one fills up; what comes of that is cut off.
"""


@cache
def is_compiled() -> bool:
    """Whether numba is installed."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


@cache
def compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel of this module as machine code that releases the interpreter's lock."""
    from numba import njit

    # Sums may be reordered and division by zero is not looked for, both of which vector instructions need; NaN
    # and infinity keep their meaning.
    fast = {"reassoc", "contract", "nsz"}
    return njit(nogil=True, cache=True, fastmath=fast, error_model="numpy")(kernel)


def sums_without(
    y: np.ndarray, u: np.ndarray, similarity: np.ndarray, standard: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Σ(C − c), Σ(C − c)² and Σ(C − c)·T over pairs, without each feature.

    Parameters
    ----------
    y, u : ndarray of shape (n_features, n_images)
        ``C_ij = (R_ij − y_i y_j) u_i u_j`` is the similarity without the feature.
    similarity : ndarray of shape (n_images, n_images)
        R.
    standard : ndarray of shape (n_images, n_images)
        The target T, standardised.
    shift : ndarray of shape (n_features,)
        c.

    Returns
    -------
    ndarray of shape (3, n_features)
    """
    n_features, n_images = y.shape
    sums, last = np.zeros((3, n_features + TOGETHER)), n_features - 1
    for k in range(0, n_features, TOGETHER):
        k1, k2, k3 = min(k + 1, last), min(k + 2, last), min(k + 3, last)
        y0, y1, y2, y3 = y[k], y[k1], y[k2], y[k3]
        u0, u1, u2, u3 = u[k], u[k1], u[k2], u[k3]
        c0, c1, c2, c3 = shift[k], shift[k1], shift[k2], shift[k3]
        total0 = total1 = total2 = total3 = 0.0
        squares0 = squares1 = squares2 = squares3 = 0.0
        product0 = product1 = product2 = product3 = 0.0
        for i in range(1, n_images):
            similarity_i, standard_i = similarity[i], standard[i]
            y0_i, y1_i, y2_i, y3_i = y0[i], y1[i], y2[i], y3[i]
            u0_i, u1_i, u2_i, u3_i = u0[i], u1[i], u2[i], u3[i]
            for j in range(i):
                r, t = similarity_i[j], standard_i[j]
                shifted0 = u0_i * ((r - y0_i * y0[j]) * u0[j]) - c0
                shifted1 = u1_i * ((r - y1_i * y1[j]) * u1[j]) - c1
                shifted2 = u2_i * ((r - y2_i * y2[j]) * u2[j]) - c2
                shifted3 = u3_i * ((r - y3_i * y3[j]) * u3[j]) - c3
                total0 += shifted0
                total1 += shifted1
                total2 += shifted2
                total3 += shifted3
                squares0 += shifted0 * shifted0
                squares1 += shifted1 * shifted1
                squares2 += shifted2 * shifted2
                squares3 += shifted3 * shifted3
                product0 += shifted0 * t
                product1 += shifted1 * t
                product2 += shifted2 * t
                product3 += shifted3 * t
        sums[0, k : k + TOGETHER] = total0, total1, total2, total3
        sums[1, k : k + TOGETHER] = squares0, squares1, squares2, squares3
        sums[2, k : k + TOGETHER] = product0, product1, product2, product3
    return sums[:, :n_features]


def distance_sums_without(
    y: np.ndarray, similarity: np.ndarray, standard: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """As `sums_without`, where the similarity without the feature is ``R_ij + (y_i − y_j)²``."""
    n_features, n_images = y.shape
    sums = np.zeros((3, n_features))
    for k in range(n_features):
        y_k, c = y[k], shift[k]
        total, squares, product = 0.0, 0.0, 0.0
        for i in range(1, n_images):
            y_i, similarity_i, standard_i = y_k[i], similarity[i], standard[i]
            for j in range(i):
                difference = y_i - y_k[j]
                shifted = similarity_i[j] + difference * difference - c
                total += shifted
                squares += shifted * shifted
                product += shifted * standard_i[j]
        sums[0, k], sums[1, k], sums[2, k] = total, squares, product
    return sums


def pairs_without(
    y: np.ndarray, u: np.ndarray, similarity: np.ndarray, shift: np.ndarray, pairs: np.ndarray
) -> np.ndarray:
    """Write C − c of every pair (upper triangle, row by row) into ``pairs``, shape (n_features, n_pairs).

    Returns Σ(C − c) and Σ(C − c)², shape (2, n_features). The other arguments are those of `sums_without`.
    """
    n_features, n_images = y.shape
    sums = np.zeros((2, n_features))
    for k in range(n_features):
        y_k, u_k, c = y[k], u[k], shift[k]
        total, squares, place = 0.0, 0.0, 0
        for i in range(n_images - 1):
            y_i, u_i = y_k[i], u_k[i]
            n_others = n_images - 1 - i
            row, similarity_i = pairs[k, place : place + n_others], similarity[i, i + 1 :]
            y_j, u_j = y_k[i + 1 :], u_k[i + 1 :]
            for j in range(n_others):
                shifted = u_i * ((similarity_i[j] - y_i * y_j[j]) * u_j[j]) - c
                row[j] = shifted
                total += shifted
                squares += shifted * shifted
            place += n_others
        sums[0, k], sums[1, k] = total, squares
    return sums


def distance_pairs_without(
    y: np.ndarray, similarity: np.ndarray, shift: np.ndarray, pairs: np.ndarray
) -> np.ndarray:
    """As `pairs_without`, where the similarity without the feature is ``R_ij + (y_i − y_j)²``."""
    n_features, n_images = y.shape
    sums = np.zeros((2, n_features))
    for k in range(n_features):
        y_k, c = y[k], shift[k]
        total, squares, place = 0.0, 0.0, 0
        for i in range(n_images - 1):
            y_i, n_others = y_k[i], n_images - 1 - i
            row, similarity_i = pairs[k, place : place + n_others], similarity[i, i + 1 :]
            y_j = y_k[i + 1 :]
            for j in range(n_others):
                difference = y_i - y_j[j]
                shifted = similarity_i[j] + difference * difference - c
                row[j] = shifted
                total += shifted
                squares += shifted * shifted
            place += n_others
        sums[0, k], sums[1, k] = total, squares
    return sums


def prefix_moments(
    features: np.ndarray,
    ranking: np.ndarray,
    before: int,
    state: np.ndarray,
    centred: bool,
    tolerance: float,
    zero_undefined: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rank-one terms and scales of the similarities of the prefixes that some features complete.

    Parameters
    ----------
    features : ndarray of shape (n_features, n_images)
    ranking : ndarray of shape (n_inserted,), int
        The features that are inserted now.
    before : int
        Number of features inserted before.
    state : ndarray of shape (3, n_images)
        Mean, moment and sum of squares of each image under those, zeros at first; brought up to date.
    centred : bool
        Whether images are centred (correlation): Welford's update then gives the terms, and keeps exact zeros
        where an image is constant.
    tolerance : float
        An image is undefined where its moment is at most this share of its sum of squares.
    zero_undefined : bool
        Whether an undefined image has similarity 0 with all others, as published.

    Returns
    -------
    delta, scale : ndarray of shape (n_inserted, n_images)
        Row m: the prefix's moments grow by ``δ_i δ_j``; its similarities are ``S_ij z_i z_j``.
    undefined : ndarray of shape (n_inserted,), bool
        Whether an image is.
    """
    n_inserted, n_images = len(ranking), features.shape[1]
    delta, scale = np.empty((n_inserted, n_images)), np.empty((n_inserted, n_images))
    undefined = np.zeros(n_inserted, np.bool_)
    mean, moment, squares = state[0], state[1], state[2]
    for m in range(n_inserted):
        share = 1.0 / (before + m + 1)
        weight = np.sqrt((before + m) * share)
        feature, delta_m, scale_m = features[ranking[m]], delta[m], scale[m]
        n_undefined = 0
        for i in range(n_images):
            value = feature[i]
            step = value
            if centred:
                distance = value - mean[i]
                mean[i] += distance * share
                step = weight * distance
            delta_m[i] = step
            moment_i = moment[i] + step * step
            squares_i = squares[i] + value * value
            moment[i], squares[i] = moment_i, squares_i
            bad = moment_i <= tolerance * squares_i
            n_undefined += bad
            zero = moment_i <= 0.0 or (zero_undefined and bad)
            scale_m[i] = 0.0 if zero else 1.0 / np.sqrt(moment_i)
        undefined[m] = n_undefined > 0
    return delta, scale, undefined


def prefix_sums(
    delta: np.ndarray,
    scale: np.ndarray,
    standard: np.ndarray,
    shift: np.ndarray,
    moments: np.ndarray,
    first: int,
    last: int,
) -> np.ndarray:
    """Σ(C − c), Σ(C − c)² and Σ(C − c)·T of some prefixes, over the pairs of rows ``first … last``.

    Parameters
    ----------
    delta, scale : ndarray of shape (n_features, n_images)
        As `prefix_moments` returns them.
    standard : ndarray of shape (n_images, n_images)
        The target T, standardised.
    shift : ndarray of shape (n_features,)
        c.
    moments : ndarray of shape (last - first, last)
        Co-moments of the pairs under the features before, zeros at first; brought up to date. After a number of
        features that is no multiple of `TOGETHER` they are of no further use.

    Returns
    -------
    ndarray of shape (3, n_features)
    """
    n_features = delta.shape[0]
    sums, end = np.zeros((3, n_features + TOGETHER)), n_features - 1
    for m in range(0, n_features, TOGETHER):
        m1, m2, m3 = min(m + 1, end), min(m + 2, end), min(m + 3, end)
        d0, d1, d2, d3 = delta[m], delta[m1], delta[m2], delta[m3]
        z0, z1, z2, z3 = scale[m], scale[m1], scale[m2], scale[m3]
        c0, c1, c2, c3 = shift[m], shift[m1], shift[m2], shift[m3]
        total0 = total1 = total2 = total3 = 0.0
        squares0 = squares1 = squares2 = squares3 = 0.0
        product0 = product1 = product2 = product3 = 0.0
        for i in range(first, last):
            row, standard_i = moments[i - first], standard[i]
            d0_i, d1_i, d2_i, d3_i = d0[i], d1[i], d2[i], d3[i]
            z0_i, z1_i, z2_i, z3_i = z0[i], z1[i], z2[i], z3[i]
            for j in range(i):
                t = standard_i[j]
                moment0 = row[j] + d0_i * d0[j]
                moment1 = moment0 + d1_i * d1[j]
                moment2 = moment1 + d2_i * d2[j]
                moment3 = moment2 + d3_i * d3[j]
                row[j] = moment3
                shifted0 = z0_i * (moment0 * z0[j]) - c0
                shifted1 = z1_i * (moment1 * z1[j]) - c1
                shifted2 = z2_i * (moment2 * z2[j]) - c2
                shifted3 = z3_i * (moment3 * z3[j]) - c3
                total0 += shifted0
                total1 += shifted1
                total2 += shifted2
                total3 += shifted3
                squares0 += shifted0 * shifted0
                squares1 += shifted1 * shifted1
                squares2 += shifted2 * shifted2
                squares3 += shifted3 * shifted3
                product0 += shifted0 * t
                product1 += shifted1 * t
                product2 += shifted2 * t
                product3 += shifted3 * t
        sums[0, m : m + TOGETHER] = total0, total1, total2, total3
        sums[1, m : m + TOGETHER] = squares0, squares1, squares2, squares3
        sums[2, m : m + TOGETHER] = product0, product1, product2, product3
    return sums[:, :n_features]


def prefix_distance_sums(
    delta: np.ndarray, standard: np.ndarray, shift: np.ndarray, distances: np.ndarray, first: int, last: int
) -> np.ndarray:
    """As `prefix_sums`, where a feature adds ``−(δ_i − δ_j)²`` to the similarity of images i and j."""
    n_features = delta.shape[0]
    sums = np.zeros((3, n_features))
    for m in range(n_features):
        delta_m, c = delta[m], shift[m]
        total, squares, product = 0.0, 0.0, 0.0
        for i in range(first, last):
            delta_i = delta_m[i]
            row, standard_i = distances[i - first], standard[i]
            for j in range(i):
                difference = delta_i - delta_m[j]
                distance = row[j] + difference * difference
                row[j] = distance
                shifted = -distance - c
                total += shifted
                squares += shifted * shifted
                product += shifted * standard_i[j]
        sums[0, m], sums[1, m], sums[2, m] = total, squares, product
    return sums
