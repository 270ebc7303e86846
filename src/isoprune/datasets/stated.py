"""Data sets whose content only their repository knows: it is asked for hashes, and what files hold is checked too.

What was fetched is written down beside the data, `checksums.tsv`, and from then on every file is held to that.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from isoprune.datasets import king2019
from isoprune.datasets.archives import is_archive, unpack
from isoprune.datasets.catalogue import DataFile, Dataset
from isoprune.datasets.osf import project_files
from isoprune.datasets.tables import as_tsv
from isoprune.errors import MissingFileError, UnreadableFileError
from isoprune.io.download import Told, check_content, download
from isoprune.io.files import readable, write_text
from isoprune.provenance import sha256_of_file

CHECKSUMS = "checksums.tsv"
_COLUMNS = ("path", "bytes", "sha256")


def fetch_stated(
    of: Dataset, folder: Path, shelf: Path | None, tell: Told | None
) -> tuple[tuple[DataFile, ...], dict[str, Any]]:
    """Bring the data set into its folder, and check it.

    Parameters
    ----------
    of : Dataset
        One with the origin `osf`.
    folder, shelf : path
        Its folder, and that in a mirror.
    tell : callable, optional
        Is told of progress.

    Returns
    -------
    files : tuple of DataFile
        Those it consists of.
    facts : dict
        What the check of their content found.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If a file is not to be had, or is not what it should be.
    """
    files = known_files(folder)
    hold(files, folder, of.name)
    if not files or any(not (folder / file.path).is_file() for file in files):
        # What a person has put there by hand is taken; what was fetched before decides what is.
        places = [folder] * (not files) + [shelf] * (shelf is not None)
        source = next((place for place in places if (place / king2019.RDMS).is_file()), None)
        source = source or _from_project(of, folder, tell)
        files = files or _described(source)
        king2019.check(source)
        if source != folder:
            _copy(files, source, folder, of.name)
        rows = [(file.path, str(file.size), file.sha256) for file in files]
        write_text(folder / CHECKSUMS, as_tsv(_COLUMNS, rows))
        shutil.rmtree(_stage(folder), ignore_errors=True)
    if not (folder / king2019.TABLE).is_file():
        write_text(folder / king2019.TABLE, king2019.table(folder))
    return files, {"n_subjects": king2019.check(folder)}


def absent_stated(folder: Path) -> list[Path]:
    """What is not in the folder: the list of what was fetched, or files on it."""
    listed = folder / CHECKSUMS
    if not listed.is_file():
        return [listed]
    places = [listed.with_name(king2019.TABLE), *(folder / file.path for file in known_files(folder))]
    return [place for place in places if not place.is_file()]


def _stage(folder: Path) -> Path:
    return folder / ".download"


def _from_project(of: Dataset, folder: Path, tell: Told | None) -> Path:
    """Download what is needed; the folder in which it then lies as the data set has it."""
    stage, ready = _stage(folder) / "project", _stage(folder) / "ready"
    where = f"data set '{of.name}'"
    there = project_files(of.url, where=where)
    for file in there:
        archived = is_archive(Path(file.path)) and king2019.may_hold_pictures(file.path)
        if not (archived or king2019.place_of(file.path)):
            continue
        place = stage / file.path
        if not place.is_file():
            download(
                file.url,
                place,
                where=f"{where}, '{file.path}'",
                size=file.size,
                sha256=file.sha256,
                tell=tell,
            )
        check_content(place, f"the file from {file.url}", where=where, size=file.size, sha256=file.sha256)
        if archived:
            # The folder keeps the archive's name, which may be all that says of which set the pictures are.
            unpack(place, stage / f"{file.path}.unpacked")
    shutil.rmtree(ready, ignore_errors=True)
    for path in sorted(path for path in stage.rglob("*") if path.is_file()):
        if wanted := king2019.place_of(PurePosixPath(path.relative_to(stage))):
            _put(path, ready / wanted)
    if not (ready / king2019.RDMS).is_file():
        names = ", ".join(file.path for file in there[:10]) or "nothing"
        raise MissingFileError(where, f"the project {of.url} holds {names}", f"a file {king2019.RDMS}", "")
    return ready


def _put(source: Path, place: Path) -> None:
    if place.is_file() and sha256_of_file(place) != sha256_of_file(source):
        raise UnreadableFileError(
            str(source),
            f"the project has two different files for {place.name}",
            "one",
            "Put the right one into the data set's folder by hand.",
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)


def _described(source: Path) -> tuple[DataFile, ...]:
    """The files of the data set in a folder; those that a list there names are held to it."""
    if (source / CHECKSUMS).is_file():
        return known_files(source)
    paths = [
        source / king2019.RDMS,
        *(path for name in king2019.SETS for path in king2019.pictures(source, name)),
    ]
    return tuple(
        DataFile(path.relative_to(source).as_posix(), path.stat().st_size, sha256_of_file(path))
        for path in paths
    )


def _copy(files: tuple[DataFile, ...], source: Path, folder: Path, name: str) -> None:
    for file in files:
        path, where = source / file.path, f"data set '{name}', '{file.path}'"
        download(path.resolve().as_uri(), folder / file.path, where=where, size=file.size, sha256=file.sha256)


def hold(files: Iterable[DataFile], folder: Path, name: str) -> None:
    """Refuse files that lie in a folder and are others than they should be; they may be the user's own.

    Parameters
    ----------
    files : iterable of DataFile
        What they should be; a file that is not there is passed over.
    folder : path
        The data set's folder.
    name : str
        Its name, for the error message.

    Raises
    ------
    UnreadableFileError
        If a file has another content.
    """
    remedy = (
        "If it is damaged, delete it and run again; if it is yours, leave the data set out of `datasets`."
    )
    for file in files:
        if (path := folder / file.path).is_file():
            about: dict[str, Any] = {
                "where": f"data set '{name}', '{path}'",
                "size": file.size,
                "sha256": file.sha256,
            }
            check_content(path, "the file that lies there", **about, remedy=remedy)


def known_files(folder: Path) -> tuple[DataFile, ...]:
    """The files that were fetched into a folder, as its list has them; none where there is no list.

    Raises
    ------
    UnreadableFileError
        If the list is damaged.
    """
    path = folder / CHECKSUMS
    if not path.is_file():
        return ()
    expected = f"a table with the columns {', '.join(_COLUMNS)}"
    with (
        readable(path, expected),
        path.open(encoding="utf-8", newline="") as file,
    ):
        return tuple(
            DataFile(row["path"], int(row["bytes"]), row["sha256"])
            for row in csv.DictReader(file, delimiter="\t")
        )
