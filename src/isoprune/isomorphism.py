"""Second-order isomorphism: how alike two similarity spaces are.

The network side is a matrix ``C`` of similarities between image rows by a first-order **measure**; its RDM is
``1 − C``, so the isomorphism of the RDM with a target is minus the correlation of ``C`` with it, by a
second-order **coefficient**. Everything is float64.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from isoprune.blas import one_blas_thread
from isoprune.errors import RDMError
from isoprune.labelled import constant_images
from isoprune.labels import choose

MEASURES = ("correlation", "cosine", "euclidean")
"""First-order measures of similarity between images; ``euclidean`` is the squared distance."""

CONSTANT_RDM = 1e-24
"""Similarities are constant when their variance over pairs is at most this (dimensionless).

Correlations carry rounding errors of 1e-16; below a spread of 1e-12 a second-order correlation
would measure those.
"""

EXPLAINED = 1e-12
"""Pair values are explained by the nuisances when what these leave has at most this share of their norm."""

RANK_TIE = 1e-12
"""Similarities that are next to each other and no further apart are tied when they are ranked (Spearman).

Similarities that are equal by arithmetic differ by rounding errors of 1e-15. Rounding them to decimals would not do:
some of them lie on both sides of a half.
"""


def similarity(values: np.ndarray, measure: str = "correlation") -> np.ndarray:
    """Similarity between the rows of an embedding.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    measure : {"correlation", "cosine", "euclidean"}
        ``euclidean`` gives minus the squared distances, as multiples of their mean over pairs (isomorphism
        does not depend on that unit).

    Returns
    -------
    ndarray of shape (n_images, n_images), float64
        Dimensionless. NaN in the rows and columns of `undefined_images`, and everywhere if all squared
        distances are zero.
    """
    values = np.asarray(values, dtype=np.float64)
    if measure == "euclidean":
        from scipy.spatial.distance import pdist

        distances = pdist(values, "sqeuclidean")
        return matrix_of(-distances / (distances.mean() or np.nan))
    centred = values - values.mean(axis=1, keepdims=True) if measure == "correlation" else values
    norm = np.sqrt((centred**2).sum(axis=1))
    norm[undefined_images(values, measure)] = np.nan
    unit = centred / norm[:, None]
    return unit @ unit.T


def dissimilarity(values: np.ndarray, measure: str = "correlation") -> np.ndarray:
    """RDM of the rows of an embedding: 1 − `similarity`, or the squared distances as multiples of their mean.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    measure : {"correlation", "cosine", "euclidean"}

    Returns
    -------
    ndarray of shape (n_images, n_images), float64
        Dimensionless, zero on the diagonal; NaN as in `similarity`.
    """
    similarities = similarity(values, measure)
    dissimilarities = -similarities if measure == "euclidean" else 1 - similarities
    np.fill_diagonal(dissimilarities, 0.0)
    return dissimilarities


def undefined_images(values: np.ndarray, measure: str) -> np.ndarray:
    """Images that have no similarity with others.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    measure : {"correlation", "cosine", "euclidean"}

    Returns
    -------
    ndarray of shape (n_images,), bool
        Constant images for correlation, images that are zero in every feature for cosine, none for
        euclidean.
    """
    choose(measure, MEASURES, what="measure", where="measure")
    if measure == "correlation":
        return constant_images(values)
    return ~np.any(values, axis=1) if measure == "cosine" else np.zeros(len(values), dtype=bool)


def pairs_of(matrix: np.ndarray) -> np.ndarray:
    """The upper triangle of square matrices, row by row.

    Parameters
    ----------
    matrix : ndarray of shape (..., n, n)

    Returns
    -------
    ndarray of shape (..., n * (n - 1) / 2)
    """
    n = matrix.shape[-1]
    return np.take(matrix.reshape(*matrix.shape[:-2], n * n), _places_of_pairs(n), axis=-1)


def matrix_of(pairs: np.ndarray) -> np.ndarray:
    """The symmetric matrix of values of pairs, row by row of its upper triangle; zero on the diagonal.

    Parameters
    ----------
    pairs : ndarray of shape (n * (n - 1) / 2,)

    Returns
    -------
    ndarray of shape (n, n)
    """
    # Here and where it is used besides, scipy.spatial is loaded late: it takes as long as reading all the settings.
    from scipy.spatial.distance import squareform

    return squareform(pairs, checks=False)


@lru_cache(maxsize=4)  # folds that differ by one image, training and test, are asked for by turns
def _places_of_pairs(n: int) -> np.ndarray:
    """Places of the pairs among the entries of an n × n matrix; making them takes longer than using them."""
    rows, columns = np.triu_indices(n, 1)
    return rows * n + columns


def standardised_pairs(values: np.ndarray, coefficient: str = "pearson") -> np.ndarray:
    """Pair values with mean 0 and norm 1, so that a dot product is a correlation.

    Parameters
    ----------
    values : ndarray of shape (..., n_pairs)
    coefficient : {"pearson", "spearman"}
        ``spearman`` replaces values by their ranks, ties sharing their mean rank.

    Returns
    -------
    ndarray of shape (..., n_pairs), float64
        Dimensionless; NaN where all pairs have the same value.
    """
    # Contiguous: over an axis that strides, sums are taken in an order that depends on the number of rows.
    values = np.ascontiguousarray(values, dtype=np.float64)
    if coefficient == "spearman":
        from scipy.stats import rankdata  # a third of a second that Pearson need not pay

        values = rankdata(values, axis=-1)
    centred = values - values.mean(axis=-1, keepdims=True)
    # Again: where values hardly differ, their mean is rounded as coarsely as they differ.
    centred -= centred.mean(axis=-1, keepdims=True)
    norm = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
    undefined = norm <= np.sqrt(CONSTANT_RDM * values.shape[-1]) * largest
    return centred / np.where(undefined, np.nan, norm)


def second_order(similarities: np.ndarray, target: np.ndarray, coefficient: str = "pearson") -> np.ndarray:
    """Isomorphism of network similarities with target dissimilarities.

    Parameters
    ----------
    similarities : ndarray of shape (..., n_pairs)
        Similarities of images, by any measure.
    target : ndarray of shape (n_pairs,)
        Dissimilarities of the same pairs.
    coefficient : {"pearson", "spearman"}

    Returns
    -------
    ndarray of shape (...), float64
        Signed correlation of ``1 − similarities`` with ``target``, −1 … 1; NaN where either is constant.
    """
    similarities = np.asarray(similarities, dtype=np.float64)
    if coefficient == "spearman":
        return second_order_of_ranked(similarities, standardised_pairs(target, "spearman"))
    return second_order_of_standard(similarities, standardised_pairs(target))


def second_order_of_standard(similarities: np.ndarray, standard_target: np.ndarray) -> np.ndarray:
    """Pearson isomorphism with targets that are standardised already; as `second_order_of_ranked`."""
    return _correlation_with(similarities, similarities, standard_target)


def second_order_of_ranked(similarities: np.ndarray, ranked_target: np.ndarray) -> np.ndarray:
    """Spearman isomorphism with targets that are ranked already.

    Parameters
    ----------
    similarities : ndarray of shape (n_sets, n_pairs) or (n_pairs,)
        Similarities of images, by any measure.
    ranked_target : ndarray of shape (n_pairs,) or (n_targets, n_pairs)
        ``standardised_pairs(target, "spearman")``.

    Returns
    -------
    ndarray of shape (n_sets,) or (n_targets, n_sets), float64
        Signed rank correlation; NaN where either side is constant.
    """
    return _correlation_with(ranks_of_similarities(similarities), similarities, ranked_target)


def ranks_of_similarities(similarities: np.ndarray) -> np.ndarray:
    """Ranks along the last axis from 1 on, ties (see `RANK_TIE`) sharing their mean rank; NaN in rows with NaN.

    Parameters
    ----------
    similarities : ndarray of shape (..., n_pairs)

    Returns
    -------
    ndarray of shape (..., n_pairs), float64
    """
    order = np.argsort(similarities, axis=-1)
    ordered, places = np.take_along_axis(similarities, order, axis=-1), np.arange(similarities.shape[-1])
    begins, ends = np.ones((2, *similarities.shape), dtype=bool)
    begins[..., 1:] = ends[..., :-1] = np.diff(ordered, axis=-1) > RANK_TIE
    first = np.maximum.accumulate(np.where(begins, places, 0), axis=-1)
    last = np.minimum.accumulate(np.where(ends, places, places[-1:])[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(similarities.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=-1)
    ranks[np.isnan(ordered[..., -1])] = np.nan  # NaN is sorted to the end
    return ranks


def _correlation_with(scored: np.ndarray, similarities: np.ndarray, standard: np.ndarray) -> np.ndarray:
    """Minus the correlation of ``scored`` with standardised pairs; NaN where similarities are constant."""
    centred = scored - scored.mean(axis=-1, keepdims=True)
    norm = np.sqrt((centred**2).sum(axis=-1))
    undefined = (similarities.var(axis=-1) <= CONSTANT_RDM) | (norm == 0)
    return -(standard @ centred.T) / np.where(undefined, np.nan, norm)


def partial_isomorphism(
    similarities: np.ndarray, target: np.ndarray, nuisances: np.ndarray, coefficient: str = "pearson"
) -> np.ndarray:
    """Isomorphism that is left when nuisance RDMs are removed from both sides.

    The partial correlation over the pairs given: both sides are reduced to the residuals of a linear fit of the
    nuisances to these pairs and no others.

    Parameters
    ----------
    similarities : ndarray of shape (..., n_pairs)
        Correlations between images.
    target : ndarray of shape (..., n_pairs)
        Dissimilarities of the same pairs.
    nuisances : ndarray of shape (n_nuisances, n_pairs)
        Dissimilarities to be removed. One that is the same for all pairs removes nothing, and none at all leaves the
        isomorphism.
    coefficient : {"pearson", "spearman"}
        ``spearman`` ranks all three first.

    Returns
    -------
    ndarray of shape (...), float64
        Signed partial correlation of ``1 − similarities`` with ``target``, −1 … 1; NaN where either side is constant
        or nothing of it is left.
    """
    constant = np.asarray(similarities, dtype=np.float64).var(axis=-1) <= CONSTANT_RDM
    network, other = standard_residuals(similarities, target, nuisances, coefficient)
    return np.where(constant, np.nan, -(network * other).sum(axis=-1))


def standard_residuals(
    similarities: np.ndarray, target: np.ndarray, nuisances: np.ndarray, coefficient: str = "pearson"
) -> tuple[np.ndarray, np.ndarray]:
    """The two sides of `partial_isomorphism`, each of mean 0 and norm 1: it is minus their product.

    Parameters
    ----------
    similarities, target, nuisances, coefficient
        As in `partial_isomorphism`.

    Returns
    -------
    network, other : ndarray of shape (..., n_pairs), float64
        NaN where nothing is left of a side.
    """
    similarities = np.asarray(similarities, dtype=np.float64)
    if coefficient == "spearman":
        similarities = ranks_of_similarities(similarities)
    removed = orthonormal(standardised_pairs(nuisances, coefficient))
    network = _residual(standardised_pairs(similarities), removed)
    return network, _residual(standardised_pairs(target, coefficient), removed)


def orthonormal(rows: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what rows of standardised pair values span.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_pairs)
        Rows of NaN (constant nuisances) span nothing.

    Returns
    -------
    ndarray of shape (n_dimensions, n_pairs), float64
    """
    rows = rows[~np.isnan(rows).any(axis=1)]
    _, size, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[size > EXPLAINED * size.max(initial=0.0)]


