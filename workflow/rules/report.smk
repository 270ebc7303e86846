"""Figures and pages: the study as its report shows it."""


include: "inputs/report.smk"


if MODELS and STUDY.report.stimuli:

    rule figure_stimuli:
        input:
            stimuli=f"{RESULTS}/stimuli.tsv",
            images=stimulus_images,
        output:
            report(
                f"{RESULTS}/figures/stimuli.png",
                category="1 Question and stimuli",
                caption="../report/stimuli.rst",
                labels={"result": "Images", "kind": "figure"},
            ),
        log:
            f"{RESULTS}/logs/figure_stimuli.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_stimuli.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        params:
            table=table_path,
        message:
            "Draw the images"
        script:
            "../scripts/figure_stimuli.py"


rule figure_rdms:
    input:
        stimuli=f"{RESULTS}/stimuli.tsv",
        rdms=[rdm_of(target.name, GROUP) for target in STUDY.targets],
    output:
        report(
            f"{RESULTS}/figures/rdms.svg",
            category="2 Data quality",
            caption="../report/rdms.rst",
            labels={"result": "Target RDMs of the group", "kind": "figure"},
        ),
    log:
        f"{RESULTS}/logs/figure_rdms.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_rdms.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    message:
        "Draw the target RDMs"
    script:
        "../scripts/figure_rdms.py"


rule figure_isomorphism:
    input:
        summary=f"{RESULTS}/summary.tsv",
        folds=f"{RESULTS}/folds.tsv",
        contrasts=f"{RESULTS}/contrasts.tsv",
    output:
        report(
            f"{RESULTS}/figures/isomorphism.svg",
            category="3 Held-out results",
            caption="../report/isomorphism.rst",
            labels={"result": "Held-out isomorphism", "kind": "figure"},
        ),
    log:
        f"{RESULTS}/logs/figure_isomorphism.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_isomorphism.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    message:
        "Draw the held-out isomorphism"
    script:
        "../scripts/figure_isomorphism.py"


rule figure_specificity:
    input:
        summary=f"{RESULTS}/summary.tsv",
        contrasts=f"{RESULTS}/contrasts.tsv",
    output:
        report(
            f"{RESULTS}/figures/specificity.svg",
            category="3 Held-out results",
            caption="../report/specificity.rst",
            labels={"result": "Is the gain the target's own?", "kind": "figure"},
        ),
    log:
        f"{RESULTS}/logs/figure_specificity.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_specificity.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    message:
        "Draw the ladder of competitors"
    script:
        "../scripts/figure_specificity.py"


rule figure_competitors:
    input:
        summary=f"{RESULTS}/summary.tsv",
        contrasts=f"{RESULTS}/contrasts.tsv",
    output:
        report(
            f"{RESULTS}/figures/competitors.svg",
            category="3 Held-out results",
            caption="../report/competitors.rst",
            labels={"result": "Pruning beside weights and other sets", "kind": "figure"},
        ),
    log:
        f"{RESULTS}/logs/figure_competitors.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_competitors.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "Draw pruning beside weights and other sets"
    script:
        "../scripts/figure_competitors.py"


rule findings:
    input:
        summary=f"{RESULTS}/summary.tsv",
        contrasts=f"{RESULTS}/contrasts.tsv",
        layers=[f"{RESULTS}/layers.tsv"] if SWEEPS else [],
        accuracy=[f"{RESULTS}/accuracy.tsv"] if STUDY.accuracy else [],
        multiverse=[f"{RESULTS}/multiverse.tsv"] if STUDY.multiverse else [],
    output:
        report(
            f"{RESULTS}/findings.html",
            category="3 Held-out results",
            caption="../report/findings.rst",
            labels={"result": "Findings in words", "kind": "text"},
        ),
    log:
        f"{RESULTS}/logs/findings.log",
    benchmark:
        f"{RESULTS}/benchmarks/findings.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    params:
        study=STUDY.study,
    message:
        "Write the findings in words"
    script:
        "../scripts/findings.py"


