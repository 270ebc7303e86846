"""Put the specifications of a study into one table, and test those of each target together.

Output `multiverse.tsv`: a row a specification: its choices · r (−1…1) · its null · p · p_fwe · …
Output `multiverse.json`: columns described, and under `joint` the tests of all specifications by target.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "multiverse") as log:
    from isoprune.multiverse import own_specification, read_outcomes
    from isoprune.multiverse_tables import multiverse_finding, multiverse_table, write_multiverse

    own = own_specification(snakemake.params.choices)
    table, joint = multiverse_table([read_outcomes(path) for path in snakemake.input], own)
    write_multiverse(snakemake.output[0], table, joint)
    for target, found in joint.items():
        log.info("%s %s", *multiverse_finding(target, found))
