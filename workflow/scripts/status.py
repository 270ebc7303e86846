"""Tell how far each unit of the study is.

Output `status.tsv`: network · target · subject · supervision · state · step · reason · log.
"""

import sys

from isoprune.log import job_log

with job_log(snakemake.log[0], "status") as log:
    from isoprune.io.tables import write_table
    from isoprune.states import STATE_COLUMNS, state_table, state_text

    table = state_table(snakemake.params.units)
    write_table(snakemake.output[0], table, STATE_COLUMNS)
    log.info(state_text(table))
    print(state_text(table), file=sys.stderr)
