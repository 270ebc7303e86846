"""Agreement of the group's spaces with WordNet; only in a study that asks for it."""

if STUDY.wordnet:

    rule wordnet:
        input:
            f"{RESULTS}/stimuli.tsv",
        output:
            synsets=f"{RESULTS}/wordnet/synsets.tsv",
            similarities=f"{RESULTS}/wordnet/similarities.npz",
        log:
            f"{RESULTS}/logs/wordnet.log",
        benchmark:
            f"{RESULTS}/benchmarks/wordnet.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1500),
            runtime=minutes(10),
        params:
            column=STUDY.wordnet.column,
            measures=STUDY.wordnet.measures,
            data=STUDY.wordnet.data,
        message:
            "Look up in WordNet what the stimuli show"
        script:
            "../scripts/wordnet.py"

    rule wordnet_agreement:
        input:
            retained=unit_files("retained", "retained.tsv", group_units()),
            sets=unit_files("pruning", "sets.npz", group_units()),
            embeddings=[f"{RESULTS}/embeddings/net-{network.name}_embedding.h5" for network in STUDY.networks],
            rdms=[rdm_of(target, GROUP) for target in TARGETS],
            weights=unit_files("reweighting", "weights.npz", filter(kinds_of_unit, group_units())),
            synsets=f"{RESULTS}/wordnet/synsets.tsv",
            similarities=f"{RESULTS}/wordnet/similarities.npz",
        output:
            table=report(
                f"{RESULTS}/wordnet.tsv",
                category=CATEGORY["results"],
                caption="../report/wordnet_table.rst",
                labels={"result": "Table: Agreement with WordNet"},
            ),
            spaces=f"{RESULTS}/wordnet/spaces.npz",
        log:
            f"{RESULTS}/logs/wordnet_agreement.log",
        benchmark:
            f"{RESULTS}/benchmarks/wordnet_agreement.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=6),
            runtime=minutes(30, all=0.2),
        params:
            units=group_units(),
            settings={
                "measure": STUDY.pruning.measure,
                "n_bootstrap": STUDY.inference.n_bootstrap_images,
                "n_permutations": STUDY.inference.n_permutations,
                "seed": STUDY.seed,
            },
        message:
            "Compare the spaces with WordNet"
        script:
            "../scripts/wordnet_agreement.py"

    rule figure_wordnet:
        input:
            f"{RESULTS}/wordnet.tsv",
        output:
            report(
                f"{RESULTS}/figures/wordnet.svg",
                category=CATEGORY["results"],
                caption="../report/wordnet.rst",
                labels={"result": "Figure: Agreement with WordNet"},
            ),
        log:
            f"{RESULTS}/logs/figure_wordnet.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_wordnet.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        message:
            "Draw the agreement with WordNet"
        script:
            "../scripts/figure_wordnet.py"

    rule figure_dendrograms:
        input:
            spaces=f"{RESULTS}/wordnet/spaces.npz",
            similarities=f"{RESULTS}/wordnet/similarities.npz",
        output:
            report(
                f"{RESULTS}/figures/dendrograms.svg",
                category=CATEGORY["sets"],
                caption="../report/dendrograms.rst",
                labels={"result": "Figure: Spaces as trees, beside WordNet"},
            ),
        log:
            f"{RESULTS}/logs/figure_dendrograms.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_dendrograms.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=3),
            runtime=minutes(10),
        message:
            "Draw the spaces as trees"
        script:
            "../scripts/figure_dendrograms.py"
