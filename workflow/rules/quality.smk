"""Quality of the data: tables over subjects, every RDM, maps, reliabilities, and regions on the brain."""


include: "inputs/quality.smk"


if BETA_TARGETS:

    rule quality_brain:
        input:
            voxels=quality_of_subjects("voxels"),
            reliability=quality_of_subjects("reliability"),
        output:
            voxels=report(
                f"{RESULTS}/qc/voxels.tsv",
                category=CATEGORY["quality"],
                caption="../report/quality_voxels.rst",
                labels={"result": "Table: Voxels of every subject and region"},
            ),
            regions=report(
                f"{RESULTS}/qc/regions.tsv",
                category=CATEGORY["quality"],
                caption="../report/quality_regions.rst",
                labels={"result": "Table: Who has which region"},
            ),
            reliability=report(
                f"{RESULTS}/qc/reliability.tsv",
                category=CATEGORY["quality"],
                caption="../report/quality_reliability.rst",
                labels={"result": "Table: Reliability within subjects"},
            ),
        log:
            f"{RESULTS}/logs/quality_brain.log",
        benchmark:
            f"{RESULTS}/benchmarks/quality_brain.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        params:
            lacking=lacking_regions(),
        message:
            "Gather voxel counts and reliabilities of all subjects"
        script:
            "../scripts/quality_brain.py"

    rule figure_quality_roi:
        input:
            betas=betas_of_subject,
            regions=regions_of_subject,
        output:
            f"{RESULTS}/figures/rois/sub-{{subject}}_rois.png",
        log:
            f"{RESULTS}/logs/figure_quality_roi/sub-{{subject}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_quality_roi/sub-{{subject}}.tsv"
        conda:
            "../../envs/neuroimaging.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        params:
            definitions=definitions_of_subject,
            betas=BETAS,
            roi=STUDY.roi.model_dump(mode="json"),
            root=str(STUDY.data_root),
            fitted=FITTED,
        message:
            "Draw the regions of subject {wildcards.subject} on the brain"
        script:
            "../scripts/figure_quality_roi.py"

    rule figure_quality_rois:
        input:
            [f"{RESULTS}/figures/rois/sub-{subject}_rois.png" for subject in measured_subjects()],
        output:
            report(
                f"{RESULTS}/figures/rois.png",
                category=CATEGORY["quality"],
                caption="../report/quality_rois.rst",
                labels={"result": "Figure: Regions on every subject's brain"},
            ),
        log:
            f"{RESULTS}/logs/figure_quality_rois.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_quality_rois.tsv"
        conda:
            "../../envs/neuroimaging.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        message:
            "Put the regions of all subjects on a page"
        script:
            "../scripts/figure_quality_rois.py"


if compared_targets():

    rule quality_intersubject:
        input:
            rdms_of(compared_targets()),
        output:
            report(
                f"{RESULTS}/qc/intersubject.tsv",
                category=CATEGORY["quality"],
                caption="../report/quality_intersubject.rst",
                labels={"result": "Table: Agreement between subjects"},
            ),
        log:
            f"{RESULTS}/logs/quality_intersubject.log",
        benchmark:
            f"{RESULTS}/benchmarks/quality_intersubject.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        message:
            "Compare each subject's RDMs with the others'"
        script:
            "../scripts/quality_intersubject.py"


if JUDGED_TARGETS:

    rule quality_judgments:
        input:
            stimuli=f"{RESULTS}/stimuli.tsv",
            judgments=[judged_path(target) for target in JUDGED_TARGETS],
        output:
            judgments=report(
                f"{RESULTS}/qc/judgments.tsv",
                category=CATEGORY["quality"],
                caption="../report/quality_judgments.rst",
                labels={"result": "Table: Judgments and the reliability of their raters"},
            ),
            pairs=[f"{RESULTS}/qc/target-{target}_pairs.tsv" for target in JUDGED_TARGETS],
        log:
            f"{RESULTS}/logs/quality_judgments.log",
        benchmark:
            f"{RESULTS}/benchmarks/quality_judgments.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(4000),
            runtime=minutes(60),
        params:
            targets=judged_targets(),
            seed=STUDY.seed,
        message:
            "Count the judgments of every pair, and compare halves of the raters"
        script:
            "../scripts/quality_judgments.py"


