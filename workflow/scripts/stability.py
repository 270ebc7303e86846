"""Compare the retained sets of a study.

Output `stability.tsv`: jaccard · Nogueira's index with interval · agreement of RDMs, over folds, subjects and targets.
Output `overlap.tsv`: a row a network × pair of targets: shared features against sets for relabelled targets.
Output `sharing.tsv`: a row a network × feature: which targets retain it.
Output `agreement.tsv`: a row a pair of sets, of any targets and networks: correlation of their RDMs.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "stability") as log:
    import numpy as np

    from isoprune import agreement
    from isoprune.foldsets import read_fold_sets
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import write_table
    from isoprune.pruning import procedure_named
    from isoprune.retained import load_retained

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    units = [
        agreement.UnitSets(unit, np.array(load_retained(retained).features), read_fold_sets(sets).retained)
        for unit, retained, sets in zip(params.units, given.retained, given.sets, strict=True)
    ]
    embeddings = {embedding.name: embedding for embedding in map(read_embedding, given.embeddings)}
    rdms = {rdm.target: rdm for rdm in map(read_rdm, given.rdms)}
    overlap = agreement.study_overlap(
        units,
        embeddings,
        rdms,
        procedure=procedure_named(**params.pruning),
        n_relabelled=params.n_relabelled,
        seed=params.seed,
        threads=snakemake.threads,
    )
    stability = agreement.study_stability(units, embeddings)
    write_table(output.stability, stability, agreement.STUDY_STABILITY_COLUMNS)
    write_table(output.overlap, overlap, agreement.STUDY_OVERLAP_COLUMNS)
    sharing = agreement.study_sharing(units, embeddings)
    write_table(output.sharing, sharing, agreement.STUDY_SHARING_COLUMNS)
    rdm_agreement = agreement.study_agreement(units, embeddings)
    write_table(output.agreement, rdm_agreement, agreement.STUDY_AGREEMENT_COLUMNS)
    log.info("%d retained sets", len(units))
