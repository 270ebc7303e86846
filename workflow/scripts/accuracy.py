"""Classify labelled images with the retained features of each target, with random and with reweighted ones.

Output `net-*_accuracy.tsv`: a row a target × images × competitor × number of features, or a difference of two.
"""

from functools import partial

from isoprune.log import Progress, job_log

about = f"accuracy, network {snakemake.wildcards.network}"
with job_log(snakemake.log[0], about) as log:
    from isoprune.classification.accuracy import ACCURACY_COLUMNS, accuracy_table, read_unit
    from isoprune.classification.activations import read_activations
    from isoprune.classification.head import Head
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.tables import write_table
    from isoprune.networks import build, resolve_layer

    given, params = snakemake.input, snakemake.params
    settings = params.network
    network = build(
        settings["model"],
        given.weights[0] if given.get("weights") else settings["weights"],
        sha256=settings["sha256"],
        seed=params.seed if settings["seed"] is None else settings["seed"],
    )
    activations = read_activations(given.activations)
    table = accuracy_table(
        Head(network, resolve_layer(network, settings["layer"])),
        activations,
        [read_unit(*one, given.reweighted) for one in zip(given.retained, params.domains, strict=True)],
        read_embedding(given.embedding),
        **params.settings,
        seed=params.seed,
        progress=partial(Progress(log, about), "batches of images"),
    )
    facts = {"settings": params.settings, "seed": params.seed, "activations": activations.provenance}
    write_table(snakemake.output[0], table, ACCURACY_COLUMNS, about={"accuracy": facts})
    log.info("%d rows", len(table))
