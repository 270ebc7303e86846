"""What the tidy tables are made of, beside the files of all units."""

from isoprune.io.files import existing


def rival_files(ending):
    """One file of each unit of what competes with its pruned set, whatever made it."""
    return [
        *unit_files("specificity", ending, all_units()),
        *unit_files("reweighting", ending, filter(kinds_of_unit, all_units())),
    ]


def several_sets():
    """Whether retained sets of two targets can be compared: the group's, of targets with a common mean."""
    return bool(STUDY.networks) and GROUP in STUDY.supervision and len(shared_targets()) > 1


def compared_sets(path, **in_report):
    """A table that compares the sets of targets; the report shows it where there are several."""
    return report(path, **in_report) if several_sets() else path


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
