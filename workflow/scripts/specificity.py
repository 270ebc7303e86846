"""Score what else could have ranked the features of a subject's units, in each unit's own folds.

Of each target there is one:
Output `*_folds.tsv`: a row a fold × competitor (variance, components, relabelled, label, …), as of `prune`.
Output `*_bootstrap.npz`: held-out scores (Fisher z) of resampled images.
"""

from isoprune.log import Progress, job_log

given, params, output = snakemake.input, snakemake.params, snakemake.output
about = "rivals, network {network}, subject {subject} ({supervision})".format(**snakemake.wildcards)
with job_log(snakemake.log[0], about) as log:
    from isoprune.batches import read_job
    from isoprune.design import design_of
    from isoprune.errors import inside
    from isoprune.foldsets import read_fold_sets
    from isoprune.specificity import analyse_rivals, write_rivals
    from isoprune.stimuli import labels_that_rank

    job = read_job(given.embedding, given.stimuli, [*given.rdms, *given.rivals], given.nuisances)
    columns = params.labels, params.settings["inference"]["categories"]
    files = zip(given.sets, output.folds, output.bootstrap, strict=True)
    for unit, (sets, *written) in zip(params.units, files, strict=True):
        with inside(which := f"target {unit['target']}"):
            inputs = job.of_unit(unit, params.rivals[unit["target"]])
            result = analyse_rivals(
                job.embedding,
                inputs.supervising,
                inputs.scored,
                read_fold_sets(sets),
                unit,
                design_of(**params.settings, stimuli=inputs.stimuli, nuisances=inputs.nuisances),
                labels=labels_that_rank(inputs.stimuli, *columns, of_set=unit["target"] in params.subset),
                others=inputs.rivals,
                **params.numbers,
                threads=snakemake.threads,
                progress=Progress(log, f"{about}, {which}"),
            )
            write_rivals(result, *written)
            log.info("%s: %d competitors", which, result.folds["competitor"].nunique())
