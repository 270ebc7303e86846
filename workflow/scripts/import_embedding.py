"""Read an embedding that anything else made, and join it to the stimulus table.

Output `net-*_embedding.h5`: rsatoolbox Dataset, observations = images (descriptor `stimulus`), channels =
features (descriptor `feature`); the file's own units; provenance inside.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], f"network {snakemake.wildcards.network}") as log:
    from isoprune.io.embeddings import import_embedding, write_embedding
    from isoprune.io.tables import read_stimuli
    from isoprune.stimuli import labels_in_order

    settings = snakemake.params.network
    stimuli = list(read_stimuli(snakemake.input.stimuli)["stimulus"])
    embedding = import_embedding(
        snakemake.input.file,
        name=snakemake.wildcards.network,
        labels=labels_in_order(settings["labels"], stimuli, *snakemake.input.get("labels", [])),
        key=settings["key"],
    )
    write_embedding(snakemake.output[0], embedding.select(stimuli, "the stimulus table"))
    log.info("%d images × %d features", *embedding.values.shape)
