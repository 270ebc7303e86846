"""Average the RDMs of a target over subjects.

Output `sub-group_*_rdm.h5`: rsatoolbox RDMs with one RDM, the mean of the subjects' RDMs, in their unit.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], f"target {snakemake.wildcards.target}, group") as log:
    from isoprune.io.rdms import read_rdm, write_rdm
    from isoprune.rdms import group_mean, whose_the_mean_is

    rdms = [read_rdm(path, expect_target=snakemake.wildcards.target) for path in snakemake.input]
    write_rdm(snakemake.output[0], group_mean(rdms, snakemake.wildcards.target))
    log.info("mean over %d subjects", len(rdms))
    if found := whose_the_mean_is(rdms):
        log.warning("subject %s has %.2f of the spread of all: the mean is nearly its RDM", *found)
