"""Score retained sets of other studies on this study's targets, without fitting anything.

Output `transfer.tsv`: a row a set × target × competitor (full, pruned, random): r over all images · p · rank · …
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "transfer") as log:
    import pandas as pd

    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import write_table
    from isoprune.retained import RETAINED_SCORE_COLUMNS, load_retained, score_retained

    settings = {"n_relabellings": snakemake.params.n_relabellings, "seed": snakemake.params.seed}
    rdms = [read_rdm(path) for path in snakemake.input.rdms]
    tables = [
        score_retained(load_retained(retained), read_embedding(embedding).subset(rdm.labels), rdm, **settings)
        for retained, embedding in zip(snakemake.input.retained, snakemake.input.embeddings, strict=True)
        for rdm in rdms
    ]
    write_table(snakemake.output[0], pd.concat(tables, ignore_index=True), RETAINED_SCORE_COLUMNS)
    log.info("%d sets on %d targets", len(snakemake.input.retained), len(rdms))
