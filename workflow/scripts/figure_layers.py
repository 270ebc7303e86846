"""Draw the held-out isomorphism along the layers of a network.

Output `layers.svg`: a panel a sweep × target; held-out signed r (−1…1) against depth, how often each layer was chosen.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure layers") as log:
    from isoprune.figures import layers, save
    from isoprune.io.tables import read_table

    table = read_table(snakemake.input[0], where="layers")
    save(layers(table), snakemake.output[0])
    log.info("%d layers", table["network"].nunique())
