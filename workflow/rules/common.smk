"""What all stages share: the checked settings, the units of work, and the functions that find inputs."""

import shlex
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The library of this very clone, here and in the environments that jobs run in.
SOURCE = str(Path(workflow.basedir) / "src")
sys.path.insert(0, SOURCE)
shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(SOURCE)}:${{{{PYTHONPATH:-}}}}; ")

from isoprune.classification.images import labelled_images
from isoprune.config import load
from isoprune.errors import IsopruneError, RDMError
from isoprune.folds import make_folds
from isoprune.io.betas import beta_files
from isoprune.io.betas.bold import bold_inputs, fitted_files
from isoprune.io.files import check_writable, existing
from isoprune.io.judgments import hash_of_rater
from isoprune.io.ready_rdms import hash_of_subject
from isoprune.io.regions import region_files
from isoprune.io.tables import image_paths, read_stimuli
from isoprune.nuisances import IMAGE_NUISANCES, nuisance_named, nuisance_of_study
from isoprune.occlusion.jobs import n_jobs
from isoprune.simulation.stimuli import CATEGORIES
from isoprune.stimuli import (
    check_category_columns,
    check_columns,
    column_of,
    labels_in_order,
    stimuli_of_rows,
    stimuli_of_set,
)

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
if STUDY.lock and workflow.is_main_process:  # not again in every job: it reads all inputs
    from isoprune.lock import check_lock

    named_errors(check_lock, STUDY.lock, STUDY)


def existing_data(relative, where):
    """The path of a data file, after checking that it is there."""
    return existing_file(STUDY.data_path(relative), where)


def existing_file(path, where):
    """A path, after checking that it is there."""
    remedy = "Correct the path, or the setting `data_dir`, below which data files are looked up."
    return named_errors(existing, path, where=where, remedy=remedy)


def stimulus_table():
    """Where the stimulus table is; of rows in the settings, a name in the folder that their images lie in."""
    table = STUDY.stimulus_table
    if STUDY.stimuli.table and not STUDY.is_simulated:  # the simulation writes its own table
        # Not absolute: it stands in parameters of rules, and a study that moves must not be computed again.
        return existing_file(table, "stimuli.table")
    return table


TABLE = stimulus_table()


def table_path(wildcards):
    """The stimulus table's name in the folder that images are relative to."""
    return str(STUDY.image_folder / TABLE.name)


@cache
def stimuli_of_user():
    """The user's stimulus table."""
    if STUDY.stimuli.table:
        return named_errors(read_stimuli, TABLE)
    return named_errors(stimuli_of_rows, STUDY.stimuli.rows)


def labels_of_target(target):
    """The labels of a target's images, in the order of the stimulus table."""
    return list(named_errors(stimuli_of_set, stimuli_of_user(), STUDY.target(target).set)["stimulus"])


MODELS = [network.name for network in STUDY.networks if network.model]
SWEEPS = {network.name: network.best_of for network in STUDY.networks if network.best_of}
EMBEDDING_FILES = [network.name for network in STUDY.networks if network.file]
BETA_TARGETS = [target.name for target in STUDY.targets if target.region]
BETAS = STUDY.betas.model_dump(mode="json") if STUDY.betas else None
FITTED = f"{RESULTS}/betas"
READY_TARGETS = [target.name for target in STUDY.targets if target.rdms]
JUDGED_TARGETS = [target.name for target in STUDY.targets if target.judgments]
# Targets that are one RDM, of nobody in particular.
SINGLE_RDMS = [target.name for target in STUDY.targets if not STUDY.subjects_of(target.name)]


TARGETS = [target.name for target in STUDY.targets]


wildcard_constraints:
    network="[A-Za-z0-9]+",
    target="[A-Za-z0-9]+",
    subject="[A-Za-z0-9]+",
    supervision="own|group|loso",
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


def rdms_that_rank(wildcards):
    """The RDM that ranks a unit's features: its own, or those of all others when a subject is left out."""
    if wildcards.supervision == "loso":
        return rdms_without(wildcards.target, wildcards.subject)
    return [rdm_of_unit(wildcards)]


