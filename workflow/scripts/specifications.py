"""Run all specifications of one network for one target, on the target and on relabelled targets.

Output `*_outcomes.npz`: held-out Fisher z of each specification, of the target and of every relabelling.
"""

from isoprune.log import Progress, job_log

about = "network {network}, target {target}, all specifications".format(**snakemake.wildcards)
with job_log(snakemake.log[0], about) as log:
    from isoprune.design import design_of
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_stimuli
    from isoprune.multiverse import run_specifications, specifications, write_outcomes
    from isoprune.stimuli import column_of, stimuli_with

    given, params = snakemake.input, snakemake.params
    target = read_rdm(given.rdm, expect_target=snakemake.wildcards.target)
    nuisances = [read_rdm(path) for path in given.nuisances]
    stimuli = stimuli_with(read_stimuli(given.stimuli), target.labels)
    outcomes = run_specifications(
        read_embedding(given.embedding),
        target,
        specifications(params.choices),
        design_of(**params.settings, stimuli=stimuli, nuisances=nuisances),
        layer=params.layer,
        n_permutations=params.n_permutations,
        exchange=params.exchange,
        groups=column_of(stimuli, params.column) if params.column else None,
        subset=params.subset,
        threads=snakemake.threads,
        progress=Progress(log, about),
    )
    write_outcomes(snakemake.output[0], outcomes)
    log.info("%d specifications, %d without a score", *outcomes.n_of_specifications)
