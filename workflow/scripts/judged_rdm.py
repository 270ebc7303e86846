"""Make an RDM of the single judgments of one rater, or of all.

Output `sub-*_rdm.h5`: rsatoolbox RDMs with one RDM (n_images × n_images, mean dissimilarities from 0 to 1; pattern
descriptor `stimulus`); provenance inside.
"""

from isoprune.log import job_log

wildcards = snakemake.wildcards
with job_log(snakemake.log[0], f"target {wildcards.target}, subject {wildcards.subject}") as log:
    from isoprune.io.rdms import write_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.judgments import judged_rdm
    from isoprune.stimuli import stimuli_of_set

    settings = snakemake.params.settings
    rdm = judged_rdm(
        snakemake.input.judgments,
        list(stimuli_of_set(read_stimuli(snakemake.input.stimuli), settings["set"])["stimulus"]),
        settings["judgments"],
        target=wildcards.target,
        subject=wildcards.subject,
    )
    write_rdm(snakemake.output[0], rdm)
    log.info("%d images, %d judgments", len(rdm.labels), rdm.provenance["n_judgments"])
