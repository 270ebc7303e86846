"""Draw the images of the study.

Output `stimuli.png`: at most 120 thumbnails, a line or more a category.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure stimuli") as log:
    from isoprune.figures import contact_sheet, save
    from isoprune.io.tables import image_paths, read_stimuli

    stimuli = read_stimuli(snakemake.input.stimuli)
    save(contact_sheet(stimuli, image_paths(stimuli, snakemake.params.table)), snakemake.output[0])
    log.info("%d images", len(stimuli))
