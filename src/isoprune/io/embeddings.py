"""Embedding files: our own, which are rsatoolbox data sets in HDF5, and those that anything else made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from isoprune.errors import EmbeddingError, IsopruneError, LabelError, UnknownNameError, UnreadableFileError
from isoprune.io.files import existing, located, readable
from isoprune.io.hdf5 import opened_hdf5
from isoprune.io.matlab import load_mat
from isoprune.io.rsatoolbox import write_rsatoolbox
from isoprune.io.seals import Renamed, check_seal, sealed
from isoprune.io.tables import read_rows
from isoprune.labelled import Embedding
from isoprune.labels import check_labels, choose, listing
from isoprune.provenance import record

LABEL_KEYS = ("labels", "stimulus")
"""Names under which a file of arrays may hold the stimulus labels."""

_PLAIN_ASCII = "".join(chr(code) for code in range(32, 127) if chr(code) != "%")


def write_embedding(path: str | Path, embedding: Embedding) -> None:
    """Write an embedding as an rsatoolbox ``Dataset`` in HDF5, sealed (`isoprune.io.seals`).

    Parameters
    ----------
    path : path
        Where it goes; equal embeddings give equal bytes.
    embedding : Embedding
        Observations are images (``stimulus``), channels are features (``feature``, counted from 0). Labels
        are percent-encoded where they are not plain ASCII, since rsatoolbox stores nothing else; provenance
        is one JSON string.

    Raises
    ------
    NotWritableError
        If the place cannot be written to.
    """
    content = {
        "measurements": embedding.values,
        "descriptors": {
            "name": embedding.name,
            "provenance": json.dumps(embedding.provenance, sort_keys=True),
        },
        "obs_descriptors": {"stimulus": [quote(label, safe=_PLAIN_ASCII) for label in embedding.labels]},
        "channel_descriptors": {"feature": np.arange(embedding.values.shape[1])},
        "type": "Dataset",
    }
    write_rsatoolbox(path, content)


def read_embedding(path: str | Path) -> Embedding:
    """Read what `write_embedding` wrote: same values, type, labels, name and provenance.

    Parameters
    ----------
    path : path
        An embedding file of this package.

    Returns
    -------
    Embedding

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, is not an embedding of this package, or not what was written.
    LabelError
        If it was written as that of another network.
    """
    path = existing(path, where="embedding", remedy="Make the embedding first.")
    with sealed(path), _opened(path) as file:
        try:
            about = file["descriptors"].attrs
            labels = tuple(map(unquote, file["obs_descriptors/stimulus"].asstr("ascii")[()]))
            return Embedding(file["measurements"][()], labels, about["name"], json.loads(about["provenance"]))
        except IsopruneError:
            raise
        except (KeyError, ValueError, TypeError) as problem:
            raise UnreadableFileError(
                str(path),
                f"it is not an embedding written by isoprune ({problem})",
                "an rsatoolbox Dataset with descriptors name and provenance, and a stimulus for each row",
                "Use import_embedding for files that something else made.",
            ) from problem


def import_embedding(
    path: str | Path, *, name: str, labels: Sequence[str] | None = None, key: str | None = None
) -> Embedding:
    """Read an embedding that anything else made.

    Parameters
    ----------
    path : path
        ``.npy``; ``.npz``, ``.mat`` (up to version 7) or ``.h5``/``.hdf5`` (plain or rsatoolbox ``Dataset``)
        with one array of shape (n_images, n_features); or ``.tsv``/``.csv`` with the labels in the first
        column and the features' names in the header.
    name : str
        The study's name for the network.
    labels : sequence of str, optional
        Stimulus labels. Where the file holds none, they name its rows in order; where it holds some (as
        ``labels`` or ``stimulus``, or a table's first column), rows are put in this order, by label.
    key : str, optional
        Name of the array, where the file holds several.

    Returns
    -------
    Embedding
        float32 or float64, as in the file (float16 becomes float32, whole numbers float64). Names of
        features, if there are any, are in the provenance as ``feature_names``.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, or cannot be read without unpickling.
    UnknownNameError
        If ``key`` is missing where it is needed, or names nothing.
    LabelError
        If neither the file nor the caller gives labels, or both do and differ.
    EmbeddingError
        If the array is not one row of finite numbers for each image.
    """
    path = existing(path, where=f"embedding '{name}'", remedy="Correct the path, or make the embedding.")
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise UnreadableFileError(
            f"embedding '{name}'",
            f"'{path}' ends in '{kind}'",
            f"one of: {listing(_READERS, most=10)}",
            "Save the array in one of these formats, e.g. numpy.savez(path, features=X, labels=names).",
        )
    values, own_labels, feature_names = _READERS[kind](path, key)
    named = {"feature_names": feature_names} if feature_names is not None else {}
    provenance = record({"key": key}, {"embedding": path}, kind="imported embedding", **named)
    if own_labels is None and labels is None:
        raise LabelError(
            f"embedding '{name}'",
            f"'{path}' holds no stimulus labels",
            "a label for every row",
            f"Save them beside the array as '{LABEL_KEYS[0]}', or state them in the order of the rows.",
        )
    row_labels = tuple(labels if own_labels is None else own_labels)
    with located(path):
        embedding = Embedding(_as_float(values, str(path)), row_labels, name, provenance)
    if own_labels is not None and labels is not None:
        return embedding.select(check_labels(labels, f"embedding '{name}'"), "the study")
    return embedding


_Content = tuple[np.ndarray, list[str] | None, list[str] | None]


def _as_float(values: np.ndarray, where: str) -> np.ndarray:
    if not values.size:
        raise EmbeddingError(
            where,
            f"{values.shape[0]} images with {values.shape[-1]} features",
            "at least one of each",
            "Save the activations again.",
        )
    if values.dtype.kind not in "fiu":
        raise EmbeddingError(
            where,
            f"values of type {values.dtype}",
            "real numbers",
            "Save activations as float32 or float64.",
        )
    if values.dtype.kind == "f" and values.dtype.itemsize in (4, 8):
        return values.astype(values.dtype.newbyteorder("="))
    return values.astype(np.float32 if values.dtype == np.float16 else np.float64)


def _read_npy(path: Path, key: str | None) -> _Content:
    if key is not None:
        _refuse_key(path, key)
    return _loaded(path, lambda: np.load(path, allow_pickle=False)), None, None


def _read_npz(path: Path, key: str | None) -> _Content:
    def arrays() -> dict[str, np.ndarray]:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)

    return _picked(path, _loaded(path, arrays), key)


def _read_mat(path: Path, key: str | None) -> _Content:
    arrays = {name: one for name, one in _loaded(path, lambda: load_mat(path)).items() if name[:2] != "__"}
    for each, array in arrays.items():
        if array.dtype.kind == "U":
            # MATLAB pads the rows of a character matrix with blanks.
            arrays[each] = np.char.rstrip(array, " ")
    return _picked(path, arrays, key)


def _read_hdf5(path: Path, key: str | None) -> _Content:
    import h5py

    arrays: dict[str, np.ndarray] = {}

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            is_text = h5py.check_string_dtype(item.dtype) is not None
            arrays[name] = np.asarray(item.asstr()[()] if is_text else item[()])

    check_seal(path, Renamed.FREELY)
    with _opened(path) as file:
        _loaded(path, lambda: file.visititems(collect))
        is_rsatoolbox = "measurements" in file and "obs_descriptors" in file
        is_ours = is_rsatoolbox and "provenance" in file["descriptors"].attrs
    if not is_rsatoolbox:
        return _picked(path, arrays, key)
    own = {each.removeprefix("obs_descriptors/"): array for each, array in arrays.items()}
    values, labels, _ = _picked(path, own, key or "measurements")
    if labels is not None and is_ours:
        labels = [unquote(label) for label in labels]
    return values, labels, None


def _read_text(path: Path, key: str | None) -> _Content:
    if key is not None:
        _refuse_key(path, key)
    header, rows = read_rows(path, where="embedding")
    values = np.empty((len(rows), len(header) - 1))
    for number, row in enumerate(rows, start=1):
        for column, cell in enumerate(row[1:]):
            try:
                values[number - 1, column] = float(cell)
            except ValueError as problem:
                raise EmbeddingError(
                    f"{path}, row {number} ('{row[0]}'), column '{header[column + 1]}'",
                    f"'{cell}'",
                    "a number",
                    "The first column holds the labels, every other one a feature.",
                ) from problem
    return values, [row[0] for row in rows], header[1:]


_READERS: Mapping[str, Callable[[Path, str | None], _Content]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".tsv": _read_text,
    ".csv": _read_text,
    ".mat": _read_mat,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
}


def _loaded(path: Path, load: Callable[[], Any]) -> Any:
    with readable(
        path,
        "arrays of numbers and labels as text, without Python objects",
        "Save labels as an array of text (numpy.array(labels, dtype=str)), and MATLAB files with '-v7'.",
    ):
        return load()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with ExitStack() as stack:
        yield _loaded(path, lambda: stack.enter_context(opened_hdf5(path)))


def _refuse_key(path: Path, key: str) -> None:
    raise UnknownNameError(str(path), f"it has no '{key}'", "a single array", "Leave out the setting `key`.")


def _picked(path: Path, arrays: Mapping[str, np.ndarray], key: str | None) -> _Content:
    tables = [each for each, array in arrays.items() if array.ndim == 2 and array.dtype.kind in "fiu"]
    tables = [each for each in tables if each not in LABEL_KEYS]
    if key is not None:
        choose(key, tables, what="array", where=str(path))
    elif len(tables) != 1:
        raise UnknownNameError(
            str(path),
            f"{len(tables)} arrays with rows and columns of numbers ({listing(tables) or listing(arrays)})",
            "exactly one, or the name of the one that is meant",
            "Name it with the setting `key`.",
        )
    held = [each for each in LABEL_KEYS if each in arrays]
    labels = _as_labels(arrays[held[0]], f"{path}, '{held[0]}'") if held else None
    return arrays[key or tables[0]], labels, None


def _as_labels(array: np.ndarray, where: str) -> list[str]:
    flat = array.ravel()
    if array.dtype == object and all(isinstance(item, str) for item in flat):
        return list(flat)
    if array.dtype == object:
        # A MATLAB cell array: each cell is an array that holds one text.
        return [str(item.item()) if getattr(item, "size", 0) == 1 else "" for item in flat]
    if array.dtype.kind == "S":
        return [item.decode("utf-8") for item in flat]
    if array.dtype.kind in "Uiu":
        return [str(item) for item in flat]
    raise LabelError(
        where,
        f"labels of type {array.dtype}",
        "text or whole numbers",
        "Save the labels as an array of text.",
    )
