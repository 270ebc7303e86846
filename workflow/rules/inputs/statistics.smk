"""What the tidy tables are made of, beside the files of all units."""

from isoprune.io.files import existing


def rival_files(ending):
    """One file of each unit of what competes with its pruned set, whatever made it."""
    return [
        *unit_files("specificity", ending, all_units()),
        *unit_files("reweighting", ending, filter(kinds_of_unit, all_units())),
    ]


def units_of_sweeps():
    """The units of networks that are the best of several."""
    return [unit for unit in all_units() if unit["network"] in SWEEPS]


def predictors():
    """The RDMs beside the networks' own that targets' variance is divided between."""
    names = dict.fromkeys(name for partition in STUDY.partitions for name in partition)
    return [nuisance_file(name) for name in names if name not in ("full", "pruned")]


def transferred_sets():
    """The retained sets of other studies that are scored here, each with the table that describes it."""
    remedy = "Run the study that leaves it, or correct `transfer`."
    return [
        named_errors(existing, one.retained, where="transfer.retained", remedy=remedy)
        for one in STUDY.transfer
    ]
