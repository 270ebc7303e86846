"""Draw every subject's RDM of one target.

Output `rdms_target-*.svg`: a heatmap a subject, percentiles over pairs of stimuli (0…100).
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], f"figure RDMs of {snakemake.wildcards.target}") as log:
    from isoprune.figures import save
    from isoprune.figures.quality import subject_rdms
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_stimuli, read_table

    between = snakemake.input.get("intersubject")
    figure = subject_rdms(
        [read_rdm(path) for path in snakemake.input.rdms],
        read_stimuli(snakemake.input.stimuli),
        read_table(between, where="agreement between subjects") if between else None,
    )
    save(figure, snakemake.output[0])
    log.info("%d subjects", len(snakemake.input.rdms))
