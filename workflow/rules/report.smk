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
                category=CATEGORY["question"],
                caption="../report/stimuli.rst",
                labels={"result": "Figure: Images"},
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
            category=CATEGORY["quality"],
            caption="../report/rdms.rst",
            labels={"result": "Figure: Target RDMs of the group"},
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


rule figure_overview:
    input:
        summary=f"{RESULTS}/summary.tsv",
        contrasts=f"{RESULTS}/contrasts.tsv",
    output:
        svg=report(
            f"{RESULTS}/figures/overview.svg",
            category=CATEGORY["results"],
            caption="../report/overview.rst",
            labels={"result": "At a glance: every competitor on every target"},
        ),
        png=f"{RESULTS}/figures/overview.png",
    log:
        f"{RESULTS}/logs/figure_overview.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_overview.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    message:
        "Draw the study on one page"
    script:
        "../scripts/figure_overview.py"


rule figure_nulls:
    input:
        summary=f"{RESULTS}/summary.tsv",
        facts=unit_files("pruning", "facts.json", all_units()),
        nulls=unit_files("null", "null.npz", all_units()),
    output:
        report(
            f"{RESULTS}/figures/nulls.svg",
            category=CATEGORY["nulls"],
            caption="../report/nulls.rst",
            labels={"result": "Figure: What relabelled targets reach"},
        ),
    log:
        f"{RESULTS}/logs/figure_nulls.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_nulls.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    params:
        exchange=STUDY.inference.exchange,
    message:
        "Draw what relabelled targets reach"
    script:
        "../scripts/figure_nulls.py"


rule methods:
    input:
        summary=f"{RESULTS}/summary.tsv" if STUDY.networks else [],
        embeddings=[f"{RESULTS}/embeddings/net-{network.name}_embedding.h5" for network in STUDY.networks],
        rdms=rdms_of(TARGETS) + [rdm_of(target, GROUP) for target in SINGLE_RDMS],
        facts=unit_files("pruning", "facts.json", all_units()),
    output:
        question=report(
            f"{RESULTS}/question.html",
            category=CATEGORY["question"],
            caption="../report/question.rst",
            labels={"result": "Page: What is asked"},
        ),
        page=report(
            f"{RESULTS}/methods.html",
            category=CATEGORY["methods"],
            caption="../report/methods.rst",
            labels={"result": "Page: Methods text with references"},
        ),
        checklist_page=report(
            f"{RESULTS}/checklist.html",
            category=CATEGORY["methods"],
            caption="../report/checklist.rst",
            labels={"result": "Page: Checklist for reporting"},
        ),
        run=report(
            f"{RESULTS}/run.html",
            category=CATEGORY["run"],
            caption="../report/run.rst",
            labels={"result": "Page: Software, weights and every setting"},
        ),
        text=f"{RESULTS}/methods.md",
        references=f"{RESULTS}/methods.bib",
        checklist=f"{RESULTS}/checklist.tsv",
    log:
        f"{RESULTS}/logs/methods.log",
    benchmark:
        f"{RESULTS}/benchmarks/methods.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    params:
        settings=methods_settings(),
    message:
        "Write the methods text and the checklist for reporting"
    script:
        "../scripts/methods.py"


rule figure_isomorphism:
    input:
        summary=f"{RESULTS}/summary.tsv",
        folds=f"{RESULTS}/folds.tsv",
        contrasts=f"{RESULTS}/contrasts.tsv",
    output:
        report(
            f"{RESULTS}/figures/isomorphism.svg",
            category=CATEGORY["results"],
            caption="../report/isomorphism.rst",
            labels={"result": "Figure: Held-out isomorphism"},
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
            category=CATEGORY["nulls"],
            caption="../report/specificity.rst",
            labels={"result": "Figure: Is the gain the target's own?"},
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
            category=CATEGORY["results"],
            caption="../report/competitors.rst",
            labels={"result": "Figure: Pruning beside weights and other sets"},
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
            category=CATEGORY["results"],
            caption="../report/findings.rst",
            labels={"result": "At a glance: findings in words"},
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
            category=CATEGORY["results"],
            caption="../report/gain.rst",
            labels={"result": "Figure: What pruning gains"},
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
            category=CATEGORY["results"],
            caption="../report/tables.rst",
            labels={"result": "Page: Contrasts and summary, for reading"},
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
            category=CATEGORY["sets"],
            caption="../report/curves.rst",
            labels={"result": "Figure: Insertion curves (in-sample)"},
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
            category=CATEGORY["sets"],
            caption="../report/stability.rst",
            labels={"result": "Figure: Stability over folds"},
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
                category=CATEGORY["sets"],
                caption="../report/overlap_figure.rst",
                labels={"result": "Figure: Features that targets share"},
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
                category=CATEGORY["answer"],
                caption="../report/recovery_figure.rst",
                labels={"result": "Figure: Planted features found again"},
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
                category=CATEGORY["results"],
                caption="../report/layers.rst",
                labels={"result": "Figure: Layers of a network"},
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
                category=CATEGORY["results"],
                caption="../report/variance.rst",
                labels={"result": "Figure: Variance partitioning"},
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
