"""Write what the study found in sentences.

Output `findings.html`: a section a network × target, one for layers, one for each kind of comparison; no scripts.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "findings") as log:
    from isoprune.accuracy_findings import accuracy_findings
    from isoprune.compared_findings import compared_findings
    from isoprune.figures import findings_page
    from isoprune.findings import findings
    from isoprune.io.files import write_text
    from isoprune.io.tables import read_table
    from isoprune.layer_findings import layer_findings
    from isoprune.layers import with_readable_networks
    from isoprune.multiverse_tables import multiverse_finding, read_multiverse

    given = snakemake.input
    tables = {name: read_table(given[name], where=name) for name in ("summary", "contrasts")}
    tables = with_readable_networks(tables)
    found, compared = findings(**tables), compared_findings(**tables)
    layers = [one for path in given.layers for one in layer_findings(read_table(path, where=path))]
    accuracy = [one for path in given.accuracy for one in accuracy_findings(read_table(path, where=path))]
    multiverse = [pair for path in given.multiverse for pair in read_multiverse(path)[1].items()]
    specifications = {target: multiverse_finding(target, one) for target, one in multiverse}
    page = findings_page(snakemake.params.study, found, compared, layers, specifications, accuracy)
    write_text(snakemake.output[0], page)
    for one in found:
        log.info("%s, %s, %s: %s", one.network, one.target, one.supervision, one.verdict)
    for one in compared:
        log.info("%s: %s", one.place, one.verdict)
    for one in layers:
        log.info("%s, %s: %s", one.sweep, one.target, one.verdict)
    for one in accuracy:
        log.info("%s, %s: %s", one.network, one.target, one.verdict)
