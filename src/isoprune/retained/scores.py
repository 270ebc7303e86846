"""Scores of a retained set on other images or another target, without fitting anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.adjustment import p_value
from isoprune.crossvalidation import MAX_REDRAWS, Block, draw_sets, fisher_mean
from isoprune.errors import EmbeddingError, RetainedSetError, TooFewImagesError
from isoprune.folds import MIN_TEST_IMAGES
from isoprune.joining import join
from isoprune.labelled import RDM, whole_layer
from isoprune.labels import listing
from isoprune.permutation import ENTRIES_AT_ONCE
from isoprune.pruning import one_blas_thread, procedure_named
from isoprune.relabelling import relabellings
from isoprune.retained.set import RetainedSet, sha256_of_target
from isoprune.scoring import controls_of, defined_images, held_out_scores, similarities_of
from isoprune.transfer import DIRECTION_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

RANDOM_STREAM = 0x52414E44
"""Keeps the random numbers of random sets apart from those of folds and relabellings, which share the seed."""

RETAINED_SCORE_COLUMNS = {
    "network": "Network of the set, as the study that fitted it calls it.",
    "layer": "Layer whose activations are the features.",
    "from_study": "Study that fitted the set.",
    **DIRECTION_COLUMNS,
    "competitor": "Feature set: `full`, `pruned` (the retained set), or `random` (sets of its size).",
    "r": "Isomorphism with the scored target over all images: signed correlation (−1 … 1, dimensionless); for "
    "`random` the Fisher-z mean over sets.",
    "r2": "Its square (0 … 1, dimensionless); for `random` the mean of squares. Never 0 by chance.",
    "r_low": "5 % point of r over the random sets.",
    "r_high": "95 % point of r over the random sets.",
    "n_retained": "Number of features in the set.",
    "n_features": "Number of features of the full embedding.",
    "n_images": "Number of images scored.",
    "n_fitted_images": "Images scored that have the label of an image on which the set was fitted: where there are "
    "any, the score generalises over targets but not over images.",
    "n_constant": "Images left out of every competitor's score: constant under the retained set.",
    "p": "p of r > 0, (b + 1) / (N + 1): b of N relabelled targets reach the competitor's r. The features stay.",
    "n_relabellings": "Number of relabelled targets, N.",
    "rank": "Place of the retained set among the random sets, 1 = above all of them.",
    "p_random": "rank / (number of random sets + 1): p of a set that is no better than a random one.",
    "n_random": "Number of random sets.",
    "n_redrawn": "Random sets drawn again because an image, or their whole RDM, was constant.",
}


def score_retained(
    retained: RetainedSet,
    embedding: Any,
    target: Any,
    *,
    n_relabellings: int = 999,
    n_random: int = 1000,
    seed: int = 0,
    within: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Score a retained set on another target, or on other images, without fitting anything.

    Parameters
    ----------
    retained : RetainedSet
    embedding, target
        As in `isoprune.cross_validate`: of the same images, joined by label where both have labels. The embedding
        as in `RetainedSet.transform`.
    n_relabellings : int
        Relabelled targets behind ``p``; the features and their number stay as they are.
    n_random : int
        Random sets of the retained set's size.
    seed : int
        Of relabellings and random sets.
    within : mapping of str to str, optional
        Category of each label: the labels of the target are then exchanged within categories only.

    Returns
    -------
    DataFrame
        A row a competitor (`full`, `pruned`, `random`), columns as `RETAINED_SCORE_COLUMNS`.

    Raises
    ------
    RetainedSetError
        If the features are of another network, or the target is the one that the set was fitted on.
    EmbeddingError, TooFewImagesError
        If the set leaves too few images, or its size no random set, that vary.
    LabelError, RDMError, ConstantImageError, InferenceError
        If embedding, target or categories do not go together.
    """
    retained.values_of(embedding)
    joined = join(embedding, target)
    # Canonical order: shuffled rows change no bit.
    order = np.array(sorted(range(len(joined.labels)), key=joined.labels.__getitem__))
    labels = [joined.labels[row] for row in order]
    matrix = joined.target[np.ix_(order, order)]
    _check_not_fitted_on(retained, matrix, labels, target)
    procedure = procedure_named(retained.criterion, retained.measure, retained.method)
    every = Block(joined.values[order], matrix, controls_of(labels), procedure)
    pruned = np.array(retained.features)
    drawn = relabellings(labels, n_relabellings, seed=seed, within=within)
    with one_blas_thread():
        block, rows = _varying_under(every, pruned, retained)
        whole = whole_layer(pruned, retained.layer_sizes, retained.n_features)
        sets = [whole, pruned]
        r = _defined(block.scores(sets)["r"], retained)
        null = _relabelled(block, sets, matrix, drawn, rows)
        random, n_redrawn = _random_sets(block, retained, whole, n_random, seed)
    about = _named(retained, target) | {
        "n_features": retained.n_features,
        "n_images": len(rows),
        "n_fitted_images": len(set(retained.images) & {labels[row] for row in rows}),
        "n_constant": len(labels) - len(rows),
        "n_relabellings": n_relabellings,
        "n_random": n_random,
    }
    return _score_table(about, r, null, random, n_redrawn, (len(whole), len(pruned)))


