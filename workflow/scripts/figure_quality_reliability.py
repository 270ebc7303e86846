"""Draw the reliability of patterns and RDMs.

Output `reliability.svg`: a row a target, a panel a measure (tSNR, Pearson r −1…1); dots are subjects.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure reliability") as log:
    from isoprune.figures import save
    from isoprune.figures.quality import reliability
    from isoprune.io.tables import read_table

    tables = {name: read_table(path, where=name) for name, path in snakemake.input.items()}
    shown = (tables.get(name) for name in ("reliability", "intersubject", "judgments"))
    save(reliability(*shown), snakemake.output[0])
    log.info("tables: %s", ", ".join(tables))
