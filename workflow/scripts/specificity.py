"""Score what else could have ranked the features of a unit, in the unit's own folds.

Output `*_folds.tsv`: a row a fold × competitor (variance, components, relabelled, label, …), as of `prune`.
Output `*_bootstrap.npz`: held-out scores (Fisher z) of resampled images.
"""

from isoprune.log import Progress, job_log

unit = {**snakemake.wildcards, "layer": snakemake.params.layer}
about = "rivals, network {network}, target {target}, subject {subject} ({supervision})".format(**unit)
with job_log(snakemake.log[0], about) as log:
    from isoprune.foldsets import read_fold_sets
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.specificity import analyse_rivals, write_rivals
    from isoprune.stimuli import labels_that_rank, stimuli_with
    from isoprune.summary import by_target
    from isoprune.transfer import supervising_rdm
    from isoprune.units import design_of

    given, params = snakemake.input, snakemake.params
    scored = read_rdm(given.rdm, expect_target=unit["target"], expect_subject=unit["subject"])
    stimuli = stimuli_with(read_stimuli(given.stimuli), scored.labels)
    ranking = [read_rdm(path, expect_target=unit["target"]) for path in given.ranking]
    rivals = {name: list(rdms.values()) for name, rdms in by_target(map(read_rdm, given.rivals)).items()}
    result = analyse_rivals(
        read_embedding(given.embedding),
        supervising_rdm(ranking, scored),
        scored,
        read_fold_sets(given.sets),
        unit,
        design_of(**params.settings, stimuli=stimuli, nuisances=list(map(read_rdm, given.nuisances))),
        labels=labels_that_rank(
            stimuli, params.labels, params.settings["inference"]["categories"], of_set=params.of_set
        ),
        others={name: supervising_rdm(rdms, scored) for name, rdms in rivals.items()},
        n_relabelled=params.n_relabelled,
        n_variance=params.n_variance,
        matched=params.matched,
        threads=snakemake.threads,
        progress=Progress(log, about),
    )
    write_rivals(result, **snakemake.output)
    log.info("%d competitors", result.folds["competitor"].nunique())
