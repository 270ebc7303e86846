"""Seals: every file that isoprune writes for itself says what its bytes were, and under which name it was written.

A seal is a line of text where the format has room for one: an attribute of HDF5, the comment of an npz archive, the
last entry of a JSON object. It holds the SHA-256 of all other bytes of the file, so no byte can change unnoticed, and
is found and checked in the same way in every format, before anything is parsed. Tables, images of the brain and
``.npy`` have no room: their hashes stand in the sealed JSON beside them. Files of users and of other programs have no
seal.
"""

from __future__ import annotations

import hashlib
import mmap
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from isoprune.errors import LabelError, UnreadableFileError
from isoprune.provenance import sha256_of_file

ENTRY = "isoprune_seal"
"""Name of the attribute or entry that holds the seal."""

HASHES = "isoprune_sha256"
"""Entry of a sealed JSON that holds the SHA-256 of the files beside it, by what they are."""

_BEGINNING = b"sealed by isoprune"
_SEAL = re.compile(rb"sealed by isoprune(?: as ([!-~]+))?, sha256 ([0-9a-f]{64})")
_LENGTH = 64

# The workflow makes a table anew where it is missing, and its sidecar with it.
_REMEDY = "Take it from a copy, or delete it (of a table and its .json both) and run again."

# So begin the files of a unit or a part of it.
_OF_A_UNIT = re.compile(r"(net|sub|target|nuisance)-[^_]+_")


class Renamed(Enum):
    """Which other names the owner of a file may have given it."""

    NOT = "none"
    PLAINLY = "one that says nothing of a unit"
    FREELY = "any"


def open_seal(path: str | Path, renamed: Renamed = Renamed.PLAINLY) -> str:
    """The text to be put into a file that is going to be ``path``; `seal` fills in the hash.

    A name that is compared later (``sub-01_roi-IT_rdm.h5``) stands in it: another's file is known as such.
    """
    name = f" as {_as_text(Path(path))}" if _is_compared(Path(path), renamed) else ""
    return f"{_BEGINNING.decode()}{name}, sha256 {'0' * _LENGTH}"


def seal(file: Path) -> None:
    """Fill in the hash of a file that holds an open seal."""
    with file.open("r+b") as opened:
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = _seal_in(content)
            if found is None:
                raise ValueError(f"'{file}' holds no open seal")
            digest = _sha256_around(content, found.start(2))
        opened.seek(found.start(2))
        opened.write(digest.encode())


def check_seal(path: Path, renamed: Renamed = Renamed.PLAINLY) -> bool:
    """Compare a file with its seal.

    Parameters
    ----------
    path : path
    renamed : Renamed
        Which other names its owner may have given it.

    Returns
    -------
    bool
        Whether there is one.

    Raises
    ------
    UnreadableFileError
        If another byte was sealed.
    LabelError
        If it was written under a name that it may not have been renamed from.
    """
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = _seal_in(content)
        if found is None:
            return False
        written, expected = found[1], found[2].decode()
        digest = _sha256_around(content, found.start(2))
    _compare(path, digest, expected)
    if _is_compared(path, renamed):
        _check_name(path, (written or b"").decode())
    return True


@contextmanager
def sealed(path: Path, renamed: Renamed = Renamed.PLAINLY) -> Iterator[None]:
    """Read a file that only isoprune writes: it is checked first, and refused if it has no seal.

    What the block says of a file without a seal comes first: it tells more.

    Raises
    ------
    UnreadableFileError, LabelError
        As `check_seal`, or if there is no seal.
    """
    is_sealed = check_seal(path, renamed)
    yield
    if not is_sealed:
        raise UnreadableFileError(
            str(path),
            "it has no seal: it is cut short, changed, or written by something else",
            "a file that isoprune wrote, with its hash in it",
            _REMEDY,
        )


def hashes_of(files: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """The entry of a sealed JSON about the files beside it that have no room for a seal.

    Parameters
    ----------
    files : mapping of str to path
        By what they are.
    """
    return {HASHES: {what: sha256_of_file(path) for what, path in files.items()}}


def check_hashes(about: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    """Compare files that have no room for a seal with the hashes in the sealed JSON beside them.

    Parameters
    ----------
    about : mapping
        What the JSON holds, as `isoprune.io.files.read_json` gives it.
    files : mapping of str to path
        By what they are.

    Raises
    ------
    UnreadableFileError
        If one of them is another.
    """
    for what, path in files.items():
        _compare(path, sha256_of_file(path), about.get(HASHES, {}).get(what, "none"))


def _compare(path: Path, digest: str, expected: str) -> None:
    if digest != expected:
        raise UnreadableFileError(
            str(path),
            f"its content is not what was written (SHA-256 {digest[:12]}…)",
            f"the content of SHA-256 {expected[:12]}… that isoprune wrote",
            _REMEDY,
        )


def _check_name(path: Path, written: str) -> None:
    if _as_text(path) != written:
        raise LabelError(
            str(path),
            f"it was written as '{written}'" if written else "it was written under another name",
            "the file that its name says",
            _REMEDY,
        )


def _is_compared(path: Path, renamed: Renamed) -> bool:
    return renamed is Renamed.NOT or (renamed is Renamed.PLAINLY and bool(_OF_A_UNIT.match(path.name)))


def _as_text(path: Path) -> str:
    """The file's name, percent-encoded."""
    return quote(path.name, safe="")


def _seal_in(content: mmap.mmap) -> re.Match[bytes] | None:
    place = content.find(_BEGINNING)
    while place >= 0:
        if found := _SEAL.match(content, place):
            return found
        place = content.find(_BEGINNING, place + 1)
    return None


def _sha256_around(content: mmap.mmap, place: int) -> str:
    """SHA-256 of all bytes but the hash that stands at ``place``."""
    with memoryview(content) as view:
        hashed = hashlib.sha256(view[:place])
        hashed.update(view[place + _LENGTH :])
    return hashed.hexdigest()
