"""rsatoolbox HDF5 files: what RDM and pattern files have in common.

Anyone can open them with rsatoolbox. They are written and read with h5py alone, since loading the toolbox takes
seconds, more than the rest of many a job; tests compare every byte with what the toolbox itself writes of the same
content and a seal (`isoprune.io.seals`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from isoprune.errors import UnreadableFileError
from isoprune.io.files import existing, readable, write_sealed
from isoprune.io.hdf5 import opened_hdf5
from isoprune.io.seals import ENTRY, open_seal
from isoprune.labels import listing

# rsatoolbox turns text arrays into ASCII; everything printable but the escape sign stays as it is.
_UNESCAPED = "".join(chr(code) for code in range(32, 127) if chr(code) != "%")
_ENCODING = "percent"


def encode_label(label: str) -> str:
    """A label in ASCII, other characters (and ``%``) percent-encoded as UTF-8."""
    return quote(label, safe=_UNESCAPED)


def decode_label(text: str) -> str:
    """The label that ``encode_label`` turned into ``text``."""
    return unquote(text, errors="strict")


def own_descriptors(provenance: dict[str, Any]) -> dict[str, str]:
    """Descriptors of a file that isoprune writes: its provenance, and how its labels are encoded."""
    text = json.dumps(provenance, sort_keys=True, ensure_ascii=True)
    return {"provenance": text, "label_encoding": _ENCODING}


def write_rsatoolbox(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write the content of an rsatoolbox ``RDMs`` or ``Dataset`` as HDF5, sealed and in one step.

    Parameters
    ----------
    path : path
        Where to.
    content : mapping
        As the ``to_dict`` of these objects gives it: groups as mappings, text, and arrays or lists; text is ASCII.

    Raises
    ------
    NotWritableError
        If it cannot be written there.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "a") as file:
        file.attrs["rsatoolbox_version"] = version("rsatoolbox")
        _write_group(file, {ENTRY: open_seal(path), **content})
    write_sealed(path, buffer.getvalue())


def _write_group(group: Any, content: Mapping[str, Any]) -> None:
    for name, value in content.items():
        if isinstance(value, Mapping):
            _write_group(group.create_group(name), value)
        elif isinstance(value, str):
            group.attrs[name] = value
        else:
            values = np.asarray(value)
            group[name] = values.astype("S") if values.dtype.kind == "U" else values


def read_rsatoolbox(path: str | Path) -> dict[str, Any]:
    """Content of an rsatoolbox HDF5 file: groups as dicts, text as str, arrays as arrays.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is not HDF5, or truncated.
    """
    path = existing(path, where=str(path), remedy="Check the path, or make the file first.")
    with readable(path, "a complete HDF5 file"), opened_hdf5(path) as file:
        return _group_content(file)


def descriptor_texts(content: dict[str, Any], group: str, name: str) -> tuple[str, ...] | None:
    """One descriptor of an rsatoolbox file as text, decoded if isoprune wrote it; None if it is not there."""
    values = content.get(group, {}).get(name)
    if values is None:
        return None
    texts = [str(value) for value in np.atleast_1d(values)]
    if content.get("descriptors", {}).get("label_encoding") == _ENCODING:
        texts = [decode_label(text) for text in texts]
    return tuple(texts)


def provenance_of(content: dict[str, Any]) -> dict[str, Any]:
    """The provenance in the content of a file that isoprune wrote; empty for files of others."""
    text = content.get("descriptors", {}).get("provenance")
    return json.loads(text) if isinstance(text, str) else {}


def dissimilarities_in(content: dict[str, Any], path: Path) -> np.ndarray:
    """Dissimilarities of an rsatoolbox ``RDMs`` file, shape (n_rdms, n_pairs) or (n_rdms, n, n).

    Raises
    ------
    UnreadableFileError
        If the content is of something else.
    """
    values = content.get("dissimilarities")
    if not isinstance(values, np.ndarray) or values.ndim not in (2, 3):
        raise UnreadableFileError(
            str(path),
            f"HDF5 with {listing(sorted(content)) or 'nothing'} at its top",
            "an rsatoolbox RDMs file, with an array `dissimilarities` (RDMs × pairs)",
            "Save RDMs with rsatoolbox's `rdms.save(path, file_type='hdf5')`.",
        )
    return values


def _group_content(group: Any) -> dict[str, Any]:
    import h5py

    content: dict[str, Any] = dict(group.attrs)
    for name, item in group.items():
        if item is None or not isinstance(name, str):
            raise KeyError(f"'{name}' leads to nothing" if item is None else f"{name} is no text")
        if isinstance(item, h5py.Group):
            content[name] = _group_content(item)
        elif item.shape is None:
            content[name] = None
        else:
            values = item[()]
            # Fixed-length text comes as bytes, variable-length text as objects.
            is_text = (
                values.dtype.kind in "SO" if isinstance(values, np.ndarray) else isinstance(values, bytes)
            )
            content[name] = item.asstr()[()] if is_text else values
    return content
