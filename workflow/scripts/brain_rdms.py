"""Compute the RDMs of one subject, in all regions, from betas.

Output `sub-*_roi-*_rdm.h5`: rsatoolbox RDMs, one a region (n_images × n_images; pattern descriptor `stimulus`).
Output `sub-*_roi-*_patterns.h5`: rsatoolbox Dataset, volumes (condition, run) × voxels, in units of the betas.
Output `sub-*_voxels.tsv`: roi · voxels in the mask, on the grid, dropped by reason, kept (counts).
"""

from isoprune.log import job_log

subject = snakemake.wildcards.subject
with job_log(snakemake.log[0], f"subject {subject}") as log:
    from isoprune.io.patterns import write_patterns
    from isoprune.io.rdms import write_rdm
    from isoprune.io.tables import read_stimuli, write_table
    from isoprune.patterns import extract_patterns
    from isoprune.quality import VOXEL_COLUMNS, voxel_table
    from isoprune.rdms import rdm_from_patterns

    labels = list(read_stimuli(snakemake.input.stimuli)["stimulus"])
    rois = snakemake.params.rois
    patterns = extract_patterns(
        list(zip(snakemake.input.images, snakemake.input.conditions, strict=True)),
        dict(zip(rois, snakemake.input.masks, strict=True)),
        labels=labels,
        subject=subject,
        resample=snakemake.params.resample,
        min_voxels=snakemake.params.min_voxels,
    )
    for roi, rdm_file, pattern_file in zip(
        rois, snakemake.output.rdms, snakemake.output.patterns, strict=True
    ):
        log.info("%s: %s", roi, patterns[roi].counts)
        write_patterns(pattern_file, patterns[roi])
        rdm = rdm_from_patterns(
            patterns[roi],
            labels,
            measure=snakemake.params.measure,
            run_centre=snakemake.params.run_centre,
            target=roi,
            subject=subject,
            provenance=patterns[roi].provenance,
        )
        write_rdm(rdm_file, rdm)
    write_table(snakemake.output.voxels, voxel_table(patterns), VOXEL_COLUMNS)
