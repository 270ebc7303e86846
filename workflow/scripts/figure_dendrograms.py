"""Draw WordNet and the spaces of all images as trees of synsets.

Output `dendrograms.svg`: a row a network × target, a panel a space; average linkage.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure dendrograms") as log:
    from isoprune.figures import save
    from isoprune.figures.wordnet import dendrograms
    from isoprune.synsets import read_spaces
    from isoprune.wordnet import read_similarities

    spaces = read_spaces(snakemake.input.spaces)
    save(dendrograms(spaces, *read_similarities(snakemake.input.similarities)), snakemake.output[0])
    log.info("%d units", len(spaces))
