"""What all stages share: the checked settings, the units of work, and the functions that find inputs."""

import shlex
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The library of this very clone, here and in the environments that jobs run in.
SOURCE = str(Path(workflow.basedir) / "src")
sys.path.insert(0, SOURCE)
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(SOURCE)}:${{{{PYTHONPATH:-}}}}; "
)

from isoprune.config import load
from isoprune.errors import IsopruneError
from isoprune.io.files import check_writable, existing
from isoprune.io.rdms import hash_of_subject
from isoprune.io.tables import image_paths, read_stimuli
from isoprune.stimuli import labels_in_order

GROUP = "group"
UNIT = "net-{network}_target-{target}_sub-{subject}_sup-{supervision}"


def named_errors(function, *arguments, **settings):
    """Call a function; a named error stops the workflow with its own words and no traceback."""
    try:
        return function(*arguments, **settings)
    except IsopruneError as problem:
        raise WorkflowError(f"{type(problem).__name__}: {problem}") from None


STUDY = named_errors(load, config)
RESULTS = f"{STUDY.results_dir}/{STUDY.study}"
named_errors(check_writable, RESULTS)


def existing_data(relative, where):
    """The path of a data file, after checking that it is there."""
    remedy = "Correct the path, or the setting `data_dir`, below which data files are looked up."
    return named_errors(existing, STUDY.data_path(relative), where=where, remedy=remedy)


# The simulation writes its own table.
TABLE = (
    STUDY.data_path(STUDY.stimuli.table)
    if STUDY.is_simulated
    else existing_data(STUDY.stimuli.table, "stimuli.table")
)


@cache
def stimulus_labels():
    """The labels of the user's stimulus table, in its order."""
    return tuple(named_errors(read_stimuli, TABLE)["stimulus"])


if not STUDY.is_simulated:
    stimulus_labels()  # a table that cannot be used stops the run before its first job
MODELS = [network.name for network in STUDY.networks if network.model]
EMBEDDING_FILES = [network.name for network in STUDY.networks if network.file]
BETA_TARGETS = [target.name for target in STUDY.targets if target.mask]
READY_TARGETS = [target.name for target in STUDY.targets if target.rdms]


wildcard_constraints:
    network="[A-Za-z0-9]+",
    target="[A-Za-z0-9]+",
    subject="[A-Za-z0-9]+",
    supervision="own|group",
    kind="roi|judgment",


def any_of(names):
    """A wildcard pattern that matches these names, and nothing when there are none."""
    return "|".join(names) or "(?!)"


def rdm_of(target, subject):
    """The RDM file of a target and subject."""
    return f"{RESULTS}/rdms/sub-{subject}_{STUDY.target(target).kind}-{target}_rdm.h5"


def rdm_of_unit(wildcards):
    """The RDM that supervises and scores a unit."""
    return rdm_of(wildcards.target, wildcards.subject)


def units(networks, targets, subjects, with_group):
    """Every unit of work as a mapping of wildcards: network × target × subject × supervision."""
    return [
        {
            "network": network,
            "target": target,
            "subject": subject,
            "supervision": supervision,
        }
        for network in networks
        for target in targets
        for supervision in STUDY.supervision
        for subject in (
            [one for one in STUDY.subjects_of(target) if one in subjects]
            if supervision == "own"
            else [GROUP] * with_group
        )
    ]


def all_units():
    """The units of the whole study."""
    networks = [network.name for network in STUDY.networks]
    targets = [target.name for target in STUDY.targets]
    return units(networks, targets, STUDY.subjects, with_group=True)


def selected_units():
    """The units that the setting `select` asks for; the group's only when no subject is named."""
    return units(
        STUDY.selected_networks,
        STUDY.selected_targets,
        STUDY.selected_subjects,
        with_group=STUDY.select.subjects is None,
    )


def is_selection():
    """Whether a part of the study was asked for."""
    return any(
        chosen is not None
        for chosen in (
            STUDY.select.networks,
            STUDY.select.targets,
            STUDY.select.subjects,
        )
    )


def unit_files(folder, ending, of):
    """One file a unit."""
    return [f"{RESULTS}/{folder}/{UNIT.format(**unit)}_{ending}" for unit in of]


def stimulus_images(wildcards):
    """The image files that the stimulus table names; a simulated study draws them with its table."""
    if STUDY.is_simulated or not MODELS:
        return []
    return image_files()


@cache
def image_files():
    """The image file of every row of the user's stimulus table."""
    return named_errors(image_paths, named_errors(read_stimuli, TABLE), TABLE)


