"""Cross-validate the pruning of one network for one target of one subject, test it, and fit its final retained set.

Output `*_folds.tsv`: a row a fold × competitor: r (held-out isomorphism, −1…1) · r2 · n_retained · …
Output `*_curve.tsv`: n_inserted · isomorphism over all images (in-sample).
Output `*_retained.tsv`: feature · rank · drop · in_final · fold_frequency.
Output `*_facts.json`: single numbers of the unit, and its provenance.
Output `*_sets.npz`: the retained set of every fold, and the images that were scored.
Output `*_null.npz`: held-out statistics (Fisher z) of the target and of its relabellings.
Output `*_bootstrap.npz`: held-out scores (Fisher z) of resampled images.
"""

from isoprune.log import Progress, job_log

unit = {**snakemake.wildcards, "layer": snakemake.params.layer}
about = "network {network}, target {target}, subject {subject} ({supervision})".format(**unit)
with job_log(snakemake.log[0], about) as log:
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.stimuli import stimuli_with
    from isoprune.transfer import supervising_rdm
    from isoprune.units import analyse_unit, design_of, write_unit

    settings = dict(snakemake.params.settings)
    scored = read_rdm(snakemake.input.rdm, expect_target=unit["target"], expect_subject=unit["subject"])
    ranking = [read_rdm(path, expect_target=unit["target"]) for path in snakemake.input.ranking]
    nuisances = [read_rdm(path) for path in snakemake.input.nuisances]
    stimuli = stimuli_with(read_stimuli(snakemake.input.stimuli), scored.labels)
    result = analyse_unit(
        read_embedding(snakemake.input.embedding),
        supervising_rdm(ranking, scored),
        scored,
        unit,
        design_of(**settings, stimuli=stimuli, nuisances=nuisances),
        n_permutations=snakemake.params.n_permutations,
        subset=snakemake.params.subset,
        threads=snakemake.threads,
        progress=Progress(log, about),
    )
    settings["n_permutations"] = snakemake.params.n_permutations
    write_unit(result, snakemake.output, settings, snakemake.input)
    log.info("%d of %d features retained", result.facts["n_retained"], result.facts["n_features"])
