"""Join the units of a study.

Output `folds.tsv`: every held-out score, a row a unit × fold × competitor.
Output `summary.tsv`: held-out means, a row a unit × competitor.
Output `contrasts.tsv`: paired differences of competitors with tests, a row a network × target × supervision × pair.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "summary") as log:
    from isoprune.io.tables import write_table
    from isoprune.results import CONTRAST_COLUMNS, FOLD_COLUMNS, SUMMARY_COLUMNS, contrasts, summarise
    from isoprune.units import read_units

    folds, facts = read_units(snakemake.input.folds, snakemake.input.facts)
    write_table(snakemake.output.folds, folds, FOLD_COLUMNS)
    write_table(snakemake.output.summary, summarise(folds, facts), SUMMARY_COLUMNS)
    settings = {"seed": snakemake.params.seed, "n_bootstrap": snakemake.params.n_bootstrap}
    write_table(snakemake.output.contrasts, contrasts(folds, **settings), CONTRAST_COLUMNS)
    log.info("%d units", len(facts))
