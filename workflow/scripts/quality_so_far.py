"""Tell which RDMs are missing and why, and the quality of those that are there.

Output `missing.tsv`: target × subject · reason from the log of the job that failed.
Output `reliability.svg` and tables: as after a whole run, over the subjects that are there.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "quality so far") as log:
    from isoprune import quality
    from isoprune.figures import save
    from isoprune.figures.quality import reliability
    from isoprune.io.rdms import read_rdm
    from isoprune.io.tables import read_table, write_table

    params, output = snakemake.params, snakemake.output
    made = set(output.keys())
    missing = quality.missing_table(params.expected)
    write_table(output.missing, missing, quality.MISSING_COLUMNS)
    shown = {}
    if "voxels" in made:
        voxels, within = (
            [read_table(path, where=f"{kind} of a subject") for path in snakemake.input[kind]]
            for kind in ("voxels", "reliability")
        )
        counts = quality.all_voxels(voxels, params.lacking)
        write_table(output.voxels, counts, quality.VOXEL_COLUMNS)
        write_table(output.regions, quality.region_table(counts), quality.REGION_COLUMNS)
        shown["within"] = quality.all_reliabilities(within)
        write_table(output.reliability, shown["within"], quality.RELIABILITY_COLUMNS)
    if "intersubject" in made:
        rdms = [rdm for rdm in map(read_rdm, snakemake.input.rdms) if rdm.target in params.shared]
        shown["between"] = quality.intersubject_table(rdms)
        write_table(output.intersubject, shown["between"], quality.INTERSUBJECT_COLUMNS)
    save(reliability(**shown), output.figure)
    for line in missing.itertuples():
        log.info("missing: %s of subject %s: %s", line.target, line.subject, line.reason)
