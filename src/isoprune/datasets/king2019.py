"""The layout of `king2019`: which of a project's files are its data, and whether they hold what they should.

Its project states hashes, but the catalogue knows none, so that what the files hold is checked as well.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import numpy as np

from isoprune.datasets.tables import as_tsv
from isoprune.errors import UnreadableFileError
from isoprune.io.ready_formats import read_ready_file, shape_in_words
from isoprune.labels import listing

AREAS = ("PPA", "FFA", "vTC")
SETS = ("set1", "set2")
N_IMAGES = 144
N_PAIRS = N_IMAGES * (N_IMAGES - 1) // 2
RDMS = "FMRI.mat"
TABLE = "stimuli.tsv"

_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif")
_SET = re.compile(r"set[ _-]?([12])(?![0-9])", re.IGNORECASE)


def place_of(path: str | PurePosixPath) -> PurePosixPath | None:
    """Where a file of the project belongs in the data set's folder; None for a file that is not needed.

    Parameters
    ----------
    path : path
        In the project, or in one of its archives; the last part that names a set says which set a picture is of.
    """
    path = PurePosixPath(path)
    if path.name.lower() == RDMS.lower():
        return PurePosixPath(RDMS)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    if hidden or path.suffix.lower() not in _PICTURES:
        return None
    sets = [found[1] for part in path.parts[:-1] if (found := _SET.search(part))]
    return PurePosixPath("images", f"set{sets[-1]}", path.name) if sets else None


def check(folder: Path) -> dict[str, int]:
    """Check what the files hold.

    Parameters
    ----------
    folder : path
        The data set's folder.

    Returns
    -------
    dict of str to int
        Number of people by area and set, such as ``PPA set1``.

    Raises
    ------
    MissingFileError, UnreadableFileError, UnknownNameError
        If `FMRI.mat` is not there, or is not `FMRI.<area>.<set>.pairwisedistances` with people × 10 296 numbers, or a
        set has not 144 pictures.
    """
    n_subjects = {}
    for area in AREAS:
        for name in SETS:
            key = f"FMRI.{area}.{name}.pairwisedistances"
            source, path = read_ready_file(folder / RDMS, key)
            shape = source.values.shape
            if len(shape) != 2 or shape[1] != N_PAIRS:
                raise _other(path, f"{key} is {shape_in_words(shape)}", f"people × {N_PAIRS} pairs")
            if not np.isfinite(source.values).all():
                raise _other(path, f"{key} has values that are not numbers", "a number for every pair")
            n_subjects[f"{area} {name}"] = shape[0]
    for name in SETS:
        if (n_images := len(pictures(folder, name))) != N_IMAGES:
            raise _other(folder / "images" / name, f"{n_images} pictures", f"{N_IMAGES}")
    return n_subjects


def pictures(folder: Path, name: str) -> list[Path]:
    """The pictures of a set, in the order of their names, which is that of the RDMs' rows."""
    return sorted(path for path in (folder / "images" / name).glob("*") if path.suffix.lower() in _PICTURES)


def table(folder: Path) -> str:
    """The stimulus table: a row a picture, labelled by set and name, in the order of the RDMs' rows."""
    rows = [
        (f"{name}_{path.stem}", path.relative_to(folder).as_posix(), name)
        for name in SETS
        for path in pictures(folder, name)
    ]
    twice = {label for label, _, _ in rows if sum(label == other for other, _, _ in rows) > 1}
    if twice:
        raise _other(folder / "images", f"two pictures called {listing(sorted(twice))}", "names that differ")
    return as_tsv(("stimulus", "file", "set"), rows)


def may_hold_pictures(path: str) -> bool:
    """Whether an archive of the project is worth its download, by its name."""
    return bool(_SET.search(path) or re.search("stim|image|pict", path, re.IGNORECASE))


def _other(where: Path, found: str, expected: str) -> UnreadableFileError:
    return UnreadableFileError(
        str(where),
        found,
        expected,
        "Compare with the project's page (`isoprune data show king2019`), and put the files there by hand.",
    )
