"""Archives from elsewhere: files are found by their content, or unpacked without leaving the folder."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from isoprune.errors import UnreadableFileError
from isoprune.io.files import readable, write_bytes

MOST_BYTES = 20 * 10**9
"""What an archive may unpack to; more is taken for an attack, or a mistake."""

MOST_OF_HEADER = 2**20
"""Bytes of a header in a tar (a long name, attributes); tarfile reads it whole, so few kB could take all memory."""

_Open = Callable[[], AbstractContextManager[IO[bytes]]]
_LONG_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


def take(archive: Path, wanted: dict[str, Path], sizes: set[int]) -> None:
    """Write those files of an archive that have a wanted content, whatever they are called there.

    Parameters
    ----------
    archive : path
        A zip, or a tar in any compression.
    wanted : dict of str to Path
        Where the file with this SHA-256 goes.
    sizes : set of int
        The sizes of the wanted files, in bytes; others are not read.

    Raises
    ------
    UnreadableFileError
        If it is no archive, or damaged.
    """
    with readable(archive, "a zip or tar archive"):
        for _, size, opened in _members(archive):
            if size not in sizes:
                continue
            with opened() as member:
                content = member.read(size)
            if place := wanted.get(hashlib.sha256(content).hexdigest()):
                write_bytes(place, content)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive of plain files and folders.

    Parameters
    ----------
    archive : path
        A zip, or a tar in any compression.
    folder : path
        Where its files go.

    Raises
    ------
    UnreadableFileError
        If it is no archive or damaged, or holds a link, a device, a path that leads out of the folder, or more than
        `MOST_BYTES`.
    """
    left = MOST_BYTES
    with readable(archive, "a zip or tar archive"):
        for name, size, opened in _members(archive):
            path = PurePosixPath(name.replace("\\", "/"))
            if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
                raise _refused(archive, f"the path '{name}', which leads out of the folder")
            left -= size
            if left < 0:
                raise _refused(archive, f"more than {MOST_BYTES} bytes")
            place = folder.joinpath(*path.parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            with opened() as member, place.open("wb") as file:
                shutil.copyfileobj(member, file)


def is_archive(path: Path) -> bool:
    """Whether a file is called like an archive."""
    return path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"))


def _members(archive: Path) -> Iterator[tuple[str, int, _Open]]:
    """Name, size and content of every file; anything but files and folders is refused."""
    with archive.open("rb") as file:
        zipped = file.read(2) == b"PK"  # zipfile's own test takes a tar that ends with an npz for a zip
    if zipped:
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _refused(archive, f"'{info.filename}', which is a link or a device")
                if not info.is_dir():
                    yield info.filename, info.file_size, partial(file.open, info)
        return
    with tarfile.open(archive, tarinfo=_Bounded) as file:
        for member in file:
            if not (member.isfile() or member.isdir()):
                raise _refused(archive, f"'{member.name}', which is a link or a device")
            if member.isfile():
                yield member.name, member.size, partial(file.extractfile, member)
        _to_the_end(file.fileobj, archive)


class _Bounded(tarfile.TarInfo):
    """A header that is refused where it asks for more memory than a name takes."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _LONG_HEADERS and header.size > MOST_OF_HEADER:
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header


def _to_the_end(stream: Any, archive: Path) -> None:
    """Read what follows the last file: only there does a compressed stream compare its checksum."""
    left = MOST_BYTES
    while chunk := stream.read(2**20):
        left -= len(chunk)
        if left < 0:
            raise _refused(archive, f"more than {MOST_BYTES} bytes")


def _refused(archive: Path, what: str) -> UnreadableFileError:
    return UnreadableFileError(
        str(archive),
        f"it holds {what}",
        "plain files and folders below one folder",
        "Nothing of it is used. Unpack it yourself if you trust it.",
    )