def nuisance_file(name):
    """The RDM of a nuisance; a target's is the mean over subjects."""
    if name in TARGETS:
        return rdm_of(name, GROUP)
    return f"{RESULTS}/rdms/nuisance-{nuisance_named(name)}_rdm.h5"


def nuisances_of_unit(wildcards):
    """The nuisance RDMs of a unit."""
    return nuisances_of(wildcards.target)


def nuisances_of(target):
    """The nuisance RDMs of a target, which is not removed from itself."""
    return [nuisance_file(name) for name in STUDY.nuisance if name != target]


def nuisances_that_rank(wildcards):
    """The nuisance RDMs that are removed before features are ranked."""
    return nuisances_of_unit(wildcards) if STUDY.pruning.partial else []


def predictors():
    """The RDMs beside the networks' own that targets' variance is divided between."""
    names = dict.fromkeys(name for partition in STUDY.partitions for name in partition)
    return [nuisance_file(name) for name in names if name not in ("full", "pruned")]


def group_units():
    """The units of the group's mean RDM."""
    return [unit for unit in all_units() if unit["subject"] == GROUP]


def multiverse_units():
    """Network and target of every curve of specifications."""
    chosen = STUDY.multiverse
    return [
        unit
        for unit in group_units()
        if unit["network"] in (chosen.networks or [network.name for network in STUDY.networks])
        and unit["target"] in (chosen.targets or TARGETS)
    ]


def multiverse_files():
    """What the specifications of every network and target reach."""
    return [
        f"{RESULTS}/multiverse/net-{unit['network']}_target-{unit['target']}_outcomes.npz"
        for unit in multiverse_units()
    ]


def multiverse_settings():
    """What the specifications have in common; the number of repeats is their own."""
    settings = settings_of(GROUP)
    settings["inference"]["n_repeats"] = STUDY.multiverse.n_repeats
    return settings


def multiverse_choices():
    """The values of every choice, as the script receives them."""
    choices = STUDY.multiverse.choices(STUDY.pruning, STUDY.crossvalidation)
    return {name: list(values) for name, values in choices.items()}


def rdm_of_group(wildcards):
    """The mean RDM of a target."""
    return rdm_of(wildcards.target, GROUP)


def columns_of_folds():
    """Columns of the stimulus table that settings make folds by."""
    columns = [STUDY.crossvalidation.column, STUDY.multiverse and STUDY.multiverse.column]
    return [column for column in columns if column]


def heatmap_networks():
    """The networks that occluded images are shown to."""
    return [name for name in MODELS if name in (STUDY.heatmaps.networks or MODELS)]


def heatmap_units(network):
    """The units of a network that are mapped: the group's, and those of single subjects that are asked for."""
    asked = {(GROUP, "group"), *((subject, "own") for subject in STUDY.heatmaps.subjects or ())}
    targets = STUDY.heatmaps.targets or TARGETS
    return [
        unit
        for unit in all_units()
        if unit["network"] == network
        and unit["target"] in targets
        and (unit["subject"], unit["supervision"]) in asked
    ]


def feature_pages():
    """Network and target of every page of features, as file names have them."""
    return [
        f"net-{network.name}_target-{target}"
        for network in STUDY.networks
        for target in TARGETS
        if any(unit["target"] == target for unit in all_units())
    ]


def units_of_features(wildcards):
    """The units of a network whose sets say how steadily targets keep features: the group's, and single subjects'."""
    used = [one for one in ("group", "own", "loso") if one in STUDY.supervision][:2]
    return [
        unit for unit in all_units() if unit["network"] == wildcards.network and unit["supervision"] in used
    ]


def retained_of_features(wildcards):
    """The final sets of these units."""
    return unit_files("retained", "retained.tsv", units_of_features(wildcards))


def folds_of_features(wildcards):
    """The sets of folds of these units."""
    return unit_files("pruning", "sets.npz", units_of_features(wildcards))


def sets_of_maps(wildcards):
    """The sets of features that a network's maps are read through, a file a unit."""
    return unit_files("heatmaps", "sets.npz", heatmap_units(wildcards.network))


def units_of_maps(wildcards):
    """The units that a network's maps are of."""
    return heatmap_units(wildcards.network)


