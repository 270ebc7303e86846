"""Put the regions of all subjects on a page.

Output `rois.png`: the subjects' pictures below one another.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure regions") as log:
    from isoprune.figures.rois import write_page

    write_page(snakemake.output[0], snakemake.input)
    log.info("%d subjects", len(snakemake.input))
