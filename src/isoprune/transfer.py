"""Transfer: features selected for one target, scored on another.

On the same images the ranking comes from training images and the score from held-out ones; across stimulus sets
the features are fitted on all images of one and scored on all images of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from isoprune.crossvalidation import fold_table, score_folds
from isoprune.errors import EmbeddingError, InferenceError, LabelError, TooFewImagesError
from isoprune.folds import MIN_TEST_IMAGES, Fold
from isoprune.isomorphism import check_target_varies
from isoprune.labelled import RDM, Embedding
from isoprune.labels import choose, listing
from isoprune.pruning import procedure_named
from isoprune.rdms import group_mean

if TYPE_CHECKING:
    import pandas as pd

DIRECTION_COLUMNS = {
    "from_target": "Target whose RDM ranked the features.",
    "from_subject": "Subject of that RDM; `group` is the mean over subjects.",
    "to_target": "Target that was scored.",
    "to_subject": "Subject who was scored; `group` is the mean RDM over subjects.",
}
"""Columns that stand before those of `isoprune.crossvalidation.fold_table`."""

SAME_IMAGE = 1e-4
"""Two images are the same when their features differ by at most this share of their norm.

One image gives one vector of features up to the rounding of float32 and of batches.
"""


def transfer_on_held_out(
    embedding: Embedding,
    ranked_on: RDM,
    scored_on: RDM,
    folds: Sequence[Fold],
    *,
    criterion: str = "pearson",
    measure: str = "correlation",
    method: str = "one-pass",
    n_random: int = 50,
    seed: int = 0,
    backend: str = "auto",
    threads: int = 1,
) -> pd.DataFrame:
    """Prune on one target's training images, score on another target's test images.

    Parameters
    ----------
    embedding : Embedding
    ranked_on, scored_on : RDM
        Of the same images, joined by label: two regions, behaviour and brain, two people.
    folds : sequence of Fold
        Over these images.
    criterion, measure, method, n_random, seed, backend
        As in `isoprune.cross_validate`.
    threads : int
        Folds computed at the same time; changes no bit of the result.

    Returns
    -------
    DataFrame
        A row a fold × competitor: columns as `DIRECTION_COLUMNS`, then those of
        `isoprune.crossvalidation.fold_table`.

    Raises
    ------
    LabelError
        If the three are not about the same images.
    ConstantImageError
        If an image is constant.
    """
    embedding = embedding.canonical()
    labels, values = embedding.labels, embedding.values
    side = f"embedding '{embedding.name}'"
    scores = score_folds(
        values,
        ranked_on.select(labels, side).values,
        scored_on.select(labels, side).values,
        labels,
        folds,
        procedure=procedure_named(criterion, measure, method, backend),
        n_random=n_random,
        seed=seed,
        threads=threads,
    )
    return _directed(fold_table(scores, values.shape[1]), ranked_on, scored_on)


def transfer_to_other_images(
    fitted: tuple[Embedding, RDM],
    scored: tuple[Embedding, RDM],
    *,
    criterion: str = "pearson",
    measure: str = "correlation",
    method: str = "one-pass",
    n_random: int = 50,
    seed: int = 0,
    backend: str = "auto",
) -> pd.DataFrame:
    """Prune on all images of one stimulus set, score on all images of another.

    Parameters
    ----------
    fitted, scored : (Embedding, RDM)
        Features of the same network for the images of either set or study, and the target of either; each
        joined by label. The two sets have no image in common; their labels may coincide.
    criterion, measure, method, n_random, seed, backend
        As in `isoprune.cross_validate`.

    Returns
    -------
    DataFrame
        A row a competitor (one fold: all images), columns as from `transfer_on_held_out`.

    Raises
    ------
    EmbeddingError
        If the two embeddings are of different networks or have different features.
    LabelError
        If an image is in both sets, or an embedding and its target are not about the same images.
    TooFewImagesError
        If there are fewer than 3 images to score.
    """
    a, b = fitted[0].canonical(), scored[0].canonical()
    _check_same_features(a, b)
    _check_no_common_image(a, b)
    if len(b.labels) < MIN_TEST_IMAGES:
        raise TooFewImagesError(
            f"embedding '{b.name}'",
            f"{len(b.labels)} images",
            f"at least {MIN_TEST_IMAGES}",
            "Score more images.",
        )
    # One fold over both sets, whose labels may coincide; no pair across the sets is ever used.
    train, test = (tuple(f"{side} {label}" for label in e.labels) for side, e in (("a", a), ("b", b)))
    n, m = len(train), len(test)
    supervising, target = np.full((2, n + m, n + m), np.nan)
    supervising[:n, :n] = fitted[1].select(a.labels, f"embedding '{a.name}'").values
    target[n:, n:] = scored[1].select(b.labels, f"embedding '{b.name}'").values
    check_target_varies(target[n:, n:], f"target '{scored[1].target}' of subject '{scored[1].subject}'")
    scores = score_folds(
        np.vstack([a.values, b.values]),
        supervising,
        target,
        train + test,
        [Fold(1, 1, train, test)],
        procedure=procedure_named(criterion, measure, method, backend),
        n_random=n_random,
        seed=seed,
    )
    return _directed(fold_table(scores, a.values.shape[1]), fitted[1], scored[1])


def mean_of_others(rdms: Mapping[str, RDM], subject: str) -> RDM:
    """Mean RDM of all subjects but one: the supervision of leave-one-subject-out.

    Parameters
    ----------
    rdms : mapping of str to RDM
        RDM of each subject, joined by label.
    subject : str
        Who is left out.

    Returns
    -------
    RDM
        Of the subject ``group``, in sorted order of labels; nothing of the left-out RDM enters it.

    Raises
    ------
    UnknownNameError
        If there is no such subject.
    InferenceError
        If nobody else is there.
    LabelError, RDMError
        If the others' stimuli, targets or measures differ.
    """
    choose(subject, rdms, what="subject", where="leave-one-subject-out")
    others = [rdms[other] for other in sorted(rdms) if other != subject]
    if not others:
        raise InferenceError(
            "leave-one-subject-out",
            f"subject '{subject}' alone",
            "at least 2 subjects",
            "Use `supervision: own`, or add subjects.",
        )
    labels = sorted(others[0].labels)
    return group_mean([others[0].select(labels), *others[1:]], others[0].target)


def supervising_rdm(rdms: Sequence[RDM], scored: RDM) -> RDM:
    """The RDM that ranks the features of a target for the subject that is scored.

    Parameters
    ----------
    rdms : sequence of RDM
        One RDM of the target (the subject's own, or the group's), or those of other subjects.
    scored : RDM
        What is scored; never part of a mean.

    Returns
    -------
    RDM
        The one RDM, or the mean of the others'.

    Raises
    ------
    InferenceError, LabelError, RDMError
        As `mean_of_others`.
    """
    if len(rdms) == 1 and rdms[0].subject == scored.subject:
        return rdms[0]
    return mean_of_others({**{rdm.subject: rdm for rdm in rdms}, scored.subject: scored}, scored.subject)


def _directed(table: pd.DataFrame, ranked_on: RDM, scored_on: RDM) -> pd.DataFrame:
    direction = (ranked_on.target, ranked_on.subject, scored_on.target, scored_on.subject)
    named = table.assign(**dict(zip(DIRECTION_COLUMNS, direction, strict=True)))
    return named[[*DIRECTION_COLUMNS, *table.columns]]


def _check_same_features(a: Embedding, b: Embedding) -> None:
    if a.name != b.name or a.values.shape[1] != b.values.shape[1]:
        raise EmbeddingError(
            "transfer to other images",
            f"{a.values.shape[1]} features of '{a.name}' and {b.values.shape[1]} of '{b.name}'",
            "the same features of the same network",
            "Embed both stimulus sets with the same network, weights, layer and preprocessing.",
        )


def _check_no_common_image(a: Embedding, b: Embedding) -> None:
    of_a, of_b = np.square(a.values).sum(axis=1), np.square(b.values).sum(axis=1)
    squared_distance = of_a[:, None] + of_b - 2 * a.values @ b.values.T
    same = np.argwhere(squared_distance <= SAME_IMAGE**2 * np.maximum(of_a[:, None], of_b))
    if len(same):
        raise LabelError(
            "transfer to other images",
            f"{len(same)} image(s) in both sets: {listing(f'{a.labels[i]} = {b.labels[j]}' for i, j in same)}",
            "no image in both (equal features mean the same image)",
            "Leave them out of the scored set; for two targets of the same images score held-out ones "
            "(transfer_on_held_out).",
        )
