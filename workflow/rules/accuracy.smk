"""Classification accuracy that is left with the retained features; only in a study that asks for it."""


include: "inputs/accuracy.smk"


if STUDY.accuracy:

    rule activations:
        input:
            images=labelled_folder(),
            labels=labels_of_images(),
            weights=weights_file,
        output:
            values=f"{RESULTS}/accuracy/net-{{network}}_activations.npy",
            classes=f"{RESULTS}/accuracy/net-{{network}}_activations.npz",
            about=f"{RESULTS}/accuracy/net-{{network}}_activations.json",
        log:
            f"{RESULTS}/logs/activations/net-{{network}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/activations/net-{{network}}.tsv"
        wildcard_constraints:
            network=any_of(accuracy_networks()),
        conda:
            "../../envs/torch.yaml"
        threads: 2
        resources:
            **gpu_if(STUDY.accuracy.device),
            mem_mb=memory(4000),
            runtime=minutes(240),
        params:
            network=network_settings,
            device=STUDY.accuracy.device,
            batch_size=STUDY.accuracy.batch_size,
            seed=STUDY.seed,
        message:
            "Show labelled images to {wildcards.network}"
        script:
            "../scripts/activations.py"

    rule accuracy:
        input:
            activations=f"{RESULTS}/accuracy/net-{{network}}_activations.npy",
            embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
            retained=sets_of_network,
            reweighted=weights_of_network,
            weights=weights_file,
        output:
            f"{RESULTS}/accuracy/net-{{network}}_accuracy.tsv",
        log:
            f"{RESULTS}/logs/accuracy/net-{{network}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/accuracy/net-{{network}}.tsv"
        wildcard_constraints:
            network=any_of(accuracy_networks()),
        conda:
            "../../envs/torch.yaml"
        threads: 2
        resources:
            **gpu_if(STUDY.accuracy.device),
            mem_mb=memory(4000),
            runtime=minutes(240),
        params:
            network=network_settings,
            domains=domains_of_network,
            settings=STUDY.accuracy.model_dump(
                mode="json", include={"numbers", "n_random", "batch_size", "device"}
            ),
            seed=STUDY.seed,
        message:
            "Classify images with some of the features of {wildcards.network}"
        script:
            "../scripts/accuracy.py"

    rule accuracy_table:
        input:
            [f"{RESULTS}/accuracy/net-{network}_accuracy.tsv" for network in accuracy_networks()],
        output:
            report(
                f"{RESULTS}/accuracy.tsv",
                category=CATEGORY["sets"],
                caption="../report/accuracy_table.rst",
                labels={"result": "Table: Classification accuracy"},
            ),
        log:
            f"{RESULTS}/logs/accuracy_table.log",
        benchmark:
            f"{RESULTS}/benchmarks/accuracy_table.tsv"
        conda:
            "../../envs/torch.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            networks=accuracy_networks(),
        message:
            "Join the accuracies of all networks"
        script:
            "../scripts/accuracy_table.py"

    rule figure_accuracy:
        input:
            f"{RESULTS}/accuracy.tsv",
        output:
            report(
                f"{RESULTS}/figures/accuracy.svg",
                category=CATEGORY["sets"],
                caption="../report/accuracy.rst",
                labels={"result": "Figure: Classification accuracy"},
            ),
        log:
            f"{RESULTS}/logs/figure_accuracy.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_accuracy.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        message:
            "Draw the accuracy that is left"
        script:
            "../scripts/figure_accuracy.py"
