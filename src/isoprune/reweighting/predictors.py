"""What reweighting regresses a target on: for each pair of images one number a feature, which is never written down.

All that regressions need of these pairs × features matrices Z are sums over pairs, and each is a product of matrices
of images × features. With F the activations, ``C = FᵀF``, ``E = (F∘F)ᵀ(F∘F)``, n images, s the column sums of F∘F,
and Y symmetric with zero diagonal:

* products, ``z = f_i f_j``: ``ZᵀZ = ½(C∘C − E)``, ``Zᵀy = ½ diag(FᵀYF)``, ``Σz = ½((Σf)² − s)``;
* squared differences, ``z = (f_i − f_j)²``, columns of F centred, which changes no difference:
  ``ZᵀZ = nE + ssᵀ + 2 C∘C``, ``Zᵀy = Σ_i Y_i. f_i² − diag(FᵀYF)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

FEATURES_AT_ONCE = 256
"""Features whose products over all pairs are held at once where the similarity of pairs is summed."""


class Predictors(Protocol):
    """One number a feature for each pair of images; Z has the shape (n_pairs, n_features)."""

    @property
    def values(self) -> np.ndarray:
        """Activations, shape (n_images, n_features)."""

    def gram(self, features: np.ndarray) -> np.ndarray:
        """``ZᵀZ`` of some features, shape (n_chosen, n_chosen)."""

    def squares(self) -> np.ndarray:
        """Diagonal of ``ZᵀZ``, shape (n_features,)."""

    def along(self, pairs: np.ndarray) -> np.ndarray:
        """``Zᵀy`` of symmetric matrices of shape (n, n_images, n_images), shape (n, n_features)."""

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """``Zw`` of weights of shape (n, n_features), as matrices (n, n_images, n_images)."""


@dataclass(frozen=True)
class Products:
    """Products of two images' activations; see `Predictors`.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_features), float64
    """

    values: np.ndarray

    def gram(self, features: np.ndarray) -> np.ndarray:
        """As `Predictors`."""
        own = self.values[:, features]
        squared = own**2
        return ((own.T @ own) ** 2 - squared.T @ squared) / 2

    def squares(self) -> np.ndarray:
        """As `Predictors`."""
        squared = self.values**2
        return (squared.sum(axis=0) ** 2 - (squared**2).sum(axis=0)) / 2

    def along(self, pairs: np.ndarray) -> np.ndarray:
        """As `Predictors`."""
        return np.array([(self.values * (one @ self.values)).sum(axis=0) for one in pairs]) / 2

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """As `Predictors`."""
        return np.array([(self.values * one) @ self.values.T for one in weights])


class Differences:
    """Squared differences of two images' values; see `Predictors`.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
        Any column means.
    """

    def __init__(self, values: np.ndarray):
        self.values = values - values.mean(axis=0)

    def gram(self, features: np.ndarray) -> np.ndarray:
        """As `Predictors`."""
        own = self.values[:, features]
        squared = own**2
        total = squared.sum(axis=0)
        return len(own) * (squared.T @ squared) + np.outer(total, total) + 2 * (own.T @ own) ** 2

    def squares(self) -> np.ndarray:
        """As `Predictors`."""
        squared = self.values**2
        return len(squared) * (squared**2).sum(axis=0) + 3 * squared.sum(axis=0) ** 2

    def along(self, pairs: np.ndarray) -> np.ndarray:
        """As `Predictors`."""
        # The diagonal of a Laplacian collects what an image has with all others.
        laplacians = -pairs
        places = np.arange(pairs.shape[-1])
        laplacians[:, places, places] += pairs.sum(axis=-1)
        return np.array([(self.values * (one @ self.values)).sum(axis=0) for one in laplacians])

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """As `Predictors`."""
        found = []
        for one in weights:
            scaled = self.values * one
            length = (scaled * self.values).sum(axis=1)
            found.append(length[:, None] + length - 2 * scaled @ self.values.T)
        return np.array(found)


def similarity_of_pairs(values: np.ndarray) -> np.ndarray:
    """``ZZᵀ`` of products: how alike two pairs of images are in their products of activations.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64

    Returns
    -------
    ndarray of shape (n_pairs, n_pairs), float64
        Pairs in the order of `isoprune.isomorphism.pairs_of`. Holds n_images⁴ / 4 numbers.
    """
    first, second = np.triu_indices(len(values), 1)
    alike = np.zeros((len(first), len(first)))
    for start in range(0, values.shape[1], FEATURES_AT_ONCE):
        some = values[:, start : start + FEATURES_AT_ONCE]
        products = some[first] * some[second]
        alike += products @ products.T
    return alike


def matrices_of(pairs: np.ndarray, n_images: int) -> np.ndarray:
    """Pair values as symmetric matrices with zero diagonal, the inverse of `isoprune.isomorphism.pairs_of`.

    Parameters
    ----------
    pairs : ndarray of shape (n, n_pairs)
    n_images : int

    Returns
    -------
    ndarray of shape (n, n_images, n_images)
    """
    first, second = np.triu_indices(n_images, 1)
    matrices = np.zeros((len(pairs), n_images, n_images))
    matrices[:, first, second] = matrices[:, second, first] = pairs
    return matrices
