"""Draw what relabelled targets reach beside what the target reaches.

Output `nulls.svg`: a panel a network × target; histograms of held-out signed r (−1…1) of full and pruned.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "figure nulls") as log:
    from isoprune.figures import nulls, save
    from isoprune.io.files import read_json
    from isoprune.io.tables import read_table
    from isoprune.nulls import read_nulls
    from isoprune.results import UNIT
    from isoprune.summary import tested_statistics

    given = snakemake.input
    facts = [read_json(path) for path in given.facts]
    of_units = {
        tuple(one[name] for name in UNIT): read_nulls(path)
        for one, path in zip(facts, given.nulls, strict=True)
    }
    tested = tested_statistics(of_units)
    save(
        nulls(read_table(given.summary, where="summary"), tested, snakemake.params.exchange),
        snakemake.output[0],
    )
    log.info("%d scores with a null", len(tested))
