"""The stimulus table, and the simulated data of the demo."""

if STUDY.is_simulated:

    rule simulate_stimuli:
        output:
            table=TABLE,
            images=directory(TABLE.parent / "images"),
        log:
            f"{RESULTS}/logs/simulate_stimuli.log",
        benchmark:
            f"{RESULTS}/benchmarks/simulate_stimuli.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            n_per_category=STUDY.simulation.n_per_category,
            seed=STUDY.seed,
        message:
            "Draw the stimuli of the simulation"
        script:
            "../scripts/simulate_stimuli.py"

    rule simulate_subject:
        input:
            embedding=f"{RESULTS}/embeddings/net-{STUDY.simulation.network}_embedding.h5",
        output:
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
            masks=[STUDY.data_path(STUDY.target(target).mask) for target in BETA_TARGETS],
        log:
            f"{RESULTS}/logs/simulate_subject/sub-{{subject}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/simulate_subject/sub-{{subject}}.tsv"
        conda:
            "../../envs/neuroimaging.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, embedding=20),
            runtime=minutes(10),
        params:
            rois=BETA_TARGETS,
            planted=list(STUDY.simulation.planted),
            n_planted=STUDY.simulation.n_planted,
            noise=STUDY.simulation.noise,
            runs=list(STUDY.betas.runs),
            seed=STUDY.seed,
        message:
            "Simulate the betas of subject {wildcards.subject}"
        script:
            "../scripts/simulate_subject.py"


rule stimuli:
    input:
        table=TABLE if STUDY.stimuli.table else [],
        images=stimulus_images,
    output:
        table=f"{RESULTS}/stimuli.tsv",
    log:
        f"{RESULTS}/logs/stimuli.log",
    benchmark:
        f"{RESULTS}/benchmarks/stimuli.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(700),
        runtime=minutes(10),
    params:
        column=STUDY.crossvalidation.column,
        with_images=bool(MODELS),
        rows=list(STUDY.stimuli.rows) if STUDY.stimuli.rows else None,
        table=lambda wildcards: str(TABLE),
        folder=lambda wildcards: str(STUDY.image_folder),
    message:
        "Check the stimulus table and its images"
    script:
        "../scripts/stimuli.py"
