"""Which units are reweighted, and their files."""


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
