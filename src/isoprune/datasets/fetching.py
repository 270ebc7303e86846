"""From the catalogue to files that are what they should be: from a mirror, or from where they are published."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from isoprune.datasets.archives import take
from isoprune.datasets.catalogue import DataFile, Dataset, dataset
from isoprune.datasets.stated import absent_stated, fetch_stated, hold, known_files
from isoprune.datasets.tables import table_of_92
from isoprune.errors import MissingFileError
from isoprune.io.download import Told, download
from isoprune.io.files import write_text

MIRROR = "ISOPRUNE_MIRROR"
"""Environment variable that names a folder of data sets, for machines without internet."""
MOST_OF_AN_ARCHIVE = 4 * 10**9
"""Bytes after which the download of an archive whose size nobody knows is given up."""

_WRITTEN: dict[tuple[str, str], Callable[[], str]] = {("cichy92", "stimuli.tsv"): table_of_92}


def fetch(
    name: str, to: str | Path, *, mirror: str | Path | None = None, tell: Told | None = None
) -> dict[str, Any]:
    """Bring a data set into a folder, unless it is there, and check every file of it.

    Parameters
    ----------
    name : str
        Its name in the catalogue.
    to : path
        Folder that gets the data set's own folder: a study's `data_dir`.
    mirror : path, optional
        Folder that holds data sets in the same way; by default what `ISOPRUNE_MIRROR` names. What it has is not
        downloaded; it is checked like a download.
    tell : callable, optional
        Is told of progress, as `isoprune.log.Progress`.

    Returns
    -------
    dict
        The receipt: what the data set is, how it was checked, and ``sha256`` of every file by its path.

    Raises
    ------
    UnknownNameError
        If the catalogue has no such data set.
    MissingFileError
        If a file is not in the mirror and cannot be downloaded; says what to do by hand.
    UnreadableFileError
        If a file has another content than it should. A file that lay there is left alone.
    NotWritableError
        If the folder cannot be written to.
    """
    of = dataset(name)
    folder, shelf = Path(to) / of.folder, mirror_folder(mirror, of)
    try:
        if of.origin == "osf":
            files, facts = fetch_stated(of, folder, shelf, tell)
        else:
            files, facts = of.files, {}
            _fetch_known(of, folder, shelf, tell)
    except MissingFileError as problem:
        raise _by_hand(of, problem) from problem
    about = {key: getattr(of, key) for key in ("title", "licence", "citation", "homepage", "verification")}
    size = sum(file.size for file in files)
    return {
        "dataset": name,
        **about,
        **facts,
        "bytes": size,
        "sha256": {file.path: file.sha256 for file in files},
    }


def check(name: str, to: str | Path) -> None:
    """Hold the files of a data set that are in its folder to their sizes and SHA-256; nothing is fetched.

    Parameters
    ----------
    name : str
        Its name in the catalogue.
    to : path
        Folder that has the data set's own folder.

    Raises
    ------
    UnreadableFileError
        If a file has another content than it should.
    """
    folder = Path(to) / dataset(name).folder
    hold(_expected(name, folder), folder, name)


def present_files(name: str, to: str | Path) -> list[Path]:
    """The files of a data set that are in its folder.

    Parameters
    ----------
    name : str
        Its name in the catalogue.
    to : path
        Folder that has the data set's own folder.

    Returns
    -------
    list of Path
        Of a data set whose content only its origin knows, those that were fetched before.
    """
    folder = Path(to) / dataset(name).folder
    return [folder / file.path for file in _expected(name, folder) if (folder / file.path).is_file()]


def _expected(name: str, folder: Path) -> tuple[DataFile, ...]:
    of = dataset(name)
    return known_files(folder) if of.origin == "osf" else of.files


def absent_files(name: str, to: str | Path) -> list[Path]:
    """The files of a data set that are not in its folder; no content is read.

    Parameters
    ----------
    name : str
        Its name in the catalogue.
    to : path
        Folder that has the data set's own folder.

    Returns
    -------
    list of Path
        Of a data set whose content only its origin knows, the list of its files is one of them.
    """
    of = dataset(name)
    folder = Path(to) / of.folder
    if of.origin == "osf":
        return absent_stated(folder)
    return [folder / file.path for file in of.files if not (folder / file.path).is_file()]


def mirror_folder(mirror: str | Path | None, of: Dataset) -> Path | None:
    """Where a mirror has a data set; None without a mirror."""
    named = mirror or os.environ.get(MIRROR)
    if not named:
        return None
    if not Path(named).is_dir():
        raise MissingFileError(
            "mirror",
            f"'{named}' is not a folder",
            "a folder with a folder for each data set",
            f"Correct the setting `mirror`, or the environment variable {MIRROR}.",
        )
    return Path(named) / of.folder


def _fetch_known(of: Dataset, folder: Path, shelf: Path | None, tell: Told | None) -> None:
    hold(of.files, folder, of.name)
    told = tally(of, tell)
    for file in _lacking(of.files, folder):
        place = folder / file.path
        if shelf is not None and (shelf / file.path).is_file():
            bring(file, (shelf / file.path).resolve().as_uri(), place, of.name, told)
        elif write := _WRITTEN.get((of.name, file.path)):
            write_text(place, write())
        elif file.url:
            bring(file, file.url, place, of.name, told)
    if of.origin == "archive" and (lacking := _lacking(of.files, folder)):
        _from_archive(of, lacking, folder, tell)
    if lacking := _lacking(of.files, folder):
        where = f"data set '{of.name}', '{lacking[0].path}'"
        found = f"{len(lacking)} of {len(of.files)} files are in no place that a program can reach"
        raise MissingFileError(where, found, "a mirror that has them", "Name one.")


def _lacking(files: Iterable[DataFile], folder: Path) -> list[DataFile]:
    return [file for file in files if not (folder / file.path).is_file()]


def bring(file: DataFile, url: str, place: Path, name: str, tell: Told | None) -> None:
    """Download a file whose content is known."""
    where = f"data set '{name}', '{file.path}'"
    download(url, place, where=where, size=file.size, sha256=file.sha256, tell=tell)


def tally(of: Dataset, tell: Told | None) -> Told | None:
    """Progress over all files of a data set, in kilobytes."""
    if tell is None or of.size is None:
        return tell
    total, state = of.size, {"before": 0}

    def told(_: str, done: int, size: int) -> None:
        tell(f"kB of {of.name}", (state["before"] + done) // 1000, max(total // 1000, 1))
        if done == size:
            state["before"] += size

    return told


def _from_archive(of: Dataset, lacking: list[DataFile], folder: Path, tell: Told | None) -> None:
    """Find files in the data set's archive by their content: names there may be others."""
    archive = folder / ".archive"
    try:
        download(of.url, archive, where=f"data set '{of.name}'", limit=MOST_OF_AN_ARCHIVE, tell=tell)
        wanted = {file.sha256: folder / file.path for file in lacking}
        take(archive, wanted, {file.size for file in lacking})
    finally:
        archive.unlink(missing_ok=True)


def _by_hand(of: Dataset, problem: MissingFileError) -> MissingFileError:
    remedy = f"{of.by_hand} Or name a folder that has the data set as `mirror` (or {MIRROR})."
    return MissingFileError(problem.where, problem.found, problem.expected, remedy)
