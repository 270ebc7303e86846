"""Write what the maps of a study say, and each map as a file.

Output `heatmaps.tsv`: a row an image × target × set: peak, p, q, mass, agreement of halves of the subjects, …
Output `heatmap_contrasts.tsv`: a row a pair of maps × measure: mean difference over images.
Output `maps/`: an npz an image × target, the map in the coordinates of the network's input.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "tables of maps") as log:
    import pandas as pd

    from isoprune.io.tables import write_table
    from isoprune.occlusion import tables
    from isoprune.occlusion.mapped import read_mapped, together

    output, of_maps, of_contrasts = snakemake.output, [], []
    for network, paths in snakemake.params.networks.items():
        mapped = together([read_mapped(path) for path in paths])
        of_maps.append(tables.heatmap_table(network, mapped))
        of_contrasts.append(tables.heatmap_contrasts(network, mapped, of_maps[-1], snakemake.params.seed))
        log.info("%s: %d files", network, len(tables.write_heatmaps(output.maps, network, mapped)))
    write_table(output.heatmaps, pd.concat(of_maps, ignore_index=True), tables.HEATMAP_COLUMNS)
    contrasts = pd.concat(of_contrasts, ignore_index=True)
    write_table(output.contrasts, contrasts, tables.HEATMAP_CONTRAST_COLUMNS)
