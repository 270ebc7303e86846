"""Tables of single judgments with a known answer."""

from itertools import combinations
from pathlib import Path

import numpy as np

IMAGES = [f"img_{i}" for i in range(12)]


def known_space(n_images: int = len(IMAGES), seed: int = 4) -> np.ndarray:
    """Distances between points of a plane, at most 1: what raters see."""
    points = np.random.default_rng(seed).normal(size=(n_images, 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    return distances / distances.max()


def write_rows(path: Path, header: str, rows) -> Path:
    """A tab-separated table; ``header`` has spaces between its columns."""
    lines = [header.replace(" ", "\t"), *("\t".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rating_rows(labels, space, raters, *, noise=0.1, share=1.0, seed=0):
    """Similarity ratings from 1 to 7; every rater judges a random share of the pairs."""
    rng = np.random.default_rng(seed)
    rows = []
    for rater in raters:
        for i, j in combinations(range(len(labels)), 2):
            if rng.random() < share:
                rating = round(float(np.clip(7 - 6 * (space[i, j] + noise * rng.normal()), 1, 7)))
                rows.append((rater, labels[i], labels[j], rating))
    return rows


def triplet_rows(labels, space, raters, *, noise=0.1, seed=0):
    """Choices in all triplets: the closest two belong together, seen through some noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for rater in raters:
        for triplet in combinations(range(len(labels)), 3):
            seen = [
                space[np.ix_(pair, pair)][0, 1] + noise * rng.normal() for pair in combinations(triplet, 2)
            ]
            odd = triplet[2 - int(np.argmin(seen))]  # the pairs come without the third, second, first
            rows.append((rater, *(labels[i] for i in rng.permutation(triplet)), labels[odd]))
    return rows
