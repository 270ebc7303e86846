"""Take one subject's RDM out of a ready file.

Output `sub-*_rdm.h5`: rsatoolbox RDMs with one RDM (n_images × n_images, dissimilarities in the source's own unit;
pattern descriptor `stimulus`); provenance inside.
"""

from isoprune.log import job_log

wildcards = snakemake.wildcards
with job_log(snakemake.log[0], f"target {wildcards.target}, subject {wildcards.subject}") as log:
    from isoprune.io.rdms import write_rdm
    from isoprune.io.ready_rdms import read_ready_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.stimuli import labels_in_order, stimuli_of_set

    settings = snakemake.params.settings
    stimuli = list(stimuli_of_set(read_stimuli(snakemake.input.stimuli), settings["set"])["stimulus"])
    rdm = read_ready_rdm(
        snakemake.params.source,
        key=settings["key"],
        labels=labels_in_order(settings["labels"], stimuli, *snakemake.input.get("labels", [])),
        subjects=snakemake.params.subjects,
        similarity=settings["similarity"],
        target=wildcards.target,
        subject=wildcards.subject,
    ).select(stimuli, "the stimulus table")
    write_rdm(snakemake.output[0], rdm)
    log.info("%d images", len(rdm.labels))
