"""Draw the unique and shared parts of each target's variance on held-out images.

Output `variance.svg`: a panel a network × target, a row a part; R² with its 95 % interval over images.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure variance") as log:
    from isoprune.figures import save
    from isoprune.figures.variance import variance_parts
    from isoprune.io.tables import read_table

    table = read_table(snakemake.input[0], where="variance.tsv")
    save(variance_parts(table), snakemake.output[0])
    log.info("%d rows", len(table))
