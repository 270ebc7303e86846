"""Put the features of several layers side by side, from which pruning chooses the best layer.

Output `net-*_embedding.h5`: rsatoolbox Dataset, observations = images (descriptor `stimulus`), channels =
features of all layers (descriptor `feature`), in the networks' own units; provenance of every layer inside.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], f"network {snakemake.wildcards.network}") as log:
    from isoprune.io.embeddings import read_embedding, write_embedding
    from isoprune.layers import side_by_side

    layers = [read_embedding(path) for path in snakemake.input]
    embedding = side_by_side(layers, snakemake.wildcards.network)
    write_embedding(snakemake.output[0], embedding)
    log.info("%d features of %d layers", embedding.values.shape[1], len(layers))
