"""Write the contrasts and the summary as a page for reading.

Output `summary.html`: both tables, rounded, with the meaning of every column; no scripts, no network.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "page of tables") as log:
    from isoprune.figures import tables_page
    from isoprune.io.files import write_text
    from isoprune.io.tables import read_table
    from isoprune.layers import with_readable_networks

    tables = {name: read_table(path, where=name) for name, path in snakemake.input.items()}
    tables = with_readable_networks(tables)
    write_text(snakemake.output[0], tables_page(snakemake.params.study, **tables))
    log.info("%d contrasts, %d rows of the summary", len(tables["contrasts"]), len(tables["summary"]))