rule figure_gain:
    input:
        contrasts=f"{RESULTS}/contrasts.tsv",
    output:
        report(
            f"{RESULTS}/figures/gain.svg",
            category="3 Held-out results",
            caption="../report/gain.rst",
            labels={"result": "What pruning gains", "kind": "figure"},
        ),
    log:
        f"{RESULTS}/logs/figure_gain.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_gain.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    message:
        "Draw what pruning gains"
    script:
        "../scripts/figure_gain.py"


rule figure_tables:
    input:
        summary=f"{RESULTS}/summary.tsv",
        contrasts=f"{RESULTS}/contrasts.tsv",
    output:
        report(
            f"{RESULTS}/tables/summary.html",
            category="3 Held-out results",
            caption="../report/tables.rst",
            labels={"result": "Contrasts and summary, for reading", "kind": "page"},
        ),
    log:
        f"{RESULTS}/logs/figure_tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_tables.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    params:
        study=STUDY.study,
    message:
        "Write the tables as a page"
    script:
        "../scripts/figure_tables.py"


rule figure_curves:
    input:
        curves=unit_files("pruning", "curve.tsv", shown_units()),
        retained=unit_files("retained", "retained.tsv", shown_units()),
    output:
        report(
            f"{RESULTS}/figures/curves.svg",
            category="4 Retained features",
            caption="../report/curves.rst",
            labels={"result": "Insertion curves (in-sample)", "kind": "figure"},
        ),
    log:
        f"{RESULTS}/logs/figure_curves.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_curves.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    params:
        units=shown_units(),
        criterion=STUDY.pruning.criterion,
    message:
        "Draw the insertion curves"
    script:
        "../scripts/figure_curves.py"


rule figure_stability:
    input:
        retained=unit_files("retained", "retained.tsv", shown_units()),
    output:
        report(
            f"{RESULTS}/figures/stability.svg",
            category="4 Retained features",
            caption="../report/stability.rst",
            labels={"result": "Stability over folds", "kind": "figure"},
        ),
    log:
        f"{RESULTS}/logs/figure_stability.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_stability.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    params:
        units=shown_units(),
    message:
        "Draw the stability of the retained sets"
    script:
        "../scripts/figure_stability.py"


if several_sets():

    rule figure_overlap:
        input:
            f"{RESULTS}/overlap.tsv",
        output:
            report(
                f"{RESULTS}/figures/overlap.svg",
                category="4 Retained features",
                caption="../report/overlap_figure.rst",
                labels={"result": "Features that targets share", "kind": "figure"},
            ),
        log:
            f"{RESULTS}/logs/figure_overlap.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_overlap.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        message:
            "Draw the features that targets share"
        script:
            "../scripts/figure_overlap.py"


if STUDY.is_simulated:

    rule figure_recovery:
        input:
            recovery=f"{RESULTS}/recovery.tsv",
        output:
            report(
                f"{RESULTS}/figures/recovery.svg",
                category="6 Known answer",
                caption="../report/recovery_figure.rst",
                labels={"result": "Planted features found again", "kind": "figure"},
            ),
        log:
            f"{RESULTS}/logs/figure_recovery.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_recovery.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        message:
            "Draw the recovery of the planted features"
        script:
            "../scripts/figure_recovery.py"


if SWEEPS:

    rule figure_layers:
        input:
            f"{RESULTS}/layers.tsv",
        output:
            report(
                f"{RESULTS}/figures/layers.svg",
                category="3 Held-out results",
                caption="../report/layers.rst",
                labels={"result": "Layers of a network", "kind": "figure"},
            ),
        log:
            f"{RESULTS}/logs/figure_layers.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_layers.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        message:
            "Draw the layers that were tried"
        script:
            "../scripts/figure_layers.py"


if STUDY.partitions:

    rule figure_variance:
        input:
            f"{RESULTS}/variance.tsv",
        output:
            report(
                f"{RESULTS}/figures/variance.svg",
                category="3 Held-out results",
                caption="../report/variance.rst",
                labels={"result": "Variance partitioning", "kind": "figure"},
            ),
        log:
            f"{RESULTS}/logs/figure_variance.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_variance.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        message:
            "Draw the parts of the targets' variance"
        script:
            "../scripts/figure_variance.py"
