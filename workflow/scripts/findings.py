"""Write what the study found in sentences.

Output `findings.html`: a section a network × target, and one for each kind of comparison; no scripts, no network.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "findings") as log:
    from isoprune.compared_findings import compared_findings
    from isoprune.figures import findings_page
    from isoprune.findings import findings
    from isoprune.io.files import write_text
    from isoprune.io.tables import read_table

    tables = {name: read_table(path, where=name) for name, path in snakemake.input.items()}
    found, compared = findings(**tables), compared_findings(**tables)
    write_text(snakemake.output[0], findings_page(snakemake.params.study, found, compared))
    for one in found:
        log.info("%s, %s, %s: %s", one.network, one.target, one.supervision, one.verdict)
    for one in compared:
        log.info("%s: %s", one.place, one.verdict)
