"""Embed the images of the study with one network.

Output `net-*_embedding.h5`: rsatoolbox Dataset, observations = images (descriptor `stimulus`), channels =
features (descriptor `feature`); activations in the network's own units, float32; provenance inside.
"""

from functools import partial

from isoprune.log import Progress, job_log

about = f"network {snakemake.wildcards.network}"
with job_log(snakemake.log[0], about) as log:
    from isoprune.embeddings import embed
    from isoprune.io.embeddings import write_embedding
    from isoprune.io.tables import image_paths, read_stimuli
    from isoprune.networks import build

    settings = snakemake.params.network
    stimuli = read_stimuli(snakemake.input.stimuli)
    network = build(
        settings["model"],
        snakemake.input.weights[0] if snakemake.input.get("weights") else settings["weights"],
        sha256=settings["sha256"],
        seed=snakemake.params.seed if settings["seed"] is None else settings["seed"],
    )
    embedding = embed(
        network,
        settings["layer"],
        image_paths(stimuli, snakemake.params.table),
        list(stimuli["stimulus"]),
        name=snakemake.wildcards.network,
        device=snakemake.params.device,
        batch_size=snakemake.params.batch_size,
        spatial=settings["spatial"],
        progress=partial(Progress(log, about), "images"),
    )
    write_embedding(snakemake.output[0], embedding)
    log.info("%d images × %d features on %s", *embedding.values.shape, embedding.provenance.get("device"))
