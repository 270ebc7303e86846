"""A work that can be cited, as BibTeX, in a list of references and in a sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A work that can be cited.

    Attributes
    ----------
    kind : str
        Type of the BibTeX entry.
    authors : str
        As BibTeX wants them, ``Family, Given and Family, Given``.
    year : int
    title : str
        Braces keep capitals, as in BibTeX.
    where : dict of str to str
        The other fields: journal, volume, pages, publisher, doi …
    """

    kind: str
    authors: str
    year: int
    title: str
    where: dict[str, str]

    def bibtex(self, key: str) -> str:
        """The entry in a file of references."""
        fields = {"author": self.authors, "title": self.title, **self.where, "year": str(self.year)}
        lines = "".join(f"  {name:<9} = {{{value}}},\n" for name, value in fields.items())
        return f"@{self.kind}{{{key},\n{lines}}}\n"

    @property
    def families(self) -> list[str]:
        """Family names of the authors, in their order."""
        return [_plain(one.partition(",")[0]) for one in self.authors.split(" and ")]

    def short(self) -> str:
        """Authors and year, as they stand in a text."""
        names = self.families
        if "others" in names or len(names) > 2:
            return f"{names[0]} et al., {self.year}"
        return f"{' & '.join(names)}, {self.year}"

    def line(self) -> str:
        """The work in a list of references."""
        people = ", ".join(_initials(one) for one in self.authors.split(" and "))
        place = [self.where[name] for name in ("journal", "booktitle", "publisher") if name in self.where]
        numbers = ":".join(self.where[name] for name in ("volume", "pages") if name in self.where)
        found = ", ".join([*place, *filter(None, [numbers])])
        links = {"doi": "https://doi.org/{}", "eprint": "arXiv:{}"}
        link = [form.format(self.where[name]) for name, form in links.items() if name in self.where]
        parts = [f"{people} ({self.year})", _plain(self.title), _plain(found), *link]
        return ". ".join(filter(None, parts)).replace("--", "–")


_ACCENTS = {'\\"o': "ö", '\\"u': "ü", '\\"a': "ä", "\\'e": "é"}
"""What LaTeX writes for letters with accents."""


def _plain(text: str) -> str:
    text = text.replace("{", "").replace("}", "")
    for written, letter in _ACCENTS.items():
        text = text.replace(written, letter)
    return text


def _initials(author: str) -> str:
    family, comma, given = author.partition(", ")
    if family == "others":
        return "et al."
    return _plain(
        f"{family} {''.join(one[0] for one in given.replace('-', ' ').split())}" if comma else family
    )
