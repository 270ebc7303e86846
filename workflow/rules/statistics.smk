"""The tidy tables of a study."""


include: "inputs/statistics.smk"


rule summary:
    input:
        folds=unit_files("pruning", "folds.tsv", all_units()),
        rivals=rival_files("folds.tsv"),
        facts=unit_files("pruning", "facts.json", all_units()),
        sets=unit_files("pruning", "sets.npz", all_units()),
        bootstraps=unit_files("pruning", "bootstrap.npz", all_units()),
        rival_bootstraps=rival_files("bootstrap.npz"),
        nulls=unit_files("null", "null.npz", all_units()),
        rdms=rdms_of(shared_targets()),
    output:
        folds=report(
            f"{RESULTS}/folds.tsv",
            category=CATEGORY["results"],
            caption="../report/folds.rst",
            labels={"result": "Table: Every fold"},
        ),
        summary=report(
            f"{RESULTS}/summary.tsv",
            category=CATEGORY["results"],
            caption="../report/summary.rst",
            labels={"result": "Table: Summary"},
        ),
        contrasts=report(
            f"{RESULTS}/contrasts.tsv",
            category=CATEGORY["results"],
            caption="../report/contrasts.rst",
            labels={"result": "Table: Contrasts"},
        ),
        intervals=report(
            f"{RESULTS}/intervals.tsv",
            category=CATEGORY["results"],
            caption="../report/intervals.rst",
            labels={"result": "Table: Intervals over images, subjects and both"},
        ),
    log:
        f"{RESULTS}/logs/summary.log",
    benchmark:
        f"{RESULTS}/benchmarks/summary.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=6),
        runtime=minutes(15, all=0.2),
    params:
        seed=STUDY.seed,
        n_bootstrap=STUDY.inference.n_bootstrap,
        exchange=STUDY.inference.exchange,
    message:
        "Summarise the study"
    script:
        "../scripts/summary.py"


rule stability:
    input:
        retained=unit_files("retained", "retained.tsv", all_units()),
        sets=unit_files("pruning", "sets.npz", all_units()),
        embeddings=[f"{RESULTS}/embeddings/net-{network.name}_embedding.h5" for network in STUDY.networks],
        rdms=[rdm_of(target, GROUP) for target in shared_targets() if GROUP in STUDY.supervision],
    output:
        stability=report(
            f"{RESULTS}/stability.tsv",
            category=CATEGORY["sets"],
            caption="../report/stability_table.rst",
            labels={"result": "Table: Stability over folds, subjects and targets"},
        ),
        overlap=compared_sets(
            f"{RESULTS}/overlap.tsv",
            category=CATEGORY["sets"],
            caption="../report/overlap.rst",
            labels={"result": "Table: Overlap between targets"},
        ),
        sharing=compared_sets(
            f"{RESULTS}/sharing.tsv",
            category=CATEGORY["sets"],
            caption="../report/sharing.rst",
            labels={"result": "Table: Shared and private features"},
        ),
        agreement=report(
            f"{RESULTS}/agreement.tsv",
            category=CATEGORY["sets"],
            caption="../report/agreement.rst",
            labels={"result": "Table: Agreement of the retained sets' RDMs"},
        ),
    log:
        f"{RESULTS}/logs/stability.log",
    benchmark:
        f"{RESULTS}/benchmarks/stability.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=6),
        runtime=minutes(30, all=0.2),
    params:
        units=[{**unit, "layer": layer_of_network(unit["network"])} for unit in all_units()],
        pruning=STUDY.pruning.model_dump(mode="json"),
        n_relabelled=STUDY.inference.n_permutations_subjects,
        seed=STUDY.seed,
    message:
        "Compare the retained sets"
    script:
        "../scripts/stability.py"


