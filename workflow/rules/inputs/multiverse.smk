"""Which combinations of settings are run, and for whom."""


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


def nuisances_that_rank(wildcards):
    """The nuisance RDMs that are removed before features are ranked."""
    return nuisances_of_unit(wildcards) if STUDY.pruning.partial else []
