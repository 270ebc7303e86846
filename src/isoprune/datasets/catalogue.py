"""The catalogue: `catalogue.toml` says what each data set is, `files/<name>.tsv` what its files hold."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from isoprune.labels import choose

_HERE = Path(__file__).parent

Origin = Literal["files", "archive", "osf", "none"]
"""Where a data set comes from: files with an address each, one archive, a project of the Open Science Framework, or
nowhere that a program can reach."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Parameters
    ----------
    path : str
        Relative to the data set's folder.
    size : int
        Bytes.
    sha256 : str
        64 hexadecimal digits.
    url : str or None
        Its own address, if it has one.
    """

    path: str
    size: int
    sha256: str
    url: str | None = None


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set.

    Parameters
    ----------
    name, title, contents, licence, citation, homepage : str
    folder : str
        Its folder below `data_dir`.
    origin : {'files', 'archive', 'osf', 'none'}
    url : str or None
        Address of the archive, or the project's identifier.
    by_hand : str
        What a person does where a program cannot fetch it, or there is no network.
    files : tuple of DataFile
        Empty where content is known only at the origin (`osf`).
    """

    name: str
    title: str
    contents: str
    licence: str
    citation: str
    homepage: str
    folder: str
    origin: Origin
    by_hand: str
    url: str | None = None
    files: tuple[DataFile, ...] = ()

    @property
    def size(self) -> int | None:
        """Bytes of all its files; None where only the origin knows."""
        return sum(file.size for file in self.files) if self.files else None

    @property
    def verification(self) -> str:
        """How its files are checked, in words."""
        if self.files:
            return "SHA-256 and size of every file, in the catalogue"
        return "SHA-256 and size that its repository states when it is asked, and what the files hold"


@cache
def catalogue() -> dict[str, Dataset]:
    """Every data set, by name.

    Returns
    -------
    dict of str to Dataset
        In alphabetical order.
    """
    entries = tomllib.loads((_HERE / "catalogue.toml").read_text(encoding="utf-8"))
    return {name: Dataset(name=name, files=_files(name), **entries[name]) for name in sorted(entries)}


def dataset(name: str, *, where: str = "data sets") -> Dataset:
    """The data set called ``name``.

    Raises
    ------
    UnknownNameError
        With the data sets that there are.
    """
    choose(name, catalogue(), what="data set", where=where)
    return catalogue()[name]


def _files(name: str) -> tuple[DataFile, ...]:
    table = _HERE / "files" / f"{name}.tsv"
    if not table.is_file():
        return ()
    with table.open(encoding="utf-8", newline="") as file:
        return tuple(
            DataFile(row["path"], int(row["bytes"]), row["sha256"], row["url"] or None)
            for row in csv.DictReader(file, delimiter="\t")
        )
