"""Fit weights on all features of a network to a target, in the folds of pruning, and score them there.

Output `*_folds.tsv`, one a unit: a row a fold × kind of reweighting (ridge, nonnegative, dissimilarity), as of `prune`.
Output `*_bootstrap.npz`: held-out scores (Fisher z) of resampled images.
Output `*_weights.npz`: an array a kind, a row a fold, after that of all images; columns are features.
Output `*_desc-<kind>_weights.tsv`: feature · weight, fitted on all images.
"""

from isoprune.log import Progress, job_log

params, network = snakemake.params, snakemake.wildcards.network
about = f"reweighting, network {network}, target {params.units[0]['target']}"
with job_log(snakemake.log[0], about) as log:
    from isoprune.batches import read_rdms
    from isoprune.design import design_of
    from isoprune.foldsets import read_fold_sets
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.tables import read_stimuli
    from isoprune.provenance import record
    from isoprune.reweighting.study import units_of_job, write_reweighted
    from isoprune.reweighting.units import analyse_reweightings
    from isoprune.stimuli import stimuli_with

    given, output = snakemake.input, snakemake.output
    stimuli, nuisances = read_stimuli(given.stimuli), [rdm for _, rdm in read_rdms(given.nuisances).values()]
    units = units_of_job(
        [{**unit, "network": network, "layer": params.layer} for unit in params.units],
        read_rdms(given.rdms),
        list(map(read_fold_sets, given.sets)),
        params.kinds,
        lambda labels: design_of(
            **params.settings, stimuli=stimuli_with(stimuli, labels), nuisances=nuisances
        ),
    )
    chosen = {"penalties": params.penalties, "n_inner": params.n_inner}
    how = {**chosen, "threads": snakemake.threads, "progress": Progress(log, about)}
    results = analyse_reweightings(read_embedding(given.embedding), units, **how)
    made_from = record(
        {**params.settings, **chosen}, {"embedding": given.embedding, "rdms": list(given.rdms)}
    )
    paths = iter(output.weights)
    written = zip(results, params.kinds, output.folds, output.bootstraps, output.of_folds, strict=True)
    for one, kinds, *files in written:
        write_reweighted(*one, *files, dict(zip(kinds, paths, strict=False)), made_from)
    log.info("%d units", len(units))
