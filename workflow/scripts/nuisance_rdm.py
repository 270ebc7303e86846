"""Make the RDM of a nuisance: of the images, of their categories, of a network's full embedding, or from a file.

Output `nuisance-*_rdm.h5`: rsatoolbox RDMs with one RDM, in the nuisance's unit.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], f"nuisance {snakemake.wildcards.nuisance}") as log:
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import write_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.nuisances import nuisance_of_study

    embedding, file = snakemake.input.embedding, snakemake.input.file
    rdm = nuisance_of_study(
        snakemake.wildcards.nuisance,
        read_stimuli(snakemake.input.stimuli),
        images_from=snakemake.params.table,
        categories=snakemake.params.categories,
        embedding=read_embedding(embedding) if embedding else None,
        measure=snakemake.params.measure,
        file=file or None,
    )
    write_rdm(snakemake.output[0], rdm)
    log.info("%s of %d images", rdm.measure, len(rdm.labels))
