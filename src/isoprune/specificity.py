"""Is a gain the target's own? Sets that something else ranked, scored in the same folds on the same images.

The ladder from nothing to the target itself: random sets, random sets of matched variance, sets ranked on relabelled
targets, on labels of categories, on other targets, and on the target. What a rung below reaches is not the target's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.crossvalidation import MAX_REDRAWS, Block, draw_sets, fisher_mean
from isoprune.intervals import ImageBootstrap, bootstrap_images, write_bootstrap
from isoprune.io.tables import write_table
from isoprune.labelled import RDM, Embedding
from isoprune.nuisances import nuisance_rdm
from isoprune.permutation import relabellings
from isoprune.pruning import Procedure, one_blas_thread, select_many
from isoprune.results import FOLD_COLUMNS, frame_of_unit
from isoprune.scoring import KINDS, Controls, leaves_something
from isoprune.stimuli import DEFAULT_CATEGORIES, categories_of
from isoprune.units import Design, FoldSets

if TYPE_CHECKING:
    import pandas as pd

VARIANCE_BINS = 20
"""Bins of equal numbers of features, by their variance, within which random sets of matched variance are drawn."""

RIVAL_STREAM = 0x52495641
"""Keeps the random numbers of rivals apart from those of folds and random sets, which share the seed."""

LABEL = "label"
OTHER = "other"


@dataclass(frozen=True)
class Rivals:
    """What ranks features beside the target.

    Attributes
    ----------
    rdms : dict of str to ndarray of shape (n_images, n_images)
        By the name of the competitor, ``label…`` or ``other:<target>``.
    n_relabelled : int
        Relabelled targets of a fold.
    n_variance : int
        Random sets of matched variance of a fold.
    """

    rdms: dict[str, np.ndarray]
    n_relabelled: int = 5
    n_variance: int = 50


@dataclass(frozen=True)
class RivalScore:
    """Scores of a rival in a fold; of several sets, as of random ones.

    Attributes
    ----------
    sets : sequence of ndarray of int
    scores : dict of str to ndarray of shape (n_sets,)
        By kind.
    n_redrawn : int
    undefined : str, optional
        Why the rival has no score in this fold; the others keep theirs.
    """

    sets: Sequence[np.ndarray]
    scores: dict[str, np.ndarray]
    n_redrawn: int = 0
    undefined: str | None = None


def labels_that_rank(
    stimuli: pd.DataFrame, columns: Sequence[str] | None, categories: str | None
) -> dict[str, dict[str, str]]:
    """Columns of the stimulus table whose categories rank features, with the category of each image.

    Parameters
    ----------
    stimuli : DataFrame
    columns : sequence of str, optional
        Those that were asked for; without, the column of the categories, where there is a usable one.
    categories : str, optional
        The setting `inference.categories`.

    Raises
    ------
    UnknownNameError, LabelError
        As `isoprune.stimuli.categories_of`, of columns that were asked for.
    """
    if columns is None:
        of_image = categories_of(stimuli, categories)
        return {} if of_image is None else {categories or DEFAULT_CATEGORIES: of_image}
    return {column: categories_of(stimuli, column) for column in columns}


def rival_scores(
    values: np.ndarray,
    supervising: np.ndarray,
    scored: np.ndarray,
    sets: FoldSets,
    rivals: Rivals,
    *,
    procedure: Procedure,
    controls: Controls,
    seed: int,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, RivalScore]]:
    """Rank features on each rival's training block, and score them where the pruned set was scored.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
        Rows in the order of ``sets.labels``, like everything below.
    supervising, scored : ndarray of shape (n_images, n_images)
        The unit's own targets; relabelled targets are relabellings of the first.
    sets : FoldSets
        The unit's folds, retained sets and scored images.
    rivals : Rivals
    procedure : Procedure
    controls : Controls
    seed : int
    threads : int
        Folds computed at the same time; changes no bit of the result.
    progress : callable, optional
        Called with the number of folds done and their total.

    Returns
    -------
    list of dict of str to RivalScore
        For each fold, by competitor: ``variance``, ``relabelled``, and those of ``rivals.rdms``.
    """
    n_folds = len(sets.retained)
    drawn = relabellings(sets.labels, n_folds * rivals.n_relabelled, seed=seed)
    drawn = drawn.reshape(n_folds, rivals.n_relabelled, -1)

    def one(number: int) -> dict[str, RivalScore]:
        train, test = np.flatnonzero(~sets.held_out[number]), np.flatnonzero(sets.tested[number])
        if not len(test):
            return {}
        block = Block(values[test], scored[np.ix_(test, test)], controls.of(test), procedure)
        rng = np.random.default_rng([seed, sets.repeat[number], sets.fold[number], RIVAL_STREAM])
        draw = matched_in_variance(values[train], sets.retained[number], rng)
        found = {"variance": RivalScore(*draw_sets(block, draw, rivals.n_variance, MAX_REDRAWS))}
        relabelled = [supervising[np.ix_(rows[train], rows[train])] for rows in drawn[number]]
        removed = controls.that_rank(train, procedure)
        found["relabelled"] = _ranked_on(values[train], relabelled, removed, block)
        for name, rdm in rivals.rdms.items():
            found[name] = _ranked_on(values[train], [rdm[np.ix_(train, train)]], removed, block)
        return found

    scores = []
    with one_blas_thread(), ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for score in pool.map(one, range(n_folds)):
            scores.append(score)
            if progress:
                progress(len(scores), n_folds)
    return scores


@dataclass(frozen=True)
class RivalResult:
    """What the rivals of a unit reach.

    Attributes
    ----------
    folds : DataFrame
        Columns as `isoprune.results.FOLD_COLUMNS`.
    bootstrap : ImageBootstrap
    """

    folds: pd.DataFrame
    bootstrap: ImageBootstrap


def analyse_rivals(
    embedding: Embedding,
    supervising: RDM,
    scored: RDM,
    sets: FoldSets,
    unit: Mapping[str, str],
    design: Design,
    *,
    labels: Mapping[str, Mapping[str, str]],
    others: Mapping[str, RDM],
    n_relabelled: int,
    n_variance: int,
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> RivalResult:
    """Score the rivals of a unit in its own folds.

    Parameters
    ----------
    embedding : Embedding
    supervising, scored, unit, design
        As in `isoprune.units.analyse_unit`.
    sets : FoldSets
        Of the unit.
    labels : mapping of str to mapping of str to str
        By column of the stimulus table, category of each image; a rival each.
    others : mapping of str to RDM
        By name of another target, the RDM that ranks its features under the same supervision; a rival each.
    n_relabelled, n_variance
        As in `Rivals`.
    threads : int
        Changes no bit of the result.
    progress : callable, optional
        Called with what is counted, the number done and their total.

    Returns
    -------
    RivalResult

    Raises
    ------
    LabelError, RDMError
        If the images differ, or a column holds no categories.
    """
    images = sets.labels
    embedding = embedding.subset(images)
    side = f"embedding '{embedding.name}'"
    values = embedding.values.astype(np.float64)
    ranked, target = (rdm.select(images, side).values for rdm in (supervising, scored))
    rdms = {
        (LABEL if len(labels) == 1 else f"{LABEL}:{column}"): nuisance_rdm(
            "category", images, categories=of_image
        ).values
        for column, of_image in labels.items()
    }
    rdms |= {f"{OTHER}:{name}": rdm.select(images, side).values for name, rdm in others.items()}
    scores = rival_scores(
        values,
        ranked,
        target,
        sets,
        Rivals(rdms, n_relabelled, n_variance),
        procedure=design.procedure,
        controls=design.controls(target, images),
        seed=design.seed,
        threads=threads,
        progress=progress and (lambda done, total: progress("folds", done, total)),
    )
    return RivalResult(
        frame_of_unit(rival_table(scores, sets, values.shape[1]), dict(unit)),
        rival_bootstrap(values, target, sets, scores, design),
    )


def write_rivals(result: RivalResult, folds: str, bootstrap: str) -> None:
    """Write the table and the resampled scores of a unit's rivals."""
    write_table(folds, result.folds, FOLD_COLUMNS)
    write_bootstrap(bootstrap, result.bootstrap)


