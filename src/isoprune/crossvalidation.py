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
from isoprune.joining import join
from isoprune.progress import Counting, counting
from isoprune.pruning import (
    Procedure,
    available_threads,
    one_blas_thread,
    procedure_named,
    prune_arrays,
)
from isoprune.pruning.number import NRule
from isoprune.scoring import (
    KINDS,
    Controls,
    Features,
    controls_of,
    defined_images,
    held_out_scores,
    similarities_of,
)

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
    scores : dict of str to dict of str to float
        By kind (`isoprune.scoring.KINDS`, and ``r2``), the score of each competitor on the test images; ``random``
        is the Fisher-z mean of its draws, for ``r2`` the mean of their squares.
    random_sets : tuple of ndarray of int
        The random sets that were scored; empty where the fold has no score.
    random_r : ndarray of shape (n_random,)
        Signed isomorphism of each.
    whole : ndarray of int
        The full embedding: all features, or those of the layer that the training images chose.
    tested : tuple of str
        Labels of the test images that were scored.
    n_constant : int
        Test images left out of every competitor's score because they are undefined under the retained set.
    n_redrawn : int
        Random sets drawn again because a test image, or their whole RDM, is undefined.
    undefined : str, optional
        Why the fold has no score. A fold that one competitor cannot be scored on is scored for none, so that
        competitors stay paired.
    """

    fold: Fold
    retained: np.ndarray
    scores: dict[str, dict[str, float]]
    random_sets: tuple[np.ndarray, ...]
    random_r: np.ndarray
    whole: np.ndarray
    tested: tuple[str, ...]
    n_constant: int
    n_redrawn: int
    undefined: str | None = None

    @property
    def n_test_images(self) -> int:
        """Number of test images that were scored."""
        return len(self.tested)

    @property
    def r(self) -> dict[str, float]:
        """Signed isomorphism of each competitor."""
        return self.scores["r"]


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
    procedure: Procedure,
    controls: Controls | None = None,
    n_random: int = 50,
    seed: int = 0,
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
    procedure : Procedure
    controls : Controls, optional
        What scores are also controlled for.
    n_random : int
        Random sets per fold.
    seed : int
        Random sets follow from (seed, repeat, fold) alone.
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
    controls = controls_of(labels) if controls is None else controls

    def one(fold: Fold) -> FoldScore:
        train = np.array([row_of[label] for label in fold.train])
        test = np.array([row_of[label] for label in fold.test])
        removed = controls.that_rank(train, procedure)
        pruning = prune_arrays(values[train], supervising[np.ix_(train, train)], procedure, nuisances=removed)
        rng = np.random.default_rng([seed, fold.repeat, fold.fold])
        block = Block(values[test], scored[np.ix_(test, test)], controls.of(test), procedure)
        return _score(fold, block, pruning.retained, n_random, rng)

    scores = []
    with one_blas_thread(), ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for score in pool.map(one, folds):
            scores.append(score)
            if progress:
                progress(len(scores), len(folds))
    return scores


@dataclass(frozen=True)
class Block:
    """What sets of features are scored on: some images, their target, and what is controlled for.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_features)
    target : ndarray of shape (n_images, n_images)
    controls : Controls
    procedure : Procedure
    """

    values: np.ndarray
    target: np.ndarray
    controls: Controls
    procedure: Procedure

    def rows_defined_under(self, features: np.ndarray) -> np.ndarray:
        """Rows of the images that are not undefined under a set of features."""
        (usable,) = defined_images(similarities_of(self.values, [features], self.procedure))
        return np.flatnonzero(usable)

    def of(self, rows: np.ndarray) -> Block:
        """The block of some of the images."""
        target = self.target[np.ix_(rows, rows)]
        return Block(self.values[rows], target, self.controls.of(rows), self.procedure)

    def scores(self, sets: Sequence[Features]) -> dict[str, np.ndarray]:
        """Scores by kind, each of shape (n_sets,); NaN for a set under which an image is undefined."""
        similarities = similarities_of(self.values, sets, self.procedure)
        coefficient = self.procedure.criterion.curve
        return held_out_scores(similarities, self.target, self.controls, coefficient)


def _score(
    fold: Fold, block: Block, retained: np.ndarray, n_random: int, rng: np.random.Generator
) -> FoldScore:
    rows = block.rows_defined_under(retained)
    block = block.of(rows)
    whole = block.procedure.whole(retained, block.values.shape[1])
    counts: dict[str, Any] = {
        "tested": tuple(fold.test[row] for row in rows),
        "n_constant": len(fold.test) - len(rows),
    }

    def undefined(reason: str, n_redrawn: int = 0) -> FoldScore:
        nothing = {kind: dict.fromkeys(COMPETITORS, np.nan) for kind in (*KINDS, "r2")}
        none = np.empty(0)
        return FoldScore(
            fold, retained, nothing, (), none, whole, **counts, n_redrawn=n_redrawn, undefined=reason
        )

    if len(rows) < MIN_TEST_IMAGES:
        return undefined(f"fewer than {MIN_TEST_IMAGES} test images vary under the retained set")
    both = block.scores([whole, retained])
    flat = [name for name, r in zip(("full", "pruned"), both["r"], strict=True) if np.isnan(r)]
    if flat:
        return undefined(f"RDM of the test images is constant: {' and '.join(flat)} embedding, or target")
    sets, draws, n_redrawn = draw_sets(
        block, lambda: rng.permutation(whole)[: len(retained)], n_random, MAX_REDRAWS
    )
    if np.isnan(draws["r"]).any():
        return undefined("a random set of this size leaves test images constant", n_redrawn)
    scores = {kind: dict.fromkeys(COMPETITORS, np.nan) for kind in KINDS}
    for kind, (full, pruned) in both.items():
        scores[kind] = {"full": full, "pruned": pruned, "random": fisher_mean(draws[kind])}
    scores["r2"] = {name: r**2 for name, r in scores["r"].items()}
    scores["r2"]["random"] = float(np.mean(draws["r"] ** 2))
    return FoldScore(fold, retained, scores, tuple(sets), draws["r"], whole, **counts, n_redrawn=n_redrawn)


def draw_sets(
    block: Block, draw: Callable[[], np.ndarray], n_sets: int, max_redraws: int
) -> tuple[list[np.ndarray], dict[str, np.ndarray], int]:
    """Scores of drawn sets of features; a set that cannot be scored is drawn again.

    Parameters
    ----------
    block : Block
    draw : callable
        Gives a set of features; called in a fixed order.
    n_sets : int
    max_redraws : int
        Times that one of the sets is drawn again before it is given up.

    Returns
    -------
    sets : list of ndarray of int
    scores : dict of str to ndarray of shape (n_sets,)
        By kind; NaN for a set that was given up.
    n_redrawn : int
    """
    sets = [draw() for _ in range(n_sets)]
    scores = block.scores(sets)
    n_redrawn = 0
    for _ in range(max_redraws):
        undefined = np.flatnonzero(np.isnan(scores["r"]))
        if not len(undefined):
            break
        n_redrawn += len(undefined)
        for number in undefined:
            sets[number] = draw()
        for kind, found in block.scores([sets[number] for number in undefined]).items():
            scores[kind][undefined] = found
    return sets, scores, n_redrawn


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
        Columns ``repeat fold competitor r r2 r_partial r_within r_low r_high n_retained n_features n_train_images
        n_test_images n_constant n_redrawn undefined``; ``r_low`` and ``r_high`` are the 5-95 % range of the random
        draws.
    """
    import pandas as pd

    rows = []
    for score in scores:
        for competitor in COMPETITORS:
            drawn = competitor == "random" and score.undefined is None
            low, high = np.quantile(score.random_r, [0.05, 0.95]) if drawn else (np.nan, np.nan)
            rows.append(
                {
                    "repeat": score.fold.repeat,
                    "fold": score.fold.fold,
                    "competitor": competitor,
                    **{kind: score.scores[kind][competitor] for kind in ("r", "r2", "r_partial", "r_within")},
                    "r_low": low,
                    "r_high": high,
                    "n_retained": len(score.whole if competitor == "full" else score.retained),
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


def folds_of_rows(
    labels: Sequence[str], groups: Mapping[str, str] | Sequence[str] | None, **dealing: Any
) -> list[Fold]:
    """Folds of the rows of an embedding, whose groups may be given by label or in the order of the rows.

    Raises
    ------
    FoldError, TooFewImagesError
        If groups are not one a row, or as `isoprune.folds.make_folds`.
    """
    if groups is not None and not isinstance(groups, Mapping):
        if len(groups) != len(labels):
            found, expected = f"{len(groups)} groups", f"one for each of {len(labels)} images"
            raise FoldError("groups", found, expected, "Pass one a row.")
        groups = dict(zip(labels, groups, strict=True))
    return make_folds(labels, groups=groups, **dealing)


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
    measure: str = "correlation",
    method: str = "one-pass",
    n_rule: NRule = "max",
    n_random: int = 50,
    backend: str = "auto",
    threads: int | None = None,
    progress: bool | Counting = False,
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
    criterion, measure, method, n_rule, backend
        As in `isoprune.prune`.
    n_random : int
        Random sets of the retained set's size per fold.
    threads : int, optional
        Default: the processors this process may use. Changes no bit of the result.
    progress : bool or callable
        True shows a bar; a callable is called with the number of folds done and their total.

    Returns
    -------
    DataFrame
        A row a fold × competitor; see `fold_table`.

    Raises
    ------
    IsopruneError
        If the inputs are malformed or the folds impossible.
    """
    procedure = procedure_named(criterion, measure, method, backend, n_rule=n_rule)
    joined = join(embedding, target)
    dealing = {"folds": folds, "n_splits": n_splits, "n_repeats": n_repeats, "seed": seed}
    made = folds_of_rows(joined.labels, groups, **dealing)
    with counting(progress, "folds") as advance:
        scores = score_folds(
            joined.values,
            joined.target,
            joined.target,
            joined.labels,
            made,
            procedure=procedure,
            n_random=n_random,
            seed=seed,
            threads=threads or available_threads(),
            progress=advance,
        )
    return fold_table(scores, joined.values.shape[1])
