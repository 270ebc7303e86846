"""Held-out isomorphism of pruned embeddings and of their competitors.

Ranking and number of retained features come from the block of training images; scores from the block of test
images. Pairs that join the two blocks are used by neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.errors import FoldError
from isoprune.folds import MIN_TEST_IMAGES, Fold, make_folds
from isoprune.isomorphism import pairs_of, second_order, similarity
from isoprune.joining import join
from isoprune.labelled import constant_images
from isoprune.pruning import available_threads, one_blas_thread, prune_arrays
from isoprune.pruning.criteria import Criterion, criterion_named

if TYPE_CHECKING:
    import pandas as pd

COMPETITORS = ("full", "pruned", "random")
"""Feature sets that are scored on the same held-out images."""

MAX_REDRAWS = 100
"""Times a random set that cannot be scored is drawn again before the fold is given up."""


@dataclass(frozen=True)
class FoldScore:
    """Scores of one fold, and the features that its training images selected.

    Attributes
    ----------
    fold : Fold
    retained : ndarray of shape (n_retained,), int
        Most important first.
    r : dict of str to float
        Signed isomorphism of each competitor on the test images; ``random`` is the Fisher-z mean of its draws.
    r2 : dict of str to float
        Squared isomorphism; ``random`` is the mean of its draws' squares.
    random_range : tuple of float
        5 % and 95 % points of the random draws.
    n_test_images : int
        Test images that were scored.
    n_constant : int
        Test images left out of every competitor's score because they are constant under the retained set.
    n_redrawn : int
        Random sets drawn again because a test image, or their whole RDM, is constant.
    undefined : str, optional
        Why the fold has no score. A fold that one competitor cannot be scored on is scored for none, so that
        competitors stay paired.
    """

    fold: Fold
    retained: np.ndarray
    r: dict[str, float]
    r2: dict[str, float]
    random_range: tuple[float, float]
    n_test_images: int
    n_constant: int
    n_redrawn: int
    undefined: str | None = None


def fisher_z(r: Any) -> np.ndarray:
    """Fisher's z of correlations; correlations of exactly ±1 are taken as ±(1 − 1e-15) to stay finite."""
    return np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))


def fisher_mean(r: Any, axis: int | None = None) -> Any:
    """Mean of correlations through Fisher's z, over those that are defined; NaN if none is."""
    z = np.ma.masked_invalid(fisher_z(np.asarray(r, dtype=np.float64)))
    mean = np.ma.filled(np.tanh(z.mean(axis=axis)), np.nan)
    return float(mean) if np.ndim(mean) == 0 else mean


