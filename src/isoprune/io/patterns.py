"""Pattern files: rsatoolbox ``Dataset`` objects in HDF5, one subject and region a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from isoprune.errors import LabelError, UnreadableFileError
from isoprune.io.rdms import (
    decode_label,
    descriptor_texts,
    encode_label,
    own_descriptors,
    provenance_of,
    read_rsatoolbox,
    write_rsatoolbox,
)
from isoprune.labelled import Patterns


def write_patterns(path: str | Path, patterns: Patterns) -> None:
    """Write patterns as an rsatoolbox ``Dataset`` in HDF5, with observation descriptors condition and run.

    Equal content gives equal bytes. Labels outside ASCII are percent-encoded.

    Parameters
    ----------
    path : path
        Where to.
    patterns : Patterns
        What to write.

    Raises
    ------
    NotWritableError
        If it cannot be written there.
    """
    from rsatoolbox.data import Dataset

    content = Dataset(
        patterns.values,
        descriptors={
            **own_descriptors(patterns.provenance),
            "roi": encode_label(patterns.roi),
            "subject": encode_label(patterns.subject),
            "counts": json.dumps(patterns.counts, sort_keys=True),
        },
        obs_descriptors={
            "condition": [encode_label(condition) for condition in patterns.conditions],
            "run": np.array(patterns.runs, dtype=np.int64),
        },
        channel_descriptors={"voxel": np.arange(patterns.values.shape[1])},
    )
    write_rsatoolbox(path, content)


def read_patterns(path: str | Path) -> Patterns:
    """Read a file that ``write_patterns`` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Patterns
        With observations in the order of the file.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is not HDF5, is truncated, or holds no patterns.
    LabelError
        If it does not say which observation is of which condition and run.
    """
    content = read_rsatoolbox(path)
    values = content.get("measurements")
    if not isinstance(values, np.ndarray):
        raise UnreadableFileError(
            str(path),
            "HDF5 without an array `measurements`",
            "an rsatoolbox Dataset",
            "Make the file again from the betas.",
        )
    conditions = descriptor_texts(content, "obs_descriptors", "condition")
    runs = content.get("obs_descriptors", {}).get("run")
    if conditions is None or runs is None:
        raise LabelError(
            str(path),
            "it has no `condition` or no `run` among its observation descriptors",
            "both descriptors",
            "Patterns are joined by label, never by position: add them and save the file again.",
        )
    descriptors = content.get("descriptors", {})
    return Patterns(
        values,
        conditions,
        tuple(runs),
        decode_label(str(descriptors.get("roi", "roi"))),
        decode_label(str(descriptors.get("subject", "subject"))),
        json.loads(descriptors.get("counts", "{}")),
        provenance_of(content),
    )
