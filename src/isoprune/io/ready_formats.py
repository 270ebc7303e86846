"""Formats of ready RDM files: NumPy, MATLAB, tables and rsatoolbox, each read to an array and the labels it carries."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import LabelError, RDMError, UnknownNameError, UnreadableFileError
from isoprune.io.files import existing, readable
from isoprune.io.matlab import load_mat
from isoprune.io.rsatoolbox import descriptor_texts, dissimilarities_in, read_rsatoolbox
from isoprune.io.seals import Renamed, check_seal
from isoprune.labels import check_labels, choose, listing, positions

_PAIR = ("stimulus_1", "stimulus_2")


@dataclass(frozen=True)
class ReadyFile:
    """A ready file as it was read, before it is known how many stimuli it should have."""

    values: np.ndarray
    labels: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    measure: str = "dissimilarity"


def read_ready_file(path: str | Path, key: str | None) -> tuple[ReadyFile, Path]:
    """What a ready file holds, and its path.

    Parameters
    ----------
    path : path
    key : str, optional
        Which of several arrays, variables, columns or descriptors.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, damaged, or of no known format.
    UnknownNameError
        If ``key`` is needed, or is not in the file.
    LabelError, RDMError
        If its own labels are doubled, or its RDMs of different shapes.
    """
    path = existing(path, where=str(path), remedy="Check the path of the ready RDMs.")
    state = path.stat()
    return _cached_file(str(path.absolute()), state.st_mtime_ns, state.st_size, key), path


@lru_cache(maxsize=8)
def _cached_file(path: str, mtime_ns: int, size: int, key: str | None) -> ReadyFile:
    """The file's content; its time and size are arguments so that a changed file is read anew."""
    readers = {
        ".npz": _read_npz,
        ".npy": _read_npy,
        ".mat": _read_mat,
        ".tsv": _read_table,
        ".csv": _read_table,
        ".h5": _read_ready_hdf5,
        ".hdf5": _read_ready_hdf5,
    }
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        raise UnreadableFileError(
            path,
            f"a file name that ends in '{suffix}'",
            f"one of: {listing(readers, most=10)}",
            "Save the RDMs in one of these formats.",
        )
    source = readers[suffix](Path(path), key)
    # Shared by every later reader of the same file.
    source.values.setflags(write=False)
    return source


def shape_in_words(shape: tuple[int, ...]) -> str:
    """The shape of an array as people write it, such as ``15 × 92 × 92``."""
    return " × ".join(map(str, shape))


def _numbers(values: Any, where: str) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "fiu" or values.ndim not in (1, 2, 3) or values.size == 0:
        raise UnreadableFileError(
            where,
            f"an array of shape {shape_in_words(values.shape) or 'one value'} and type {values.dtype}",
            "real numbers: n × n, n(n−1)/2 pairs, or these with subjects along a first axis",
            "Set `key` to the array that holds the RDMs.",
        )
    return np.array(values, dtype=np.float64)


def _only(names: Sequence[str], key: str | None, what: str, where: str) -> str:
    if key is not None:
        return choose(key, names, what=what, where=where)
    if len(names) != 1:
        raise UnknownNameError(
            where,
            f"it holds {len(names)} {what}s: {listing(names, most=40) or 'none'}",
            "one, or a `key` that says which",
            f"Set `key` to the {what} wanted.",
        )
    return names[0]


def _refuse_key(key: str | None, path: Path) -> None:
    if key is not None:
        raise UnknownNameError(
            str(path),
            f"there is no '{key}'; a {path.suffix} file holds one matrix, without a name",
            "no `key`",
            "Remove the setting `key`.",
        )


def _read_npz(path: Path, key: str | None) -> ReadyFile:
    expected = "a NumPy archive of plain arrays"
    with readable(path, expected), np.load(path, allow_pickle=False) as archive:
        name = _only(archive.files, key, "array", str(path))
        values = archive[name]
    return ReadyFile(_numbers(values, f"{path}, array '{name}'"))


def _read_npy(path: Path, key: str | None) -> ReadyFile:
    _refuse_key(key, path)
    with readable(path, "a NumPy array of plain numbers"):
        values = np.load(path, allow_pickle=False)
    return ReadyFile(_numbers(values, str(path)))


def _read_mat(path: Path, key: str | None) -> ReadyFile:
    expected = "a MATLAB file of version 4 to 7.2 (save with `-v7`)"
    with readable(path, expected):
        variables = load_mat(path, simplify_cells=True)
    value: Any = {name: content for name, content in variables.items() if not name.startswith("__")}
    steps = key if key is not None else _only(list(value), None, "variable", str(path))
    where = str(path)
    for step in steps.split("."):
        fields = value if isinstance(value, dict) else {}
        value = fields[choose(step, fields, what="variable", where=where)]
        where = f"{where}, '{step}'"
    while isinstance(value, dict) and "RDM" not in value:
        steps = _only([f"{steps}.{name}" for name in value], None, "field", where)
        value = value[steps.rsplit(".", 1)[1]]
    return _from_mat(value, where)


