"""What target RDMs are read from: ready RDMs, single judgments, nuisances."""

from snakemake.exceptions import WorkflowError

from isoprune.errors import IsopruneError, RDMError
from isoprune.io.judgments import hash_of_rater
from isoprune.io.ready_rdms import hash_of_subject
from isoprune.nuisances import IMAGE_NUISANCES, nuisance_named
from isoprune.stimuli import labels_in_order, stimuli_of_set


def has_own_source(target):
    """Whether each subject's ready RDM is in a file of its own."""
    return "{subject}" in STUDY.target(target).rdms.file


def source_path(wildcards):
    """The file that holds a subject's ready RDM; one of all subjects has to be there before any job."""
    rdms = STUDY.target(wildcards.target).rdms
    relative = rdms.file.format(subject=wildcards.subject)
    if has_own_source(wildcards.target):
        return str(STUDY.data_path(relative))
    return str(existing_data(relative, f"targets[{wildcards.target}].rdms.file"))


def source_file(wildcards):
    """The source of a ready RDM. A file of all subjects is `ancient`: `source_content` decides about reruns."""
    source = source_path(wildcards)
    return present([source]) if has_own_source(wildcards.target) else ancient(source)


def subjects_in_source(wildcards):
    """The subjects along the first axis of the source file."""
    if has_own_source(wildcards.target):
        return [wildcards.subject]
    return list(STUDY.subjects_of(wildcards.target)) or [GROUP]


def source_content(wildcards):
    """A hash of what the source holds of this subject: others' data in the same file may change freely.

    What is wrong with this subject alone is told by its own job, so that with `--keep-going` the others are computed.
    """
    rdms = STUDY.target(wildcards.target).rdms
    labels = labels_in_order(rdms.labels, labels_of_target(wildcards.target), *labels_file(wildcards))
    try:
        return hash_of_subject(
            source_path(wildcards),
            key=rdms.key,
            labels=labels,
            subjects=subjects_in_source(wildcards),
            subject=wildcards.subject,
        )
    except IsopruneError as problem:
        if has_own_source(wildcards.target) or isinstance(problem, RDMError):
            return str(problem)
        raise WorkflowError(f"{type(problem).__name__}: {problem}") from None


def labels_of_target(target):
    """The labels of a target's images, in the order of the stimulus table."""
    return list(named_errors(stimuli_of_set, stimuli_of_user(), STUDY.target(target).set)["stimulus"])


def ready_settings(wildcards):
    """How to read a ready RDM."""
    rdms = STUDY.target(wildcards.target).rdms
    asked = {"key": rdms.key, "labels": rdms.labels, "similarity": rdms.similarity}
    return {**asked, "set": STUDY.target(wildcards.target).set}


def labels_file(wildcards):
    """The file of labels of a ready RDM, if there is one."""
    return labels_from(
        STUDY.target(wildcards.target).rdms.labels,
        f"targets[{wildcards.target}].rdms.labels",
    )


def judged_path(target):
    """The table of a target's single judgments; it has to be there before any job."""
    return str(existing_data(STUDY.target(target).judgment_file, f"targets[{target}]"))


def judged_file(wildcards):
    """The table of single judgments. One of raters who are subjects is `ancient`: `judged_content` decides."""
    path = judged_path(wildcards.target)
    return path if wildcards.subject == GROUP else ancient(path)


def judged_settings(wildcards):
    """How to read a target's single judgments, and of which images they are."""
    target = STUDY.target(wildcards.target)
    return {"judgments": target.judgments, "set": target.set}


def judged_content(wildcards):
    """A hash of what a rater who is a subject said: others' answers in the same file may change freely."""
    if wildcards.subject == GROUP:
        return ""
    ((_, settings),) = STUDY.target(wildcards.target).judgments.items()
    return named_errors(
        hash_of_rater, judged_path(wildcards.target), settings["columns"], rater=wildcards.subject
    )


def subject_rdms(wildcards):
    """The RDMs that a group mean is made of: of all subjects who have the target."""
    return rdms_of([wildcards.target])


def made_nuisances():
    """Names of the nuisances whose RDM is made or read: all but targets."""
    asked = [*STUDY.nuisance, *sum(STUDY.partitions, ())]
    return [nuisance_named(name) for name in asked if name not in TARGETS]


def file_of_nuisance(wildcards):
    """The RDM file of a nuisance that is one."""
    file = STUDY.nuisance_files.get(wildcards.nuisance)
    return existing_data(file, "nuisance") if file else []


def images_of_nuisance(wildcards):
    """The images that a nuisance is computed from, if it is."""
    return stimulus_images(wildcards) if wildcards.nuisance in IMAGE_NUISANCES else []


def embedding_of_nuisance(wildcards):
    """The embedding of a nuisance that is a network of the study."""
    names = [network.name for network in STUDY.networks]
    name = wildcards.nuisance
    return f"{RESULTS}/embeddings/net-{name}_embedding.h5" if name in names else []
