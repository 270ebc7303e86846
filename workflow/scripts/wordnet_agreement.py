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
    from isoprune.reweighting.folds import spaces_of_weights, weights_of_units
    from isoprune.synsets import read_wordnet, write_spaces
    from isoprune.wordnet_agreement import AGREEMENT_COLUMNS, unit_agreement

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    embeddings = {embedding.name: embedding for embedding in map(read_embedding, given.embeddings)}
    rdms = {rdm.target: rdm for rdm in map(read_rdm, given.rdms)}
    wordnet = read_wordnet(given.synsets, given.similarities)
    tables, spaces = [], {}
    weights = weights_of_units(given.sets, given.weights)
    for unit, retained, path, weighed in zip(params.units, given.retained, given.sets, weights, strict=True):
        embedding, sets = embeddings[unit["network"]], read_fold_sets(path)
        table, of_unit = unit_agreement(
            embedding,
            rdms[unit["target"]],
            sets,
            np.array(load_retained(retained).features),
            wordnet,
            **params.settings,
            more=spaces_of_weights(weighed, embedding, sets, params.settings["measure"]) if weighed else {},
        )
        tables.append(table)
        if of_unit:
            spaces[unit["network"], unit["target"]] = of_unit
    write_table(output.table, pd.concat(tables, ignore_index=True), AGREEMENT_COLUMNS)
    write_spaces(output.spaces, spaces)
    log.info("%d of %d units have images with synsets", len(spaces), len(tables))
