"""Cross-validate the pruning of one network for targets of one subject, test it, and fit final retained sets.

Of each target there is one:
Output `*_folds.tsv`: a row a fold × competitor: r (held-out isomorphism, −1…1) · r2 · n_retained · …
Output `*_curve.tsv`: n_inserted · isomorphism over all images (in-sample).
Output `*_retained.tsv`: feature · rank · drop · in_final · fold_frequency.
Output `*_facts.json`: single numbers of the unit, and its provenance.
Output `*_sets.npz`: the retained set of every fold, and the images that were scored.
Output `*_relabelled.npz`: the same of the target's first relabellings, as packed bits.
Output `*_null.npz`: held-out statistics (Fisher z) of the target and of its relabellings.
Output `*_bootstrap.npz`: held-out scores (Fisher z) of resampled images.
"""

from isoprune.log import Progress, job_log

given, params, output = snakemake.input, snakemake.params, snakemake.output
about = "network {network}, subject {subject} ({supervision})".format(**snakemake.wildcards)
with job_log(snakemake.log[0], about) as log:
    from isoprune.batches import read_job
    from isoprune.design import design_of
    from isoprune.errors import inside
    from isoprune.units import analyse_unit, write_unit

    job = read_job(**given)
    settings = {**params.settings, "n_permutations": params.n_permutations}
    for number, unit in enumerate(params.units):
        with inside(which := f"target {unit['target']}"):
            inputs = job.of_unit(unit)
            result = analyse_unit(
                job.embedding,
                inputs.supervising,
                inputs.scored,
                unit,
                design_of(**params.settings, stimuli=inputs.stimuli, nuisances=inputs.nuisances),
                n_permutations=params.n_permutations,
                subset=unit["target"] in params.subset,
                threads=snakemake.threads,
                progress=Progress(log, f"{about}, {which}"),
            )
            written = {role: files[number] for role, files in output.items()}
            write_unit(result, written, settings, inputs.files)
            n_retained, n_features = (result.facts[name] for name in ("n_retained", "n_features"))
            log.info("%s: %d of %d features retained", which, n_retained, n_features)