def subjects_of_maps(wildcards):
    """The RDMs that halves of subjects are made of; a single subject has none."""
    return rdms_of([wildcards.target]) if wildcards.subject == GROUP else []


def n_mapped_images():
    """Number of images that maps are made of."""
    images = STUDY.heatmaps.images
    if isinstance(images, int):
        return images
    if images != "all":
        return len(images)
    return n_images()


def n_images():
    """Number of images of the study."""
    if STUDY.is_simulated:
        return STUDY.simulation.n_per_category * len(CATEGORIES)
    return len(stimuli_of_user())


def map_files(network):
    """The maps of a network, a file a job."""
    jobs = n_jobs(n_mapped_images(), STUDY.heatmaps.images_per_job)
    return [f"{RESULTS}/heatmaps/net-{network}_job-{job}_maps.npz" for job in range(1, jobs + 1)]


def maps_of_network(wildcards):
    """The maps of one network, a file a job."""
    return map_files(wildcards.network)


def heatmap_settings():
    """How maps are made, as the script receives it; not which targets, networks and pages."""
    maps = STUDY.heatmaps
    chosen = ("allow_gaps", "variant", "shape", "value", "combine", "preview", "randomised")
    return {
        **{key: getattr(maps, key) for key in (*chosen, "device", "batch_size", "engine", "precision")},
        "images": maps.images if isinstance(maps.images, int | str) else list(maps.images),
        "sizes": list(maps.sizes_in_use),
        "stride": maps.stride_in_use,
        "score": maps.score_in_use,
    }


def labelled_folder():
    """The folder of labelled images, after checking that all of them have a class."""
    folder, labels = STUDY.labelled_images
    if workflow.is_main_process:  # not again in every job: there can be 50 000
        named_errors(labelled_images, folder, labels)
    return str(folder)


def labels_of_images():
    """The table of the labelled images' classes, if there is one."""
    return [str(labels) for labels in STUDY.labelled_images[1:] if labels is not None]


def accuracy_networks():
    """The networks that classify labelled images."""
    return [name for name in MODELS if name in (STUDY.accuracy.networks or MODELS)]


def group_units_of(network):
    """The units of the group's mean RDM and one network."""
    return [unit for unit in group_units() if unit["network"] == network]


def sets_of_network(wildcards):
    """The final sets of the group, a file a target."""
    return unit_files("retained", "retained.tsv", group_units_of(wildcards.network))


def domains_of_network(wildcards):
    """The classes of each target's domain, in the order of the sets; None where a target has none."""
    return [STUDY.accuracy.classes_of(unit["target"]) for unit in group_units_of(wildcards.network)]


def weights_of_network(wildcards):
    """The weights that were fitted to the group's mean RDMs, a file a target × kind of reweighting."""
    return weights_files(group_units_of(wildcards.network))


def transferred_sets():
    """The retained sets of other studies that are scored here, each with the table that describes it."""
    remedy = "Run the study that leaves it, or correct `transfer`."
    return [
        named_errors(existing, one.retained, where="transfer.retained", remedy=remedy)
        for one in STUDY.transfer
    ]


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


def rdms_of_rivals(wildcards):
    """The RDMs by which each other target would rank the features under the unit's supervision."""
    if not STUDY.specificity.others or wildcards.target not in shared_targets():
        return []
    others = [target for target in of_same_images(wildcards.target) if target != wildcards.target]
    if wildcards.supervision == "loso":
        return [rdm for target in others for rdm in rdms_without(target, wildcards.subject)]
    return [
        rdm_of(target, wildcards.subject)
        for target in others
        if wildcards.subject in (GROUP, *subjects_with(target))
    ]


def rdms_without(target, subject):
    """The RDMs of a target in all other subjects, where there are enough for a mean."""
    return [rdm_of(target, one) for one in subjects_with(target) if one != subject]


def settings_of_unit(wildcards):
    """The settings that a unit depends on."""
    return settings_of(wildcards.subject)


