"""From what each feature carries to an order of the features: at once, or one removal at a time."""

from __future__ import annotations

import numpy as np

from isoprune.pruning.backends import Backend, Prepared
from isoprune.pruning.criteria import Criterion

TIE_DECIMALS = 12
"""Drops that agree to this many decimals are ties, ranked in the order of the features.

Equal features, and most drops of rank correlations, differ by rounding alone; drops that real data tell apart differ
by 1e-10 or more.
"""


def one_pass(
    prepared: Prepared, targets: np.ndarray, criterion: Criterion, batched: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Drop of every feature from the whole embedding, and the features in its order.

    Parameters
    ----------
    prepared : Prepared
        The embedding.
    targets : ndarray of shape (n_targets, n_images, n_images)
        Dissimilarities.
    criterion : Criterion
    batched : bool
        Whether targets share their work.

    Returns
    -------
    drop, ranking : ndarray of shape (n_targets, n_features)
        Most important first.
    """
    everything = prepared.isomorphism_with_all(targets, criterion.ranking)
    without = prepared.isomorphism_without_each(targets, criterion.ranking, batched)
    drop = criterion.value(everything)[:, None] - criterion.value(without)
    # Without such a feature an image is undefined: it cannot be spared.
    drop = np.where(np.isnan(drop), np.inf, drop)
    return drop, np.argsort(-np.round(drop, TIE_DECIMALS), axis=-1, kind="stable")


def greedy(
    values: np.ndarray, target: np.ndarray, criterion: Criterion, measure: str, backend: Backend
) -> tuple[np.ndarray, np.ndarray]:
    """Backward elimination: the feature whose removal costs least goes, and all that are left are ranked again.

    Every step leaves out each remaining feature by the closed form, O(m n²) for m features and n images; the whole
    elimination takes O(M² n²), about M/2 times a one-pass ranking. Exact: the similarities of what is left are
    computed afresh at every step (O(m n²) as well), so that no rounding error builds up.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    target : ndarray of shape (n_images, n_images)
        Dissimilarities.
    criterion : Criterion
    measure : {"correlation", "cosine", "euclidean"}
    backend : Backend

    Returns
    -------
    drop, ranking : ndarray of shape (n_features,)
        A feature's drop is what its own removal cost; infinite for features that nothing could be spared of, and for
        the last two. The feature removed last ranks first.
    """
    left = np.arange(values.shape[1])
    drop, removed = np.full(len(left), np.inf), []
    while len(left) > 2:
        (drops,), (order,) = one_pass(backend.prepare(values[:, left], measure), target[None], criterion)
        least = order[-1]
        if np.isinf(drops[least]):
            break
        drop[left[least]] = drops[least]
        removed.append(left[least])
        left = np.delete(left, least)
    return drop, np.concatenate([left, np.array(removed[::-1], dtype=left.dtype)])
