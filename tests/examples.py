"""Small embeddings and targets for the arithmetic."""

import numpy as np


def sparse_embedding(n_images: int, n_features: int, seed: int) -> np.ndarray:
    """Features as after a ReLU: many zeros, positive otherwise, of different sizes."""
    rng = np.random.default_rng(seed)
    scale = rng.lognormal(sigma=1.0, size=n_features)
    return np.maximum(rng.normal(size=(n_images, n_features)) - 0.3, 0) * scale


def same_ranking_up_to_ties(one, other, drop, within=1e-12) -> bool:
    """Whether two rankings differ only among features whose drops differ by less than ``within``."""
    return np.array_equal(one, other) or np.allclose(drop[one], drop[other], rtol=0, atol=within)


def random_target(n_images: int, seed: int) -> np.ndarray:
    """A symmetric matrix of dissimilarities with zero diagonal."""
    values = np.random.default_rng(seed).uniform(0.1, 1, size=(n_images, n_images))
    target = np.triu(values, 1)
    return target + target.T
