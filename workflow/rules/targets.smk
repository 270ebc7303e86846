"""Target RDMs: a file a subject × target, and the mean over subjects."""


include: "inputs/targets.smk"
include: "inputs/brain.smk"


rule ready_rdm:
    input:
        source=source_file,
        stimuli=f"{RESULTS}/stimuli.tsv",
        labels=labels_file,
    output:
        f"{RESULTS}/rdms/sub-{{subject}}_{{kind}}-{{target}}_rdm.h5",
    log:
        f"{RESULTS}/logs/ready_rdm/sub-{{subject}}_{{kind}}-{{target}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/ready_rdm/sub-{{subject}}_{{kind}}-{{target}}.tsv"
    wildcard_constraints:
        target=any_of(READY_TARGETS),
        # Where nobody in particular was measured, the ready RDM is the group's.
        subject=any_of([*STUDY.subjects, GROUP] if SINGLE_RDMS else STUDY.subjects),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(800, source=4),
        runtime=minutes(10),
    params:
        source=source_path,
        subjects=subjects_in_source,
        settings=ready_settings,
        content=source_content,
    message:
        "Read the RDM of {wildcards.target} in subject {wildcards.subject}"
    script:
        "../scripts/ready_rdm.py"


if JUDGED_TARGETS:

    rule judged_rdm:
        input:
            judgments=judged_file,
            stimuli=f"{RESULTS}/stimuli.tsv",
        output:
            f"{RESULTS}/rdms/sub-{{subject}}_{{kind}}-{{target}}_rdm.h5",
        log:
            f"{RESULTS}/logs/judged_rdm/sub-{{subject}}_{{kind}}-{{target}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/judged_rdm/sub-{{subject}}_{{kind}}-{{target}}.tsv"
        wildcard_constraints:
            target=any_of(JUDGED_TARGETS),
            subject=any_of([*STUDY.subjects, GROUP] if SINGLE_RDMS else STUDY.subjects),
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(4000),
            runtime=minutes(30),
        params:
            settings=judged_settings,
            content=judged_content,
        message:
            "Make the RDM of {wildcards.target} from the judgments of {wildcards.subject}"
        script:
            "../scripts/judged_rdm.py"

    ruleorder: group_rdm > judged_rdm


if BETAS and BETAS["format"] == "bold":

    rule fit_betas:
        input:
            bold_of_subject,
        output:
            fitted_betas("{subject}"),
        log:
            f"{RESULTS}/logs/fit_betas/sub-{{subject}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/fit_betas/sub-{{subject}}.tsv"
        conda:
            "../../envs/neuroimaging.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000, all=6),
            runtime=minutes(30, all=0.2),
        params:
            betas=BETAS,
            root=str(STUDY.data_root),
            fitted=FITTED,
        message:
            "Fit first-level models to the BOLD of subject {wildcards.subject}"
        script:
            "../scripts/fit_betas.py"


for number, (targets, subjects) in enumerate(brain_groups(), start=1):

    rule:
        name:
            "brain_rdms" if number == 1 else f"brain_rdms_{number}"
        input:
            betas=betas_of_subject,
            regions=regions_of_subject,
            stimuli=f"{RESULTS}/stimuli.tsv",
        output:
            rdms=[rdm_of(target, "{subject}") for target in targets],
            patterns=[f"{RESULTS}/patterns/sub-{{subject}}_roi-{target}_patterns.h5" for target in targets],
            voxels=f"{RESULTS}/qc/sub-{{subject}}_voxels.tsv",
            reliability=f"{RESULTS}/qc/sub-{{subject}}_reliability.tsv",
        log:
            f"{RESULTS}/logs/brain_rdms/sub-{{subject}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/brain_rdms/sub-{{subject}}.tsv"
        wildcard_constraints:
            subject=any_of(subjects),
        conda:
            "../../envs/neuroimaging.yaml"
        threads: 1
        resources:
            mem_mb=memory(1500, all=6),
            runtime=minutes(15, all=0.1),
        params:
            definitions={target: STUDY.target(target).region for target in targets},
            betas=BETAS,
            roi=STUDY.roi.model_dump(mode="json"),
            rdm=STUDY.rdm.model_dump(mode="json"),
            root=str(STUDY.data_root),
            fitted=FITTED,
            seed=seed_of_draws(),
        message:
            "Compute the RDMs of subject {wildcards.subject} from betas"
        script:
            "../scripts/brain_rdms.py"


ruleorder: group_rdm > ready_rdm


rule group_rdm:
    input:
        subject_rdms,
    output:
        f"{RESULTS}/rdms/sub-{GROUP}_{{kind}}-{{target}}_rdm.h5",
    log:
        f"{RESULTS}/logs/group_rdm/{{kind}}-{{target}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/group_rdm/{{kind}}-{{target}}.tsv"
    wildcard_constraints:
        target=any_of([target for target in TARGETS if target not in SINGLE_RDMS]),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(800, all=4),
        runtime=minutes(10),
    message:
        "Average the RDMs of {wildcards.target} over subjects"
    script:
        "../scripts/group_rdm.py"


rule nuisance_rdm:
    input:
        stimuli=f"{RESULTS}/stimuli.tsv",
        images=images_of_nuisance,
        embedding=embedding_of_nuisance,
        file=file_of_nuisance,
    output:
        f"{RESULTS}/rdms/nuisance-{{nuisance}}_rdm.h5",
    log:
        f"{RESULTS}/logs/nuisance_rdm/{{nuisance}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/nuisance_rdm/{{nuisance}}.tsv"
    wildcard_constraints:
        nuisance=any_of(made_nuisances()),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500, all=4),
        runtime=minutes(15 + n_images() // 60),
    params:
        table=table_path,
        categories=STUDY.inference.categories,
        measure=STUDY.pruning.measure,
    message:
        "Make the nuisance RDM {wildcards.nuisance}"
    script:
        "../scripts/nuisance_rdm.py"
