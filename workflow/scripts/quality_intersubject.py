"""Compare each subject's RDMs with the mean of the others'.

Output `intersubject.tsv`: target × subject · number of subjects · Pearson r over pairs (−1…1).
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "agreement between subjects") as log:
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import write_table
    from isoprune.quality import INTERSUBJECT_COLUMNS, intersubject_table

    table = intersubject_table(read_rdm(path) for path in snakemake.input)
    write_table(snakemake.output[0], table, INTERSUBJECT_COLUMNS)
    log.info("%d RDMs", len(table))