if shared_targets():

    rule figure_quality_mds:
        input:
            stimuli=f"{RESULTS}/stimuli.tsv",
            rdms=[rdm_of(target, GROUP) for target in shared_targets()],
        output:
            report(
                f"{RESULTS}/figures/mds.svg",
                category=CATEGORY["quality"],
                caption="../report/quality_mds.rst",
                labels={"result": "Figure: Maps of the group's RDMs"},
            ),
        log:
            f"{RESULTS}/logs/figure_quality_mds.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_quality_mds.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        params:
            seed=STUDY.seed,
        message:
            "Draw the group's RDMs as maps"
        script:
            "../scripts/figure_quality_mds.py"


rule figure_quality_rdms:
    input:
        **quality_tables("intersubject"),
        stimuli=f"{RESULTS}/stimuli.tsv",
        rdms=subject_rdms,
    output:
        report(
            f"{RESULTS}/figures/rdms_target-{{target}}.svg",
            category=CATEGORY["quality"],
            caption="../report/quality_rdms.rst",
            labels={"result": "Figure: RDM of every subject: {target}"},
        ),
    log:
        f"{RESULTS}/logs/figure_quality_rdms/target-{{target}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_quality_rdms/target-{{target}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    message:
        "Draw every subject's RDM of {wildcards.target}"
    script:
        "../scripts/figure_quality_rdms.py"


rule figure_quality_reliability:
    input:
        **quality_tables("reliability", "intersubject", "judgments"),
    output:
        report(
            f"{RESULTS}/figures/reliability.svg",
            category=CATEGORY["quality"],
            caption="../report/quality_reliability_figure.rst",
            labels={"result": "Figure: Reliability within and between subjects"},
        ),
    log:
        f"{RESULTS}/logs/figure_quality_reliability.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_quality_reliability.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    message:
        "Draw the reliabilities"
    script:
        "../scripts/figure_quality_reliability.py"


rule near_duplicates:
    input:
        stimuli=f"{RESULTS}/stimuli.tsv",
        images=stimulus_images,
    output:
        report(
            f"{RESULTS}/qc/near_duplicates.tsv",
            category=CATEGORY["quality"],
            caption="../report/quality_near_duplicates.rst",
            labels={"result": "Table: Images that are nearly the same"},
        ),
    log:
        f"{RESULTS}/logs/near_duplicates.log",
    benchmark:
        f"{RESULTS}/benchmarks/near_duplicates.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        table=table_path,
        sets=STUDY.image_sets,
        folds=settings_of(GROUP)["crossvalidation"],
        seed=STUDY.seed,
    message:
        "Look for images that are nearly the same"
    script:
        "../scripts/near_duplicates.py"


# After a run with `--keep-going` in which a subject failed, `snakemake quality_so_far` says what is missing and why,
# and shows the quality of what is there; with `--report so_far.zip` behind it, as a report.
rule quality_so_far:
    input:
        rdms=finished(rdms_of(target.name for target in STUDY.targets)),
        voxels=finished(quality_of_subjects("voxels")),
        reliability=finished(quality_of_subjects("reliability")),
    output:
        **{
            name: report(
                path,
                category=CATEGORY["quality"],
                caption=f"../report/quality_{name}.rst",
                labels={"result": f"Table: So far: {name}"},
            )
            for name, path in quality_tables(
                "voxels", "regions", "reliability", "intersubject", folder="qc/so_far"
            ).items()
        },
        missing=report(
            f"{RESULTS}/qc/so_far/missing.tsv",
            category=CATEGORY["quality"],
            caption="../report/quality_missing.rst",
            labels={"result": "Table: So far: what is missing, and why"},
        ),
        figure=report(
            f"{RESULTS}/qc/so_far/reliability.svg",
            category=CATEGORY["quality"],
            caption="../report/quality_reliability_figure.rst",
            labels={"result": "Figure: So far: reliability"},
        ),
    log:
        f"{RESULTS}/logs/quality_so_far.log",
    benchmark:
        f"{RESULTS}/benchmarks/quality_so_far.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    params:
        expected=expected_rdms(),
        shared=shared_targets(),
        lacking=lacking_regions(),
    message:
        "Tell what is missing, and the quality of what is there"
    script:
        "../scripts/quality_so_far.py"
