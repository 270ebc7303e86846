"""What is classified, by which networks, with which sets and weights."""

from isoprune.classification.images import labelled_images


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
