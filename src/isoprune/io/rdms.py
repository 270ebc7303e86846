"""RDM files: the project's own (rsatoolbox HDF5, one RDM a file) and ready ones in the formats people have.

Own files are written through rsatoolbox, so that anyone can open them with it, and read with h5py
alone, so that a job that only needs the numbers does not pay for loading a toolbox.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from isoprune.errors import IsopruneError, LabelError, RDMError, UnknownNameError, UnreadableFileError
from isoprune.io.files import existing, write_bytes
from isoprune.labelled import RDM
from isoprune.labels import check_labels, choose, listing, positions
from isoprune.provenance import record

READY_SUFFIXES = (".npz", ".npy", ".mat", ".tsv", ".csv", ".h5", ".hdf5")
_PAIR = ("stimulus_1", "stimulus_2")

# rsatoolbox turns text arrays into ASCII; everything printable but the escape sign stays as it is.
_UNESCAPED = "".join(chr(code) for code in range(32, 127) if chr(code) != "%")
_ENCODING = "percent"


# ── what RDM and pattern files have in common ──────────────────────────────────────────────────


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


def write_rsatoolbox(path: str | Path, content: Any) -> None:
    """Write an rsatoolbox ``RDMs`` or ``Dataset`` as HDF5, in one step.

    Parameters
    ----------
    path : path
        Where to.
    content : rsatoolbox.rdm.RDMs or rsatoolbox.data.Dataset
        What to write; its text must be ASCII.
    """
    # rsatoolbox opens named files for appending and never closes them.
    buffer = io.BytesIO()
    content.save(buffer, file_type="hdf5")
    write_bytes(path, buffer.getvalue())


def read_rsatoolbox(path: str | Path) -> dict[str, Any]:
    """Content of an rsatoolbox HDF5 file: groups as dicts, text as str, arrays as arrays.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is not HDF5, or truncated.
    """
    import h5py

    path = existing(path, where=str(path), remedy="Check the path, or make the file first.")
    # HDF5's library reports damage by any of these.
    damage = (OSError, RuntimeError, KeyError, ValueError)
    with _readable(path, "a complete HDF5 file", damage), h5py.File(path, "r") as file:
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


def _group_content(group: Any) -> dict[str, Any]:
    import h5py

    content: dict[str, Any] = dict(group.attrs)
    for name, item in group.items():
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


@contextmanager
def _readable(path: Path, expected: str, problems: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except IsopruneError:
        raise
    except problems as problem:
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        raise UnreadableFileError(
            str(path),
            f"it cannot be read ({reason})",
            expected,
            "Make or copy the file again; it may be truncated, or of another format than its name says.",
        ) from problem


@contextmanager
def _located(path: Path) -> Iterator[None]:
    """Errors of what is inside a file also name the file."""
    try:
        yield
    except IsopruneError as problem:
        if str(path) in problem.where:
            raise
        where = f"{path}, {problem.where}"
        raise type(problem)(where, problem.found, problem.expected, problem.remedy) from problem


# ── own files: one RDM each ────────────────────────────────────────────────────────────────────


def write_rdm(path: str | Path, rdm: RDM) -> None:
    """Write one RDM as an rsatoolbox ``RDMs`` object in HDF5.

    Equal content gives equal bytes. Labels outside ASCII are percent-encoded.

    Parameters
    ----------
    path : path
        Where to, by habit ``sub-<subject>_roi-<target>_desc-<measure>_rdm.h5``.
    rdm : RDM
        What to write.

    Raises
    ------
    NotWritableError
        If it cannot be written there.
    """
    from rsatoolbox.rdm import RDMs

    upper_triangle = rdm.values[np.triu_indices(len(rdm.labels), 1)]
    content = RDMs(
        upper_triangle[np.newaxis],
        dissimilarity_measure=rdm.measure,
        descriptors=own_descriptors(rdm.provenance),
        rdm_descriptors={"target": [encode_label(rdm.target)], "subject": [encode_label(rdm.subject)]},
        pattern_descriptors={"stimulus": [encode_label(label) for label in rdm.labels]},
    )
    write_rsatoolbox(path, content)


def read_rdm(path: str | Path, *, expect_target: str | None = None, expect_subject: str | None = None) -> RDM:
    """Read a file that ``write_rdm`` wrote.

    Parameters
    ----------
    path : path
        The file.
    expect_target, expect_subject : str, optional
        Whose RDM it must be.

    Returns
    -------
    RDM
        With labels in the order of the file.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is not HDF5, is truncated, or holds anything but one RDM.
    LabelError
        If it does not say whose RDM it is and of which stimuli, or is another unit's.
    RDMError
        If its values are no RDM.
    """
    path = Path(path)
    content = read_rsatoolbox(path)
    values = _dissimilarities(content, path)
    if len(values) != 1:
        raise UnreadableFileError(
            str(path),
            f"it holds {len(values)} RDMs",
            "one RDM",
            "Files between stages hold one subject's RDM each; read others as ready RDMs.",
        )
    (target,) = _required(content, "rdm_descriptors", "target", path)
    (subject,) = _required(content, "rdm_descriptors", "subject", path)
    labels = _required(content, "pattern_descriptors", "stimulus", path)
    for what, expected, found in (("target", expect_target, target), ("subject", expect_subject, subject)):
        if expected is not None and expected != found:
            raise LabelError(
                str(path),
                f"it is the RDM of {what} '{found}'",
                f"{what} '{expected}'",
                "Remove the file and let it be made again; it was renamed or copied.",
            )
    measure = str(content.get("dissimilarity_measure") or "dissimilarity")
    with _located(path):
        return RDM(values[0], labels, target, subject, measure, provenance_of(content))


def _dissimilarities(content: dict[str, Any], path: Path) -> np.ndarray:
    values = content.get("dissimilarities")
    if not isinstance(values, np.ndarray) or values.ndim not in (2, 3):
        raise UnreadableFileError(
            str(path),
            f"HDF5 with {listing(sorted(content)) or 'nothing'} at its top",
            "an rsatoolbox RDMs file, with an array `dissimilarities` (RDMs × pairs)",
            "Save RDMs with rsatoolbox's `rdms.save(path, file_type='hdf5')`.",
        )
    return values


def _required(content: dict[str, Any], group: str, name: str, path: Path) -> tuple[str, ...]:
    texts = descriptor_texts(content, group, name)
    if texts is None:
        raise LabelError(
            str(path),
            f"it has no `{name}` among its {group.replace('_', ' ')}",
            f"a descriptor `{name}`",
            "RDMs are joined by label, never by position: add the descriptor and save the file again.",
        )
    return texts


# ── ready files: one or many subjects in any of the usual formats ──────────────────────────────


@dataclass(frozen=True)
class _Source:
    """A ready file as it was read, before it is known how many stimuli it should have."""

    values: np.ndarray
    labels: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    measure: str = "dissimilarity"


def read_ready_rdms(
    path: str | Path,
    *,
    target: str,
    key: str | None = None,
    labels: Sequence[str] | None = None,
    subjects: Sequence[str] | None = None,
    similarity: bool = False,
) -> dict[str, RDM]:
    """RDMs that were made elsewhere, by subject.

    ``.npz``, ``.npy`` and ``.mat`` hold an array (n, n), (n_pairs,), (subjects, n, n) or
    (subjects, n_pairs), pairs being the upper triangle without diagonal, row by row; a ``.mat`` may
    also hold a struct array with fields ``RDM`` and, if it likes, ``name``. ``.tsv`` and ``.csv`` are
    square tables with the labels in the header row and in the first column, or long tables with a row a pair:
    columns ``stimulus_1``, ``stimulus_2``, one of values, and ``subject`` if there are several. ``.h5`` and
    ``.hdf5`` are rsatoolbox ``RDMs``.

    Parameters
    ----------
    path : path
        The file.
    target : str
        Name of the target.
    key : str, optional
        Which of several: the array in an ``.npz`` or ``.mat`` (dots lead into structs), the column of
        values in a long table, or the pattern descriptor with the labels in an rsatoolbox file (default
        ``stimulus``, or the only one).
    labels : sequence of str, optional
        Stimulus labels in the file's order, for files that carry none. If the file carries its own,
        both must be the same.
    subjects : sequence of str, optional
        Subject labels along the first axis. By default the file's own if they are letters and digits
        and all different; else ``01``, ``02``, …; and ``group`` if the file holds one RDM without name.
    similarity : bool, default False
        The file holds similarities s; for each subject they become largest − s, the largest being the
        value of the diagonal where the file has one.

    Returns
    -------
    dict of str to RDM
        In the order of the file.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, damaged, or of no known format.
    UnknownNameError
        If ``key`` is needed, or is not in the file.
    LabelError
        If stimulus or subject labels are missing, doubled, or of another number than the RDMs.
    RDMError
        If the values are no dissimilarities, or no similarities though ``similarity`` says so.
    """
    source, path = _source(path, key)
    with _located(path):
        stimuli = _stimuli(source, labels, path)
        slices = _slices(source, stimuli, subjects, path)
        settings = {"target": target, "key": key, "similarity": similarity}
        return {
            subject: _ready_rdm(values, stimuli, source.measure, target, subject, similarity, settings)
            for subject, values in slices.items()
        }


def read_ready_rdm(
    path: str | Path,
    *,
    target: str,
    subject: str,
    key: str | None = None,
    labels: Sequence[str] | None = None,
    subjects: Sequence[str] | None = None,
    similarity: bool = False,
) -> RDM:
    """One subject's RDM of a ready file; what is wrong with another subject's does not matter.

    Parameters
    ----------
    path, target, key, labels, subjects, similarity
        As for ``read_ready_rdms``.
    subject : str
        Whose RDM.

    Returns
    -------
    RDM

    Raises
    ------
    UnknownNameError
        If the file has no such subject.
    IsopruneError
        As ``read_ready_rdms``.
    """
    source, path = _source(path, key)
    with _located(path):
        stimuli = _stimuli(source, labels, path)
        slices = _slices(source, stimuli, subjects, path)
        choose(subject, slices, what="subject", where=str(path))
        settings = {"target": target, "key": key, "similarity": similarity}
        return _ready_rdm(slices[subject], stimuli, source.measure, target, subject, similarity, settings)


def hash_of_subject(
    path: str | Path,
    *,
    subject: str,
    key: str | None = None,
    labels: Sequence[str] | None = None,
    subjects: Sequence[str] | None = None,
    similarity: bool = False,
) -> str:
    """Hash of what a ready file says about one subject, so that one subject's change reruns one subject.

    Parameters
    ----------
    path, key, labels, subjects, similarity
        As for ``read_ready_rdms``.
    subject : str
        Whose part.

    Returns
    -------
    str
        SHA-256 over stimulus labels, measure and dissimilarities, as 64 hexadecimal digits.

    Raises
    ------
    UnknownNameError
        If the file has no such subject.
    IsopruneError
        As ``read_ready_rdms``.
    """
    rdm = read_ready_rdm(
        path,
        target="target",
        subject=subject,
        key=key,
        labels=labels,
        subjects=subjects,
        similarity=similarity,
    )
    return _content_hash(rdm)


def _content_hash(rdm: RDM) -> str:
    digest = hashlib.sha256(json.dumps([rdm.labels, rdm.measure]).encode())
    digest.update(np.ascontiguousarray(rdm.values, dtype="<f8").tobytes())
    return digest.hexdigest()


def _ready_rdm(
    values: np.ndarray,
    labels: tuple[str, ...],
    measure: str,
    target: str,
    subject: str,
    similarity: bool,
    settings: dict[str, Any],
) -> RDM:
    if similarity:
        where = f"target '{target}' of subject '{subject}'"
        values, measure = _as_dissimilarities(values, where), "reversed similarity"
    rdm = RDM(values, labels, target, subject, measure)
    # The hash is of this subject's part alone: another subject's change leaves the record as it is.
    return RDM(rdm.values, labels, target, subject, measure, record(settings, {}, source=_content_hash(rdm)))


def _as_dissimilarities(similarities: np.ndarray, where: str) -> np.ndarray:
    """Similarities turned round, from the largest: what an item has with itself, where that is known."""
    dissimilarities = np.nanmax(similarities) - similarities
    if similarities.ndim == 2:
        off_diagonal = ~np.eye(len(similarities), dtype=bool)
        if np.diagonal(similarities).max() < np.nanmin(similarities[off_diagonal]):
            raise RDMError(
                where,
                f"items are less similar to themselves ({np.diagonal(similarities).max():.6g} at most) than to "
                f"any other ({np.nanmin(similarities[off_diagonal]):.6g} at least)",
                "similarities, because `similarity` is true",
                "Set `similarity: false` if these are dissimilarities; else leave the diagonal empty (NaN).",
            )
        np.fill_diagonal(dissimilarities, 0.0)
    return dissimilarities


def _stimuli(source: _Source, labels: Sequence[str] | None, path: Path) -> tuple[str, ...]:
    if source.labels is None and labels is None:
        raise LabelError(
            str(path),
            "it carries no stimulus labels",
            "a label for every row",
            "Give `labels`, the stimuli in the order of the file's rows; position alone joins nothing.",
        )
    if source.labels is None:
        return check_labels(labels, f"labels for {path}")
    stimuli = check_labels(source.labels, str(path))
    if labels is not None and tuple(labels) != stimuli:
        positions(tuple(labels), stimuli, wanted_in="the given labels", present_in=str(path))
        raise LabelError(
            str(path),
            "it carries its own stimulus labels, in another order than the given ones",
            "one order",
            "Leave out `labels`; the file's own are used.",
        )
    return stimuli


def _slices(
    source: _Source, stimuli: tuple[str, ...], subjects: Sequence[str] | None, path: Path
) -> dict[str, np.ndarray]:
    """Each subject's part of the source's array, square or upper triangle."""
    values, n_images = source.values, len(stimuli)
    n_pairs = n_images * (n_images - 1) // 2
    if values.shape in ((n_images, n_images), (n_pairs,)):
        values = values[np.newaxis]
    elif values.shape[1:] not in ((n_images, n_images), (n_pairs,)):
        raise RDMError(
            str(path),
            f"an array of shape {_times(values.shape)} with {n_images} stimulus labels",
            f"{n_images} × {n_images} or {n_pairs} pairs, with subjects, if several, along the first axis",
            "Check which stimuli the file holds, and move subjects to the first axis.",
        )
    names = _subject_names(source, len(values), subjects, path)
    return dict(zip(names, values, strict=True))


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _subject_names(
    source: _Source, n_subjects: int, subjects: Sequence[str] | None, path: Path
) -> tuple[str, ...]:
    if subjects is not None:
        names = check_labels(subjects, f"subjects for {path}")
        if len(names) != n_subjects:
            raise LabelError(
                str(path),
                f"it holds the RDMs of {n_subjects} subject(s)",
                f"{len(names)}, as many as there are subject labels ({listing(names)})",
                "Give one subject label for each RDM, in the order of the file.",
            )
        return names
    own = source.subjects or ()
    usable = len(own) == n_subjects and len(set(own)) == n_subjects
    if usable and all(re.fullmatch("[A-Za-z0-9]+", name) for name in own):
        if n_subjects > 1 and "group" in own:
            raise LabelError(
                str(path),
                "one of several subjects is called 'group'",
                "`group` to be the mean over subjects only",
                "Give `subjects`, a label for each RDM in the order of the file.",
            )
        return own
    if n_subjects == 1:
        return ("group",)
    width = max(2, len(str(n_subjects)))
    return tuple(f"{number:0{width}d}" for number in range(1, n_subjects + 1))


# ── formats of ready files ─────────────────────────────────────────────────────────────────────


def _source(path: str | Path, key: str | None) -> tuple[_Source, Path]:
    path = existing(path, where=str(path), remedy="Check the path of the ready RDMs.")
    state = path.stat()
    return _cached_source(str(path.absolute()), state.st_mtime_ns, state.st_size, key), path


@lru_cache(maxsize=8)
def _cached_source(path: str, mtime_ns: int, size: int, key: str | None) -> _Source:
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
            f"one of: {listing(READY_SUFFIXES, most=10)}",
            "Save the RDMs in one of these formats.",
        )
    source = readers[suffix](Path(path), key)
    # Shared by every later reader of the same file.
    source.values.setflags(write=False)
    return source


def _numbers(values: Any, where: str) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "fiu" or values.ndim not in (1, 2, 3) or values.size == 0:
        raise UnreadableFileError(
            where,
            f"an array of shape {_times(values.shape) or 'one value'} and type {values.dtype}",
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


def _read_npz(path: Path, key: str | None) -> _Source:
    problems = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
    expected = "a NumPy archive of plain arrays"
    with _readable(path, expected, problems), np.load(path, allow_pickle=False) as archive:
        name = _only(archive.files, key, "array", str(path))
        values = archive[name]
    return _Source(_numbers(values, f"{path}, array '{name}'"))


def _read_npy(path: Path, key: str | None) -> _Source:
    _refuse_key(key, path)
    with _readable(path, "a NumPy array of plain numbers", (OSError, ValueError, EOFError)):
        values = np.load(path, allow_pickle=False)
    return _Source(_numbers(values, str(path)))


def _refuse_key(key: str | None, path: Path) -> None:
    if key is not None:
        raise UnknownNameError(
            str(path),
            f"there is no '{key}'; a {path.suffix} file holds one matrix, without a name",
            "no `key`",
            "Remove the setting `key`.",
        )


def _read_mat(path: Path, key: str | None) -> _Source:
    import scipy.io

    # SciPy names version 7.3, which is HDF5, by a NotImplementedError.
    problems = (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        IndexError,
        NotImplementedError,
        zlib.error,
    )
    expected = "a MATLAB file of version 4 to 7.2 (save with `-v7`)"
    with _readable(path, expected, (*problems, scipy.io.matlab.MatReadError)):
        variables = scipy.io.loadmat(path, simplify_cells=True)
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


def _from_mat(value: Any, where: str) -> _Source:
    """A plain array, or a struct (array) with a field RDM and perhaps a field name."""
    entries = [value] if isinstance(value, dict) else value
    if np.ndim(entries) == 0 or not all(isinstance(entry, dict) for entry in entries):
        return _Source(_numbers(value, where))
    if not all("RDM" in entry for entry in entries):
        raise UnreadableFileError(
            where,
            f"a struct array with the fields {listing(entries[0])}",
            "a field `RDM` in every element",
            "Set `key` to the variable that holds the RDMs.",
        )
    matrices = [_numbers(entry["RDM"], f"{where}, element {i}") for i, entry in enumerate(entries, start=1)]
    return _Source(_stack(matrices, where), subjects=tuple(str(entry.get("name", "")) for entry in entries))


def _stack(matrices: list[np.ndarray], where: str) -> np.ndarray:
    shapes = {matrix.shape for matrix in matrices}
    if len(shapes) > 1:
        raise RDMError(
            where,
            f"RDMs of different shapes: {listing(map(_times, sorted(shapes)))}",
            "the same stimuli for every subject",
            "Give subjects with other stimuli in files of their own.",
        )
    return np.stack(matrices)


def _read_table(path: Path, key: str | None) -> _Source:
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    with (
        _readable(path, "a table in UTF-8", (OSError, UnicodeDecodeError, csv.Error)),
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


def _square_table(rows: list[list[str]], path: Path) -> _Source:
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
    return _Source(np.array(values)[:, order], labels)


def _long_table(rows: list[list[str]], key: str | None, path: Path) -> _Source:
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
    return _Source(np.stack(list(matrices.values())), labels, None if who is None else subjects)


def _cell(text: str, where: str) -> float:
    if text.strip().lower() in ("", "n/a", "na", "nan"):
        return float("nan")
    try:
        return float(text)
    except ValueError as problem:
        raise UnreadableFileError(
            where, f"'{text}'", "a number, or nothing", "Correct the cell; decimals take a point."
        ) from problem


def _read_ready_hdf5(path: Path, key: str | None) -> _Source:
    content = read_rsatoolbox(path)
    values = _dissimilarities(content, path)
    described = [name for name in content.get("pattern_descriptors", {}) if name != "index"]
    labels = None
    if described or key is not None:
        name = "stimulus" if key is None and "stimulus" in described else key
        name = _only(described, name, "pattern descriptor", str(path))
        labels = descriptor_texts(content, "pattern_descriptors", name)
    return _Source(
        _numbers(values, f"{path}, 'dissimilarities'"),
        labels,
        descriptor_texts(content, "rdm_descriptors", "subject"),
        str(content.get("dissimilarity_measure") or "dissimilarity"),
    )
