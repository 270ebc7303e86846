"""Units of work, network × target × subject × supervision, and what each depends on."""

from functools import cache

from isoprune.costs import units_of_targets

UNIT = "net-{network}_target-{target}_sub-{subject}_sup-{supervision}"


@cache
def all_units():
    """The units of the whole study, each a mapping of wildcards."""
    having = {target: subjects_with(target) for target in TARGETS}
    names = ("network", "target", "subject", "supervision")
    return [
        dict(zip(names, (network.name, *of_target)))
        for network in STUDY.networks
        for of_target in units_of_targets(STUDY, having)
    ]


def selected_units():
    """The units that the setting `select` asks for; the group's only when no subject is named."""
    subjects = {*STUDY.selected_subjects, *([GROUP] if STUDY.select.subjects is None else [])}
    return [
        unit
        for unit in all_units()
        if unit["network"] in STUDY.selected_networks
        and unit["target"] in STUDY.selected_targets
        and unit["subject"] in subjects
    ]


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


def group_units():
    """The units of the group's mean RDM."""
    return [unit for unit in all_units() if unit["subject"] == GROUP]


def unit_files(folder, ending, of):
    """One file a unit."""
    return [f"{RESULTS}/{folder}/{UNIT.format(**unit)}_{ending}" for unit in of]


def rdm_of_unit(wildcards):
    """The RDM that supervises and scores a unit."""
    return rdm_of(wildcards.target, wildcards.subject)


def nuisances_of_unit(wildcards):
    """The nuisance RDMs of a unit."""
    return nuisances_of(wildcards.target)


def layer_of_network(name):
    """The layer that a network's features come from, as tables name it."""
    network = STUDY.network(name)
    return "best" if network.best_of else network.layer if network.model else "file"


def layer_of(wildcards):
    """The layer that a unit's features come from."""
    return layer_of_network(wildcards.network)


def settings_of_unit(unit):
    """The settings that a unit, or the job of these wildcards, depends on."""
    return settings_of(unit["subject"])


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


def n_permutations_of_unit(unit):
    """Relabellings of a unit: of the group's mean RDM, or of a single subject's."""
    return STUDY.inference.relabellings(unit["subject"])
