"""Draw the regions of one subject on the mean image of the same grid.

Output `sub-*_rois.png`: outlines of the regions on cuts in world space (mm).
"""

from isoprune.log import job_log

subject = snakemake.wildcards.subject
with job_log(snakemake.log[0], f"figure regions, subject {subject}") as log:
    from isoprune.brain import subject_anatomy
    from isoprune.figures import save
    from isoprune.figures.rois import rois

    params = snakemake.params
    anatomy = subject_anatomy(
        subject,
        params.definitions,
        betas=params.betas,
        roi=params.roi,
        root=params.root,
        fitted=params.fitted,
    )
    picture = rois(anatomy.image, anatomy.grid, anatomy.regions, subject, anatomy.about)
    save(picture, snakemake.output[0])
    log.info("%s; regions: %s", anatomy.about, ", ".join(anatomy.regions))
