"""Join what was scored at each layer of a network with how often the layer was chosen.

Output `layers.tsv`: a row a sweep × target × supervision × layer × competitor; held-out signed r (−1…1), p, ceilings.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "layers") as log:
    from isoprune.io.files import read_json
    from isoprune.io.tables import read_table, write_table
    from isoprune.layers import LAYER_COLUMNS, layers_table

    facts = [read_json(path) for path in snakemake.input.facts]
    summary = read_table(snakemake.input.summary, where="summary")
    table = layers_table(summary, facts, snakemake.params.sweeps)
    write_table(snakemake.output[0], table, LAYER_COLUMNS)
    log.info("%d layers", table["network"].nunique())
