"""Join the units of a study.

Output `folds.tsv`: every held-out score, a row a unit × fold × competitor.
Output `summary.tsv`: held-out means with p, interval and noise ceiling, a row a unit × competitor.
Output `contrasts.tsv`: paired differences with tests: of competitors, networks, targets and supervisions, a row a pair.
Output `intervals.tsv`: 95 % intervals over images, over subjects and over both, a row a score or difference.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "summary") as log:
    from isoprune.comparisons import study_contrasts
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import write_table
    from isoprune.results import CONTRAST_COLUMNS, FOLD_COLUMNS, SUMMARY_COLUMNS
    from isoprune.summary import (
        INTERVAL_COLUMNS,
        by_target,
        intervals_table,
        read_summary_units,
        summary_table,
    )
    from isoprune.units import read_units

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    folds, facts = read_units(given.folds, given.facts, given.rivals)
    units = read_summary_units(facts, given.sets, given.nulls, given.bootstraps, given.rival_bootstraps)
    rdms = by_target(map(read_rdm, given.rdms))
    write_table(output.folds, folds, FOLD_COLUMNS)
    table = summary_table(folds, units, rdms, exchange=params.exchange, seed=params.seed)
    write_table(output.summary, table, SUMMARY_COLUMNS)
    tested = study_contrasts(folds, units, seed=params.seed, n_bootstrap=params.n_bootstrap)
    write_table(output.contrasts, tested, CONTRAST_COLUMNS)
    write_table(output.intervals, intervals_table(units, seed=params.seed), INTERVAL_COLUMNS)
    log.info("%d units", len(facts))
