"""Embeddings: the activations of one layer of each network for every image."""


include: "inputs/embeddings.smk"


rule embedding:
    input:
        stimuli=f"{RESULTS}/stimuli.tsv",
        images=stimulus_images,
        weights=weights_file,
    output:
        f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
    log:
        f"{RESULTS}/logs/embedding/net-{{network}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/embedding/net-{{network}}.tsv"
    wildcard_constraints:
        network=any_of(MODELS),
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        **gpu_if(STUDY.embedding.device),
        mem_mb=memory(MEMORY_OF_AN_EMBEDDING + n_images() // 2),
        runtime=minutes(15 + n_images() // 60),
    params:
        network=network_settings,
        table=table_path,
        device=STUDY.embedding.device,
        batch_size=STUDY.embedding.batch_size,
        seed=STUDY.seed,
    message:
        "Embed the images with {wildcards.network}"
    script:
        "../scripts/embedding.py"


rule import_embedding:
    input:
        stimuli=f"{RESULTS}/stimuli.tsv",
        file=embedding_file,
        labels=labels_of_embedding,
    output:
        f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
    log:
        f"{RESULTS}/logs/import_embedding/net-{{network}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/import_embedding/net-{{network}}.tsv"
    wildcard_constraints:
        network=any_of(EMBEDDING_FILES),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, file=8),
        runtime=minutes(10),
    params:
        network=network_settings,
    message:
        "Read the embedding file of {wildcards.network}"
    script:
        "../scripts/import_embedding.py"


rule layers_side_by_side:
    input:
        embeddings_of_layers,
    output:
        f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
    log:
        f"{RESULTS}/logs/layers_side_by_side/net-{{network}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/layers_side_by_side/net-{{network}}.tsv"
    wildcard_constraints:
        network=any_of(SWEEPS),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10),
    message:
        "Put the layers that {wildcards.network} is the best of side by side"
    script:
        "../scripts/layers_side_by_side.py"
