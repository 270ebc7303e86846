"""Pruning: rank features by the isomorphism they carry, and retain the best prefix of the ranking."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoprune.errors import EmbeddingError
from isoprune.isomorphism import check_target_varies, pairs_of, second_order, similarity
from isoprune.joining import join
from isoprune.labels import choose
from isoprune.pruning import closed_form, curve, reference
from isoprune.pruning.criteria import CRITERIA, Criterion, criterion_named

__all__ = ["CRITERIA", "PruningResult", "prune"]

BACKENDS = ("auto", "cpu", "numpy", "reference")
"""``auto`` and ``cpu`` use numba where it is installed, else NumPy; ``reference`` is the slow definition."""

TIE_DECIMALS = 12
"""Drops that agree to this many decimals are ties, ranked in the order of the features.

Equal features, and most drops of rank correlations, differ by rounding alone; drops that real data tell apart differ
by 1e-10 or more.
"""


@dataclass(frozen=True)
class PruningResult:
    """What pruning an embedding for a target gives.

    Attributes
    ----------
    ranking : ndarray of shape (n_features,), int
        Features, most important first; ties in the order of the features.
    drop : ndarray of shape (n_features,), float
        Criterion lost when the feature is left out (dimensionless); infinite where an image would be
        constant without it, so that it cannot be spared.
    curve : ndarray of shape (n_features + 1,), float
        Criterion of the first m ranked features; NaN where undefined (0 for the published criteria).
    n_retained : int
        m*, the first maximum of the curve.
    criterion, backend : str
        What was maximised, and what computed it.
    """

    ranking: np.ndarray
    drop: np.ndarray
    curve: np.ndarray
    n_retained: int
    criterion: str
    backend: str

    @property
    def retained(self) -> np.ndarray:
        """Retained features, most important first, shape (n_retained,), int."""
        return self.ranking[: self.n_retained]


def prune(
    embedding: Any,
    target: Any,
    *,
    criterion: str = "pearson",
    backend: str = "auto",
    threads: int | None = None,
) -> PruningResult:
    """Find the features of an embedding that carry its isomorphism with a target.

    Features are ranked once by their drop, inserted from the most important, and the prefix with the
    largest isomorphism is retained (Tarigopula et al. 2023). The gain on the images used here is optimistic
    by construction: `isoprune.cross_validate` gives the held-out one.

    Parameters
    ----------
    embedding : array of shape (n_images, n_features), Embedding, or rsatoolbox Dataset
    target : array of shape (n_images, n_images) or (n_pairs,), RDM, or rsatoolbox RDMs
        Dissimilarities, square or upper triangle (row by row). Labelled inputs are joined by label.
    criterion : {"pearson", "spearman", "published", "published-spearman"}
        Signed Pearson or Spearman isomorphism over every defined prefix, or the published procedure
        (squared, full set never a candidate), with a Pearson or a Spearman curve.
    backend : {"auto", "cpu", "numpy", "reference"}
    threads : int, optional
        Default: the processors this process may use. Changes no bit of the result.

    Returns
    -------
    PruningResult

    Raises
    ------
    IsopruneError
        If the two sides are not about the same images, or either has no geometry.
    """
    joined = join(embedding, target)
    return prune_arrays(
        joined.values, joined.target, criterion_named(criterion), backend, threads or available_threads()
    )


def prune_arrays(
    values: np.ndarray, target: np.ndarray, criterion: Criterion, backend: str = "auto", threads: int = 1
) -> PruningResult:
    """`prune` for checked float64 arrays; the arguments are as there."""
    choose(backend, BACKENDS, what="backend", where="backend")
    if values.shape[1] < 3:
        raise EmbeddingError(
            "embedding",
            f"{values.shape[1]} features",
            "at least 3, so that one can be left out and two be correlated",
            "Choose a wider layer.",
        )
    check_target_varies(target, "target")
    with one_blas_thread():
        drop, ran = _drops(values, target, criterion, backend, threads)
        ranking = np.argsort(-np.round(drop, TIE_DECIMALS), kind="stable")
        if ran == "reference":
            r = reference.insertion_curve(values, target, ranking, criterion)
        else:
            r = curve.insertion_curve(
                values, target, ranking, criterion, use_compiled=ran == "cpu-numba", threads=threads
            )
    value = criterion.value(r)
    return PruningResult(ranking, drop, value, _first_maximum(value, criterion), criterion.name, ran)


def _drops(
    values: np.ndarray, target: np.ndarray, criterion: Criterion, backend: str, threads: int
) -> tuple[np.ndarray, str]:
    measure = criterion.ranking
    everything = second_order(pairs_of(similarity(values)), pairs_of(target), measure)
    if backend == "reference":
        ran, without = backend, reference.isomorphism_without_each(values, target, measure)
    else:
        ran = "cpu-numba" if backend != "numpy" and curve.compiled() else "cpu-numpy"
        without = closed_form.LeaveOneOut(values).isomorphism(target[None], measure, threads)[0]
    drop = criterion.value(everything) - criterion.value(without)
    # Without such a feature an image is constant: it cannot be spared.
    return np.where(np.isnan(drop), np.inf, drop), ran


def _first_maximum(value: np.ndarray, criterion: Criterion) -> int:
    candidates = value[:-1] if criterion.published else value
    if np.isnan(candidates).all() or np.nanargmax(candidates) < 2:
        raise EmbeddingError(
            "embedding",
            "no prefix of the ranked features has a defined isomorphism with the target",
            "at least one",
            "The embedding has too few informative features for these images; choose another layer.",
        )
    return int(np.nanargmax(candidates))


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread: work is spread over chunks instead, and two BLAS threads beside another process
    have cost 5 to 17 times the time.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(limits=1, user_api="blas"):
        yield
