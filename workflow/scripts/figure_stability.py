"""Draw how often the folds retained each feature.

Output `stability.svg`: a panel a unit; share of folds (0…1) against the rank of the feature.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure stability") as log:
    from isoprune.figures import save, stability, tables_of_units

    units = snakemake.params.units
    save(stability(tables_of_units(snakemake.input.retained, units)), snakemake.output[0])
    log.info("%d units", len(units))