@cache
def settings_of(subject):
    """The settings that a subject's units depend on; there are many subjects, of which some numbers are smaller."""
    crossvalidation = STUDY.crossvalidation.model_dump(mode="json")
    of_subjects = crossvalidation.pop("n_random_subjects")
    if subject != GROUP:
        crossvalidation["n_random"] = of_subjects
    inference = STUDY.inference.model_dump(mode="json")
    return {
        "pruning": STUDY.pruning.model_dump(mode="json"),
        "crossvalidation": crossvalidation,
        "inference": {key: inference[key] for key in ("n_repeats", "categories", "n_bootstrap_images")},
        "seed": STUDY.seed,
        "study": STUDY.study,
    }


def kinds_of_unit(unit):
    """The kinds of reweighting that a unit is fitted by; of the many single subjects there may be fewer.

    The best of several layers is left out: weights choose no layer.
    """
    if STUDY.reweighting is None or unit["network"] in SWEEPS:
        return []
    return list(STUDY.reweighting.kinds if unit["subject"] == GROUP else STUDY.reweighting.kinds_subjects)


def reweighted_units(target):
    """Subject and supervision of a target's units that are reweighted, with any network."""
    single = next(network.name for network in STUDY.networks if network.name not in SWEEPS)
    return [
        {**unit, "network": "{network}"}
        for unit in all_units()
        if unit["target"] == target and unit["network"] == single and kinds_of_unit(unit)
    ]


def reweighting_files(target, folder, ending):
    """One file of each of a target's units that are reweighted, the network a wildcard."""
    return unit_files(folder, ending, reweighted_units(target))


def weights_files(units):
    """Weights fitted on all images, a file a unit × kind of reweighting."""
    return [
        f"{RESULTS}/reweighting/{UNIT.format(**unit)}_desc-{kind}_weights.tsv"
        for unit in units
        for kind in kinds_of_unit(unit)
    ]


def rdms_of_reweighting(target):
    """A target's RDMs that its reweighted units are scored on, or weighed for."""
    return [
        rdm_of(target, subject)
        for subject in dict.fromkeys(unit["subject"] for unit in reweighted_units(target))
    ]


def n_permutations_of_unit(wildcards):
    """Relabellings of a unit: of the group's mean RDM, or of a single subject's."""
    inference = STUDY.inference
    return inference.n_permutations if wildcards.subject == GROUP else inference.n_permutations_subjects


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
            [GROUP] * with_group
            if supervision == "group"
            else [one for one in subjects_with(target) if one in subjects]
        )
    ]


@cache
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


def rival_files(ending):
    """One file of each unit of what competes with its pruned set, whatever made it."""
    return [
        *unit_files("specificity", ending, all_units()),
        *unit_files("reweighting", ending, filter(kinds_of_unit, all_units())),
    ]


def stimulus_images(wildcards):
    """The image files that the stimulus table names; a simulated study draws them with its table."""
    if STUDY.is_simulated or not MODELS:
        return []
    return image_files()


@cache
def image_files():
    """The image file of every row of the user's stimulus table."""
    return named_errors(image_paths, stimuli_of_user(), TABLE, STUDY.image_folder)


def embeddings_of_layers(wildcards):
    """The embeddings that a network is the best of."""
    return [f"{RESULTS}/embeddings/net-{name}_embedding.h5" for name in SWEEPS[wildcards.network]]


def units_of_sweeps():
    """The units of networks that are the best of several."""
    return [unit for unit in all_units() if unit["network"] in SWEEPS]


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
    return labels_from(STUDY.network(wildcards.network).labels, f"networks[{wildcards.network}].labels")


def labels_from(setting, where):
    """The text file of labels that a setting names, if it names one."""
    return [] if setting in ("file", "table", "sorted") else [existing_data(setting, where)]


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


def judged_targets():
    """What is known of each target of single judgments: settings, stimulus set, and raters who are its subjects."""
    return {
        name: {
            "judgments": STUDY.target(name).judgments,
            "set": STUDY.target(name).set,
            "subjects": STUDY.subjects_of(name),
        }
        for name in JUDGED_TARGETS
    }


def subject_rdms(wildcards):
    """The RDMs that a group mean is made of: of all subjects who have the target."""
    return rdms_of([wildcards.target])


def rdms_of(targets):
    """The RDMs of all subjects who have the targets."""
    return [rdm_of(target, subject) for target in targets for subject in subjects_with(target)]


