"""Draw the specification curves.

Output `multiverse.svg`: for each target all scores in order with their nulls, and below the choices behind each.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure multiverse") as log:
    from isoprune.figures import save
    from isoprune.figures.multiverse import specification_curves
    from isoprune.multiverse_tables import read_multiverse

    table, joint = read_multiverse(snakemake.input[0])
    save(specification_curves(table, joint), snakemake.output[0])
    log.info("%d specifications", len(table))
