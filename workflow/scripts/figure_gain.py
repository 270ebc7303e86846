"""Draw what pruning gains over the full and over random feature sets.

Output `gain.svg`: a row a network × target × unit of the test; difference of held-out r with its 95 % interval.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure gain") as log:
    from isoprune.figures import gain, save
    from isoprune.io.tables import read_table
    from isoprune.layers import with_readable_networks

    tables = {"contrasts": read_table(snakemake.input.contrasts, where="contrasts")}
    save(gain(**with_readable_networks(tables)), snakemake.output[0])
    log.info("%d contrasts", len(tables["contrasts"]))