def _ranked_on(
    values: np.ndarray, targets: Sequence[np.ndarray], removed: np.ndarray | None, block: Block
) -> RivalScore:
    """Scores of the sets that these training targets retain; those that rank nothing are left out."""
    usable = [target for target in targets if leaves_something(target, removed)]
    nothing = {kind: np.full(1, np.nan) for kind in block.controls.kinds}
    if not usable:
        return RivalScore([], nothing, undefined="training images are alike, or explained by the nuisances")
    sets = select_many(values, usable, block.procedure, nuisances=removed).retained
    scores = block.scores(sets)
    defined = ~np.isnan(scores["r"])
    if not defined.any():
        return RivalScore(sets, nothing, undefined="a test image is constant under the set")
    kept = [features for features, there in zip(sets, defined, strict=True) if there]
    of_kept = {kind: of_kind[defined] for kind, of_kind in scores.items()}
    return RivalScore(kept, of_kept, n_redrawn=int((~defined).sum()))


def matched_in_variance(
    values: np.ndarray, retained: np.ndarray, rng: np.random.Generator
) -> Callable[[], np.ndarray]:
    """What draws random sets whose features vary as much as those of a retained set.

    Features are put into bins of equal size by their variance over images; from each bin as many are drawn as the
    retained set has of it.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        Training images.
    retained : ndarray of int
    rng : Generator

    Returns
    -------
    callable
        Gives a set of as many features, in no particular order.
    """
    order = np.argsort(values.var(axis=0), kind="stable")
    bins = np.array_split(order, min(VARIANCE_BINS, len(order)))
    counts = [int(np.isin(members, retained).sum()) for members in bins]

    def draw() -> np.ndarray:
        parts = [rng.permutation(members)[:count] for members, count in zip(bins, counts, strict=True)]
        return np.concatenate(parts)

    return draw


