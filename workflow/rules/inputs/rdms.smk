"""RDMs of targets and nuisances: which there are, and of whom."""

from functools import cache

from isoprune.io.regions import region_files
from isoprune.nuisances import nuisance_named


def rdm_of(target, subject):
    """The RDM file of a target and subject."""
    return f"{RESULTS}/rdms/sub-{subject}_{STUDY.target(target).kind}-{target}_rdm.h5"


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


def shared_targets():
    """Targets whose subjects saw the same stimuli, so that their RDMs can be compared and averaged."""
    names = [target.name for target in STUDY.targets]
    return [name for name in names if name not in BETA_TARGETS] if has_own_stimuli() else names


def about_some_images(target):
    """Whether a target may be about some of the study's images only."""
    return has_own_stimuli() or STUDY.target(target).set is not None


def nuisance_file(name):
    """The RDM of a nuisance; a target's is the mean over subjects."""
    if name in TARGETS:
        return rdm_of(name, GROUP)
    return f"{RESULTS}/rdms/nuisance-{nuisance_named(name)}_rdm.h5"


def nuisances_of(target):
    """The nuisance RDMs of a target, which is not removed from itself."""
    return [nuisance_file(name) for name in STUDY.nuisance if name != target]
