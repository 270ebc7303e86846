"""Pages of features, and the units whose sets they show."""

from isoprune.keeping import MAIN_FIRST, main_units


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
    used = [one for one in MAIN_FIRST if one in STUDY.supervision][:2]
    return [
        unit for unit in all_units() if unit["network"] == wildcards.network and unit["supervision"] in used
    ]


def main_units_of_features(wildcards):
    """Those of them whose folds the pages are about."""
    return main_units(units_of_features(wildcards))


def retained_of_features(wildcards):
    """The final sets of these units."""
    return unit_files("retained", "retained.tsv", units_of_features(wildcards))


def folds_of_features(wildcards):
    """The sets of folds of these units."""
    return unit_files("pruning", "sets.npz", units_of_features(wildcards))


def relabelled_of_features(wildcards):
    """The sets of relabelled targets of the main ones of these units."""
    return unit_files("pruning", "relabelled.npz", main_units_of_features(wildcards))


def looked_at_files(table):
    """A table for each target, the network a wildcard."""
    return [f"{RESULTS}/features/net-{{network}}_target-{target}_{table}.tsv" for target in TARGETS]
