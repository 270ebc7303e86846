"""Citations in a text: which works it cites, and what stands in their place for readers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from isoprune.labels import choose
from isoprune.methods.reference import Reference
from isoprune.methods.works import REFERENCES

CITATION = re.compile(r"\[((?:@[a-z0-9]+)(?:; @[a-z0-9]+)*)\]")
"""Citations in a text, as Pandoc reads them: ``[@nadeau2003]`` or ``[@holm1979; @nadeau2003]``."""


def reference(key: str) -> Reference:
    """The work called ``key``.

    Raises
    ------
    UnknownNameError
        With the nearest keys that exist.
    """
    choose(key, tuple(REFERENCES), what="reference", where="methods text")
    return REFERENCES[key]


def cited(text: str) -> list[str]:
    """Keys of the works that a text cites, each once, in the order of the text."""
    found = (key for citation in CITATION.findall(text) for key in citation.replace("@", "").split("; "))
    return list(dict.fromkeys(found))


def with_names(text: str) -> str:
    """The text with authors and years in place of keys."""
    return CITATION.sub(
        lambda found: f"({'; '.join(reference(key).short() for key in cited(found[0]))})", text
    )


def bibliography(keys: Iterable[str]) -> str:
    """BibTeX of the works, sorted by key."""
    return "\n".join(reference(key).bibtex(key) for key in sorted(set(keys)))
