"""Draw the maps of a network.

Output `*_heatmaps.svg`: mean maps over images, a row a target.
Output `*_heatmaps-<page>.html`: images beside their maps, full and pruned, of every target.
Output `overlays/`: a PNG an image × target, the maps over the grey image.
"""

from isoprune.log import job_log

network = snakemake.wildcards.network
with job_log(snakemake.log[0], f"figure heatmaps, network {network}") as log:
    from isoprune.figures import heatmap_overlays, heatmap_pages, mean_heatmaps, save
    from isoprune.io.files import write_text
    from isoprune.io.tables import read_table
    from isoprune.occlusion.mapped import read_mapped, together

    output, params = snakemake.output, snakemake.params
    mapped = together([read_mapped(path) for path in snakemake.input.maps])
    table = read_table(snakemake.input.heatmaps, where="heatmaps.tsv")
    save(mean_heatmaps(mapped, score=params.score), output.mean)
    pages = heatmap_pages(
        f"{params.study}: maps of {network}",
        mapped,
        table[table["network"] == network],
        per_page=params.images_per_page,
        score=params.score,
        descriptive=params.descriptive,
        with_stimuli=params.with_stimuli,
    )
    for path, page in zip(output.pages, pages, strict=True):
        write_text(path, page)
    for name, figure in heatmap_overlays(network, mapped, score=params.score):
        save(figure, f"{output.overlays}/{name}.png")
    log.info("%d pages", len(output.pages))