def _defined(r: np.ndarray, retained: RetainedSet) -> np.ndarray:
    if np.isnan(r).any():
        raise EmbeddingError(
            retained.where,
            "all pairs of these images are equally similar, by all features or by the retained ones",
            "similarities that differ",
            "Score other images.",
        )
    return r


def _score_table(
    about: Mapping[str, Any],
    r: np.ndarray,
    null: np.ndarray,
    random: np.ndarray,
    n_redrawn: int,
    sizes: tuple[int, int],
) -> pd.DataFrame:
    import pandas as pd

    p = [p_value(*one) for one in zip(r, null, strict=True)]
    n_whole, n_retained = sizes
    rank = round(p_value(r[1], random) * (len(random) + 1))
    low, high = np.quantile(random, [0.05, 0.95])
    rows = [
        {"competitor": "full", "r": r[0], "r2": r[0] ** 2, "p": p[0], "n_retained": n_whole},
        {"competitor": "pruned", "r": r[1], "r2": r[1] ** 2, "p": p[1], "n_retained": n_retained}
        | {"rank": rank, "p_random": rank / (len(random) + 1)},
        {"competitor": "random", "r": fisher_mean(random), "r2": float(np.mean(random**2))}
        | {"r_low": low, "r_high": high, "n_retained": n_retained, "n_redrawn": n_redrawn},
    ]
    table = pd.DataFrame(
        [{**about, "n_redrawn": 0, **row} for row in rows], columns=list(RETAINED_SCORE_COLUMNS)
    )
    return table.astype({"rank": "Int64"})


def _varying_under(block: Block, features: np.ndarray, retained: RetainedSet) -> tuple[Block, np.ndarray]:
    """The images that vary under the retained set, as a block and as rows."""
    (usable,) = defined_images(similarities_of(block.values, [features], block.procedure))
    rows = np.flatnonzero(usable)
    if len(rows) < MIN_TEST_IMAGES:
        raise TooFewImagesError(
            retained.where,
            f"{len(rows)} of {len(usable)} images vary under its {len(features)} features",
            f"at least {MIN_TEST_IMAGES}",
            "Score more images.",
        )
    some = Block(
        block.values[rows], block.target[np.ix_(rows, rows)], block.controls.of(rows), block.procedure
    )
    return some, rows


def _relabelled(
    block: Block, sets: Sequence[np.ndarray], target: np.ndarray, drawn: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Isomorphism of each set with each relabelled target, shape (n_sets, n_relabellings): the features stay."""
    similarities = similarities_of(block.values, sets, block.procedure)
    coefficient = block.procedure.criterion.curve
    at_once = max(1, ENTRIES_AT_ONCE // len(rows) ** 2)
    null = np.empty((len(sets), len(drawn)))
    for first in range(0, len(drawn), at_once):
        # An image keeps its partner of the relabelling even where other images are left out of the score.
        moved = drawn[first : first + at_once][:, rows]
        targets = target[moved[:, :, None], moved[:, None, :]]
        for number, one in enumerate(similarities):
            alike = np.broadcast_to(one, targets.shape)
            found = held_out_scores(alike, targets, block.controls, coefficient)["r"]
            null[number, first : first + at_once] = found
    return null


def _random_sets(
    block: Block, retained: RetainedSet, whole: np.ndarray, n_random: int, seed: int
) -> tuple[np.ndarray, int]:
    rng = np.random.default_rng([seed, RANDOM_STREAM])
    size = len(retained.features)
    _, drawn, n_redrawn = draw_sets(block, lambda: rng.permutation(whole)[:size], n_random, MAX_REDRAWS)
    if np.isnan(drawn["r"]).any():
        raise EmbeddingError(
            retained.where,
            f"random sets of {size} features leave an image constant, {MAX_REDRAWS} times in a row",
            "random sets of the same size that all images vary under",
            "Score images that activate more features.",
        )
    return drawn["r"], n_redrawn


def _check_not_fitted_on(
    retained: RetainedSet, matrix: np.ndarray, labels: Sequence[str], target: Any
) -> None:
    """Refuse the target that ranked the features: on its own images the set is good by construction."""
    same = sha256_of_target(matrix, labels) == retained.target_sha256
    fitted = sorted(set(labels) & set(retained.images))
    if same or (fitted and isinstance(target, RDM) and target.target == retained.target):
        raise RetainedSetError(
            retained.where,
            f"a target '{retained.target}' with {len(fitted)} of the images that the set was fitted on"
            + (": the very RDM that ranked the features" if same else f" ({listing(fitted)})"),
            "another target, or other images: on these the score is high by construction",
            "Score held-out images (isoprune.cross_validate)"
            + (
                "."
                if same
                else "; if it is another measurement, or other images, give the target another name."
            ),
        )


def _named(retained: RetainedSet, target: Any) -> dict[str, str]:
    scored = (target.target, target.subject) if isinstance(target, RDM) else ("target", "n/a")
    return {
        "network": retained.network,
        "layer": retained.layer,
        "from_study": retained.study,
        **dict(zip(DIRECTION_COLUMNS, (retained.target, retained.subject, *scored), strict=True)),
    }
