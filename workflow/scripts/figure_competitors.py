"""Draw what else can be made of the features, weights on all of them included, beside the pruned set.

Output `competitors.svg`: a ladder a network × target, a row a competitor; held-out signed r (−1…1), intervals, tests.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure competitors") as log:
    from isoprune.figures import competitors, save
    from isoprune.io.tables import read_table

    tables = {name: read_table(path, where=name) for name, path in snakemake.input.items()}
    save(competitors(**tables), snakemake.output[0])
    log.info("%d competitors", tables["summary"]["competitor"].nunique())
