"""The methods text of a study: paragraphs of sentences, each there only if the study did what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from isoprune.methods.analysis import (
    competitors,
    crossvalidation,
    further_analyses,
    inference,
    pruning,
    uncertainty,
)
from isoprune.methods.data import features, question, shared, software, targets
from isoprune.methods.facts import StudyFacts
from isoprune.methods.references import bibliography, cited

Writer = Callable[[StudyFacts], Iterator[str]]

PARAGRAPHS: dict[str, Writer] = {
    "Images and targets": question,
    "Target dissimilarities": targets,
    "Network features": features,
    "Pruning": pruning,
    "Held-out images": crossvalidation,
    "Competitors": competitors,
    "Statistical inference": inference,
    "Noise ceilings and intervals": uncertainty,
    "Further analyses": further_analyses,
    "What training and held-out images shared": shared,
    "Software": software,
}
"""What the paragraphs are about, in their order, and who writes them."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of the methods text.

    Attributes
    ----------
    title : str
    text : str
        Sentences; citations as Pandoc reads them, ``[@holm1979]``.
    """

    title: str
    text: str


def methods_text(facts: StudyFacts) -> list[Paragraph]:
    """The methods text of a study; a paragraph without a sentence is left out.

    Parameters
    ----------
    facts : StudyFacts
    """
    written = (Paragraph(title, " ".join(write(facts))) for title, write in PARAGRAPHS.items())
    return [one for one in written if one.text]


def as_markdown(study: str, paragraphs: list[Paragraph]) -> str:
    """The text for Pandoc: ``pandoc --citeproc --bibliography methods.bib methods.md -o methods.docx``."""
    parts = [f"# Methods of the study {study}", *(f"## {one.title}\n\n{one.text}" for one in paragraphs)]
    return "\n\n".join([*parts, "# References"]) + "\n"


def as_bibtex(paragraphs: list[Paragraph]) -> str:
    """The works that the text cites, and no others."""
    return bibliography(cited(" ".join(one.text for one in paragraphs)))
