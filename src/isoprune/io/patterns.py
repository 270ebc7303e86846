"""Pattern files: rsatoolbox ``Dataset`` objects in HDF5, one subject and region a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import LabelError, UnreadableFileError
from isoprune.io.rsatoolbox import (
    decode_label,
    descriptor_texts,
    encode_label,
    own_descriptors,
    provenance_of,
    read_rsatoolbox,
    write_rsatoolbox,
)
from isoprune.io.seals import sealed
from isoprune.labelled import Patterns


def write_patterns(path: str | Path, patterns: Patterns) -> None:
    """Write patterns as an rsatoolbox ``Dataset`` in HDF5, sealed, with observation descriptors condition and run.

    Equal content gives equal bytes. Labels outside ASCII are percent-encoded. Channel descriptors are
    the voxels' numbers in the grid of the betas and, where it is known, their tSNR. Residuals are not
    written: an RDM that needs them is made from the betas.

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
    n_voxels = patterns.values.shape[1]
    channels = {"voxel": np.arange(n_voxels) if patterns.voxels is None else np.array(patterns.voxels)}
    if patterns.tsnr is not None:
        channels["tsnr"] = patterns.tsnr
    content = {
        "measurements": patterns.values,
        "descriptors": {
            **own_descriptors(patterns.provenance),
            "roi": encode_label(patterns.roi),
            "subject": encode_label(patterns.subject),
            "counts": json.dumps(patterns.counts, sort_keys=True),
            "selection": encode_label(patterns.selection),
        },
        "obs_descriptors": {
            "condition": [encode_label(condition) for condition in patterns.conditions],
            "run": [encode_label(run) for run in patterns.runs],
        },
        "channel_descriptors": channels,
        "type": "Dataset",
    }
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
        With observations in the order of the file, and without residuals.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is not HDF5, holds no patterns, or is not what was written.
    LabelError
        If it does not say which observation is of which condition and run, or is another unit's.
    """
    path = Path(path)
    with sealed(path):
        return _patterns_in(read_rsatoolbox(path), path)


def _patterns_in(content: dict[str, Any], path: Path) -> Patterns:
    values = content.get("measurements")
    if not isinstance(values, np.ndarray):
        raise UnreadableFileError(
            str(path),
            "HDF5 without an array `measurements`",
            "an rsatoolbox Dataset",
            "Make the file again from the betas.",
        )
    conditions = descriptor_texts(content, "obs_descriptors", "condition")
    runs = descriptor_texts(content, "obs_descriptors", "run")
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
        runs,
        decode_label(str(descriptors.get("roi", "roi"))),
        decode_label(str(descriptors.get("subject", "subject"))),
        json.loads(descriptors.get("counts", "{}")),
        provenance_of(content),
        content.get("channel_descriptors", {}).get("voxel"),
        decode_label(str(descriptors.get("selection", ""))),
        content.get("channel_descriptors", {}).get("tsnr"),
    )
