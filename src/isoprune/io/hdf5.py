"""HDF5 files from anywhere: opened only if everything in them is their own.

HDF5 lets a file show what lies in others: by links, by arrays whose bytes are stored elsewhere, by arrays put together
from other files. A file that was sent to somebody could so have any file of theirs read as data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoprune.errors import UnreadableFileError

if TYPE_CHECKING:
    import h5py


@contextmanager
def opened_hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file for reading, after checking that it shows nothing of other files.

    Raises
    ------
    UnreadableFileError
        If something in it lies in another file.
    OSError
        If it is not HDF5, or truncated.
    """
    import h5py

    with h5py.File(path, "r") as file:
        if elsewhere := _leads_elsewhere(file):
            raise UnreadableFileError(
                str(path),
                f"'{elsewhere}' lies in another file",
                "a file that holds all of its arrays itself",
                "Copy the arrays into one file, for example by `h5repack`, where the file was made.",
            )
        yield file


def _leads_elsewhere(file: h5py.File) -> str | None:
    """Name of the first link or array whose content is in another file."""
    import h5py

    plain = (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT)
    link = file.id.links.visit(lambda name, about: name if about.type not in plain else None, info=True)

    def stored_elsewhere(name: str, item: Any) -> str | None:
        outside = isinstance(item, h5py.Dataset) and (item.is_virtual or item.external)
        return name if outside else None

    return link.decode(errors="replace") if link else file.visititems(stored_elsewhere)