def rival_table(scores: Sequence[Mapping[str, RivalScore]], sets: FoldSets, n_features: int) -> pd.DataFrame:
    """Rivals' scores as a tidy table, a row a fold × competitor; columns as of `isoprune.crossvalidation.fold_table`.

    Parameters
    ----------
    scores : sequence of mapping of str to RivalScore
    sets : FoldSets
    n_features : int
    """
    import pandas as pd

    names = list(dict.fromkeys(name for of_fold in scores for name in of_fold))
    rows = []
    for number, of_fold in enumerate(scores):
        n_train, n_test = int((~sets.held_out[number]).sum()), int(sets.tested[number].sum())
        fold = {"repeat": int(sets.repeat[number]), "fold": int(sets.fold[number])}
        counts = {"n_features": n_features, "n_train_images": n_train, "n_test_images": n_test}
        counts["n_constant"] = int(sets.held_out[number].sum()) - n_test
        missing = RivalScore([], {}, undefined="the fold has no score of the pruned embedding")
        for name in names:
            rows.append({**fold, "competitor": name, **counts, **_row(of_fold.get(name, missing))})
    return pd.DataFrame(rows)


def _row(rival: RivalScore) -> dict[str, Any]:
    r = rival.scores.get("r", np.full(1, np.nan))
    several = len(r) > 1
    low, high = np.quantile(r, [0.05, 0.95]) if several else (np.nan, np.nan)
    means = {kind: fisher_mean(rival.scores[kind]) if kind in rival.scores else np.nan for kind in KINDS}
    return {
        **means,
        "r2": float(np.mean(r**2)),
        "r_low": low,
        "r_high": high,
        "n_retained": float(np.mean([len(features) for features in rival.sets])) if rival.sets else np.nan,
        "n_redrawn": rival.n_redrawn,
        "undefined": rival.undefined,
    }


def rival_bootstrap(
    values: np.ndarray,
    scored: np.ndarray,
    sets: FoldSets,
    scores: Sequence[Mapping[str, RivalScore]],
    design: Design,
) -> ImageBootstrap:
    """Resampled scores of the rivals that have a score in every scored fold; arguments as above."""
    tested = [tuple(np.array(sets.labels, dtype=object)[images]) for images in sets.tested]
    scored_folds = [of_fold for of_fold in scores if of_fold]
    names = [
        name
        for name in (scored_folds[0] if scored_folds else ())
        if all(of_fold[name].undefined is None for of_fold in scored_folds)
    ]
    of_rivals = {name: [of_fold[name].sets if of_fold else () for of_fold in scores] for name in names}
    return bootstrap_images(
        values,
        scored,
        sets.labels,
        tested,
        of_rivals,
        procedure=design.procedure,
        n_bootstrap=design.n_bootstrap,
        seed=design.seed,
    )
