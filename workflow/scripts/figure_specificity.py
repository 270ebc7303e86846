"""Draw what else could have ranked the features, beside the target itself.

Output `specificity.svg`: a ladder a network × target, a row a competitor; held-out signed r (−1…1), intervals, tests.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure specificity") as log:
    from isoprune.figures import save, specificity
    from isoprune.io.tables import read_table
    from isoprune.layers import with_readable_networks

    tables = {name: read_table(path, where=name) for name, path in snakemake.input.items()}
    tables = with_readable_networks(tables)
    save(specificity(**tables), snakemake.output[0])
    log.info("%d competitors", tables["summary"]["competitor"].nunique())
