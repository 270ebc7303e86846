"""Stimulus tables that isoprune writes beside data that come without one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Of the pictures in the order of their names: Kriegeskorte et al. (2008), Neuron 60:1126, supplement.
_BLOCKS_92 = (
    ("humanbody", 12),
    ("humanface", 12),
    ("animalbody", 12),
    ("animalface", 12),
    ("natural", 23),
    ("artificial", 21),
)


def table_of_92() -> str:
    """The 92 pictures of objects with their six categories, and what follows from these."""
    kinds = [kind for kind, n_images in _BLOCKS_92 for _ in range(n_images)]
    rows = []
    for number, kind in enumerate(kinds, start=1):
        facts = (
            kind.startswith(("human", "animal")),
            kind.startswith("human"),
            kind.endswith("face"),
            kind != "artificial",
        )
        name = f"image_{number:02d}"
        rows.append((name, f"images/{name}.jpg", kind, *(str(int(fact)) for fact in facts)))
    return as_tsv(("stimulus", "file", "category", "animate", "human", "face", "natural"), rows)


def as_tsv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A tab-separated table."""
    return "".join("\t".join(row) + "\n" for row in (header, *rows))
