"""Draw the agreement of each competitor's space with WordNet.

Output `wordnet.svg`: a panel a network × target; rank correlations with 95 % intervals over synsets.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure WordNet") as log:
    from isoprune.figures import save
    from isoprune.figures.wordnet import agreement
    from isoprune.io.tables import read_table

    table = read_table(snakemake.input[0], where="wordnet.tsv")
    save(agreement(table), snakemake.output[0])
    log.info("%d rows", len(table))