def _from_mat(value: Any, where: str) -> ReadyFile:
    """A plain array, or a struct (array) with a field RDM and perhaps a field name."""
    entries: Any = [value] if isinstance(value, dict) else value
    if np.ndim(entries) == 0 or not all(isinstance(entry, dict) for entry in entries):
        return ReadyFile(_numbers(value, where))
    if not all("RDM" in entry for entry in entries):
        raise UnreadableFileError(
            where,
            f"a struct array with the fields {listing(entries[0])}",
            "a field `RDM` in every element",
            "Set `key` to the variable that holds the RDMs.",
        )
    matrices = [_numbers(entry["RDM"], f"{where}, element {i}") for i, entry in enumerate(entries, start=1)]
    return ReadyFile(_stack(matrices, where), subjects=tuple(str(entry.get("name", "")) for entry in entries))


def _stack(matrices: list[np.ndarray], where: str) -> np.ndarray:
    shapes = {matrix.shape for matrix in matrices}
    if len(shapes) > 1:
        raise RDMError(
            where,
            f"RDMs of different shapes: {listing(map(shape_in_words, sorted(shapes)))}",
            "the same stimuli for every subject",
            "Give subjects with other stimuli in files of their own.",
        )
    return np.stack(matrices)


def _read_table(path: Path, key: str | None) -> ReadyFile:
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    with (
        readable(path, "a table in UTF-8"),
        path.open(encoding="utf-8-sig", newline="") as file,
    ):
        rows = [row for row in csv.reader(file, delimiter=separator) if any(cell.strip() for cell in row)]
    if len(rows) < 2 or len(rows[0]) < 3 or any(len(row) != len(rows[0]) for row in rows):
        raise UnreadableFileError(
            str(path),
            f"a table of {len(rows)} rows with {listing(map(str, sorted({len(row) for row in rows})))} cells",
            "a square table: labels in the header row and in the first column, one cell a pair; or a long one "
            f"with the columns {listing(_PAIR)} and one of dissimilarities",
            "Separate cells of a .tsv by tabs and of a .csv by commas.",
        )
    if set(_PAIR) <= set(rows[0]):
        return _long_table(rows, key, path)
    _refuse_key(key, path)
    return _square_table(rows, path)


def _square_table(rows: list[list[str]], path: Path) -> ReadyFile:
    columns = check_labels(rows[0][1:], f"{path}, header row")
    labels = check_labels([row[0] for row in rows[1:]], f"{path}, first column")
    order = positions(labels, columns, wanted_in="the first column", present_in=f"{path}, header row")
    values = [
        [
            _cell(text, f"{path}, row '{row[0]}', column '{column}'")
            for column, text in zip(columns, row[1:], strict=True)
        ]
        for row in rows[1:]
    ]
    return ReadyFile(np.array(values)[:, order], labels)


def _long_table(rows: list[list[str]], key: str | None, path: Path) -> ReadyFile:
    """A row a pair of stimuli, in either order, and perhaps a subject."""
    header = check_labels(rows[0], f"{path}, header row")
    value = _only([name for name in header if name not in (*_PAIR, "subject")], key, "column", str(path))
    first, second, at = (header.index(name) for name in (*_PAIR, value))
    who = header.index("subject") if "subject" in header else None
    labels = tuple(dict.fromkeys(row[place] for place in (first, second) for row in rows[1:]))
    subjects = tuple(dict.fromkeys("" if who is None else row[who] for row in rows[1:]))
    place = {label: number for number, label in enumerate(labels)}
    matrices = {subject: np.full((len(labels), len(labels)), np.nan) for subject in subjects}
    seen = set()
    for number, row in enumerate(rows[1:], start=1):
        subject = "" if who is None else row[who]
        pair = frozenset((row[first], row[second]))
        if (subject, pair) in seen:
            raise LabelError(
                f"{path}, row {number}",
                f"the pair of '{row[first]}' and '{row[second]}' stands in the table for the second time",
                "every pair once for each subject",
                "Average repeated judgments yourself, or name subjects in a column `subject`.",
            )
        seen.add((subject, pair))
        i, j = place[row[first]], place[row[second]]
        cell = _cell(row[at], f"{path}, row {number}, column '{value}'")
        matrices[subject][i, j] = matrices[subject][j, i] = cell
    return ReadyFile(np.stack(list(matrices.values())), labels, None if who is None else subjects)


def _cell(text: str, where: str) -> float:
    if text.strip().lower() in ("", "n/a", "na", "nan"):
        return float("nan")
    try:
        return float(text)
    except ValueError as problem:
        raise UnreadableFileError(
            where, f"'{text}'", "a number, or nothing", "Correct the cell; decimals take a point."
        ) from problem


def _read_ready_hdf5(path: Path, key: str | None) -> ReadyFile:
    check_seal(path, Renamed.FREELY)
    content = read_rsatoolbox(path)
    values = dissimilarities_in(content, path)
    described = [name for name in content.get("pattern_descriptors", {}) if name != "index"]
    labels = None
    if described or key is not None:
        name = "stimulus" if key is None and "stimulus" in described else key
        name = _only(described, name, "pattern descriptor", str(path))
        labels = descriptor_texts(content, "pattern_descriptors", name)
    return ReadyFile(
        _numbers(values, f"{path}, 'dissimilarities'"),
        labels,
        descriptor_texts(content, "rdm_descriptors", "subject"),
        str(content.get("dissimilarity_measure") or "dissimilarity"),
    )