@cache
def subjects_with(target):
    """The subjects who have a target; with `roi.missing: allow` some may lack the files of a region."""
    return tuple(
        subject
        for subject in STUDY.subjects_of(target)
        if target not in BETA_TARGETS or has_region(target, subject)
    )


def has_region(target, subject):
    """Whether a subject has a region; a sphere needs no file."""
    return "sphere" in STUDY.target(target).region or bool(region_inputs(target, subject))


@cache
def region_inputs(target, subject):
    """The files that define a subject's region; none where the subject lacks it."""
    definition = STUDY.target(target).region
    return named_errors(region_files, definition, subject, STUDY.data_root, missing=STUDY.roi.missing)


def has_own_stimuli():
    """Whether subjects may have seen different images, so that their RDMs have no mean."""
    return BETAS is not None and BETAS["stimuli"] == "per-subject"


def brain_groups():
    """Subjects by the beta targets they were measured in: one reading of a subject's betas serves all its targets."""
    groups = {}
    for subject in STUDY.subjects:
        targets = tuple(target for target in BETA_TARGETS if subject in subjects_with(target))
        groups.setdefault(targets, []).append(subject)
    return [(list(targets), subjects) for targets, subjects in groups.items() if targets]


def present(files):
    """Files that are there, or that a rule makes. One that is missing is told by its subject's own job, so that with
    `--keep-going` the others are computed."""
    made = (str(STUDY.data_root), FITTED) if STUDY.is_simulated else (FITTED,)
    return list(dict.fromkeys(file for file in files if Path(file).is_file() or str(file).startswith(made)))


def betas_of_subject(wildcards):
    """Every file that a subject's betas are read from, the localiser's too."""
    root = FITTED if BETAS["format"] == "bold" else STUDY.data_root
    files = named_errors(beta_files, BETAS, wildcards.subject, root)
    select = STUDY.roi.select_voxels
    if select and select.localiser:
        localiser = select.localiser.model_dump(mode="json")
        files = [
            *files,
            *named_errors(beta_files, localiser, wildcards.subject, STUDY.data_root),
        ]
    return present(files)


def seed_of_draws():
    """The seed that RDMs of the brain depend on: only where voxels are drawn at random."""
    return STUDY.seed if STUDY.roi.match_voxels else 0


def regions_of_subject(wildcards):
    """Every file that defines a region of a subject."""
    of = [target for target in BETA_TARGETS if wildcards.subject in subjects_with(target)]
    return present(file for target in of for file in region_inputs(target, wildcards.subject))


def bold_of_subject(wildcards):
    """Raw BOLD, events and mask of every run of a subject."""
    files = [bold_inputs(BETAS, wildcards.subject, run, STUDY.data_root) for run in BETAS["runs"]]
    return present(file for of_run in files for file in of_run)


def fitted_betas(subject):
    """What fitting a subject's first-level models writes."""
    return [path for run in BETAS["runs"] for path in fitted_files(Path(FITTED), subject, run).all()]


def layer_of_network(name):
    """The layer that a network's features come from, as tables name it."""
    network = STUDY.network(name)
    return "best" if network.best_of else network.layer if network.model else "file"


def layer_of(wildcards):
    """The layer that a unit's features come from."""
    return layer_of_network(wildcards.network)


def shown_units():
    """Units whose retained sets are drawn: the group's, or every one where none is ranked by the group."""
    of_group = [unit for unit in all_units() if unit["supervision"] == GROUP]
    return of_group or all_units()


def shared_targets():
    """Targets whose subjects saw the same stimuli, so that their RDMs can be compared and averaged."""
    names = [target.name for target in STUDY.targets]
    return [name for name in names if name not in BETA_TARGETS] if has_own_stimuli() else names


def of_same_images(target):
    """Shared targets that are about the same images as one of them, itself included."""
    return [name for name in shared_targets() if STUDY.target(name).set == STUDY.target(target).set]


def several_sets():
    """Whether retained sets of two targets can be compared: the group's, of targets with a common mean."""
    return bool(STUDY.networks) and GROUP in STUDY.supervision and len(shared_targets()) > 1


