"""RDMs from activity patterns, and the mean RDM of a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isoprune.errors import LabelError, RDMError
from isoprune.labelled import RDM, Patterns, constant_images
from isoprune.labels import check_labels, choose, listing
from isoprune.patterns import mean_patterns
from isoprune.provenance import record, sha256_of_json

MEASURES = ("correlation", "euclidean")


def rdm_from_patterns(
    patterns: Patterns,
    labels: Sequence[str],
    *,
    measure: str = "correlation",
    target: str,
    subject: str,
    provenance: dict[str, Any],
    run_centre: bool = False,
) -> RDM:
    """Dissimilarities between the mean patterns of conditions, through rsatoolbox.

    Parameters
    ----------
    patterns : Patterns
        Observations × voxels.
    labels : sequence of str
        Conditions, in the order wanted: exactly those that the patterns have.
    measure : {'correlation', 'euclidean'}
        ``correlation`` is 1 − Pearson r over voxels (0 to 2, dimensionless); ``euclidean`` is
        rsatoolbox's: the *squared* Euclidean distance divided by the number of voxels, in squared
        units of the betas.
    target, subject : str
        Whose RDM it is.
    provenance : dict
        What it was computed from.
    run_centre : bool, default False
        First remove each voxel's mean over a run.

    Returns
    -------
    RDM
        With rows and columns in the order of ``labels``.

    Raises
    ------
    UnknownNameError
        If there is no such measure.
    LabelError
        If ``labels`` are not exactly the conditions of the patterns.
    RDMError
        If a condition's pattern is constant over voxels, so that its correlation is undefined.
    BetasError
        If a run has a single condition and its mean is to be removed.
    """
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    choose(measure, MEASURES, what="measure", where=patterns.where)
    labels = check_labels(labels, "the labels wanted")
    means = mean_patterns(patterns, labels, run_centre=run_centre)
    if measure == "correlation":
        _refuse_constant(means, labels, patterns.where)
    computed = calc_rdm(
        Dataset(means, obs_descriptors={"condition": list(labels)}), method=measure, descriptor="condition"
    )
    # rsatoolbox sorts conditions by their text; the order wanted is ours.
    computed_labels = tuple(str(label) for label in computed.pattern_descriptors["condition"])
    name = str(computed.dissimilarity_measure)
    rdm = RDM(computed.dissimilarities[0], computed_labels, target, subject, name, provenance)
    return rdm.select(labels, wanted_in="the labels wanted")


def _refuse_constant(means: np.ndarray, labels: Sequence[str], where: str) -> None:
    constant = constant_images(means)
    if constant.any():
        names = [label for label, bad in zip(labels, constant, strict=True) if bad]
        raise RDMError(
            where,
            f"the pattern of {len(names)} condition(s) is constant over voxels: {listing(names)}",
            "patterns that vary, so that a correlation is defined",
            "Check the betas of these conditions, or use the measure `euclidean`.",
        )


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
