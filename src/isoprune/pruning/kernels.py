"""The inner loops, written so that numba compiles them as they stand.

Each visits every pair of images once for every feature, keeps three running sums and no array over pairs and features.
Sums are taken of similarities less a ``shift`` near their mean: correlations of .999… would otherwise lose their
digits in the squares.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


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

    # Sums may be reordered (which lets them use vector instructions); NaN and infinity keep their meaning.
    return njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})(kernel)


def sums_without(y, u, similarity, standard, shift):
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
    sums = np.zeros((3, n_features))
    for k in range(n_features):
        y_k, u_k, c = y[k], u[k], shift[k]
        total, squares, product = 0.0, 0.0, 0.0
        for i in range(1, n_images):
            y_i, u_i = y_k[i], u_k[i]
            similarity_i, standard_i = similarity[i], standard[i]
            for j in range(i):
                shifted = u_i * ((similarity_i[j] - y_i * y_k[j]) * u_k[j]) - c
                total += shifted
                squares += shifted * shifted
                product += shifted * standard_i[j]
        sums[0, k], sums[1, k], sums[2, k] = total, squares, product
    return sums


def distance_sums_without(y, similarity, standard, shift):
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


def pairs_without(y, u, similarity, shift, pairs):
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


def distance_pairs_without(y, similarity, shift, pairs):
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


def prefix_moments(features, ranking, centred, tolerance, zero_undefined):
    """Rank-one terms and scales of the similarities of every prefix.

    Parameters
    ----------
    features : ndarray of shape (n_features, n_images)
    ranking : ndarray of shape (n_features,), int
    centred : bool
        Whether images are centred (correlation): Welford's update then gives the terms, and keeps exact zeros
        where an image is constant.
    tolerance : float
        An image is undefined where its moment is at most this share of its sum of squares.
    zero_undefined : bool
        Whether an undefined image has similarity 0 with all others, as published.

    Returns
    -------
    delta, scale : ndarray of shape (n_features, n_images)
        Row m: the prefix's moments grow by ``δ_i δ_j``; its similarities are ``S_ij z_i z_j``.
    undefined : ndarray of shape (n_features,), bool
        Whether an image is.
    """
    n_features, n_images = features.shape
    delta, scale = np.empty((n_features, n_images)), np.empty((n_features, n_images))
    undefined = np.zeros(n_features, np.bool_)
    mean, moment, squares = np.zeros(n_images), np.zeros(n_images), np.zeros(n_images)
    for m in range(n_features):
        share = 1.0 / (m + 1)
        weight = np.sqrt(m * share)
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


def prefix_sums(delta, scale, standard, shift, first, last):
    """Σ(C − c), Σ(C − c)² and Σ(C − c)·T of every prefix, over the pairs of rows ``first … last``.

    Parameters
    ----------
    delta, scale : ndarray of shape (n_features, n_images)
        As `prefix_moments` returns them.
    standard : ndarray of shape (n_images, n_images)
        The target T, standardised.
    shift : ndarray of shape (n_features,)
        c.

    Returns
    -------
    ndarray of shape (3, n_features)
    """
    n_features = delta.shape[0]
    sums = np.zeros((3, n_features))
    moments = np.zeros((last - first, last))
    for m in range(n_features):
        delta_m, scale_m, c = delta[m], scale[m], shift[m]
        total, squares, product = 0.0, 0.0, 0.0
        for i in range(first, last):
            delta_i, scale_i = delta_m[i], scale_m[i]
            row, standard_i = moments[i - first], standard[i]
            for j in range(i):
                moment = row[j] + delta_i * delta_m[j]
                row[j] = moment
                shifted = scale_i * (moment * scale_m[j]) - c
                total += shifted
                squares += shifted * shifted
                product += shifted * standard_i[j]
        sums[0, m], sums[1, m], sums[2, m] = total, squares, product
    return sums


def prefix_distance_sums(delta, standard, shift, first, last):
    """As `prefix_sums`, where a feature adds ``−(δ_i − δ_j)²`` to the similarity of images i and j."""
    n_features = delta.shape[0]
    sums = np.zeros((3, n_features))
    distances = np.zeros((last - first, last))
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
