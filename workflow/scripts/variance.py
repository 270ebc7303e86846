"""Divide the variance of each target of the group between RDMs.

Output `variance.tsv`: a row a network × target × partition × scope × part: R² (dimensionless) with its 95 % interval.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "variance partitioning") as log:
    import numpy as np
    import pandas as pd

    from isoprune.foldsets import read_fold_sets
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import write_table
    from isoprune.partitions import PARTITION_COLUMNS, unit_partitions
    from isoprune.retained import load_retained

    given, params = snakemake.input, snakemake.params
    embeddings = {embedding.name: embedding for embedding in map(read_embedding, given.embeddings)}
    targets, predictors = (
        {rdm.target: rdm for rdm in map(read_rdm, paths)} for paths in (given.rdms, given.predictors)
    )
    tables = [
        unit_partitions(
            embeddings[unit["network"]],
            targets[unit["target"]],
            read_fold_sets(sets),
            np.array(load_retained(retained).features),
            params.partitions,
            predictors,
            measure=params.measure,
            n_bootstrap=params.n_bootstrap,
            seed=params.seed,
        )
        for unit, retained, sets in zip(params.units, given.retained, given.sets, strict=True)
    ]
    write_table(snakemake.output[0], pd.concat(tables, ignore_index=True), PARTITION_COLUMNS)
    log.info("%d units", len(tables))
