"""Look up in WordNet what the stimuli show.

Output `synsets.tsv`: stimulus · synset · hypernyms.
Output `similarities.npz`: `synsets` (n), and per measure a matrix (n, n) of their similarity in WordNet, dimensionless.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "WordNet") as log:
    from isoprune.io.tables import read_stimuli, write_table
    from isoprune.io.wordnet import load_wordnet
    from isoprune.wordnet import SYNSET_COLUMNS, synset_table, wordnet_similarity, write_similarities

    params, output = snakemake.params, snakemake.output
    wordnet = load_wordnet(params.data)
    table = synset_table(wordnet, read_stimuli(snakemake.input[0]), params.column)
    synsets = sorted(table["synset"].dropna().unique())
    similarities = {measure: wordnet_similarity(wordnet, synsets, measure) for measure in params.measures}
    write_table(output.synsets, table, SYNSET_COLUMNS)
    write_similarities(output.similarities, synsets, similarities)
    log.info("%d synsets, %d stimuli without one", len(synsets), table["synset"].isna().sum())
