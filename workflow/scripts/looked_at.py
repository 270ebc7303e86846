"""See what the features of a network look at that targets keep most steadily.

Of each target there is one:
Output `*_features.tsv`: a row a feature: share of folds that keep it · rank · kind (shared, partly, private) · …
Output `*_others.tsv`: a row a feature × other target: kept there, and the feature there that is most like it.
Output `*_images.tsv`: a row a feature × image that drives it most or least: drive (standard deviations).
Output `*_selectivity.tsv`: a row a feature × column of the stimulus table: category · d · ε² · corrected p.
Output `*_sets.tsv`: a row a column: ε² of retained sets on held-out images, against sets of relabelled targets.
Output `*_hypernyms.tsv`: a row a feature × kind of things in WordNet: enrichment among the images that drive it most.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], f"features of {snakemake.wildcards.network}") as log:
    from isoprune.drivers import TABLES, looked_at
    from isoprune.foldsets import read_fold_sets
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.tables import read_stimuli, read_table, write_table
    from isoprune.keeping import keepings_of_units
    from isoprune.relabelled_sets import read_relabelled_sets
    from isoprune.retained import load_retained

    given, params = snakemake.input, snakemake.params
    embedding = read_embedding(given.embedding)
    keepings = keepings_of_units(
        params.units,
        [read_fold_sets(path) for path in given.sets],
        [load_retained(path).features for path in given.retained],
        embedding.values.shape[1],
    )
    stimuli = read_stimuli(given.stimuli)
    synsets = read_table(given.synsets, where="synsets of the stimuli") if given.synsets else None
    for number, target in enumerate(params.targets):
        files = zip(params.relabelled, given.relabelled, strict=True)
        relabelled = [read_relabelled_sets(path) for unit, path in files if unit["target"] == target]
        tables, about = looked_at(
            embedding, target, keepings, stimuli, synsets, relabelled, **params.settings
        )
        for name, table in tables.items():
            write_table(snakemake.output[name][number], table, TABLES[name], {"about": about})
        columns = ", ".join(about["columns"]) or "none"
        log.info("%s: %d features, columns %s", target, len(tables["features"]), columns)