def about_some_images(wildcards):
    """Whether a target may be about some of the study's images only."""
    return has_own_stimuli() or STUDY.target(wildcards.target).set is not None


def compared_targets():
    """Shared targets that were measured in single subjects."""
    return [target for target in shared_targets() if target not in SINGLE_RDMS]


def measured_subjects():
    """Subjects who have at least one region."""
    return [subject for _, subjects in brain_groups() for subject in subjects]


def lacking_regions():
    """Region and subject, where a subject does not have a region."""
    return [
        (target, subject)
        for target in BETA_TARGETS
        for subject in STUDY.subjects_of(target)
        if subject not in subjects_with(target)
    ]


def definitions_of_subject(wildcards):
    """How the regions that a subject has are defined."""
    return {
        target: STUDY.target(target).region
        for target in BETA_TARGETS
        if wildcards.subject in subjects_with(target)
    }


def quality_of_subjects(kind):
    """A table of quality for each measured subject."""
    return [f"{RESULTS}/qc/sub-{subject}_{kind}.tsv" for subject in measured_subjects()]


def quality_tables(*names, folder="qc"):
    """Tables of quality over subjects by their names, those of the names that the study has."""
    there = {
        "voxels": BETA_TARGETS,
        "regions": BETA_TARGETS,
        "reliability": BETA_TARGETS,
        "intersubject": compared_targets(),
        "judgments": JUDGED_TARGETS,
    }
    return {name: f"{RESULTS}/{folder}/{name}.tsv" for name in names or there if there[name]}


def quality_results():
    """What a run says about the quality of its data."""
    figures = [f"rdms_target-{target}.svg" for target in TARGETS if target not in SINGLE_RDMS]
    figures += ["reliability.svg"] if quality_tables("reliability", "intersubject", "judgments") else []
    figures += ["rois.png"] if BETA_TARGETS else []
    figures += ["mds.svg"] if shared_targets() else []
    pictures = MODELS and STUDY.networks and not STUDY.is_simulated and not has_own_stimuli()
    tables = [f"{RESULTS}/qc/near_duplicates.tsv"] if pictures else []
    return [*tables, *quality_tables().values(), *(f"{RESULTS}/figures/{figure}" for figure in figures)]


def expected_rdms():
    """Every subject's RDM, and the logs of the jobs that lead to it, the first job first."""
    given = "{results}/logs/{job}/sub-{{subject}}_{{kind}}-{{target}}.log"
    ready, judged = ([given.format(results=RESULTS, job=job)] for job in ("ready_rdm", "judged_rdm"))
    measured = [
        f"{RESULTS}/logs/{job}/sub-{{subject}}.log" for job in ("simulate_subject", "fit_betas", "brain_rdms")
    ]
    return [
        {
            "target": target.name,
            "subject": subject,
            "file": rdm_of(target.name, subject),
            "logs": [
                log.format(subject=subject, kind=target.kind, target=target.name)
                for log in (measured if target.region else judged if target.judgments else ready)
            ],
        }
        for target in STUDY.targets
        for subject in subjects_with(target.name) or [GROUP]
    ]


def units_with_steps(wildcards):
    """Every unit with the files and logs of the steps that lead to its result, the first step first."""
    rdms = {(one["target"], one["subject"]): one for one in expected_rdms()}
    logs = f"{RESULTS}/logs"
    for target in TARGETS:  # of targets that are one RDM, the list above has the group's
        group_log = f"{logs}/group_rdm/{STUDY.target(target).kind}-{target}.log"
        rdms.setdefault((target, GROUP), {"file": rdm_of(target, GROUP), "logs": [group_log]})
    return [
        {
            **unit,
            "steps": [
                {"name": "embedding", **embedding_step(unit["network"])},
                {"name": "RDM", **rdms[unit["target"], unit["subject"]]},
                *(
                    {
                        "name": rule,
                        "file": f"{RESULTS}/{rule_folder}/{UNIT.format(**unit)}_{ending}",
                        "logs": [f"{logs}/{rule}/{UNIT.format(**unit)}.log"],
                    }
                    for rule, rule_folder, ending in (
                        ("prune", "pruning", "facts.json"),
                        ("specificity", "specificity", "bootstrap.npz"),
                    )
                ),
            ],
        }
        for unit in all_units()
    ]


