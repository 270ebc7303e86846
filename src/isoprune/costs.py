"""What a study costs to compute: units of work, and the time and memory that their jobs ask a machine for.

The workflow asks for them by the same numbers, so that what is expected is what a cluster is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isoprune.config import Study
from isoprune.labelled import GROUP

SECONDS_OF_A_FIT = 4e-9
"""Asked for one ranking, for each feature and ordered pair of images."""

MARGIN = 6
"""How many times the time that benchmarks/scaling.py measured is asked for."""

SLOWER_BY_RANKS = 20
"""Times that a ranking takes longer where ranks are made for each feature."""

SECONDS_OF_A_JOB = 3.5
"""Processor time that a job takes beside rankings: it starts Python, reads, draws and writes. Median of the demo's
jobs, column ``cpu_time`` of the tables in ``results/demo/benchmarks``."""

MEMORY_OF_A_UNIT = (800, {"embedding": 20, "rdms": 10})
"""MB that a job of a unit asks for, and how many times the size of its inputs in addition."""

MEMORY_OF_AN_EMBEDDING = 4000
"""MB that embedding images asks for, beside half a MB for each image."""

_BYTES_OF_A_FEATURE, _BYTES_OF_A_PAIR = 4, 8


@dataclass(frozen=True)
class Cost:
    """What the units of a study cost.

    Attributes
    ----------
    n_units : int
        Network × target × subject × supervision.
    minutes : float
        Time on one processor that rankings and their relabellings are expected to take; `minutes_of_jobs` says what
        jobs take beside it.
    minutes_asked : float
        Time that the units' jobs ask for beyond their fixed part.
    memory : int
        MB that the largest job of a unit, or of an embedding, asks for.
    """

    n_units: int
    minutes: float
    minutes_asked: float
    memory: int


def minutes_of_jobs(n_jobs: int) -> float:
    """Minutes on one processor that jobs take beside rankings, whatever they compute."""
    return n_jobs * SECONDS_OF_A_JOB / 60


def minutes_of_megabyte(study: Study, n_images: int, n_permutations: int) -> float:
    """Minutes that a unit's rankings ask for, for each MB of its embedding: folds, and relabellings in all folds.

    Parameters
    ----------
    study : Study
    n_images : int
    n_permutations : int
        Relabellings of the unit.

    Returns
    -------
    float
    """
    folds, inference = study.crossvalidation, study.inference
    n_fits = folds.n_splits * (
        folds.n_repeats * (2 + study.specificity.n_relabelled) + inference.n_repeats * n_permutations
    )
    n_values = 1e6 / _BYTES_OF_A_FEATURE
    slower = 1 if study.pruning.criterion in ("pearson", "published") else SLOWER_BY_RANKS
    return n_values * n_images * n_fits * slower * SECONDS_OF_A_FIT / 60


def units_of_targets(study: Study, subjects: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
    """Target, subject and supervision of every unit of one network.

    Parameters
    ----------
    study : Study
    subjects : mapping of str to sequence of str
        Who has each target.

    Returns
    -------
    list of (str, str, str)
    """
    return [
        (target, subject, supervision)
        for target in study.names("targets")
        for supervision in study.supervision
        for subject in ([GROUP] if supervision == "group" else subjects[target])
    ]


def cost_of(
    study: Study, n_images: int, n_features: Mapping[str, int], subjects: Mapping[str, Sequence[str]]
) -> Cost:
    """What the units of a study cost.

    Parameters
    ----------
    study : Study
    n_images : int
    n_features : mapping of str to int
        Features of each network.
    subjects : mapping of str to sequence of str
        Who has each target.

    Returns
    -------
    Cost
    """
    units = units_of_targets(study, subjects)
    minutes, memory = 0.0, 0.0
    base, times = MEMORY_OF_A_UNIT
    for network, features in n_features.items():
        megabytes = n_images * features * _BYTES_OF_A_FEATURE / 1e6
        for _, subject, _ in units:
            minutes += megabytes * minutes_of_megabyte(study, n_images, study.inference.relabellings(subject))
        rdm = n_images * (n_images - 1) / 2 * _BYTES_OF_A_PAIR / 1e6
        memory = max(memory, base + times["embedding"] * megabytes + times["rdms"] * rdm)
        if network in study.models:
            memory = max(memory, MEMORY_OF_AN_EMBEDDING + n_images // 2)
    # Two jobs of a unit, which prunes and which ranks by rivals, share the work, and each asks for all of it.
    return Cost(len(units) * len(n_features), minutes / MARGIN, 2 * minutes, math.ceil(memory))
