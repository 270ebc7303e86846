"""What target RDMs of the brain are computed from: BOLD, betas, regions."""

from isoprune.io.betas import beta_files
from isoprune.io.betas.bold import bold_inputs, fitted_files

FITTED = f"{RESULTS}/betas"


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
