"""Draw the insertion curves.

Output `curves.svg`: a panel a unit; in-sample isomorphism against the number of features inserted.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure curves") as log:
    from isoprune.figures import curves, save, tables_of_units
    from isoprune.pruning.criteria import criterion_named

    units = snakemake.params.units
    curve = tables_of_units(snakemake.input.curves, units)
    retained = tables_of_units(snakemake.input.retained, units)
    save(curves(curve, retained, criterion_named(snakemake.params.criterion)), snakemake.output[0])
    log.info("%d units", len(units))
