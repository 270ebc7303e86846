"""Draw the group's RDMs as maps.

Output `mds.svg`: a panel a target; stimuli as points, distances as near to the dissimilarities as a plane allows.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure maps") as log:
    from isoprune.figures import save
    from isoprune.figures.quality import maps
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_stimuli

    rdms = [read_rdm(path) for path in snakemake.input.rdms]
    save(maps(rdms, read_stimuli(snakemake.input.stimuli), snakemake.params.seed), snakemake.output[0])
    log.info("%d targets", len(rdms))
