"""Make the RDM of a nuisance: of what the images look like, of their categories, or of a network's full embedding.

Output `nuisance-*_rdm.h5`: rsatoolbox RDMs with one RDM, in the nuisance's unit.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], f"nuisance {snakemake.wildcards.nuisance}") as log:
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import write_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.nuisances import nuisance_of_study

    embedding = snakemake.input.embedding
    rdm = nuisance_of_study(
        snakemake.wildcards.nuisance,
        read_stimuli(snakemake.input.stimuli),
        images_from=snakemake.params.table,
        categories=snakemake.params.categories,
        embedding=read_embedding(embedding) if embedding else None,
        measure=snakemake.params.measure,
    )
    write_rdm(snakemake.output[0], rdm)
    log.info("%s of %d images", rdm.measure, len(rdm.labels))
