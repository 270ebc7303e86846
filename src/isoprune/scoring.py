"""Scores of feature sets on a block of held-out images: plain, within categories, and with nuisances removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from isoprune.errors import RDMError
from isoprune.isomorphism import pairs_of, partial_isomorphism, similarity, standardised_pairs
from isoprune.nuisances import check_something_left
from isoprune.pruning.procedure import Procedure

Features = np.ndarray | Callable[[np.ndarray], np.ndarray]
"""A competitor: a set of features, or what gives the similarities of images from all of them (with weights, say)."""

KINDS = ("r", "r_partial", "r_within")
"""Signed isomorphism; the same with nuisance RDMs removed; the same between images of one category."""

MIN_WITHIN = 5
"""Fewest pairs within categories, beyond one for each category, that a score within categories is made of."""


@dataclass(frozen=True)
class Controls:
    """What every score is also controlled for.

    Attributes
    ----------
    nuisances : ndarray of shape (n_nuisances, n_images, n_images)
        Dissimilarities that are removed from both sides; without any there is no partial score.
    categories : ndarray of shape (n_images,), int, optional
        Category of each image; without them there is no score within categories.
    """

    nuisances: np.ndarray
    categories: np.ndarray | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those of `KINDS` that can be scored."""
        there = {"r": True, "r_partial": len(self.nuisances) > 0, "r_within": self.categories is not None}
        return tuple(kind for kind in KINDS if there[kind])

    def of(self, rows: np.ndarray) -> Controls:
        """The controls of some of the images."""
        categories = None if self.categories is None else self.categories[rows]
        return Controls(self.nuisances[:, rows][:, :, rows], categories)

    def that_rank(self, rows: np.ndarray, procedure: Procedure) -> np.ndarray | None:
        """Nuisances between some of the images, where the procedure removes them before it ranks."""
        if not procedure.partial or not len(self.nuisances):
            return None
        return self.nuisances[:, rows][:, :, rows]


def leaves_something(target: np.ndarray, removed: np.ndarray | None) -> bool:
    """Whether a target of training images has a geometry that can rank features.

    Parameters
    ----------
    target : ndarray of shape (n_images, n_images)
    removed : ndarray of shape (n_nuisances, n_images, n_images), optional
    """
    pairs = pairs_of(target)
    if np.isnan(standardised_pairs(pairs)).any():
        return False
    if removed is None:
        return True
    try:
        check_something_left(pairs, pairs_of(removed), "pearson")
    except RDMError:
        return False
    return True


def controls_of(
    labels: Sequence[str],
    nuisances: np.ndarray | Sequence[np.ndarray] = (),
    categories: Sequence[str] | None = None,
) -> Controls:
    """Controls of images.

    Parameters
    ----------
    labels : sequence of str
        Stimulus label of each row.
    nuisances : sequence of ndarray of shape (n_images, n_images)
    categories : sequence of str, optional
        One a row.
    """
    n_images = len(labels)
    stack = np.asarray(nuisances, dtype=np.float64).reshape(-1, n_images, n_images)
    numbers = None if categories is None else np.unique(np.asarray(categories), return_inverse=True)[1]
    return Controls(stack, numbers)


def similarities_of(values: np.ndarray, sets: Sequence[Features], procedure: Procedure) -> np.ndarray:
    """Similarities of images under several sets of features, or other ways to see them.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    sets : sequence of ndarray of int, or of callable
        A callable gives the similarities of images, in any unit, from their values.
    procedure : Procedure
        Its measure counts.

    Returns
    -------
    ndarray of shape (n_sets, n_images, n_images)
        NaN in the rows and columns of images that are undefined under a set.
    """
    return np.array(
        [
            features(values) if callable(features) else similarity(values[:, features], procedure.measure)
            for features in sets
        ]
    )


def defined_images(similarities: np.ndarray) -> np.ndarray:
    """Images that have a similarity with others, shape (n_sets, n_images), bool."""
    return ~np.isnan(similarities).all(axis=-1)


def held_out_scores(
    similarities: np.ndarray, target: np.ndarray, controls: Controls, coefficient: str
) -> dict[str, np.ndarray]:
    """Scores of sets of features on a block of images.

    The score within categories is the correlation over pairs of images of one category, after each category's
    own mean has been taken from both sides: differences between categories have no part in it.

    Parameters
    ----------
    similarities : ndarray of shape (n_sets, n_images, n_images)
    target : ndarray of shape (n_images, n_images) or (n_sets, n_images, n_images)
        Dissimilarities: one target for all sets, or one for each.
    controls : Controls
        Of these images.
    coefficient : {"pearson", "spearman"}

    Returns
    -------
    dict of str to ndarray of shape (n_sets,)
        By kind, those of ``controls.kinds``; NaN where a score is undefined.
    """
    network, other = pairs_of(similarities), pairs_of(target)
    nothing = np.empty((0, network.shape[-1]))
    scores = {"r": partial_isomorphism(network, other, nothing, coefficient)}
    if "r_partial" in controls.kinds:
        removed = pairs_of(controls.nuisances)
        scores["r_partial"] = partial_isomorphism(network, other, removed, coefficient)
    if controls.categories is not None:
        scores["r_within"] = _within(network, other, controls.categories, coefficient)
    return scores


def _within(network: np.ndarray, other: np.ndarray, categories: np.ndarray, coefficient: str) -> np.ndarray:
    first, second = np.triu_indices(len(categories), 1)
    inside = categories[first] == categories[second]
    of_pair = categories[first][inside]
    kinds = np.unique(of_pair)
    if inside.sum() - len(kinds) < MIN_WITHIN:
        return np.full(len(network), np.nan)
    own = (of_pair == kinds[:, None]).astype(np.float64)
    return partial_isomorphism(network[:, inside], other[..., inside], own, coefficient)
