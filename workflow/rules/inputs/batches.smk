"""Batches: the units that one job analyses; a unit by itself, or those of a subject for all targets."""

from functools import cache
from typing import NamedTuple

from isoprune.costs import MEMORY_OF_A_UNIT


class Batch(NamedTuple):
    """Units of a network, subject and supervision that are in one job.

    Attributes
    ----------
    name : str
        Of its logs; with wildcards.
    suffix : str
        What the names of rules and jobs end with.
    targets, subjects : list of str
        Targets whose units are together, or a wildcard; of which subjects.
    """

    name: str
    suffix: str
    targets: list
    subjects: list

    @property
    def in_words(self):
        """Its targets, for messages."""
        return ", ".join(self.targets).replace("{", "{wildcards.")

    def of_job(self, wildcards):
        """The units of a job; tables name the layer, too."""
        units = [{**dict(wildcards.items()), "target": target.format(**wildcards)} for target in self.targets]
        return [{**unit, "layer": layer_of_network(unit["network"])} for unit in units]

    def files(self, folder, ending):
        """One file of each unit."""
        return [f"{RESULTS}/{folder}/{UNIT.replace('{target}', target)}_{ending}" for target in self.targets]

    def log(self, stage, folder="logs", ending="log"):
        """The log of a job."""
        return f"{RESULTS}/{folder}/{stage}/{self.name}.{ending}"


def batches(together):
    """The batches of a stage: with `unit` any unit by itself, with `subject` those of all targets that it has."""
    if together == "unit":
        return [Batch(UNIT, "", ["{target}"], [GROUP, *STUDY.subjects])]
    of_targets = {tuple(TARGETS): [GROUP]}
    for subject in STUDY.subjects:
        targets = tuple(target for target in TARGETS if subject in subjects_with(target))
        of_targets.setdefault(targets, []).append(subject)
    groups = [group for group in of_targets.items() if group[0]]
    name = UNIT.replace("target-{target}_", "")
    return [
        Batch(name, f"_{number}" if number > 1 else "", list(targets), subjects)
        for number, (targets, subjects) in enumerate(groups, start=1)
    ]


BATCHES = {stage: batches(together) for stage, together in STUDY.jobs.model_dump().items()}


def log_of_unit(stage, unit):
    """The log of the job that a unit is in."""
    (batch,) = [one for one in BATCHES[stage] if unit["subject"] in one.subjects]
    return batch.log(stage).format(**unit)


def rdms_of_batch(batch):
    """The RDMs that rank and score the units of a job."""
    return lambda wildcards: [
        rdm
        for unit in batch.of_job(wildcards)
        for rdm in rdms_that_rank(unit["target"], wildcards.subject, wildcards.supervision)
    ]


def rivals_of_batch(batch):
    """By target of a job, the other targets by which the features of its unit are ranked."""
    return lambda wildcards: {
        unit["target"]: rivals_of(unit["target"], wildcards.subject) for unit in batch.of_job(wildcards)
    }


def rdms_of_rivals(batch):
    """The RDMs that rank features for these, beside those of the job's own targets."""

    def of_job(wildcards):
        rivals = rivals_of_batch(batch)(wildcards)
        others = dict.fromkeys(other for of_unit in rivals.values() for other in of_unit)
        who = wildcards.subject, wildcards.supervision
        return [rdm for other in others if other not in rivals for rdm in rdms_that_rank(other, *who)]

    return of_job


def rdms_that_rank(target, subject, supervision):
    """A target's RDMs that rank features for a subject, and the subject's own."""
    return rdms_of([target]) if supervision == "loso" else [rdm_of(target, subject)]


@cache
def rivals_of(target, subject):
    """Targets that compete with one in ranking features, where they are asked for, of those that a subject has."""
    if not STUDY.specificity.others or target not in shared_targets():
        return []
    others = [other for other in of_same_images(target) if other != target]
    return [other for other in others if subject in (GROUP, *subjects_with(other))]


@cache
def of_same_images(target):
    """Shared targets that are about the same images as one of them, itself included."""
    return [name for name in shared_targets() if STUDY.target(name).set == STUDY.target(target).set]


def nuisances_of_batch(batch):
    """The nuisance RDMs of any unit of a job; a target's is not removed from itself."""
    return lambda wildcards: list(
        dict.fromkeys(rdm for unit in batch.of_job(wildcards) for rdm in nuisances_of(unit["target"]))
    )


def partial_targets(batch):
    """The targets of a job that may be about some of the study's images only."""
    return lambda wildcards: [
        unit["target"] for unit in batch.of_job(wildcards) if about_some_images(unit["target"])
    ]


def minutes_of_batch(batch):
    """Minutes that the rankings of a job take for each MB of its embedding."""
    return lambda wildcards: sum(map(minutes_of_fits, batch.of_job(wildcards)))


def memory_of_units():
    """Memory of a job: its units are computed one after the other, so that it is that of one."""
    base, times = MEMORY_OF_A_UNIT
    return memory(base, **times)
