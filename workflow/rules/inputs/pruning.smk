"""RDMs that rank the features of a unit."""


def rdms_that_rank(wildcards):
    """The RDM that ranks a unit's features: its own, or those of all others when a subject is left out."""
    if wildcards.supervision == "loso":
        return rdms_without(wildcards.target, wildcards.subject)
    return [rdm_of_unit(wildcards)]


def rdms_without(target, subject):
    """The RDMs of a target in all other subjects, where there are enough for a mean."""
    return [rdm_of(target, one) for one in subjects_with(target) if one != subject]


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


def of_same_images(target):
    """Shared targets that are about the same images as one of them, itself included."""
    return [name for name in shared_targets() if STUDY.target(name).set == STUDY.target(target).set]
