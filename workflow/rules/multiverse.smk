"""Combinations of settings, run and tested together; only in a study that asks for it."""


include: "inputs/multiverse.smk"


if STUDY.multiverse:

    rule specifications:
        input:
            embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
            rdm=rdm_of_group,
            nuisances=nuisances_that_rank,
            stimuli=f"{RESULTS}/stimuli.tsv",
        output:
            f"{RESULTS}/multiverse/net-{{network}}_target-{{target}}_outcomes.npz",
        log:
            f"{RESULTS}/logs/specifications/net-{{network}}_target-{{target}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/specifications/net-{{network}}_target-{{target}}.tsv"
        conda:
            env_of_backend()
        threads: 1
        resources:
            **gpu_if(STUDY.pruning.backend),
            mem_mb=memory(1500),
            runtime=minutes(60),
        params:
            layer=layer_of,
            settings=multiverse_settings(),
            choices=multiverse_choices(),
            column=STUDY.multiverse.column or STUDY.crossvalidation.column,
            exchange=STUDY.inference.exchange,
            n_permutations=STUDY.multiverse.n_permutations,
            subset=lambda w: about_some_images(w.target),
        message:
            "Run all specifications of {wildcards.network} for {wildcards.target}"
        script:
            "../scripts/specifications.py"

    rule multiverse:
        input:
            multiverse_files(),
        output:
            report(
                f"{RESULTS}/multiverse.tsv",
                category=CATEGORY["results"],
                caption="../report/multiverse_table.rst",
                labels={"result": "Table: All specifications"},
            ),
        log:
            f"{RESULTS}/logs/multiverse.log",
        benchmark:
            f"{RESULTS}/benchmarks/multiverse.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            choices=multiverse_choices(),
        message:
            "Test all specifications together"
        script:
            "../scripts/multiverse.py"

    rule figure_multiverse:
        input:
            f"{RESULTS}/multiverse.tsv",
        output:
            report(
                f"{RESULTS}/figures/multiverse.svg",
                category=CATEGORY["results"],
                caption="../report/multiverse.rst",
                labels={"result": "Figure: Does it hang on one choice?"},
            ),
        log:
            f"{RESULTS}/logs/figure_multiverse.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_multiverse.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        message:
            "Draw the specification curves"
        script:
            "../scripts/figure_multiverse.py"
