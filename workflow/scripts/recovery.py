"""Compare the retained with the planted features of a simulated study.

Output `recovery.tsv`: a row a unit: n_planted · n_retained · n_overlap · expected (counts) · p · held-out r of
the full and the pruned embedding.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "recovery") as log:
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.tables import read_table, write_table
    from isoprune.simulation import RECOVERY_COLUMNS, planted_sets, recovery_table

    values = read_embedding(snakemake.input.embedding).values
    params = snakemake.params
    planted = planted_sets(values, params.rois, params.planted, n_planted=params.n_planted, seed=params.seed)
    retained = [read_table(path, where=path) for path in snakemake.input.retained]
    summary = read_table(snakemake.input.summary, where="summary")
    table = recovery_table(params.units, retained, summary, values, planted)
    write_table(snakemake.output[0], table, RECOVERY_COLUMNS)
    log.info("%d units", len(table))
