"""Cross-validate the pruning of one network for one target of one subject, and fit its final retained set.

Output `*_folds.tsv`: a row a fold × competitor: r (held-out isomorphism, −1…1) · r2 · n_retained · …
Output `*_curve.tsv`: n_inserted · isomorphism over all images (in-sample).
Output `*_retained.tsv`: feature · rank · drop · in_final · fold_frequency.
Output `*_facts.json`: single numbers of the unit, and its provenance.
"""

from isoprune.log import Progress, job_log

unit = {**snakemake.wildcards, "layer": snakemake.params.layer}
about = "network {network}, target {target}, subject {subject} ({supervision})".format(**unit)
with job_log(snakemake.log[0], about) as log:
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.stimuli import column_of
    from isoprune.units import analyse_unit, write_unit

    folding = dict(snakemake.params.crossvalidation)
    column = folding.pop("column")
    result = analyse_unit(
        read_embedding(snakemake.input.embedding),
        read_rdm(snakemake.input.rdm, expect_target=unit["target"], expect_subject=unit["subject"]),
        unit,
        criterion=snakemake.params.pruning["criterion"],
        groups=column_of(read_stimuli(snakemake.input.stimuli), column) if column else None,
        seed=snakemake.params.seed,
        subset=snakemake.params.subset,
        threads=snakemake.threads,
        progress=Progress(log, about, "folds"),
        **folding,
    )
    settings = {"pruning": snakemake.params.pruning, "crossvalidation": snakemake.params.crossvalidation}
    write_unit(
        result, snakemake.output, {**settings, "seed": snakemake.params.seed}, dict(snakemake.input.items())
    )
    log.info("%d of %d features retained", result.facts["n_retained"], result.facts["n_features"])
