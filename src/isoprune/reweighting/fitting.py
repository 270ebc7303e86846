"""Weights of features for many targets, the penalty of each chosen on images inside those that are fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from isoprune.crossvalidation import fisher_mean
from isoprune.folds import make_folds
from isoprune.isomorphism import pairs_of, partial_isomorphism
from isoprune.labels import choose
from isoprune.pruning import Procedure
from isoprune.reweighting.predictors import Differences, Products
from isoprune.reweighting.solvers import NonNegative, Ridge, Solver
from isoprune.reweighting.weights import KINDS

PENALTIES = (1000.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.1)
"""Penalties that are tried, as multiples of the predictors' total variance over pairs; the strongest first."""

INNER_STREAM = 0x52574754
"""Keeps the inner folds apart from those that they lie in, which share the seed."""


@dataclass(frozen=True)
class Weighing:
    """Reweighting with weights, as a competitor: gives the similarities of images.

    Attributes
    ----------
    kind : str
        One of `isoprune.reweighting.KINDS`.
    weights : ndarray of shape (n_features,)
    measure : str
        First-order measure of the embedding's RDM; see `patterns`.
    penalty : float
        That was chosen.
    """

    kind: str
    weights: np.ndarray
    measure: str
    penalty: float = np.nan

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Similarities of images with these activations, in no particular unit; shape (n_images, n_images)."""
        return similarities(self.kind, patterns(self.kind, values, self.measure), self.weights)

    def __len__(self) -> int:
        """Number of features that have a part."""
        return int(np.count_nonzero(self.weights))


def patterns(kind: str, values: np.ndarray, measure: str) -> np.ndarray:
    """What the weights of a kind are about: activations, or images as the measure of the embedding's RDM sees them.

    With patterns, equal weights give the RDM of the full embedding: for ``correlation`` they are centred and of
    length 1, for ``cosine`` of length 1.

    Parameters
    ----------
    kind : str
    values : ndarray of shape (n_images, n_features)
    measure : {"correlation", "cosine", "euclidean"}

    Returns
    -------
    ndarray of shape (n_images, n_features)
    """
    if kind != "dissimilarity" or measure == "euclidean":
        return values
    centred = values - values.mean(axis=1, keepdims=True) if measure == "correlation" else values
    return centred / np.sqrt((centred**2).sum(axis=1, keepdims=True))


def similarities(kind: str, seen: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Similarities under weights, as multiples of the largest; zero where no feature has a part."""
    predictors = Differences(seen) if kind == "dissimilarity" else Products(seen)
    (found,) = predictors.weighted(weights[None])
    found = -found if kind == "dissimilarity" else found
    return found / (np.abs(found).max() or 1.0)