if SWEEPS:

    rule layers:
        input:
            summary=f"{RESULTS}/summary.tsv",
            facts=unit_files("pruning", "facts.json", units_of_sweeps()),
        output:
            report(
                f"{RESULTS}/layers.tsv",
                category=CATEGORY["results"],
                caption="../report/layers_table.rst",
                labels={"result": "Table: Layers tried"},
            ),
        log:
            f"{RESULTS}/logs/layers.log",
        benchmark:
            f"{RESULTS}/benchmarks/layers.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            sweeps=SWEEPS,
        message:
            "Join the layers that were tried"
        script:
            "../scripts/layers.py"


if STUDY.partitions:

    rule variance:
        input:
            retained=unit_files("retained", "retained.tsv", group_units()),
            sets=unit_files("pruning", "sets.npz", group_units()),
            embeddings=[f"{RESULTS}/embeddings/net-{network.name}_embedding.h5" for network in STUDY.networks],
            rdms=[rdm_of(target, GROUP) for target in TARGETS],
            predictors=predictors(),
        output:
            report(
                f"{RESULTS}/variance.tsv",
                category=CATEGORY["results"],
                caption="../report/variance_table.rst",
                labels={"result": "Table: Variance partitioning"},
            ),
        log:
            f"{RESULTS}/logs/variance.log",
        benchmark:
            f"{RESULTS}/benchmarks/variance.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=6),
            runtime=minutes(30, all=0.2),
        params:
            units=group_units(),
            partitions=STUDY.partitions,
            measure=STUDY.pruning.measure,
            n_bootstrap=STUDY.inference.n_bootstrap_images,
            seed=STUDY.seed,
        message:
            "Divide the targets' variance between RDMs"
        script:
            "../scripts/variance.py"


if STUDY.transfer:

    rule transfer:
        input:
            retained=transferred_sets(),
            embeddings=[f"{RESULTS}/embeddings/net-{one.network}_embedding.h5" for one in STUDY.transfer],
            rdms=[rdm_of(target, GROUP) for target in shared_targets()],
        output:
            report(
                f"{RESULTS}/transfer.tsv",
                category=CATEGORY["results"],
                caption="../report/transfer.rst",
                labels={"result": "Table: Sets of other studies on these targets"},
            ),
        log:
            f"{RESULTS}/logs/transfer.log",
        benchmark:
            f"{RESULTS}/benchmarks/transfer.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=6),
            runtime=minutes(30, all=0.2),
        params:
            n_relabellings=STUDY.inference.n_permutations,
            seed=STUDY.seed,
        message:
            "Score retained sets of other studies"
        script:
            "../scripts/transfer.py"


rule selected:
    input:
        folds=unit_files("pruning", "folds.tsv", selected_units()),
        facts=unit_files("pruning", "facts.json", selected_units()),
    output:
        f"{RESULTS}/selected.tsv",
    log:
        f"{RESULTS}/logs/selected.log",
    benchmark:
        f"{RESULTS}/benchmarks/selected.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, all=3),
        runtime=minutes(10),
    message:
        "List the selected units"
    script:
        "../scripts/selected.py"


onsuccess:
    if is_selection() and Path(f"{RESULTS}/selected.tsv").is_file():
        print(Path(f"{RESULTS}/selected.tsv").read_text(), file=sys.stderr)


if STUDY.is_simulated:

    rule recovery:
        input:
            retained=unit_files("retained", "retained.tsv", all_units()),
            summary=f"{RESULTS}/summary.tsv",
            embedding=f"{RESULTS}/embeddings/net-{STUDY.simulation.network}_embedding.h5",
        output:
            report(
                f"{RESULTS}/recovery.tsv",
                category=CATEGORY["answer"],
                caption="../report/recovery.rst",
                labels={"result": "Table: Recovery of the planted features"},
            ),
        log:
            f"{RESULTS}/logs/recovery.log",
        benchmark:
            f"{RESULTS}/benchmarks/recovery.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        params:
            units=[unit for unit in all_units() if unit["network"] == STUDY.simulation.network],
            planted=list(STUDY.simulation.planted),
            rois=BETA_TARGETS,
            n_planted=STUDY.simulation.n_planted,
            seed=STUDY.seed,
        message:
            "Compare the retained with the planted features"
        script:
            "../scripts/recovery.py"
