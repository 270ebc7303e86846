"""Draw what the features look at that a target keeps most steadily.

Output `*_features.html`: a page for reading, with the images that drive each feature most and least.
"""

from isoprune.log import job_log

network, target = snakemake.wildcards.network, snakemake.wildcards.target
with job_log(snakemake.log[0], f"figure features of {network} for {target}") as log:
    from pathlib import Path

    from isoprune.drivers import TABLES
    from isoprune.figures import features_page
    from isoprune.io.files import read_json, write_text
    from isoprune.io.tables import image_paths, read_stimuli, read_table

    given, params = snakemake.input, snakemake.params
    pictures = None
    if params.with_stimuli:
        stimuli = read_stimuli(given.stimuli)
        pictures = dict(zip(stimuli["stimulus"], image_paths(stimuli, params.table), strict=True))
    page = features_page(
        f"{params.study}: what the features look at that are kept for {target}",
        {name: read_table(given[name], where=f"table of {name}") for name in TABLES},
        read_json(Path(given.features).with_suffix(".json"))["about"],
        network=network,
        layer=params.layer,
        target=target,
        pictures=pictures,
        with_wordnet=params.with_wordnet,
    )
    write_text(snakemake.output[0], page)
    log.info("%d pictures", len(pictures or ()))
