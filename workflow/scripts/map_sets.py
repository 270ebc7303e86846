"""Select the features that a target's maps are read through, for the target, its halves and its relabellings.

Output `*_sets.npz`: sets of every fold as packed bits, and the targets that selected them.
"""

from isoprune.log import Progress, job_log

about = "sets for maps, network {network}, target {target}, subject {subject}".format(**snakemake.wildcards)
with job_log(snakemake.log[0], about) as log:
    import numpy as np

    from isoprune.design import design_of
    from isoprune.foldsets import read_fold_sets
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.occlusion.sets import map_sets, write_map_sets
    from isoprune.retained import load_retained
    from isoprune.stimuli import stimuli_with

    given, params = snakemake.input, snakemake.params
    rdm = read_rdm(given.rdm, expect_target=snakemake.wildcards.target)
    stimuli = stimuli_with(read_stimuli(given.stimuli), rdm.labels)
    found = map_sets(
        read_embedding(given.embedding),
        rdm,
        read_fold_sets(given.sets),
        np.array(load_retained(given.retained).features),
        design_of(**params.settings, stimuli=stimuli, nuisances=list(map(read_rdm, given.nuisances))),
        subjects=list(map(read_rdm, given.subjects)),
        use=params.use,
        n_null=params.n_null,
        threads=snakemake.threads,
        progress=Progress(log, about),
    )
    write_map_sets(snakemake.output[0], found)
    log.info(
        "%d sets of the target, %d of relabelled ones", len(found.pruned), found.of_relabelled[..., 0].size
    )
