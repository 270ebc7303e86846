"""Labelled images: which class of ImageNet each file shows, by the name of its folder, its own name, or a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isoprune.classification.imagenet import WNIDS
from isoprune.errors import ClassificationError, MissingFileError, UnreadableFileError
from isoprune.io.files import existing, located
from isoprune.io.tables import read_rows
from isoprune.labels import choose, listing

IMAGE_FILES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Endings of the files that are taken for images, in small letters."""

# A bare number is the name of a folder but hardly a class in the name of a file: `0001.jpg` is just the first image.
_FOLDER, _FILE = re.compile(r"(n\d+|\d+)(?=[_\-. ]|$)"), re.compile(r"(n\d+(?=[_\-. ]|$)|\d+(?=[_\-]))")

_RANGE = re.compile(r"(\d+)-(\d+)")

_LAYOUT = (
    "folders or files whose names begin with a class: `n01440764/…`, `n01440764_….jpg`, `0/…` or `0_….jpg`"
)


@dataclass(frozen=True)
class LabelledImages:
    """Images whose class is known.

    Attributes
    ----------
    files : tuple of Path
        Sorted by name.
    names : tuple of str
        Paths below the folder.
    classes : ndarray of shape (n_images,), int64
        Place of each image's class in the network's output.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    classes: np.ndarray


def labelled_images(folder: str | Path, labels: str | Path | None = None) -> LabelledImages:
    """The labelled images of a folder.

    Parameters
    ----------
    folder : path
        Images in folders named by class, or with names that begin with it: WordNet's number (``n01440764``), or the
        place in the network's output from 0 on.
    labels : path, optional
        Table with columns ``file`` (below the folder) and ``class``; then only its files are used, whatever they are
        called.

    Returns
    -------
    LabelledImages

    Raises
    ------
    MissingFileError
        If there is no such folder, table or file.
    ClassificationError
        If no image is there, or an image's name says no class.
    UnknownNameError
        If a class is not one of ImageNet's 1000; names the nearest.
    """
    folder = Path(folder)
    if not folder.is_dir():
        remedy = "Correct the path, or the setting `data_dir`, below which data are looked up."
        raise MissingFileError("accuracy.images", f"'{folder}' is not a folder", "a folder of images", remedy)
    found = _of_names(folder) if labels is None else _of_table(folder, labels)
    if not found:
        raise ClassificationError(
            f"labelled images '{folder if labels is None else labels}'",
            "no image",
            _LAYOUT if labels is None else "a row an image",
            "Give a folder of labelled images, for instance of ImageNet's validation set.",
        )
    names = tuple(sorted(found))
    with located(folder if labels is None else Path(labels)):
        classes = [class_number(found[name], where=f"labelled image '{name}'") for name in names]
    return LabelledImages(tuple(folder / name for name in names), names, np.array(classes, dtype=np.int64))


def class_number(name: str, *, where: str) -> int:
    """The place of a class in the network's output.

    Parameters
    ----------
    name : str
        WordNet's number, or the place itself.
    where : str
        For the error message.

    Raises
    ------
    UnknownNameError, ClassificationError
        If ImageNet has no such class.
    """
    if not name.isdigit():
        return WNIDS.index(choose(name, WNIDS, what="class of ImageNet", where=where))
    if int(name) < len(WNIDS):
        return int(name)
    raise ClassificationError(
        where,
        f"class {name}",
        f"a number from 0 to {len(WNIDS) - 1}, the last class of the network",
        "Count classes from 0 on, in the order of the network's output.",
    )


def class_numbers(entries: Sequence[str], *, where: str) -> np.ndarray:
    """Several classes; an entry is a class, or a range of places with its ends (``0-397``).

    Raises
    ------
    UnknownNameError, ClassificationError
        As `class_number`.
    """
    found: set[int] = set()
    for entry in entries:
        ends = _RANGE.fullmatch(entry)
        first, last = ends.groups() if ends else (entry, entry)
        found |= set(range(class_number(first, where=where), class_number(last, where=where) + 1))
    return np.array(sorted(found), dtype=np.int64)


def _of_names(folder: Path) -> dict[str, str]:
    """Class in words of every image below a folder."""
    images = [path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_FILES and path.is_file()]
    found = {path.relative_to(folder).as_posix(): _class_in(path, folder) for path in images}
    if without := sorted(name for name, of_image in found.items() if of_image is None):
        raise ClassificationError(
            f"labelled images '{folder}'",
            f"no class in the name of {len(without)} of {len(found)} image(s): {listing(without)}",
            _LAYOUT,
            "Rename or remove them, or name a table of labels (`accuracy.labels`).",
        )
    return found


def _class_in(path: Path, folder: Path) -> str | None:
    in_folder = None if path.parent == folder else _FOLDER.match(path.parent.name)
    found = in_folder or _FILE.match(path.name)
    return found[1] if found else None


def _of_table(folder: Path, table: str | Path) -> dict[str, str]:
    header, rows = read_rows(table, where="accuracy.labels")
    if missing := [name for name in ("file", "class") if name not in header]:
        raise UnreadableFileError(
            str(table),
            f"no column '{missing[0]}' among {listing(header)}",
            "columns `file` and `class`",
            "Name the columns so.",
        )
    file, of_image = header.index("file"), header.index("class")
    for row in rows:
        remedy = f"Files are relative to '{folder}'."
        existing(folder / row[file], where=f"{table}, file '{row[file]}'", remedy=remedy)
    return {row[file]: row[of_image] for row in rows}
