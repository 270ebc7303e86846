"""Target RDMs: a file a subject × target, and the mean over subjects."""


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
        subject=any_of(STUDY.subjects),
    conda:
        "../../envs/isoprune.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        subjects=subjects_in_source,
        settings=ready_settings,
        content=source_content,
    message:
        "Read the RDM of {wildcards.target} in subject {wildcards.subject}"
    script:
        "../scripts/ready_rdm.py"


for number, (targets, subjects) in enumerate(brain_groups(), start=1):

    rule:
        name:
            "brain_rdms" if number == 1 else f"brain_rdms_{number}"
        input:
            images=expand(
                STUDY.data_path(STUDY.betas.images),
                run=STUDY.betas.runs,
                allow_missing=True,
            ),
            conditions=expand(
                STUDY.data_path(STUDY.betas.conditions),
                run=STUDY.betas.runs,
                allow_missing=True,
            ),
            masks=[STUDY.data_path(STUDY.target(target).mask) for target in targets],
            stimuli=f"{RESULTS}/stimuli.tsv",
        output:
            rdms=[rdm_of(target, "{subject}") for target in targets],
            patterns=[
                f"{RESULTS}/patterns/sub-{{subject}}_roi-{target}_patterns.h5"
                for target in targets
            ],
            voxels=f"{RESULTS}/qc/sub-{{subject}}_voxels.tsv",
        log:
            f"{RESULTS}/logs/brain_rdms/sub-{{subject}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/brain_rdms/sub-{{subject}}.tsv"
        wildcard_constraints:
            subject=any_of(subjects),
        conda:
            "../../envs/isoprune.yaml"
        threads: 1
        resources:
            mem_mb=3000,
            runtime=30,
        params:
            rois=targets,
            resample=STUDY.roi.resample,
            min_voxels=STUDY.roi.min_voxels,
            measure=STUDY.rdm.measure,
            run_centre=STUDY.rdm.run_centre,
        message:
            "Compute the RDMs of subject {wildcards.subject} from betas"
        script:
            "../scripts/brain_rdms.py"


rule group_rdm:
    input:
        subject_rdms,
    output:
        f"{RESULTS}/rdms/sub-{GROUP}_{{kind}}-{{target}}_rdm.h5",
    log:
        f"{RESULTS}/logs/group_rdm/{{kind}}-{{target}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/group_rdm/{{kind}}-{{target}}.tsv"
    conda:
        "../../envs/isoprune.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Average the RDMs of {wildcards.target} over subjects"
    script:
        "../scripts/group_rdm.py"
