"""Files of any format: written so that a killed job leaves no half file, and errors that say which file is damaged."""

from __future__ import annotations

import errno
import json
import os
import platform
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from isoprune.errors import IsopruneError, MissingFileError, NotWritableError, UnreadableFileError
from isoprune.io.seals import ENTRY, Renamed, open_seal, seal, sealed

THIS_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
"""Marks temporary files of this machine's processes on a disk that several machines share."""


_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""What a disk answers that is full, or has become read-only, while a file is being written."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that is moved into its place when the block succeeds.

    Its name ends as that of ``path``, since libraries choose a format by it; `isoprune.io.leftovers` knows it by its
    beginning.

    Raises
    ------
    NotWritableError
        If the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{THIS_MACHINE}-{os.getpid()}-{secrets.token_hex(4)}.tmp.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    except OSError as problem:
        raise not_writable(path, problem) from problem
    try:
        yield temporary
        temporary.replace(path)
    except OSError as problem:
        if problem.errno in _DISK:
            raise not_writable(path, problem) from problem
        raise
    finally:
        with suppress(OSError):  # of a disk that has become read-only; what is left of it is tidied up later
            temporary.unlink(missing_ok=True)


def not_writable(path: Path, problem: OSError, setting: str = "results_dir") -> NotWritableError:
    """What the system said of a place that it does not write to, as a named error.

    Parameters
    ----------
    path : path
    problem : OSError
    setting : str
        By which another folder is chosen.
    """
    return NotWritableError(
        str(path),
        f"it cannot be written ({problem.strerror or problem})",
        "a folder that you may write to, on a disk with room",
        f"Make room or change the folder's permissions, or choose another folder with the setting `{setting}`.",
    )


def reserve(path: Path) -> None:
    """Take a sparse file's room on the disk now: where it is mapped into memory, a full disk would end the process.

    Raises
    ------
    OSError
        If there is no room.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write bytes to ``path`` in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text to ``path`` in one step."""
    write_bytes(path, text.encode())


def write_sealed(path: str | Path, content: bytes) -> None:
    """Write bytes that hold an open seal (`isoprune.io.seals`) to ``path`` in one step, and close the seal."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        seal(temporary)


def as_json(value: Mapping[str, Any]) -> str:
    """A JSON object as text, readable and in a stable order."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write_json(path: str | Path, value: Mapping[str, Any], renamed: Renamed = Renamed.PLAINLY) -> None:
    """Write a JSON object to ``path``, readable, in a stable order, and sealed for reading under such names."""
    write_sealed(path, as_json({**value, ENTRY: open_seal(path, renamed)}).encode())


def read_json(path: str | Path, renamed: Renamed = Renamed.PLAINLY) -> dict[str, Any]:
    """The object that `write_json` wrote.

    Parameters
    ----------
    path : path
    renamed : Renamed
        Which other names its owner may have given it.

    Raises
    ------
    UnreadableFileError
        If it is not JSON, or not what was written.
    LabelError
        If it was written as another file, as the facts of another unit.
    """
    path = Path(path)
    with sealed(path, renamed):
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as problem:
            raise UnreadableFileError(
                str(path),
                f"it is not JSON ({problem})",
                "a JSON file",
                "Delete it and run again; it may be truncated.",
            ) from problem
    return {name: entry for name, entry in value.items() if name != ENTRY}


def existing(path: str | Path, *, where: str, remedy: str) -> Path:
    """``path`` if it is a file.

    Raises
    ------
    MissingFileError
        If it is not.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(where, f"'{path}' is not a file", "a file that exists", remedy)
    return path


@contextmanager
def readable(
    path: Path,
    expected: str,
    remedy: str = "Make or copy the file again; it may be truncated, or of another format than its name says.",
) -> Iterator[None]:
    """What a library raises where a file is damaged becomes an error that names the file.

    A damaged file makes a library trip anywhere, so all that it raises counts; nothing else belongs in the block.

    Parameters
    ----------
    path : path
    expected, remedy : str
        What the file should be, and what to do, in words.

    Raises
    ------
    UnreadableFileError
        If anything is raised but a named error.
    """
    try:
        yield
    except IsopruneError:
        raise
    except Exception as problem:
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        raise UnreadableFileError(
            str(path),
            f"it cannot be read ({reason})",
            expected,
            remedy,
        ) from problem


@contextmanager
def located(path: Path) -> Iterator[None]:
    """Errors of what is inside a file also name the file."""
    try:
        yield
    except IsopruneError as problem:
        if str(path) in problem.where:
            raise
        where = f"{path}, {problem.where}"
        raise type(problem)(where, problem.found, problem.expected, problem.remedy) from problem


def check_writable(folder: str | Path) -> None:
    """Refuse a results folder that cannot be made or written to, before anything is computed.

    Raises
    ------
    NotWritableError
        Naming the folder that stands in the way.
    """
    folder = Path(folder).absolute()
    present = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not present.is_dir() or not os.access(present, os.W_OK | os.X_OK):
        raise NotWritableError(
            str(folder),
            f"'{present}' is not a folder"
            if not present.is_dir()
            else f"no permission to write to '{present}'",
            "a folder that you may write to",
            "Change the folder's permissions, or choose another with the setting `results_dir`.",
        )
