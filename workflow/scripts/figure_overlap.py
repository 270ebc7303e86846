"""Draw how many features the retained sets of two targets share.

Output `overlap.svg`: a row a network × pair of targets; overlap corrected for the sets' sizes (0 … 1).
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure overlap") as log:
    from isoprune.figures import overlap, save
    from isoprune.io.tables import read_table

    table = read_table(snakemake.input[0], where="overlap")
    save(overlap(table), snakemake.output[0])
    log.info("%d pairs of targets", len(table))
