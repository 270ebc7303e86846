"""What embeddings are made or read from."""


def embedding_file(wildcards):
    """The file of a network whose embedding was made by something else."""
    network = STUDY.network(wildcards.network)
    return existing_data(network.file, f"networks[{network.name}].file")


def labels_of_embedding(wildcards):
    """The file of labels of an embedding file that has none, if the setting names one."""
    return labels_from(STUDY.network(wildcards.network).labels, f"networks[{wildcards.network}].labels")


def embeddings_of_layers(wildcards):
    """The embeddings that a network is the best of."""
    return [f"{RESULTS}/embeddings/net-{name}_embedding.h5" for name in SWEEPS[wildcards.network]]
