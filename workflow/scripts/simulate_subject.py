"""Simulate the brain of one subject: regions that follow a few features of a network, and a region of noise.

Output `sub-*_run-*_betas.nii.gz`: 4-D, one volume an image, in units of the signal's standard deviation.
Output `sub-*_run-*_conditions.tsv`: volume (from 0) · condition (stimulus label).
Output `sub-*_roi-*_mask.nii.gz`: 1 inside the region.
"""

from pathlib import Path

from isoprune.log import job_log

subject = snakemake.wildcards.subject
with job_log(snakemake.log[0], f"simulated subject {subject}") as log:
    from isoprune.io.embeddings import read_embedding
    from isoprune.simulation import planted_sets, simulate_subject

    embedding = read_embedding(snakemake.input.embedding)
    params = snakemake.params
    planted = planted_sets(
        embedding.values, params.rois, params.planted, n_planted=params.n_planted, seed=params.seed
    )
    simulate_subject(
        Path(snakemake.output.images[0]).parents[1],
        subject=subject,
        embedding=embedding,
        planted=planted,
        n_runs=len(params.runs),
        noise=params.noise,
        seed=params.seed,
    )
    log.info("planted: %s", {roi: len(features) for roi, features in planted.items()})
