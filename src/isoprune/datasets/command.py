"""The command `isoprune data`: which data sets there are, what is known of one, and its fetching."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from isoprune.datasets.catalogue import Dataset, catalogue, dataset
from isoprune.datasets.fetching import MIRROR, fetch

_ORIGINS = {
    "files": "downloaded file by file",
    "archive": "downloaded as one archive, in which files are found by their content",
    "osf": "downloaded from a project of the Open Science Framework",
    "none": "from a mirror only",
}


def add_data_commands(commands: Any) -> None:
    """Add `data` to the subcommands of an argument parser.

    Parameters
    ----------
    commands : argparse's action of subcommands
    """
    data = commands.add_parser("data", help="list, describe and fetch public data sets")
    steps = data.add_subparsers(required=True, metavar="step")
    listed = steps.add_parser("list", help="every data set in a line")
    listed.set_defaults(run=lambda options: listing_of_all())
    shown = steps.add_parser("show", help="what a data set holds, its licence and citation")
    shown.set_defaults(run=lambda options: description(dataset(options.name)))
    fetched = steps.add_parser("fetch", help="bring data sets into a folder, every file checked")
    fetched.add_argument("--to", default=".", help="folder that gets a folder for each; default: here")
    fetched.add_argument("--mirror", help=f"folder that has them already; default: what {MIRROR} names")
    fetched.set_defaults(run=_fetch)
    shown.add_argument("name", metavar="NAME")
    fetched.add_argument("names", metavar="NAME", nargs="+")
    for step in (listed, shown, fetched):
        step.add_argument("--traceback", action="store_true", help="show where in the code an error arose")


def listing_of_all() -> str:
    """A line a data set: name, size, where it comes from, title."""
    rows = [(of.name, size_in_words(of), of.origin, of.title) for of in catalogue().values()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    )


def description(of: Dataset) -> str:
    """Everything that is known of a data set, in lines."""
    facts = {
        "title": of.title,
        "contents": of.contents,
        "size": f"{size_in_words(of)}" + (f", {len(of.files)} files" if of.files else ""),
        "licence": of.licence,
        "citation": of.citation,
        "homepage": of.homepage,
        "origin": _ORIGINS[of.origin] + (f": {of.url}" if of.url else ""),
        "verified by": of.verification,
        "folder": of.folder,
        "by hand": of.by_hand,
    }
    width = max(map(len, facts))
    return "\n".join(f"{name.ljust(width)}  {fact}" for name, fact in facts.items())


def size_in_words(of: Dataset) -> str:
    """Size of all files, or that nobody here knows it."""
    return "not known here" if of.size is None else f"{of.size / 1e6:.1f} MB"


def _fetch(options: argparse.Namespace) -> str:
    lines = []
    for name in options.names:
        receipt = fetch(name, options.to, mirror=options.mirror, tell=_Line())
        place = Path(options.to) / dataset(name).folder
        lines.append(
            f"{name}: {len(receipt['sha256'])} files, {receipt['bytes'] / 1e6:.1f} MB, checked, in {place}\n"
            f"  licence: {receipt['licence']}\n  cite: {receipt['citation']}"
        )
        if people := receipt.get("n_subjects"):
            lines.append("  people: " + ", ".join(f"{what} {n_people}" for what, n_people in people.items()))
    return "\n".join(lines)


class _Line:
    """Progress as one line of a terminal that is written over, or as nothing where there is no terminal."""

    def __init__(self) -> None:
        self._shown = 0.0

    def __call__(self, counted: str, done: int, total: int) -> None:
        if sys.stderr.isatty() and (done == total or time.monotonic() - self._shown > 0.2):
            self._shown = time.monotonic()
            print(f"\r{done} of {total} {counted} ({done * 100 // total} %)\033[K", end="", file=sys.stderr)
            if done == total:
                print("\r\033[K", end="", file=sys.stderr)
