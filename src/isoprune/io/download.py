"""Downloads: resumed where they were cut off, and moved into their place only once their content is checked."""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from isoprune.errors import MissingFileError, UnreadableFileError
from isoprune.io.files import not_writable
from isoprune.provenance import package_version, sha256_of_file

ATTEMPTS = 4
"""How often a connection that breaks is opened again, each time from where it broke."""
PAUSE = 1.0
"""Seconds before the second attempt; twice as long before each further one."""
TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""

_CHUNK = 1 << 18
_GONE = (400, 401, 403, 404, 405, 410, 451)  # another attempt would be told the same

Told = Callable[[str, int, int], None]
"""What is told of progress: what is counted, how much is done, how much there is; as `isoprune.log.Progress`."""


class _BrokenError(Exception):
    """The connection ended before the file did."""


def download(
    url: str,
    path: str | Path,
    *,
    where: str,
    size: int | None = None,
    sha256: str | None = None,
    limit: int | None = None,
    tell: Told | None = None,
) -> Path:
    """Download a file, unless it is there, and put it in its place once it is what it should be.

    What has come of a file lies beside it as ``.<name>.part``. With a known ``sha256`` a later call goes on
    where it ends; a file that is then another is fetched once more from its start. Jobs that want the same file wait
    for the one that fetches it.

    Parameters
    ----------
    url : str
        Its address: http, https or file.
    path : path
        Where the file goes. One that lies there is left as it is and not checked.
    where : str
        What asks for the file, for the error messages.
    size : int, optional
        Its size in bytes, if known.
    sha256 : str, optional
        Its SHA-256, or the first eight or more of its digits.
    limit : int, optional
        Most bytes that are taken of a file whose size is not known.
    tell : callable, optional
        Is told of progress.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    MissingFileError
        If there is no network, or no such file.
    UnreadableFileError
        If the file there has another size or another content than it should; nothing of it is kept.
    NotWritableError
        If the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    with _alone(path):
        if path.is_file():
            return path
        resumed = sha256 is not None and part.is_file() and part.stat().st_size > 0
        if not resumed:
            part.unlink(missing_ok=True)
        try:
            _receive(url, part, where, size, limit, tell)
            if not _is_right(part, size, sha256) and resumed:
                # What lay there may have been of another file: once more from the start.
                part.unlink()
                _receive(url, part, where, size, limit, tell)
            check_content(part, f"the file from {url}", where=where, size=size, sha256=sha256)
        except UnreadableFileError:
            part.unlink(missing_ok=True)
            raise
        part.replace(path)
    return path


_KEPT_NOTHING = (
    "It was changed there, or on the way; nothing of it was kept. Try again, or use a mirror that has it."
)


def check_content(
    path: Path,
    what: str,
    *,
    where: str,
    size: int | None = None,
    sha256: str | None = None,
    remedy: str = _KEPT_NOTHING,
) -> None:
    """Refuse a file that has another size or SHA-256 than it should.

    Parameters
    ----------
    path : path
        The file.
    what : str
        Which file it is, for the error message.
    where : str
        What asks for it, for the error message.
    size : int, optional
        Bytes it should have.
    sha256 : str, optional
        Its SHA-256, or the first digits of it.
    remedy : str, optional
        What the user can do where it differs.

    Raises
    ------
    UnreadableFileError
        If it differs.
    """
    if _is_right(path, size, sha256):
        return
    found = path.stat().st_size
    if size is not None and found != size:
        raise UnreadableFileError(where, f"{what} has {found} bytes", f"{size} bytes", remedy)
    expected = f"the SHA-256 {sha256}" if len(sha256) == 64 else f"a SHA-256 that starts with {sha256}"
    raise UnreadableFileError(where, f"{what} has the SHA-256 {sha256_of_file(path)}", expected, remedy)


def _is_right(path: Path, size: int | None, sha256: str | None) -> bool:
    if size is not None and path.stat().st_size != size:
        return False
    return sha256 is None or sha256_of_file(path).startswith(sha256)


def _another(where: str, url: str, found: str, expected: str) -> UnreadableFileError:
    return UnreadableFileError(where, f"the file from {url} {found}", expected, _KEPT_NOTHING)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time fetches into a folder; the lock is gone with the process that holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as problem:
        raise not_writable(path, problem, "data_dir") from problem
    try:
        with suppress(ImportError, OSError):  # neither every system nor every disk has locks
            import fcntl

            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _receive(
    url: str, part: Path, where: str, size: int | None, limit: int | None, tell: Told | None
) -> None:
    """Bring the file to its end, over as many connections as that takes."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            return _go_on(url, part, where, size, limit, tell)
        except (_BrokenError, urllib.error.URLError, http.client.HTTPException, OSError) as problem:
            last = problem
            if isinstance(problem, urllib.error.HTTPError) and problem.code in _GONE:
                break
    done = part.stat().st_size if part.is_file() else 0
    remedy = (
        f"Download it on a machine with network access and put it at '{part.with_name(part.name[1:-5])}'."
    )
    kept = f"; {done} bytes of it have come, and the next run goes on from there" if done else ""
    raise MissingFileError(
        where, f"its download failed ({_in_words(last)}){kept}", f"the file published at {url}", remedy
    ) from last


def _in_words(problem: Exception) -> str:
    reason = getattr(problem, "reason", None)
    return str(reason or problem) or type(problem).__name__


def _go_on(url: str, part: Path, where: str, size: int | None, limit: int | None, tell: Told | None) -> None:
    """Ask for what is missing and append it."""
    done = part.stat().st_size if part.is_file() else 0
    if done and done == size:
        return
    headers = {"User-Agent": f"isoprune/{package_version()}", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    try:
        # Addresses of files are meant: mirrors are folders. `isoprune.datasets.osf` refuses them in others' lists.
        request = urllib.request.Request(url, headers=headers)  # noqa: S310
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as problem:
        if problem.code == 416 and done:  # what is there is longer than the file, or all of it
            if problem.headers.get("Content-Range") == f"bytes */{done}":
                return
            part.unlink()
            raise _BrokenError("it had to begin anew") from problem
        raise
    with answer:
        length = answer.headers.get("Content-Length")
        went_on = (answer.headers.get("Content-Range") or "").startswith(f"bytes {done}-")
        done = done if done and answer.status == 206 and went_on else 0
        total = None if length is None else done + int(length)
        if size is not None and total not in (None, size):
            raise _another(where, url, f"has {total} bytes", f"{size} bytes")
        most = limit if size is None else size
        _check_most(total or 0, most, url, where)
        _append(answer, part, done, total or size, most, (url, where), tell)


def _append(
    answer: IO[bytes],
    part: Path,
    done: int,
    total: int | None,
    most: int | None,
    source: tuple[str, str],
    tell: Told | None,
) -> None:
    try:
        file = part.open("ab" if done else "wb")
    except OSError as problem:
        raise not_writable(part, problem, "data_dir") from problem
    with file:
        while chunk := answer.read(_CHUNK):
            done += len(chunk)
            _check_most(done, most, *source)
            try:
                file.write(chunk)
            except OSError as problem:
                raise not_writable(part, problem, "data_dir") from problem
            if tell and total:
                tell("bytes", done, total)
    if total is not None and done < total:
        raise _BrokenError(f"the connection ended after {done} of {total} bytes")


def _check_most(n_bytes: int, most: int | None, url: str, where: str) -> None:
    if most is not None and n_bytes > most:
        raise _another(where, url, f"has more than {most} bytes", f"at most {most} bytes")
