"""Draw the images of the simulated study.

Output `stimuli.tsv`: stimulus (label) · file · category.
Output `images/`: a PNG an image, 224 × 224 pixels.
"""

from pathlib import Path

from isoprune.log import job_log

with job_log(snakemake.log[0], "simulated stimuli") as log:
    from isoprune.simulation import draw_stimuli

    stimuli = draw_stimuli(
        Path(snakemake.output.table).parent,
        n_per_category=snakemake.params.n_per_category,
        seed=snakemake.params.seed,
    )
    log.info("%d images of %d categories", len(stimuli), stimuli["category"].nunique())