class Reweighting:
    """An embedding whose features are to be weighed for targets between some of its images.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
    kind : str
        One of `isoprune.reweighting.KINDS`.
    procedure : Procedure
        Its measure counts, and the coefficient of its criterion, by which penalties are chosen.
    n_fitted : sequence of int
        Number of images in each system that is going to be solved, as in `isoprune.reweighting.solvers.Ridge`.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    """

    def __init__(self, values: np.ndarray, kind: str, procedure: Procedure, n_fitted: Sequence[int]):
        self.kind = choose(kind, KINDS, what="kind of reweighting", where="reweighting.kinds")
        self.measure, self.coefficient = procedure.measure, procedure.criterion.curve
        self.seen, self.n_fitted = patterns(kind, values, procedure.measure), n_fitted

    @cached_property
    def solver(self) -> Solver:
        """What solves the regressions."""
        if self.kind == "ridge":
            return Ridge(self.seen, self.n_fitted)
        return NonNegative(self.seen, differences=self.kind == "dissimilarity")

    def fit(
        self,
        rows: np.ndarray,
        targets: np.ndarray,
        inner: Sequence[tuple[np.ndarray, np.ndarray]],
        penalties: Sequence[float] = PENALTIES,
        removed: np.ndarray | None = None,
    ) -> list[Weighing | None]:
        """Weights for targets, fitted to the pairs of some images and no others.

        Parameters
        ----------
        rows : ndarray of int
            The images that are fitted, ascending.
        targets : ndarray of shape (n_targets, n_fitted, n_fitted)
            Dissimilarities between these images.
        inner : sequence of (ndarray of int, ndarray of int)
            Folds over these images, numbered from 0, as images that are fitted and images that judge.
        penalties : sequence of float
        removed : ndarray of shape (n_nuisances, n_fitted, n_fitted), optional
            Nuisances that are fitted beside the features, and removed where penalties are judged.

        Returns
        -------
        list of Weighing or None
            None for a target whose penalty no inner fold can judge.
        """
        penalties = sorted(penalties, reverse=True)
        nothing = np.empty((0, *targets.shape[1:]))
        removed = nothing if removed is None else removed
        scores = np.array([self._judged(rows, targets, removed, fold, penalties) for fold in inner])
        # A fold that cannot judge one penalty of a target judges none.
        scores = np.where(np.isnan(scores).any(axis=1, keepdims=True), np.nan, scores)
        mean = fisher_mean(scores, axis=0)
        found: list[Weighing | None] = [None] * len(targets)
        judged = ~np.isnan(mean[0])
        best = np.where(judged, np.argmax(np.nan_to_num(mean, nan=-np.inf), axis=0), -1)
        for place in np.unique(best[judged]):
            some = np.flatnonzero(best == place)
            (weights,) = self._weights(rows, targets[some], [penalties[place]], removed)
            for number, one in zip(some, weights, strict=True):
                found[number] = Weighing(self.kind, one, self.measure, penalties[place])
        return found

    def intercept(self, rows: np.ndarray, target: np.ndarray, weights: np.ndarray) -> float:
        """What is added to the weighted predictors, so that on average over pairs they are what they predict."""
        distance = self.kind == "dissimilarity"
        predictors = Differences(self.seen[rows]) if distance else Products(self.seen[rows])
        predicted = pairs_of(target) if distance else 1 - pairs_of(target)
        return float(predicted.mean() - pairs_of(predictors.weighted(weights[None])).mean())

    def _judged(
        self,
        rows: np.ndarray,
        targets: np.ndarray,
        removed: np.ndarray,
        fold: tuple[np.ndarray, np.ndarray],
        penalties: Sequence[float],
    ) -> np.ndarray:
        """Isomorphism of each penalty's weights with the images that judge, shape (n_penalties, n_targets)."""
        fitted, judging = fold
        own = _between(targets, fitted)
        weights = self._weights(rows[fitted], own, penalties, _between(removed, fitted))
        seen = self.seen[rows[judging]]
        network = np.array(
            [[similarities(self.kind, seen, one) for one in of_penalty] for of_penalty in weights]
        )
        there, nuisances = pairs_of(_between(targets, judging)), pairs_of(_between(removed, judging))
        return partial_isomorphism(pairs_of(network), there, nuisances, self.coefficient)

    def _weights(
        self, rows: np.ndarray, targets: np.ndarray, penalties: Sequence[float], removed: np.ndarray
    ) -> np.ndarray:
        """Weights in units of the targets, shape (n_penalties, n_targets, n_features)."""
        pairs = pairs_of(targets)
        centred = pairs - pairs.mean(axis=1, keepdims=True)
        scale = centred.std(axis=1, keepdims=True)
        sign = 1.0 if self.kind == "dissimilarity" else -1.0
        # A target that does not vary predicts nothing; in units of the others no size of weights is too small.
        standard = sign * centred / np.where(scale > 0, scale, 1.0)
        return self.solver.weights(rows, standard, penalties, pairs_of(removed)) * scale


def _between(matrices: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The part of matrices between some images."""
    return matrices[:, rows][:, :, rows]


def inner_folds(
    labels: Sequence[str],
    *,
    folds: str = "random",
    n_inner: int = 5,
    seed: int = 0,
    place: tuple[int, int] = (0, 0),
    groups: Mapping[str, str] | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds over the images that are fitted, by the scheme that the fold itself was made by.

    Parameters
    ----------
    labels : sequence of str
        Sorted labels of the images that are fitted.
    folds, groups
        As in `isoprune.folds.make_folds`.
    n_inner : int
        Number of folds.
    seed : int
    place : tuple of int
        Repeat and fold that these images are fitted in; 0 and 0 for all images.

    Returns
    -------
    list of (ndarray of int, ndarray of int)
        Rows of the images that are fitted, and of those that judge.

    Raises
    ------
    FoldError, TooFewImagesError
        If there are too few images or groups.
    """
    own_seed = int(np.random.SeedSequence([seed, *place, INNER_STREAM]).generate_state(1)[0])
    made = make_folds(labels, folds=folds, n_splits=n_inner, n_repeats=1, seed=own_seed, groups=groups)
    row_of = {label: row for row, label in enumerate(labels)}

    def rows(part: Sequence[str]) -> np.ndarray:
        return np.array([row_of[label] for label in part])

    return [(rows(one.train), rows(one.test)) for one in made]
