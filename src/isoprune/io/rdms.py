"""The project's own RDM files: rsatoolbox ``RDMs`` objects in HDF5, one subject's RDM a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import LabelError, UnreadableFileError
from isoprune.io.files import located
from isoprune.io.rsatoolbox import (
    descriptor_texts,
    dissimilarities_in,
    encode_label,
    own_descriptors,
    provenance_of,
    read_rsatoolbox,
    write_rsatoolbox,
)
from isoprune.io.seals import sealed
from isoprune.labelled import RDM


def write_rdm(path: str | Path, rdm: RDM) -> None:
    """Write one RDM as an rsatoolbox ``RDMs`` object in HDF5, sealed (`isoprune.io.seals`).

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
    labels = [encode_label(label) for label in rdm.labels]
    content = {
        "dissimilarities": rdm.values[np.triu_indices(len(labels), 1)][np.newaxis],
        "descriptors": own_descriptors(rdm.provenance),
        "rdm_descriptors": {
            "target": [encode_label(rdm.target)],
            "subject": [encode_label(rdm.subject)],
            "index": [0],
        },
        "pattern_descriptors": {"stimulus": labels, "index": list(range(len(labels)))},
        "dissimilarity_measure": rdm.measure,
    }
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
        If it is not HDF5, holds anything but one RDM, or is not what was written.
    LabelError
        If it does not say whose RDM it is and of which stimuli, or is another unit's.
    RDMError
        If its values are no RDM.
    """
    path = Path(path)
    with sealed(path):
        rdm = _rdm_in(read_rsatoolbox(path), path)
    for what, expected, found in (
        ("target", expect_target, rdm.target),
        ("subject", expect_subject, rdm.subject),
    ):
        if expected is not None and expected != found:
            raise LabelError(
                str(path),
                f"it is the RDM of {what} '{found}'",
                f"{what} '{expected}'",
                "Remove the file and let it be made again; it was renamed or copied.",
            )
    return rdm


def _rdm_in(content: dict[str, Any], path: Path) -> RDM:
    values = dissimilarities_in(content, path)
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
    measure = str(content.get("dissimilarity_measure") or "dissimilarity")
    with located(path):
        return RDM(values[0], labels, target, subject, measure, provenance_of(content))


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
