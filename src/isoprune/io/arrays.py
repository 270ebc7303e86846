"""Files of named arrays (npz) that the project writes for itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from isoprune.errors import UnreadableFileError
from isoprune.io.files import existing, replacing
from isoprune.io.seals import open_seal, seal, sealed
from isoprune.labels import listing


def write_arrays(path: str | Path, **arrays: np.ndarray) -> None:
    """Write arrays as npz, sealed (`isoprune.io.seals`) and in one step; equal arrays give equal bytes.

    Raises
    ------
    NotWritableError
        If the place cannot be written to.
    """
    with replacing(path) as temporary:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        with ZipFile(temporary, "a") as archive:
            archive.comment = open_seal(path).encode()
        seal(temporary)


def read_arrays(path: str | Path, names: Iterable[str] = (), *, what: str) -> dict[str, np.ndarray]:
    """The arrays of a file that `write_arrays` wrote; nothing is unpickled.

    Parameters
    ----------
    path : path
    names : iterable of str
        Arrays that have to be there.
    what : str
        What the file holds, for the error messages.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there is no such file, or it is something else, or not what was written.
    LabelError
        If it was written as the file of another unit.
    """
    path = existing(path, where=what, remedy="Run again what writes it.")
    with sealed(path):
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except Exception as problem:
            raise _not(path, what, str(problem)) from problem
        missing = [name for name in names if name not in arrays]
        if missing:
            raise _not(path, what, f"it lacks {listing(missing)}")
    return arrays


def _not(path: Path, what: str, problem: str) -> UnreadableFileError:
    return UnreadableFileError(
        str(path),
        f"it does not hold {what} ({problem})",
        "an npz file that isoprune wrote",
        "Delete it and run again.",
    )
