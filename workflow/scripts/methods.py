"""Write what the study asked, how it was done and what ran.

Outputs `question.html`, `methods.html`, `checklist.html`, `run.html`: pages. `methods.md` (for Pandoc), `methods.bib`:
the methods text and the works that it cites. `checklist.tsv`: a row an item to report, answered or for the author.
"""

from isoprune.log import job_log

with job_log(snakemake.log[0], "methods") as log:
    from isoprune import figures
    from isoprune.io.files import write_text
    from isoprune.io.tables import write_table
    from isoprune.methods import (
        CHECKLIST_COLUMNS,
        as_bibtex,
        as_markdown,
        checklist,
        methods_text,
        read_facts,
    )

    given, output = snakemake.input, snakemake.output
    facts = read_facts(
        snakemake.params.settings, given.summary or None, given.embeddings, given.rdms, given.facts
    )
    study, paragraphs, items = facts.settings["study"], methods_text(facts), checklist(facts)
    write_text(output.question, figures.question_page(study, facts))
    write_text(output.page, figures.methods_page(study, paragraphs))
    write_text(output.checklist_page, figures.checklist_page(study, items))
    write_text(output.run, figures.run_page(study, facts))
    write_text(output.text, as_markdown(study, paragraphs))
    write_text(output.references, as_bibtex(paragraphs))
    write_table(output.checklist, items, CHECKLIST_COLUMNS)
    log.info("%d of %d items to report are answered", items["answered"].sum(), len(items))