def score_folds(
    values: np.ndarray,
    supervising: np.ndarray,
    scored: np.ndarray,
    labels: Sequence[str],
    folds: Sequence[Fold],
    *,
    criterion: Criterion,
    n_random: int = 50,
    seed: int = 0,
    backend: str = "auto",
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[FoldScore]:
    """Prune on each fold's training images and score its test images.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
    supervising, scored : ndarray of shape (n_images, n_images), float64
        Target that ranks the features (its training block is used), and target that is predicted (its test
        block is used).
    labels : sequence of str
        Stimulus label of each row.
    folds : sequence of Fold
    criterion : Criterion
    n_random : int
        Random sets per fold.
    seed : int
        Random sets follow from (seed, repeat, fold) alone.
    backend : str
        As in `isoprune.prune`.
    threads : int
        Folds computed at the same time; changes no bit of the result.
    progress : callable, optional
        Called with the number of folds done and their total.

    Returns
    -------
    list of FoldScore
        In the order of ``folds``.
    """
    row_of = {label: row for row, label in enumerate(labels)}

    def one(fold: Fold) -> FoldScore:
        train = np.array([row_of[label] for label in fold.train])
        test = np.array([row_of[label] for label in fold.test])
        pruning = prune_arrays(values[train], supervising[np.ix_(train, train)], criterion, backend)
        rng = np.random.default_rng([seed, fold.repeat, fold.fold])
        return _score(
            fold, values[test], scored[np.ix_(test, test)], pruning.retained, criterion, n_random, rng
        )

    scores = []
    with one_blas_thread(), ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for score in pool.map(one, folds):
            scores.append(score)
            if progress:
                progress(len(scores), len(folds))
    return scores


def _score(
    fold: Fold,
    values: np.ndarray,
    target: np.ndarray,
    retained: np.ndarray,
    criterion: Criterion,
    n_random: int,
    rng: np.random.Generator,
) -> FoldScore:
    usable = ~constant_images(values[:, retained])
    values, target = values[usable], pairs_of(target[np.ix_(usable, usable)])
    counts = {"n_test_images": int(usable.sum()), "n_constant": int((~usable).sum())}

    def undefined(reason: str, n_redrawn: int = 0) -> FoldScore:
        nothing = dict.fromkeys(COMPETITORS, np.nan)
        range_ = (np.nan, np.nan)
        return FoldScore(
            fold, retained, nothing, nothing, range_, **counts, n_redrawn=n_redrawn, undefined=reason
        )

    def isomorphism(features: np.ndarray) -> float:
        return float(second_order(pairs_of(similarity(values[:, features])), target, criterion.curve))

    if counts["n_test_images"] < MIN_TEST_IMAGES:
        return undefined(f"fewer than {MIN_TEST_IMAGES} test images vary under the retained set")
    r = {"full": isomorphism(np.arange(values.shape[1])), "pruned": isomorphism(retained)}
    flat = [name for name, value in r.items() if np.isnan(value)]
    if flat:
        return undefined(f"RDM of the test images is constant: {' and '.join(flat)} embedding, or target")
    draws, n_redrawn = _random_draws(isomorphism, values, len(retained), n_random, rng)
    if np.isnan(draws).any():
        return undefined("a random set of this size leaves test images constant", n_redrawn)
    r["random"] = fisher_mean(draws)
    return FoldScore(
        fold,
        retained,
        r=r,
        r2={**{name: value**2 for name, value in r.items()}, "random": float(np.mean(draws**2))},
        random_range=tuple(np.quantile(draws, [0.05, 0.95]).tolist()),
        **counts,
        n_redrawn=n_redrawn,
    )


def _random_draws(
    isomorphism: Callable[[np.ndarray], float],
    values: np.ndarray,
    n_retained: int,
    n_random: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, int]:
    """Isomorphism of random sets of ``n_retained`` features, and how many had to be drawn again."""
    draws, n_redrawn = np.full(n_random, np.nan), 0
    for draw in range(n_random):
        for _ in range(MAX_REDRAWS):
            features = rng.permutation(values.shape[1])[:n_retained]
            if not constant_images(values[:, features]).any():
                draws[draw] = isomorphism(features)
            if not np.isnan(draws[draw]):
                break
            n_redrawn += 1
    return draws, n_redrawn


def fold_table(scores: Sequence[FoldScore], n_features: int) -> pd.DataFrame:
    """Fold scores as a tidy table, a row a fold × competitor.

    Parameters
    ----------
    scores : sequence of FoldScore
    n_features : int
        Features of the full embedding.

    Returns
    -------
    DataFrame
        Columns ``repeat fold competitor r r2 r_low r_high n_retained n_features n_train_images
        n_test_images n_constant n_redrawn undefined``; ``r_low`` and ``r_high`` are the 5-95 % range of the random
        draws.
    """
    import pandas as pd

    rows = []
    for score in scores:
        for competitor in COMPETITORS:
            low, high = score.random_range if competitor == "random" else (np.nan, np.nan)
            rows.append(
                {
                    "repeat": score.fold.repeat,
                    "fold": score.fold.fold,
                    "competitor": competitor,
                    "r": score.r[competitor],
                    "r2": score.r2[competitor],
                    "r_low": low,
                    "r_high": high,
                    "n_retained": n_features if competitor == "full" else len(score.retained),
                    "n_features": n_features,
                    "n_train_images": len(score.fold.train),
                    "n_test_images": score.n_test_images,
                    "n_constant": score.n_constant,
                    "n_redrawn": score.n_redrawn if competitor == "random" else 0,
                    "undefined": score.undefined,
                }
            )
    return pd.DataFrame(rows)


def fold_frequency(scores: Sequence[FoldScore], n_features: int) -> np.ndarray:
    """Share of folds that retained each feature.

    Returns
    -------
    ndarray of shape (n_features,), float
        Dimensionless, 0 … 1.
    """
    counts = np.zeros(n_features)
    for score in scores:
        counts[score.retained] += 1
    return counts / len(scores)


def cross_validate(
    embedding: Any,
    target: Any,
    *,
    n_splits: int = 5,
    n_repeats: int = 8,
    seed: int = 0,
    folds: str = "random",
    groups: Mapping[str, str] | Sequence[str] | None = None,
    criterion: str = "pearson",
    n_random: int = 50,
    backend: str = "auto",
    threads: int | None = None,
) -> pd.DataFrame:
    """Held-out isomorphism of the full, the pruned and random embeddings.

    Parameters
    ----------
    embedding : array of shape (n_images, n_features), Embedding, or rsatoolbox Dataset
    target : array of shape (n_images, n_images) or (n_pairs,), RDM, or rsatoolbox RDMs
        Dissimilarities. Labelled inputs are joined by label.
    n_splits, n_repeats, seed, folds
        As in `isoprune.folds.make_folds`.
    groups : mapping of str to str, or sequence of str in the order of the rows, optional
        Group of each image, for all ``folds`` but ``random``.
    criterion : {"pearson", "spearman", "published", "published-spearman"}
    n_random : int
        Random sets of the retained set's size per fold.
    backend : {"auto", "cpu", "numpy", "reference"}
    threads : int, optional
        Default: the processors this process may use. Changes no bit of the result.

    Returns
    -------
    DataFrame
        A row a fold × competitor; see `fold_table`.

    Raises
    ------
    IsopruneError
        If the inputs are malformed or the folds impossible.
    """
    joined = join(embedding, target)
    if groups is not None and not isinstance(groups, Mapping):
        if len(groups) != len(joined.labels):
            raise FoldError(
                "groups",
                f"{len(groups)} groups",
                f"one for each of {len(joined.labels)} images",
                "Pass one a row.",
            )
        groups = dict(zip(joined.labels, groups, strict=True))
    made = make_folds(
        joined.labels, folds=folds, n_splits=n_splits, n_repeats=n_repeats, seed=seed, groups=groups
    )
    scores = score_folds(
        joined.values,
        joined.target,
        joined.target,
        joined.labels,
        made,
        criterion=criterion_named(criterion),
        n_random=n_random,
        seed=seed,
        backend=backend,
        threads=threads or available_threads(),
    )
    return fold_table(scores, joined.values.shape[1])
