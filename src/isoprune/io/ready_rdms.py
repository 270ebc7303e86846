"""RDMs that were made elsewhere: from ready files of one or many subjects to labelled RDMs.

A format is read in `isoprune.io.ready_formats`; here labels and subjects are given to what it holds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import LabelError, RDMError
from isoprune.io.files import located
from isoprune.io.ready_formats import ReadyFile, read_ready_file, shape_in_words
from isoprune.labelled import RDM
from isoprune.labels import check_labels, choose, listing, positions
from isoprune.provenance import record


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
    return _read(path, target, key, labels, subjects, similarity)


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
    return _read(path, target, key, labels, subjects, similarity, only=subject)[subject]


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


def _read(
    path: str | Path,
    target: str,
    key: str | None,
    labels: Sequence[str] | None,
    subjects: Sequence[str] | None,
    similarity: bool,
    only: str | None = None,
) -> dict[str, RDM]:
    """The RDMs of all subjects of a ready file, or of one alone."""
    source, path = read_ready_file(path, key)
    with located(path):
        stimuli = _stimuli(source, labels, path)
        slices = _slices(source, stimuli, subjects, path)
        if only is not None:
            choose(only, slices, what="subject", where=str(path))
            slices = {only: slices[only]}
        settings = {"target": target, "key": key, "similarity": similarity}
        return {
            subject: _ready_rdm(values, stimuli, source.measure, target, subject, similarity, settings)
            for subject, values in slices.items()
        }


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


def _stimuli(source: ReadyFile, labels: Sequence[str] | None, path: Path) -> tuple[str, ...]:
    if source.labels is None and labels is None:
        raise LabelError(
            str(path),
            "it carries no stimulus labels",
            "a label for every row",
            "Give `labels`, the stimuli in the order of the file's rows, one a line of a text file (the setting of "
            "the target's `rdms`, or `isoprune init --labels`); position alone joins nothing.",
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
    source: ReadyFile, stimuli: tuple[str, ...], subjects: Sequence[str] | None, path: Path
) -> dict[str, np.ndarray]:
    """Each subject's part of the source's array, square or upper triangle."""
    values, n_images = source.values, len(stimuli)
    n_pairs = n_images * (n_images - 1) // 2
    if values.shape in ((n_images, n_images), (n_pairs,)):
        values = values[np.newaxis]
    elif values.shape[1:] not in ((n_images, n_images), (n_pairs,)):
        raise RDMError(
            str(path),
            f"an array of shape {shape_in_words(values.shape)} with {n_images} stimulus labels",
            f"{n_images} × {n_images} or {n_pairs} pairs, with subjects, if several, along the first axis",
            "Check which stimuli the file holds, and move subjects to the first axis.",
        )
    names = _subject_names(source, len(values), subjects, path)
    return dict(zip(names, values, strict=True))


def _subject_names(
    source: ReadyFile, n_subjects: int, subjects: Sequence[str] | None, path: Path
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
