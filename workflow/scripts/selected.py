"""List the results of the units that were asked for.

Output `selected.tsv`: as `summary.tsv`, without what needs the other units; the study's own tables stay as they are.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "selection") as log:
    from isoprune.io.tables import write_table
    from isoprune.results import SUMMARY_COLUMNS, summarise
    from isoprune.units import read_units

    folds, facts = read_units(snakemake.input.folds, snakemake.input.facts)
    table = summarise(folds, facts)
    write_table(snakemake.output[0], table, {column: SUMMARY_COLUMNS[column] for column in table})
    log.info("%d units", len(facts))
