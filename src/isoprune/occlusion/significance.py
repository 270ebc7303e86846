"""Which positions of which maps survive: family-wise over the positions of a map, false discoveries over images.

A position's p compares its heat with the maxima of the maps of relabelled targets, which were ranked, selected and
mapped alike, so it holds for all positions of the map at once. An image's p is that of its peak. Over images,
Benjamini-Hochberg calls R of n images at level α; in each of these, positions with p ≤ α · R / n survive, which bounds
the error in the called images as well (Benjamini & Bogomolov 2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isoprune.adjustment import ROUNDING, benjamini_hochberg

LEVEL = 0.05
"""Share of false ones among the images that are called, at most."""


@dataclass(frozen=True)
class Survivors:
    """What survives in the maps of several images, for one target and one kind of set.

    Attributes
    ----------
    p, q : ndarray of shape (n_images,), float64
        Of each image's peak, and adjusted over images; NaN for an image without a map or a null.
    positions : ndarray of shape (n_images, n_grid_rows, n_grid_columns), bool
        Which survive.
    threshold : ndarray of shape (n_images,), float64
        Heat that a surviving position exceeds; NaN where none can.
    """

    p: np.ndarray
    q: np.ndarray
    positions: np.ndarray
    threshold: np.ndarray


def survivors(heat: np.ndarray, null: np.ndarray, level: float = LEVEL) -> Survivors:
    """Compare the maps of several images with their nulls.

    Parameters
    ----------
    heat : ndarray of shape (n_images, n_grid_rows, n_grid_columns)
        NaN where undefined.
    null : ndarray of shape (n_images, n_null)
        Maximum over positions of each relabelled map; NaN counts as large. Without any nothing can survive.
    level : float

    Returns
    -------
    Survivors
    """
    n_null = null.shape[1]
    if not n_null:
        nothing = np.full(len(heat), np.nan)
        return Survivors(nothing, nothing, np.zeros(heat.shape, dtype=bool), nothing)
    p = np.array([position_p(one, of_image) for one, of_image in zip(heat, null, strict=True)])
    of_images = np.array([one[~np.isnan(one)].min(initial=np.inf) for one in p])
    of_images[np.isinf(of_images)] = np.nan
    adjusted = benjamini_hochberg(dict(enumerate(of_images)), family="images").p
    q = np.array([adjusted[image] for image in range(len(heat))])
    called = q <= level
    allowed = level * called.sum() / max(1, int((~np.isnan(q)).sum()))
    positions = called[:, None, None] & (p <= allowed)
    return Survivors(of_images, q, positions, np.where(called, _threshold(null, allowed), np.nan))


def position_p(heat: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Family-wise p of every position of a map: ``(b + 1) / (N + 1)`` with b relabelled maxima at least as large.

    Parameters
    ----------
    heat : ndarray of any shape
    null : ndarray of shape (n_null,)

    Returns
    -------
    ndarray of the same shape, float64
        NaN where the heat is.
    """
    ordered = np.sort(np.where(np.isnan(null), np.inf, null))
    at_least = len(ordered) - np.searchsorted(ordered, heat - ROUNDING * np.abs(heat), side="left")
    return np.where(np.isnan(heat), np.nan, (at_least + 1) / (len(ordered) + 1))


def _threshold(null: np.ndarray, allowed: float) -> np.ndarray:
    """The relabelled maximum of each image that heat has to exceed for p ≤ allowed."""
    n_null = null.shape[1]
    larger = int(np.floor(allowed * (n_null + 1) + ROUNDING)) - 1
    if larger < 0:
        return np.full(len(null), np.nan)
    ordered = np.sort(np.where(np.isnan(null), np.inf, null), axis=1)
    return ordered[:, n_null - 1 - larger] if larger < n_null else np.full(len(null), -np.inf)
