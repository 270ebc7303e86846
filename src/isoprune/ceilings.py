"""Noise ceilings: how well the held-out blocks of a target could be predicted, given how much people differ.

A score against one person's block is bounded by the ceilings of single subjects; a score against the mean RDM
of the group by the reliability of that mean. The two are never exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.blas import one_blas_thread
from isoprune.crossvalidation import fisher_mean
from isoprune.errors import InferenceError, LabelError
from isoprune.folds import Fold
from isoprune.isomorphism import pairs_of, standardised_pairs
from isoprune.labelled import GROUP, RDM, SUBJECTS
from isoprune.labels import choose, listing

if TYPE_CHECKING:
    import pandas as pd

POOLINGS = ("standardised", "plain")
"""How the blocks of several subjects become one."""

CEILING_COLUMNS = {
    "repeat": "Repeat of the cross-validation, from 1.",
    "fold": "Fold of the repeat, from 1.",
    "subject": "Whose block of test images.",
    "lower": "Correlation of the subject's block with the mean of the other subjects' (−1 … 1).",
    "upper": "Correlation of the subject's block with the mean of all subjects' (−1 … 1).",
    "n_test_images": "Number of images of the block.",
    "undefined": "Why the block has no ceiling.",
}


@dataclass(frozen=True)
class Ceiling:
    """Bounds of what any model could reach on the held-out blocks, given the noise of the target.

    Attributes
    ----------
    low, high : float
        Signed correlations, Fisher-z means over blocks; equal for the mean RDM of a group; NaN where undefined.
    of : str
        Whose scores it bounds: a subject, `SUBJECTS` or `GROUP`.
    facts : dict
        What it was computed from, ready for JSON.
    """

    low: float
    high: float
    of: str
    facts: dict[str, Any] = field(default_factory=dict)


@one_blas_thread()
def subject_ceilings(
    rdms: Mapping[str, RDM],
    folds: Sequence[Fold] | None = None,
    *,
    coefficient: str = "pearson",
    pooling: str = "standardised",
) -> pd.DataFrame:
    """Noise ceilings of single subjects on every held-out block.

    The upper one correlates a subject's block with the mean of all subjects', and is too high because the
    subject is part of it; the lower one with the mean of the others, and is too low because that mean is noisy
    (Nili et al. 2014, PLoS Comput Biol 10:e1003553).

    Parameters
    ----------
    rdms : mapping of str to RDM
        RDM of each subject, joined by label.
    folds : sequence of Fold, optional
        Blocks that were scored (`isoprune.foldsets.FoldSets.scored_blocks`); without them, one block of all images.
    coefficient : {"pearson", "spearman"}
        Second-order coefficient of the scores.
    pooling : {"standardised", "plain"}
        ``standardised`` averages z-scored blocks (ranks for Spearman), the mean that correlates best with all
        subjects; ``plain`` averages dissimilarities as they are.

    Returns
    -------
    DataFrame
        A row a block × subject, columns as `CEILING_COLUMNS`. A block that is constant in one subject has a
        ceiling for none.

    Raises
    ------
    InferenceError
        If there are fewer than two subjects.
    LabelError
        If subjects have other stimuli, or a mean RDM is among them.
    """
    import pandas as pd

    choose(pooling, POOLINGS, what="pooling", where="noise ceiling")
    subjects = sorted(rdms)
    rows = []
    for repeat, fold, n_images, pairs in _blocks(rdms, folds):
        lower, upper = _bounds(pairs, coefficient, pooling)
        constant = [name for name, flat in zip(subjects, _flat(pairs), strict=True) if flat]
        reason = f"block is constant in subject {listing(constant)}" if constant else None
        for position, subject in enumerate(subjects):
            bounds = (np.nan, np.nan) if constant else (lower[position], upper[position])
            rows.append((repeat, fold, subject, *bounds, n_images, reason))
    return pd.DataFrame(rows, columns=list(CEILING_COLUMNS))


def summarise_ceilings(table: pd.DataFrame) -> dict[str, Ceiling]:
    """Ceilings of each subject, and of the mean over subjects.

    Parameters
    ----------
    table : DataFrame
        Columns as `CEILING_COLUMNS`.

    Returns
    -------
    dict of str to Ceiling
        Fisher-z means over blocks; under `SUBJECTS` the Fisher-z mean of the subjects' own.
    """
    made = {}
    for subject, rows in table.groupby("subject", sort=True):
        defined = int((rows["lower"].notna() & rows["upper"].notna()).sum())
        facts = {"n_folds": defined, "n_undefined": len(rows) - defined}
        made[subject] = Ceiling(fisher_mean(rows["lower"]), fisher_mean(rows["upper"]), subject, facts)
    low = fisher_mean([ceiling.low for ceiling in made.values()])
    high = fisher_mean([ceiling.high for ceiling in made.values()])
    return {**made, SUBJECTS: Ceiling(low, high, SUBJECTS, {"n_subjects": len(made)})}


@one_blas_thread()
def group_ceiling(
    rdms: Mapping[str, RDM], folds: Sequence[Fold] | None = None, *, coefficient: str = "pearson"
) -> Ceiling:
    """Ceiling of scores against the mean RDM of the group.

    A noiseless model correlates with a measurement at most by the square root of its reliability. That of a
    mean follows from the mean correlation ρ between subjects by the formula of Spearman (1910, Br J Psychol
    3:271) and Brown (1910, Br J Psychol 3:296): ``R = m ρ / (1 + (m − 1) ρ)``, ceiling ``√R``. The group's RDM
    is a mean of dissimilarities as they are, in which a subject of larger dissimilarities weighs more; so m is
    the effective number of subjects ``(Σ s)² / Σ s²``, s the standard deviation of a subject's block. It is their
    number where they are scaled alike.

    Parameters
    ----------
    rdms, folds, coefficient
        As in `subject_ceilings`.

    Returns
    -------
    Ceiling
        Of `GROUP`; ρ is the Fisher-z mean over blocks, m the mean. NaN where subjects do not agree (ρ ≤ 0); the
        facts say so.

    Raises
    ------
    InferenceError, LabelError
        As in `subject_ceilings`.
    """
    correlations, effective, n_undefined = [], [], 0
    for *_, pairs in _blocks(rdms, folds):
        if _flat(pairs).any():
            n_undefined += 1
            continue
        standard, spread = standardised_pairs(pairs, coefficient), pairs.std(axis=1)
        n = len(standard)
        # |Σ z|² is n plus the sum of all correlations between two subjects, each twice.
        correlations.append((np.square(standard.sum(axis=0)).sum() - n) / (n * (n - 1)))
        effective.append(spread.sum() ** 2 / np.square(spread).sum())
    between = fisher_mean(correlations) if correlations else np.nan
    m = float(np.mean(effective)) if effective else np.nan
    reliability = spearman_brown(between, m)
    facts = {
        "between_subjects_r": between,
        "reliability": reliability,
        "n_subjects": len(rdms),
        "n_effective_subjects": m,
        "n_folds": len(correlations),
        "n_undefined": n_undefined,
    }
    if not reliability > 0:
        facts["undefined"] = "subjects do not agree: their blocks do not correlate above 0"
        return Ceiling(np.nan, np.nan, GROUP, facts)
    return Ceiling(float(np.sqrt(reliability)), float(np.sqrt(reliability)), GROUP, facts)


def spearman_brown(r: float, n: float) -> float:
    """Reliability of the mean of ``n`` parallel measurements that correlate by ``r``; NaN for r ≤ 0."""
    return n * r / (1 + (n - 1) * r) if r > 0 else np.nan


def share_of_ceiling(r: float, scored: str, ceiling: Ceiling) -> tuple[float, float]:
    """A score as a share of its own ceiling.

    Parameters
    ----------
    r : float
        Held-out signed correlation.
    scored : str
        Who was scored: a subject, `SUBJECTS` (mean of single subjects' scores) or `GROUP` (the mean RDM).
    ceiling : Ceiling

    Returns
    -------
    tuple of float
        Share of the lower and of the upper bound (dimensionless); NaN where the bound is not above 0.

    Raises
    ------
    InferenceError
        If the ceiling bounds other scores.
    """
    if scored != ceiling.of:
        raise InferenceError(
            "share of the noise ceiling",
            f"the score of '{scored}' and the ceiling of '{ceiling.of}'",
            "score and ceiling of the same",
            "A score against the mean RDM can exceed every single subject's ceiling: divide it by "
            "group_ceiling, and single subjects' scores by their own subject_ceilings.",
        )
    low, high = (r / bound if bound > 0 else np.nan for bound in (ceiling.low, ceiling.high))
    return float(low), float(high)


def _blocks(
    rdms: Mapping[str, RDM], folds: Sequence[Fold] | None
) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """Repeat, fold, number of images, and pairs of each subject (n_subjects, n_pairs), subjects sorted."""
    if len(rdms) < 2:
        raise InferenceError(
            "noise ceiling",
            f"{len(rdms)} subject(s)",
            "at least 2",
            "One person's noise cannot be told from what is shared; leave the ceiling out.",
        )
    if GROUP in rdms:
        raise LabelError(
            "noise ceiling", "a mean RDM (`group`) among the subjects", "single subjects", "Leave it out."
        )
    subjects = sorted(rdms)
    labels = sorted(rdms[subjects[0]].labels)
    first = f"subject '{subjects[0]}'"
    stack = np.stack([rdms[subject].select(labels, first).values for subject in subjects])
    row_of = {label: row for row, label in enumerate(labels)}
    for fold in [Fold(1, 1, (), tuple(labels))] if folds is None else folds:
        rows = np.array([row_of[label] for label in fold.test])
        yield fold.repeat, fold.fold, len(rows), pairs_of(stack[:, rows[:, None], rows])


def _flat(pairs: np.ndarray) -> np.ndarray:
    return np.isnan(standardised_pairs(pairs)).any(axis=1)


def _bounds(pairs: np.ndarray, coefficient: str, pooling: str) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of each row with the mean of the others, and with the mean of all; NaN where undefined."""
    own = standardised_pairs(pairs, coefficient)
    # Sums of ranks are exact, so that pairs tied in their mean rank stay tied.
    from scipy.stats import rankdata

    standardised = rankdata(pairs, axis=1) if coefficient == "spearman" else own
    pooled = pairs if pooling == "plain" else standardised
    upper = own @ standardised_pairs(pooled.sum(axis=0), coefficient)
    lower = np.array(
        [
            own[i] @ standardised_pairs(np.delete(pooled, i, axis=0).sum(axis=0), coefficient)
            for i in range(len(own))
        ]
    )
    return lower, upper
