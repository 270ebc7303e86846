"""Compute the RDMs of one subject, in all regions, from betas.

Output `sub-*_roi-*_rdm.h5`: rsatoolbox RDMs, one a region (n_images × n_images; pattern descriptor `stimulus`).
Output `sub-*_roi-*_patterns.h5`: rsatoolbox Dataset, volumes (condition, run) × voxels, in units of the betas.
Output `sub-*_voxels.tsv`: roi · voxels in the region, on the grid, dropped by reason, kept (counts).
Output `sub-*_reliability.tsv`: roi · tSNR · split-half reliability of patterns and RDM (−1…1).
"""

from isoprune.log import job_log

subject = snakemake.wildcards.subject
with job_log(snakemake.log[0], f"subject {subject}") as log:
    from isoprune.brain import subject_brain
    from isoprune.io.patterns import write_patterns
    from isoprune.io.rdms import write_rdm
    from isoprune.io.tables import read_stimuli, write_table
    from isoprune.quality import RELIABILITY_COLUMNS, VOXEL_COLUMNS

    params = snakemake.params
    brain = subject_brain(
        subject,
        list(read_stimuli(snakemake.input.stimuli)["stimulus"]),
        params.definitions,
        betas=params.betas,
        roi=params.roi,
        rdm=params.rdm,
        root=params.root,
        fitted=params.fitted,
        seed=params.seed,
    )
    for roi, path in zip(params.definitions, snakemake.output.rdms, strict=True):
        write_rdm(path, brain.rdms[roi])
    for roi, path in zip(params.definitions, snakemake.output.patterns, strict=True):
        write_patterns(path, brain.patterns[roi])
    write_table(snakemake.output.voxels, brain.voxels, VOXEL_COLUMNS)
    write_table(snakemake.output.reliability, brain.reliability, RELIABILITY_COLUMNS)
    for line in (*brain.notes, brain.voxels.to_string(index=False)):
        log.info(line)
