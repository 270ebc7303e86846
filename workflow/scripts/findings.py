"""Write what the study found in sentences.

Output `findings.html`: a section a network × target, a paragraph for who was scored; no scripts, no network.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "findings") as log:
    from isoprune.figures import findings_page
    from isoprune.findings import findings
    from isoprune.io.files import write_text
    from isoprune.io.tables import read_table

    tables = {name: read_table(path, where=name) for name, path in snakemake.input.items()}
    found = findings(**tables)
    write_text(snakemake.output[0], findings_page(snakemake.params.study, found))
    for one in found:
        log.info("%s, %s, %s: %s", one.network, one.target, one.supervision, one.verdict)
