"""Compare the group's spaces with WordNet.

Output `wordnet.tsv`: a row a network × target × scope × measure × coefficient × competitor, or difference of two.
Output `spaces.npz`: RDMs of synsets by network, target and competitor, over all images that have a synset.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "agreement with WordNet") as log:
    import numpy as np
    import pandas as pd

    from isoprune.foldsets import read_fold_sets
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import write_table
    from isoprune.retained import load_retained
    from isoprune.synsets import read_wordnet, write_spaces
    from isoprune.wordnet_agreement import AGREEMENT_COLUMNS, unit_agreement

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    embeddings = {embedding.name: embedding for embedding in map(read_embedding, given.embeddings)}
    rdms = {rdm.target: rdm for rdm in map(read_rdm, given.rdms)}
    wordnet = read_wordnet(given.synsets, given.similarities)
    tables, spaces = [], {}
    for unit, retained, sets in zip(params.units, given.retained, given.sets, strict=True):
        table, of_unit = unit_agreement(
            embeddings[unit["network"]],
            rdms[unit["target"]],
            read_fold_sets(sets),
            np.array(load_retained(retained).features),
            wordnet,
            **params.settings,
        )
        tables.append(table)
        if of_unit:
            spaces[unit["network"], unit["target"]] = of_unit
    write_table(output.table, pd.concat(tables, ignore_index=True), AGREEMENT_COLUMNS)
    write_spaces(output.spaces, spaces)
    log.info("%d of %d units have images with synsets", len(spaces), len(tables))
