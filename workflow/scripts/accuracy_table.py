"""Join the accuracies of all networks.

Output `accuracy.tsv`: a row a network × target × images × competitor × number of features, or a difference of two.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "accuracy") as log:
    import pandas as pd

    from isoprune.classification.accuracy import ACCURACY_COLUMNS
    from isoprune.io.files import read_json
    from isoprune.io.tables import read_table, write_table

    tables = [read_table(path, where="accuracy") for path in snakemake.input]
    facts = [read_json(path.removesuffix("tsv") + "json")["accuracy"] for path in snakemake.input]
    about = {"accuracy": dict(zip(snakemake.params.networks, facts, strict=True))}
    write_table(snakemake.output[0], pd.concat(tables, ignore_index=True), ACCURACY_COLUMNS, about=about)
    log.info("%d networks", len(tables))
