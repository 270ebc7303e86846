"""List the results of the units that were asked for.

Output `selected.tsv`: as `summary.tsv`, of the selected units only; the study's own tables stay as they are.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "selection") as log:
    from isoprune.io.tables import write_table
    from isoprune.results import SUMMARY_COLUMNS, summarise
    from isoprune.units import read_units

    folds, facts = read_units(snakemake.input.folds, snakemake.input.facts)
    write_table(snakemake.output[0], summarise(folds, facts), SUMMARY_COLUMNS)
    log.info("%d units", len(facts))
