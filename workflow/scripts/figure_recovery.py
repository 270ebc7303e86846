"""Draw how well pruning finds the planted features.

Output `recovery.svg`: a row a target; share of the planted features found (0…1), and held-out r (−1…1).
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure recovery") as log:
    from isoprune.figures import recovery, save
    from isoprune.io.tables import read_table

    table = read_table(snakemake.input.recovery, where="recovery")
    save(recovery(table), snakemake.output[0])
    log.info("%d units", len(table))
