"""What the retained features look at: tables and a page for each network and target."""


include: "inputs/features.smk"


if STUDY.features:

    rule looked_at:
        input:
            embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
            stimuli=f"{RESULTS}/stimuli.tsv",
            retained=retained_of_features,
            sets=folds_of_features,
            relabelled=relabelled_of_features,
            synsets=f"{RESULTS}/wordnet/synsets.tsv" if STUDY.wordnet else [],
        output:
            features=looked_at_files("features"),
            others=looked_at_files("others"),
            images=looked_at_files("images"),
            selectivity=looked_at_files("selectivity"),
            sets=looked_at_files("sets"),
            hypernyms=looked_at_files("hypernyms"),
        log:
            f"{RESULTS}/logs/looked_at/net-{{network}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/looked_at/net-{{network}}.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000),
            runtime=minutes(30),
        params:
            targets=TARGETS,
            units=units_of_features,
            relabelled=main_units_of_features,
            settings={**STUDY.features.model_dump(mode="json"), "seed": STUDY.seed},
        message:
            "See what the features look at that {wildcards.network} keeps"
        script:
            "../scripts/looked_at.py"

    rule figure_features:
        input:
            features=f"{RESULTS}/features/net-{{network}}_target-{{target}}_features.tsv",
            others=f"{RESULTS}/features/net-{{network}}_target-{{target}}_others.tsv",
            images=f"{RESULTS}/features/net-{{network}}_target-{{target}}_images.tsv",
            selectivity=f"{RESULTS}/features/net-{{network}}_target-{{target}}_selectivity.tsv",
            sets=f"{RESULTS}/features/net-{{network}}_target-{{target}}_sets.tsv",
            hypernyms=f"{RESULTS}/features/net-{{network}}_target-{{target}}_hypernyms.tsv",
            stimuli=f"{RESULTS}/stimuli.tsv",
            pictures=stimulus_images,
        output:
            report(
                f"{RESULTS}/figures/net-{{network}}_target-{{target}}_features.html",
                category=CATEGORY["sets"],
                caption="../report/features.rst",
                labels={"result": "Page: What they look at, {network}, {target}"},
            ),
        log:
            f"{RESULTS}/logs/figure_features/net-{{network}}_target-{{target}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_features/net-{{network}}_target-{{target}}.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            study=STUDY.study,
            layer=layer_of,
            table=table_path,
            with_stimuli=bool(MODELS) and STUDY.report.stimuli,
            with_wordnet=bool(STUDY.wordnet),
        message:
            "Draw what the features look at that {wildcards.network} keeps for {wildcards.target}"
        script:
            "../scripts/figure_features.py"
