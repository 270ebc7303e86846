"""Draw the study on one page.

Output `overview.svg`, `overview.png` (300 dots per inch): held-out signed r (−1…1) of every competitor on every target,
with 95 % intervals, noise ceilings and p.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure overview") as log:
    from isoprune.figures import overview, save
    from isoprune.io.tables import read_table
    from isoprune.layers import with_readable_networks

    tables = {name: read_table(path, where=name) for name, path in snakemake.input.items()}
    figure = overview(**with_readable_networks(tables))
    save(figure, snakemake.output.svg)
    save(figure, snakemake.output.png, dpi=300)
    log.info("%d targets", tables["summary"]["target"].nunique())
