"""Betas: one 4-D NIfTI image a run, and the table that says which condition each volume is."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isoprune.errors import BetasError, LabelError, UnreadableFileError
from isoprune.io.files import existing
from isoprune.io.tables import read_rows
from isoprune.labels import listing, nearest

if TYPE_CHECKING:
    import pandas as pd


def read_conditions(path: str | Path) -> pd.DataFrame:
    """The table that names the condition of each volume of a run.

    Parameters
    ----------
    path : path
        Tab-separated (``.csv``: comma-separated) table with a column ``condition`` and, optionally,
        ``volume`` (from 0). Without ``volume``, row i is volume i. Other columns are kept as text.

    Returns
    -------
    DataFrame
        One row a volume, in the order of the volumes; ``condition`` is text, ``volume`` int.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is no text table with a header and rows of one length.
    BetasError
        If there is no column ``condition``, or ``volume`` does not number the rows.
    LabelError
        If a condition is blank.
    """
    import pandas as pd

    path = Path(path)
    header, rows = read_rows(path, where=str(path))
    table = pd.DataFrame(rows, columns=header, dtype=str)
    if "condition" not in table.columns:
        hint = nearest("condition", table.columns)
        raise BetasError(
            str(path),
            f"a table with the columns {listing(table.columns)}",
            "a column `condition`",
            f"Is '{hint}' meant?" if hint else "Name the column that holds each volume's condition so.",
        )
    blank = [str(row) for row, name in enumerate(table["condition"], start=1) if not name.strip()]
    if blank:
        raise LabelError(
            str(path),
            f"row {listing(blank)} has no condition",
            "a condition for every volume",
            "Name the condition of every volume; leave volumes of no interest out of the betas.",
        )
    return _in_order_of_volumes(table, path)


def _in_order_of_volumes(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    if "volume" not in table.columns:
        return table.assign(volume=np.arange(len(table)))
    texts = list(table["volume"])
    if sorted(texts) != sorted(map(str, range(len(table)))):
        raise BetasError(
            str(path),
            f"column `volume` holds {listing(texts)}",
            f"each of 0 to {len(table) - 1} once",
            "Number the volumes from 0, without gaps, or remove the column if rows are in order.",
        )
    return table.assign(volume=table["volume"].astype(int)).sort_values("volume", ignore_index=True)


def read_betas(path: str | Path, n_conditions: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The betas of one run.

    Parameters
    ----------
    path : path
        4-D NIfTI image, one volume a condition (or repetition of it).
    n_conditions : int, optional
        Rows of the condition table; the image must have as many volumes.

    Returns
    -------
    values : ndarray of shape (n_x, n_y, n_z, n_volumes)
        In the image's own units and floating type, NaN left as it is.
    affine : ndarray of shape (4, 4)
        From voxel indices to world coordinates, in mm.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, truncated, damaged, or no NIfTI image.
    BetasError
        If it is not 4-D, or has another number of volumes than the table has rows.
    """
    values, affine = read_nifti(path)
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    if values.ndim != 4:
        raise BetasError(
            str(path),
            f"an image of {values.ndim} dimensions ({'×'.join(map(str, values.shape))})",
            "a 4-D image, one volume a condition",
            "Concatenate the volumes of a run into one image.",
        )
    if n_conditions is not None and values.shape[3] != n_conditions:
        raise BetasError(
            str(path),
            f"{values.shape[3]} volumes, and {n_conditions} rows in the table of conditions",
            "one row a volume",
            "Check that image and table are of the same run.",
        )
    return values, affine


def read_grid(path: str | Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Voxels along each of the three axes, and affine (4, 4), of a NIfTI image; its header alone is read.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there or no NIfTI image.
    """
    import nibabel

    path = existing(path, where=str(path), remedy="Check the path of the image.")
    with _readable(path):
        image = nibabel.load(path)
    return tuple(image.shape[:3]), _checked(np.array(image.affine), image.get_data_dtype(), path)


def read_nifti(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxel values (scaled) and affine (4, 4) of a NIfTI image, read to its end.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, truncated, damaged, or no NIfTI image.
    """
    import nibabel

    path = existing(path, where=str(path), remedy="Check the path of the image.")
    with _readable(path):
        image = nibabel.load(path)
        if path.suffix.lower() != ".gz":
            # A copy: the file may be replaced while its values are in use.
            values = np.array(np.asanyarray(image.dataobj))
        else:
            # The checksum of a gzip file stands at its end, where nibabel by itself does not look.
            with gzip.open(path) as file:
                values = np.asanyarray(type(image).from_stream(file).dataobj)
                while file.read(1 << 20):
                    pass
    return values, _checked(np.array(image.affine), values.dtype, path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import nibabel

    damage = (OSError, EOFError, ValueError, zlib.error)
    foreign = (nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError)
    try:
        yield
    except (*damage, *foreign) as problem:
        raise UnreadableFileError(
            str(path),
            f"it cannot be read ({' '.join(str(problem).split()) or type(problem).__name__})",
            "a complete NIfTI image",
            "Copy or make the image again; it may be truncated or damaged.",
        ) from problem


def _checked(affine: np.ndarray, dtype: np.dtype, path: Path) -> np.ndarray:
    if dtype.kind not in "fiub" or not np.isfinite(affine).all() or np.linalg.det(affine) == 0:
        raise UnreadableFileError(
            str(path),
            f"voxels of type {dtype} with the affine {np.round(affine, 3).tolist()}",
            "real numbers, and an affine that gives every voxel its place",
            "Correct the image's header.",
        )
    return affine