def embedding_step(network):
    """The embedding of a network, and the log of what makes it."""
    rule_name = "embedding" if network in MODELS else "import_embedding"
    return {
        "file": f"{RESULTS}/embeddings/net-{network}_embedding.h5",
        "logs": [f"{RESULTS}/logs/{rule_name}/net-{network}.log"],
    }


def finished(files):
    """Those of the files that are there by now."""
    return [file for file in files if Path(file).is_file()]


def check_stimuli():
    """Check that the stimulus table has what the settings ask of it, and that its images can be cross-validated."""
    stimuli, folds = stimuli_of_user(), STUDY.crossvalidation
    check_columns(
        stimuli,
        groups=folds.column,
        categories=STUDY.inference.categories,
        exchange=STUDY.inference.exchange,
        labels=STUDY.specificity.labels,
        sets=STUDY.image_sets,
    )
    if STUDY.wordnet:
        column_of(stimuli, STUDY.wordnet.column)
    if "category" in (*STUDY.nuisance, *sum(STUDY.partitions, ())):
        nuisance_of_study("category", stimuli, images_from=TABLE, categories=STUDY.inference.categories)
    for column in columns_of_folds():
        column_of(stimuli, column)
    if STUDY.features:
        check_category_columns(stimuli, STUDY.features.columns, STUDY.image_sets)
    if STUDY.networks and not has_own_stimuli():
        for name in STUDY.image_sets:
            make_folds(
                list(stimuli_of_set(stimuli, name)["stimulus"]),
                folds=folds.folds,
                n_splits=folds.n_splits,
                groups=column_of(stimuli, folds.column) if folds.column else None,
            )


if not STUDY.is_simulated:  # a table that cannot be used stops the run before its first job
    named_errors(check_stimuli)


def final_files():
    """What a run ends with."""
    if is_selection():
        return [f"{RESULTS}/selected.tsv"]
    if has_own_stimuli() and not STUDY.networks:
        return [*rdms_of(target.name for target in STUDY.targets), *quality_results()]
    figures = ["rdms.svg"]
    if MODELS and STUDY.report.stimuli:
        figures.append("stimuli.png")
    tables = []
    if STUDY.networks:
        figures += [
            "isomorphism.svg",
            "specificity.svg",
            "competitors.svg",
            "gain.svg",
            "curves.svg",
            "stability.svg",
        ]
        tables += ["folds.tsv", "summary.tsv", "contrasts.tsv", "intervals.tsv", "tables/summary.html"]
        tables += ["findings.html", "stability.tsv", "overlap.tsv", "sharing.tsv", "agreement.tsv"]
    if SWEEPS:
        tables.append("layers.tsv")
        figures.append("layers.svg")
    if several_sets():
        figures.append("overlap.svg")
    if STUDY.partitions:
        tables.append("variance.tsv")
        figures.append("variance.svg")
    if STUDY.transfer:
        tables.append("transfer.tsv")
    if STUDY.multiverse:
        tables.append("multiverse.tsv")
        figures.append("multiverse.svg")
    if STUDY.wordnet:
        tables.append("wordnet.tsv")
        figures += ["wordnet.svg", "dendrograms.svg"]
    if STUDY.features:
        figures += [f"{page}_features.html" for page in feature_pages()]
    if STUDY.heatmaps:
        tables += ["heatmaps.tsv", "heatmap_contrasts.tsv"]
        figures += [f"net-{network}_heatmaps.svg" for network in heatmap_networks()]
    if STUDY.accuracy:
        tables.append("accuracy.tsv")
        figures.append("accuracy.svg")
    if STUDY.is_simulated:
        figures.append("recovery.svg")
        tables.append("recovery.tsv")
    return [
        *(f"{RESULTS}/{table}" for table in tables),
        *(f"{RESULTS}/figures/{figure}" for figure in figures),
        *quality_results(),
    ]


onsuccess:
    if is_selection() and Path(f"{RESULTS}/selected.tsv").is_file():
        print(Path(f"{RESULTS}/selected.tsv").read_text(), file=sys.stderr)