def _residual(standard: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """What is left of pair values of norm 1, with norm 1 again; NaN where the basis explains them."""
    left = standard - (standard @ removed.T) @ removed
    norm = np.sqrt((left**2).sum(axis=-1, keepdims=True))
    return left / np.where(norm <= EXPLAINED, np.nan, norm)


def check_target_varies(target: np.ndarray, where: str) -> None:
    """Refuse a target whose pairs all have the same dissimilarity.

    Raises
    ------
    RDMError
        If they do.
    """
    if np.isnan(standardised_pairs(pairs_of(target))).any():
        raise RDMError(
            where,
            f"all pairs of its {len(target)} images have the same dissimilarity",
            "dissimilarities that differ",
            "A constant target has no geometry to match; check how it was made.",
        )


@one_blas_thread()
def isomorphism(
    embedding: Any, target: Any, coefficient: str = "pearson", measure: str = "correlation"
) -> float:
    """Isomorphism of an embedding with a target.

    Parameters
    ----------
    embedding : array of shape (n_images, n_features), Embedding, or rsatoolbox Dataset
    target : array of shape (n_images, n_images) or (n_pairs,), RDM, or rsatoolbox RDMs
        Dissimilarities. Two labelled inputs are joined by label.
    coefficient : {"pearson", "spearman"}
        Second-order correlation of the two RDMs.
    measure : {"correlation", "cosine", "euclidean"}
        First-order measure of the embedding's RDM.

    Returns
    -------
    float
        Signed correlation of the two RDMs over the upper triangle, −1 … 1.

    Raises
    ------
    IsopruneError
        If labels differ, an image is constant, or the target is not an RDM.
    """
    from isoprune.joining import join

    joined = join(embedding, target)
    similarities = pairs_of(similarity(joined.values, measure))
    return float(second_order(similarities, pairs_of(joined.target), coefficient))