def network_settings(wildcards):
    """The settings that a network's embedding depends on, as the script receives them."""
    return STUDY.network(wildcards.network).model_dump(mode="json")


def weights_file(wildcards):
    """The local weights file of a network, if it has one."""
    network = STUDY.network(wildcards.network)
    where = f"networks[{network.name}].weights"
    return [existing_data(network.weights, where)] if network.has_weights_file else []


def embedding_file(wildcards):
    """The file of a network whose embedding was made by something else."""
    network = STUDY.network(wildcards.network)
    return existing_data(network.file, f"networks[{network.name}].file")


def labels_of_embedding(wildcards):
    """The file of labels of an embedding file that has none, if the setting names one."""
    return labels_from(
        STUDY.network(wildcards.network).labels, f"networks[{wildcards.network}].labels"
    )


def labels_from(setting, where):
    """The text file of labels that a setting names, if it names one."""
    return (
        []
        if setting in ("file", "table", "sorted")
        else [existing_data(setting, where)]
    )


def source_of(target, subject):
    """The file that holds a subject's ready RDM of a target."""
    rdms = STUDY.target(target).rdms
    return named_errors(
        existing_data, rdms.file.format(subject=subject), f"targets[{target}].rdms.file"
    )


def source_file(wildcards):
    """The source of a ready RDM. A file of all subjects is `ancient`: `source_content` decides about reruns."""
    source = source_of(wildcards.target, wildcards.subject)
    return (
        source
        if "{subject}" in STUDY.target(wildcards.target).rdms.file
        else ancient(source)
    )


def subjects_in_source(wildcards):
    """The subjects along the first axis of the source file."""
    if "{subject}" in STUDY.target(wildcards.target).rdms.file:
        return [wildcards.subject]
    return list(STUDY.subjects_of(wildcards.target))


def source_content(wildcards):
    """A hash of what the source holds of this subject: others' data in the same file may change freely."""
    rdms = STUDY.target(wildcards.target).rdms
    labels = labels_in_order(rdms.labels, stimulus_labels(), *labels_file(wildcards))
    return named_errors(
        hash_of_subject,
        source_of(wildcards.target, wildcards.subject),
        key=rdms.key,
        labels=labels,
        subjects=subjects_in_source(wildcards),
        subject=wildcards.subject,
    )


def ready_settings(wildcards):
    """How to read a ready RDM."""
    rdms = STUDY.target(wildcards.target).rdms
    return {"key": rdms.key, "labels": rdms.labels, "similarity": rdms.similarity}


def labels_file(wildcards):
    """The file of labels of a ready RDM, if there is one."""
    return labels_from(
        STUDY.target(wildcards.target).rdms.labels,
        f"targets[{wildcards.target}].rdms.labels",
    )


def subject_rdms(wildcards):
    """The RDMs that a group mean is made of."""
    return [
        rdm_of(wildcards.target, subject)
        for subject in STUDY.subjects_of(wildcards.target)
    ]


def brain_groups():
    """Subjects by the beta targets they were measured in: one reading of a subject's betas serves all its targets."""
    groups = {}
    for subject in STUDY.subjects:
        targets = tuple(
            target for target in BETA_TARGETS if subject in STUDY.subjects_of(target)
        )
        groups.setdefault(targets, []).append(subject)
    return [
        (list(targets), subjects) for targets, subjects in groups.items() if targets
    ]


def layer_of(wildcards):
    """The layer that a network's features come from, as tables name it."""
    network = STUDY.network(wildcards.network)
    return network.layer if network.model else "file"


def shown_units():
    """Units whose retained sets are drawn: the group's, or every one where none is ranked by the group."""
    of_group = [unit for unit in all_units() if unit["supervision"] == GROUP]
    return of_group or all_units()


def final_files():
    """What a run ends with."""
    if is_selection():
        return [f"{RESULTS}/selected.tsv"]
    figures = ["rdms.svg"]
    if MODELS:
        figures.append("stimuli.png")
    tables = []
    if STUDY.networks:
        figures += ["isomorphism.svg", "gain.svg", "curves.svg", "stability.svg"]
        tables += ["folds.tsv", "summary.tsv", "contrasts.tsv", "tables/summary.html"]
    if STUDY.is_simulated:
        figures.append("recovery.svg")
        tables.append("recovery.tsv")
    return [
        f"{RESULTS}/{file}"
        for file in (*tables, *(f"figures/{figure}" for figure in figures))
    ]


onsuccess:
    if is_selection() and Path(f"{RESULTS}/selected.tsv").is_file():
        print(Path(f"{RESULTS}/selected.tsv").read_text(), file=sys.stderr)
