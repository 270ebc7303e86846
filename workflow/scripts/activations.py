"""Pass labelled images through a network once, and keep what its layer gives.

Output `net-*_activations.npy`: image × units of the layer as they are, float32; beside it `.npz` (class and name of
each image) and `.json` (provenance).
"""

from functools import partial

from isoprune.log import Progress, job_log

about = f"labelled images, network {snakemake.wildcards.network}"
with job_log(snakemake.log[0], about) as log:
    from isoprune.classification.activations import record_activations
    from isoprune.classification.images import labelled_images
    from isoprune.networks import build

    settings, params = snakemake.params.network, snakemake.params
    network = build(
        settings["model"],
        snakemake.input.weights[0] if snakemake.input.get("weights") else settings["weights"],
        sha256=settings["sha256"],
        seed=params.seed if settings["seed"] is None else settings["seed"],
    )
    images = labelled_images(snakemake.input.images, *snakemake.input.labels)
    record_activations(
        network,
        settings["layer"],
        images,
        snakemake.output.values,
        spatial=settings["spatial"],
        device=params.device,
        batch_size=params.batch_size,
        progress=partial(Progress(log, about), "images"),
    )
    log.info("%d images of %d classes", len(images.files), len(set(images.classes)))
