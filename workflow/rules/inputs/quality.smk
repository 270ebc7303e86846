"""What is told of the quality of the data, and of whom."""


def compared_targets():
    """Shared targets that were measured in single subjects."""
    return [target for target in shared_targets() if target not in SINGLE_RDMS]


def measured_subjects():
    """Subjects who have at least one region."""
    return [subject for _, subjects in brain_groups() for subject in subjects]


def lacking_regions():
    """Region and subject, where a subject does not have a region."""
    return [
        (target, subject)
        for target in BETA_TARGETS
        for subject in STUDY.subjects_of(target)
        if subject not in subjects_with(target)
    ]


def definitions_of_subject(wildcards):
    """How the regions that a subject has are defined."""
    return {
        target: STUDY.target(target).region
        for target in BETA_TARGETS
        if wildcards.subject in subjects_with(target)
    }


def judged_targets():
    """What is known of each target of single judgments: settings, stimulus set, and raters who are its subjects."""
    return {
        name: {
            "judgments": STUDY.target(name).judgments,
            "set": STUDY.target(name).set,
            "subjects": STUDY.subjects_of(name),
        }
        for name in JUDGED_TARGETS
    }


def quality_of_subjects(kind):
    """A table of quality for each measured subject."""
    return [f"{RESULTS}/qc/sub-{subject}_{kind}.tsv" for subject in measured_subjects()]


def quality_tables(*names, folder="qc"):
    """Tables of quality over subjects by their names, those of the names that the study has."""
    there = {
        "voxels": BETA_TARGETS,
        "regions": BETA_TARGETS,
        "reliability": BETA_TARGETS,
        "intersubject": compared_targets(),
        "judgments": JUDGED_TARGETS,
    }
    return {name: f"{RESULTS}/{folder}/{name}.tsv" for name in names or there if there[name]}


def quality_results():
    """What a run says about the quality of its data."""
    figures = [f"rdms_target-{target}.svg" for target in TARGETS if target not in SINGLE_RDMS]
    figures += ["reliability.svg"] if quality_tables("reliability", "intersubject", "judgments") else []
    figures += ["rois.png"] if BETA_TARGETS else []
    figures += ["mds.svg"] if shared_targets() else []
    pictures = MODELS and STUDY.networks and not STUDY.is_simulated and not has_own_stimuli()
    tables = [f"{RESULTS}/qc/near_duplicates.tsv"] if pictures else []
    return [*tables, *quality_tables().values(), *(f"{RESULTS}/figures/{figure}" for figure in figures)]


def expected_rdms():
    """Every subject's RDM, and the logs of the jobs that lead to it, the first job first."""
    given = "{results}/logs/{job}/sub-{{subject}}_{{kind}}-{{target}}.log"
    ready, judged = ([given.format(results=RESULTS, job=job)] for job in ("ready_rdm", "judged_rdm"))
    measured = [
        f"{RESULTS}/logs/{job}/sub-{{subject}}.log" for job in ("simulate_subject", "fit_betas", "brain_rdms")
    ]
    return [
        {
            "target": target.name,
            "subject": subject,
            "file": rdm_of(target.name, subject),
            "logs": [
                log.format(subject=subject, kind=target.kind, target=target.name)
                for log in (measured if target.region else judged if target.judgments else ready)
            ],
        }
        for target in STUDY.targets
        for subject in subjects_with(target.name) or [GROUP]
    ]


def finished(files):
    """Those of the files that are there by now."""
    return [file for file in files if Path(file).is_file()]
