"""What a study did, in words for a paper: a methods text with its references, and a checklist for reporting."""

from isoprune.methods.checklist import CHECKLIST_COLUMNS, checklist
from isoprune.methods.facts import StudyFacts, read_facts
from isoprune.methods.text import Paragraph, as_bibtex, as_markdown, methods_text

__all__ = [
    "CHECKLIST_COLUMNS",
    "Paragraph",
    "StudyFacts",
    "as_bibtex",
    "as_markdown",
    "checklist",
    "methods_text",
    "read_facts",
]
