"""Draw the group's target RDMs.

Output `rdms.svg`: a heatmap a target, percentiles over pairs of images (0…100), images by category.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure rdms") as log:
    from isoprune.figures import rdms, save
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_stimuli

    of_targets = [read_rdm(path) for path in snakemake.input.rdms]
    save(rdms(of_targets, read_stimuli(snakemake.input.stimuli)), snakemake.output[0])
    log.info("%d targets", len(of_targets))
