"""Count the judgments of every pair, and compare halves of the raters.

Output `judgments.tsv`: a row a target · counts · reliability by random halves of the raters (−1…1).
Output `target-*_pairs.tsv`: a row a pair of images · number of judgments · mean dissimilarity (0…1).
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "judgments") as log:
    from isoprune.io.tables import read_stimuli, write_table
    from isoprune.judgments import read_judgments
    from isoprune.raters import JUDGMENT_COLUMNS, PAIR_COLUMNS, judgment_row, judgment_table, pair_table
    from isoprune.stimuli import stimuli_of_set

    given, rows = snakemake.input, []
    stimuli = read_stimuli(given.stimuli)
    files = zip(snakemake.params.targets.items(), given.judgments, snakemake.output.pairs, strict=True)
    for (target, about), table, pairs in files:
        labels = list(stimuli_of_set(stimuli, about["set"])["stimulus"])
        judgments = read_judgments(table, labels, about["judgments"])
        rows.append(judgment_row(judgments, target, about["subjects"], seed=snakemake.params.seed))
        used = judgments.of_raters(about["subjects"]) if about["subjects"] else judgments
        write_table(pairs, pair_table(used), PAIR_COLUMNS)
        log.info("%s: %d judgments of %d pairs", target, len(used.pair), used.n_pairs)
    write_table(snakemake.output.judgments, judgment_table(rows), JUDGMENT_COLUMNS)
