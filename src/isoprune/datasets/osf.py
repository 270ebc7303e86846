"""What a project of the Open Science Framework holds, with the hashes that it states (its API, version 2)."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from isoprune.datasets.catalogue import DataFile
from isoprune.errors import IsopruneError, UnreadableFileError
from isoprune.io.download import download

API = "https://api.osf.io/v2"
MOST_PAGES = 500


def project_files(project: str, *, where: str) -> list[DataFile]:
    """Every file of a project's own storage.

    Parameters
    ----------
    project : str
        Its identifier, the five letters and digits in its address.
    where : str
        What asks, for the error messages.

    Returns
    -------
    list of DataFile
        Sorted by path; sizes and SHA-256 as the project states them.

    Raises
    ------
    MissingFileError
        If there is no network, or no such project.
    UnreadableFileError
        If an answer is not what the API promises, or states no SHA-256.
    """
    pages = [f"{API}/nodes/{project}/files/osfstorage/"]
    files: list[DataFile] = []
    for _ in range(MOST_PAGES):
        if not pages:
            return sorted(files, key=lambda file: file.path)
        url = pages.pop()
        try:
            answer = _answer(url, where)
            for entry in answer["data"]:
                if entry["attributes"]["kind"] == "folder":
                    pages.append(entry["relationships"]["files"]["links"]["related"]["href"])
                else:
                    files.append(_file(entry))
            pages += [following] if (following := answer["links"].get("next")) else []
        except IsopruneError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise _strange(where, url, f"an answer that cannot be read ({problem!r})") from problem
    raise _strange(where, url, f"more than {MOST_PAGES} pages")


def _answer(url: str, where: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        page = download(_on_the_network(url), Path(folder) / "page.json", where=where, limit=10**7)
        return json.loads(page.read_bytes())


def _file(entry: dict[str, Any]) -> DataFile:
    about = entry["attributes"]
    path = PurePosixPath(about["materialized_path"].lstrip("/"))
    if ".." in path.parts or not path.parts:
        raise ValueError(f"the path {path}")
    sha256 = about["extra"]["hashes"]["sha256"]
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"the SHA-256 {sha256}")
    return DataFile(str(path), int(about["size"]), sha256, _on_the_network(entry["links"]["download"]))


def _on_the_network(url: str) -> str:
    """``url``, unless it is an address of something on this machine, which no list from elsewhere may have read."""
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"the address {url}")
    return url


def _strange(where: str, url: str, found: str) -> UnreadableFileError:
    return UnreadableFileError(
        where,
        f"{url} gives {found}",
        "a list of files with size and SHA-256, as version 2 of the API gives it",
        "Download the files in a browser, and put them where the data set's instructions say.",
    )
