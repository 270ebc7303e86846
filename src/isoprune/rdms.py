"""RDMs from activity patterns, and the mean RDM of a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isoprune.distances import dissimilarities
from isoprune.errors import LabelError, RDMError
from isoprune.labelled import RDM, Patterns
from isoprune.labels import check_labels, listing
from isoprune.patterns import normalise_runs
from isoprune.provenance import record, sha256_of_json


def rdm_from_patterns(
    patterns: Patterns,
    labels: Sequence[str],
    *,
    measure: str = "correlation",
    target: str,
    subject: str,
    provenance: dict[str, Any],
    run_centre: bool = False,
    run_zscore: bool = False,
    noise: str = "auto",
    shrinkage: str = "diagonal",
) -> RDM:
    """Dissimilarities between conditions, through rsatoolbox.

    Parameters
    ----------
    patterns : Patterns
        Observations × voxels.
    labels : sequence of str
        Conditions, in the order wanted: exactly those that the patterns have.
    measure : {'correlation', 'euclidean', 'mahalanobis', 'crossnobis'}
        As in ``isoprune.distances.dissimilarities``; squared distances are divided by the number of voxels.
    target, subject : str
        Whose RDM it is.
    provenance : dict
        What it was computed from; how is added under ``rdm``.
    run_centre, run_zscore : bool, default False
        First remove each voxel's mean over a run; or that, and divide by its standard deviation.
    noise : {'auto', 'residuals', 'repetitions', 'identity'}
        What the noise precision is estimated from, for ``mahalanobis`` and ``crossnobis``.
    shrinkage : {'diagonal', 'identity', 'variances', 'none'}
        How it is estimated.

    Returns
    -------
    RDM
        With rows and columns in the order of ``labels``. Crossnobis dissimilarities may be negative.

    Raises
    ------
    IsopruneError
        As ``isoprune.distances.dissimilarities``, ``isoprune.patterns.normalise_runs``.
    """
    patterns = normalise_runs(patterns, run_centre=run_centre, run_zscore=run_zscore)
    values, name, facts = dissimilarities(patterns, labels, measure, noise=noise, shrinkage=shrinkage)
    how = {"measure": measure, "run_centre": run_centre, "run_zscore": run_zscore, **facts}
    return RDM(values, tuple(labels), target, subject, name, {**provenance, "rdm": how})


def n_negative(rdm: RDM) -> int:
    """How many pairs of stimuli have a dissimilarity below 0, as crossnobis may have."""
    return int((_pairs(rdm) < 0).sum())


def _pairs(rdm: RDM) -> np.ndarray:
    return rdm.values[np.triu_indices(len(rdm.labels), 1)]


MOST_OF_IT = 0.5
"""Share of the spread of several subjects' RDMs from which on their mean is said to be one subject's."""


def shares_of_spread(rdms: Sequence[RDM]) -> dict[str, float]:
    """How much of the spread of all subjects' RDMs is each one's.

    Dissimilarities in units (crossnobis, Euclidean) may be much larger in one subject than in others, whose part in
    the mean RDM is then lost.

    Parameters
    ----------
    rdms : sequence of RDM
        One a subject.

    Returns
    -------
    dict of str to float
        By subject: its sum of squares over pairs around their mean, divided by the sum over subjects; NaN where no
        RDM varies.
    """
    spreads = np.array([np.square(one - one.mean()).sum() for one in map(_pairs, rdms)])
    shares = spreads / (spreads.sum() or np.nan)
    return {rdm.subject: float(share) for rdm, share in zip(rdms, shares, strict=True)}


def whose_the_mean_is(rdms: Sequence[RDM]) -> tuple[str, float] | None:
    """The subject whose RDM the mean of three or more nearly is, and its share of their spread; None if nobody's."""
    subject, share = max(shares_of_spread(rdms).items(), key=lambda one: one[1])
    return (subject, share) if len(rdms) > 2 and share > MOST_OF_IT else None


def group_mean(rdms: Sequence[RDM], target: str) -> RDM:
    """Mean RDM over subjects, joined by label.

    Parameters
    ----------
    rdms : sequence of RDM
        One a subject, of the same target, measure and stimuli (in any order).
    target : str
        Name of the target.

    Returns
    -------
    RDM
        Of the subject ``group``, with labels in the order of the first.

    Raises
    ------
    RDMError
        If there is no RDM, or measures differ.
    LabelError
        If a subject occurs twice, is itself a group, is of another target, or has other stimuli.
    """
    where = f"group mean of target '{target}'"
    if not rdms:
        raise RDMError(where, "no RDM", "one for each subject", "Name the subjects of the target.")
    subjects = check_labels([rdm.subject for rdm in rdms], f"{where}, subjects")
    strangers = sorted({rdm.target for rdm in rdms} - {target})
    if strangers or ("group" in subjects and len(subjects) > 1):
        found = (
            f"RDMs of target {listing(strangers)}" if strangers else "a mean RDM (`group`) among the subjects"
        )
        raise LabelError(where, found, f"subjects' own RDMs of '{target}'", "Leave the others out.")
    measures = sorted({rdm.measure for rdm in rdms})
    if len(measures) > 1:
        raise RDMError(
            where,
            f"dissimilarities of different kinds: {listing(measures)}",
            "one measure for all subjects",
            "Compute every subject's RDM with the same measure.",
        )
    labels = rdms[0].labels
    first = f"subject '{rdms[0].subject}'"
    mean = np.mean([rdm.select(labels, wanted_in=first).values for rdm in rdms], axis=0)
    sources = {rdm.subject: sha256_of_json(rdm.provenance) for rdm in rdms}
    provenance = record({"target": target, "measure": measures[0]}, {}, subjects=list(subjects), of=sources)
    return RDM(mean, labels, target, "group", measures[0], provenance)
