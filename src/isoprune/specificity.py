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

from isoprune.bootstrap import ImageBootstrap, bootstrap_images, write_bootstrap
from isoprune.crossvalidation import MAX_REDRAWS, Block, draw_sets, fisher_mean
from isoprune.design import Design
from isoprune.foldsets import FoldSets
from isoprune.io.tables import write_table
from isoprune.labelled import RDM, Embedding
from isoprune.matched import matched
from isoprune.nuisances import nuisance_rdm
from isoprune.pruning import Procedure, one_blas_thread, select_many
from isoprune.results import FOLD_COLUMNS, frame_of_unit
from isoprune.scoring import KINDS, Controls, Features, leaves_something

if TYPE_CHECKING:
    import pandas as pd

VARIANCE_BINS = 20
"""Bins of equal numbers of features, by their variance, within which random sets of matched variance are drawn."""

RIVAL_STREAMS = {"variance": 0x52495641, "relabelled": 0x52495642}
"""Keep the random numbers of rivals apart from each other's, and from those of folds and random sets."""

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
    matched : sequence of str
        Of `isoprune.matched.MATCHED`: as many features as the retained set, that no target ranks.
    """

    rdms: dict[str, np.ndarray]
    n_relabelled: int = 5
    n_variance: int = 50
    matched: Sequence[str] = ()


@dataclass(frozen=True)
class RivalScore:
    """Scores of a rival in a fold; of several sets, as of random ones.

    Attributes
    ----------
    sets : sequence of ndarray of int, or of callable
        Sets of features, or what sees the features in another way; see `isoprune.scoring.similarities_of`.
    scores : dict of str to ndarray of shape (n_sets,)
        By kind.
    n_redrawn : int
    undefined : str, optional
        Why the rival has no score in this fold, and no sets; the others keep theirs.
    """

    sets: Sequence[Features]
    scores: dict[str, np.ndarray]
    n_redrawn: int = 0
    undefined: str | None = None


def without_score(reason: str, n_redrawn: int = 0) -> RivalScore:
    """A rival that has no score in a fold, and why."""
    return RivalScore([], {kind: np.full(1, np.nan) for kind in KINDS}, n_redrawn, reason)


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

    A target is relabelled inside the training block, so that nothing of the held-out images ranks a feature.

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
        For each fold, by competitor: ``variance``, those of ``rivals.matched``, ``relabelled`` (if there are any), and
        those of ``rivals.rdms``.
    """
    n_folds = len(sets.retained)

    def one(number: int) -> dict[str, RivalScore]:
        train, test = np.flatnonzero(~sets.held_out[number]), np.flatnonzero(sets.tested[number])
        if not len(test):
            return dict.fromkeys(names, without_score("the fold has no score of the pruned embedding"))
        block = Block(values[test], scored[np.ix_(test, test)], controls.of(test), procedure)
        place = seed, sets.repeat[number], sets.fold[number]
        variance, relabelled = (np.random.default_rng([*place, stream]) for stream in RIVAL_STREAMS.values())
        moved = [relabelled.permutation(train) for _ in range(rivals.n_relabelled)]
        targets = {"relabelled": [supervising[np.ix_(rows, rows)] for rows in moved]} if moved else {}
        targets |= {name: [rdm[np.ix_(train, train)]] for name, rdm in rivals.rdms.items()}
        retained = sets.retained[number]
        whole = procedure.whole(retained, values.shape[1])
        draw = matched_in_variance(values[train], retained, variance, whole)
        removed = controls.that_rank(train, procedure)
        found = {
            name: _ranked_on(values[train], of_rival, removed, block) for name, of_rival in targets.items()
        }
        alike = {
            name: _scored(block, matched(name, values[train], len(retained), procedure.measure, whole))
            for name in rivals.matched
        }
        return {"variance": _drawn(block, draw, rivals.n_variance), **alike, **found}

    names = ["variance", *rivals.matched, *["relabelled"] * (rivals.n_relabelled > 0), *rivals.rdms]
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
    scores : sequence of mapping of str to RivalScore
        Of each fold, by competitor, with the sets.
    """

    folds: pd.DataFrame
    bootstrap: ImageBootstrap
    scores: Sequence[Mapping[str, RivalScore]] = ()


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
    matched: Sequence[str] = (),
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
    n_relabelled, n_variance, matched
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
    images, design = sets.labels, design.for_embedding(embedding)
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
        Rivals(rdms, n_relabelled, n_variance, matched),
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


def _drawn(block: Block, draw: Callable[[], np.ndarray], n_sets: int) -> RivalScore:
    """Scores of random sets."""
    sets, scores, n_redrawn = draw_sets(block, draw, n_sets, MAX_REDRAWS)
    if np.isnan(scores["r"]).any():
        return without_score("a set of this size and variance leaves test images constant", n_redrawn)
    return RivalScore(sets, scores, n_redrawn)


def _scored(block: Block, features: Features) -> RivalScore:
    """The score of one set of features, or of another way to see them."""
    scores = block.scores([features])
    if np.isnan(scores["r"]).any():
        return without_score("a test image, or the RDM of all, is constant under the set")
    return RivalScore([features], scores)


def _ranked_on(
    values: np.ndarray, targets: Sequence[np.ndarray], removed: np.ndarray | None, block: Block
) -> RivalScore:
    """Scores of the sets that these training targets retain; those that cannot be scored are left out."""
    usable = [target for target in targets if leaves_something(target, removed)]
    if not usable:
        explained = "" if removed is None else ", or explained by the nuisances"
        return without_score(f"all pairs of training images are alike{explained}")
    sets = select_many(values, usable, block.procedure, nuisances=removed).retained
    scores = block.scores(sets)
    defined = ~np.isnan(scores["r"])
    if not defined.any():
        return without_score("a test image, or the RDM of all, is constant under the set")
    kept = [features for features, there in zip(sets, defined, strict=True) if there]
    of_kept = {kind: of_kind[defined] for kind, of_kind in scores.items()}
    return RivalScore(kept, of_kept, n_redrawn=len(targets) - len(kept))


def matched_in_variance(
    values: np.ndarray, retained: np.ndarray, rng: np.random.Generator, whole: np.ndarray | None = None
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
    whole : ndarray of int, optional
        Features to draw from; default all.

    Returns
    -------
    callable
        Gives a set of as many features, in no particular order.
    """
    whole = np.arange(values.shape[1]) if whole is None else whole
    order = whole[np.argsort(values[:, whole].var(axis=0), kind="stable")]
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

    rows = []
    for number, of_fold in enumerate(scores):
        n_train, n_test = int((~sets.held_out[number]).sum()), int(sets.tested[number].sum())
        fold = {"repeat": int(sets.repeat[number]), "fold": int(sets.fold[number])}
        counts = {"n_features": n_features, "n_train_images": n_train, "n_test_images": n_test}
        counts["n_constant"] = int(sets.held_out[number].sum()) - n_test
        rows += [{**fold, "competitor": name, **counts, **_row(score)} for name, score in of_fold.items()]
    return pd.DataFrame(rows)


def _row(rival: RivalScore) -> dict[str, Any]:
    r = rival.scores["r"]
    low, high = np.quantile(r, [0.05, 0.95]) if len(r) > 1 else (np.nan, np.nan)
    sets: Sequence[Any] = rival.sets  # of features, or what weighs them: both have a length
    means = {kind: fisher_mean(rival.scores[kind]) if kind in rival.scores else np.nan for kind in KINDS}
    return {
        **means,
        "r2": float(np.mean(r**2)),
        "r_low": low,
        "r_high": high,
        "n_retained": float(np.mean([len(features) for features in sets])) if sets else np.nan,
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
    of_rivals = {name: [of_fold[name].sets for of_fold in scores] for name in scores[0]}
    complete = {
        name: of_folds
        for name, of_folds in of_rivals.items()
        if all(len(own) > 0 for own, images in zip(of_folds, tested, strict=True) if images)
    }
    return bootstrap_images(
        values,
        scored,
        sets.labels,
        tested,
        complete,
        procedure=design.procedure,
        n_bootstrap=design.n_bootstrap,
        seed=design.seed,
    )
