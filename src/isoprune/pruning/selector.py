"""Pruning as a scikit-learn feature selector."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from isoprune.pruning import prune
from isoprune.pruning.number import NRule


class IsomorphismPruner(SelectorMixin, BaseEstimator):
    """Select the features that carry an embedding's isomorphism with a target.

    Parameters
    ----------
    criterion : {"pearson", "spearman", "published", "published-spearman"}
    measure : {"correlation", "cosine", "euclidean"}
    method : {"one-pass", "greedy"}
    n_rule : {"max", "one-se"}, int or float
    backend : {"auto", "cpu", "cuda", "numpy", "reference"}
        All as in `isoprune.prune`.

    Attributes
    ----------
    ranking_ : ndarray of shape (n_features,), int
        Features, most important first.
    drop_ : ndarray of shape (n_features,), float
        Criterion lost when a feature is left out (dimensionless).
    curve_ : ndarray of shape (n_features + 1,), float
        Criterion of the first m ranked features.
    n_retained_ : int
    retained_ : ndarray of shape (n_retained_,), int
        Most important first. `transform` keeps the columns' own order, as every selector does.
    """

    def __init__(
        self,
        criterion: str = "pearson",
        measure: str = "correlation",
        method: str = "one-pass",
        n_rule: NRule = "max",
        backend: str = "auto",
    ):
        self.criterion, self.measure, self.method = criterion, measure, method
        self.n_rule, self.backend = n_rule, backend

    def fit(self, X: Any, target: Any) -> IsomorphismPruner:
        """Rank features and find the retained set.

        Parameters
        ----------
        X : array of shape (n_images, n_features)
        target : array of shape (n_images, n_images) or (n_pairs,)
            Dissimilarities.

        Raises
        ------
        RDMError
            If the target is neither square nor an upper triangle. scikit-learn's `cross_val_score` cuts only
            its rows; use `isoprune.cross_validate`.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=3, ensure_min_features=3)
        result = prune(X, target, **self.get_params())
        self.ranking_, self.drop_, self.curve_ = result.ranking, result.drop, result.curve
        self.n_retained_, self.retained_ = result.n_retained, result.retained
        return self

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        mask[self.retained_] = True
        return mask
