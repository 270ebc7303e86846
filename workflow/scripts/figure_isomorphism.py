"""Draw the held-out isomorphism of the full, the pruned and random feature sets.

Output `isomorphism.svg`: a panel a network × target; signed r (−1…1), dots are subjects, diamonds the group RDM.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure isomorphism") as log:
    from isoprune.figures import isomorphism, save
    from isoprune.io.tables import read_table
    from isoprune.layers import with_readable_networks

    tables = {name: read_table(path, where=name) for name, path in snakemake.input.items()}
    tables = with_readable_networks(tables)
    save(isomorphism(**tables), snakemake.output[0])
    log.info("%d rows of the summary", len(tables["summary"]))
