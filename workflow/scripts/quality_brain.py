"""Gather voxel counts and reliabilities of all subjects.

Output `voxels.tsv`: subject × roi · voxels in the region, on the grid, dropped by reason, kept (counts).
Output `regions.tsv`: roi · number of subjects who have it, and who lacks it.
Output `reliability.tsv`: subject × roi · tSNR · split-half reliability of patterns and RDM (−1…1).
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "quality of subjects") as log:
    from isoprune.io.tables import read_table, write_table
    from isoprune.quality import (
        REGION_COLUMNS,
        RELIABILITY_COLUMNS,
        VOXEL_COLUMNS,
        all_reliabilities,
        all_voxels,
        region_table,
    )

    tables = {
        kind: [read_table(path, where=f"{kind} of a subject") for path in snakemake.input[kind]]
        for kind in ("voxels", "reliability")
    }
    voxels = all_voxels(tables["voxels"], snakemake.params.lacking)
    write_table(snakemake.output.voxels, voxels, VOXEL_COLUMNS)
    write_table(snakemake.output.regions, region_table(voxels), REGION_COLUMNS)
    write_table(snakemake.output.reliability, all_reliabilities(tables["reliability"]), RELIABILITY_COLUMNS)
    log.info("%d subjects", len(tables["voxels"]))
