"""Look for images that are nearly the same, and in how many folds they are on either side.

Output `near_duplicates.tsv`: stimulus_1 · stimulus_2 · r (of pixels, −1…1) · mirrored · n_apart · n_folds.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "near duplicates") as log:
    from isoprune.duplicates import DUPLICATE_COLUMNS, duplicates_of_study
    from isoprune.io.tables import read_stimuli, write_table

    params = snakemake.params
    stimuli = read_stimuli(snakemake.input.stimuli)
    table = duplicates_of_study(stimuli, params.table, params.sets, params.folds, params.seed)
    write_table(snakemake.output[0], table, DUPLICATE_COLUMNS)
    for row in table.itertuples():
        log.warning(
            "%s and %s are nearly the same (r = %.3f), in %d of %d folds on either side",
            *(row.stimulus_1, row.stimulus_2, row.r, row.n_apart, row.n_folds),
        )
