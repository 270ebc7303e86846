"""Check the stimulus table.

Output `stimuli.tsv`: the user's table with a row an image: stimulus (label) · file · the user's columns ·
sha256 (of the image file; only when a network is shown the images).
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "stimuli") as log:
    from isoprune.io.tables import write_table
    from isoprune.stimuli import STIMULUS_COLUMNS, checked_stimuli, column_of

    params = snakemake.params
    stimuli = checked_stimuli(params.table, params.rows, with_images=params.with_images, folder=params.folder)
    if params.column:
        column_of(stimuli, params.column)  # an unknown column stops here, before hours of work
    descriptions = {column: STIMULUS_COLUMNS.get(column, "The user's own column.") for column in stimuli}
    write_table(snakemake.output.table, stimuli, descriptions)
    log.info("%d stimuli, columns %s", len(stimuli), ", ".join(stimuli))
