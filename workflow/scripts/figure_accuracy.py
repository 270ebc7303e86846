"""Draw the accuracy that is left against the number of features.

Output `accuracy.svg`: a panel a network × accuracy, and target × rescaled or not; a line a competitor.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure accuracy") as log:
    from isoprune.figures import save
    from isoprune.figures.accuracy import accuracy_curves
    from isoprune.io.tables import read_table

    table = read_table(snakemake.input[0], where="accuracy.tsv")
    save(accuracy_curves(table), snakemake.output[0])
    log.info("%d rows", len(table))
