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
from isoprune.methods.data import features, question, reliability, shared, software, targets
from isoprune.methods.facts import StudyFacts
from isoprune.methods.references import bibliography, cited

Writer = Callable[[StudyFacts], Iterator[str]]

PARAGRAPHS: dict[str, Writer] = {
    "Images and targets": question,
    "Target dissimilarities": targets,
    "Reliability of the targets": reliability,
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

ABOUT_TARGETS = ("Images and targets", "Target dissimilarities", "Reliability of the targets", "Software")
"""Paragraphs of a study without networks."""


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
    """The methods text of a study; a paragraph without a sentence is left out, and so is what networks are needed for.

    Parameters
    ----------
    facts : StudyFacts
    """
    titles = PARAGRAPHS if facts.has_networks else ABOUT_TARGETS
    written = (Paragraph(title, " ".join(PARAGRAPHS[title](facts))) for title in titles)
    return [one for one in written if one.text]


def as_markdown(study: str, paragraphs: list[Paragraph]) -> str:
    """The text for Pandoc: ``pandoc --citeproc --bibliography methods.bib methods.md -o methods.docx``."""
    parts = [f"# Methods of the study {study}", *(f"## {one.title}\n\n{one.text}" for one in paragraphs)]
    return "\n\n".join([*parts, "# References"]) + "\n"


def as_bibtex(paragraphs: list[Paragraph]) -> str:
    """The works that the text cites, and no others."""
    return bibliography(cited(" ".join(one.text for one in paragraphs)))
