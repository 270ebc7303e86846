"""NIfTI images: read whole, or a range of volumes at a time."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from isoprune.errors import BetasError, UnreadableFileError
from isoprune.io.betas.volumes import Volumes
from isoprune.io.files import existing, readable
from isoprune.io.volumes import Grid


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
    with readable_image(path):
        image = nibabel.load(path)
    return tuple(image.shape[:3]), checked_affine(np.array(image.affine), image.get_data_dtype(), path)


def read_nifti(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxel values (scaled) and affine (4, 4) of a NIfTI image, read to its end.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, truncated, damaged, or no NIfTI image.
    """
    import nibabel

    path = existing(path, where=str(path), remedy="Check the path of the image.")
    with readable_image(path):
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
    return values, checked_affine(np.array(image.affine), values.dtype, path)


@contextmanager
def readable_image(path: Path) -> Iterator[None]:
    """Turn what nibabel and zlib raise on a damaged image into one named error.

    Raises
    ------
    UnreadableFileError
        With the reason.
    """
    with readable(
        path, "a complete NIfTI image", "Copy or make the image again; it may be truncated or damaged."
    ):
        yield


def checked_affine(affine: np.ndarray, dtype: np.dtype, path: Path) -> np.ndarray:
    """The affine, if it gives every voxel its place and the voxels are real numbers.

    Raises
    ------
    UnreadableFileError
        If not.
    """
    if dtype.kind not in "fiub" or not np.isfinite(affine).all() or np.linalg.det(affine) == 0:
        raise UnreadableFileError(
            str(path),
            f"voxels of type {dtype} with the affine {np.round(affine, 3).tolist()}",
            "real numbers, and an affine that gives every voxel its place",
            "Correct the image's header.",
        )
    return affine


def nifti_volumes(path: str | Path) -> Volumes:
    """The volumes of a NIfTI image (one for a 3-D image), read when they are needed.

    Parameters
    ----------
    path : path
        3-D or 4-D NIfTI image (``.nii``, ``.nii.gz``, or a pair ``.hdr`` and ``.img``).

    Returns
    -------
    Volumes
        Values are as stored × slope + intercept of the header, in float64.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, truncated, damaged, or no NIfTI image. Damage inside of a compressed
        image is only noticed, and then raised, by reading.
    BetasError
        If it has another number of dimensions.
    """
    import nibabel

    path = existing(path, where=str(path), remedy="Check the path of the image.")
    with readable_image(path):
        image = nibabel.load(path)
        proxy = image.dataobj
        affine = checked_affine(np.array(image.affine), np.dtype(image.get_data_dtype()), path)
    if len(image.shape) not in (3, 4):
        raise BetasError(
            str(path),
            f"an image of {len(image.shape)} dimensions ({'×'.join(map(str, image.shape))})",
            "a 3-D or a 4-D image",
            "Save one volume an image, or the volumes along the fourth dimension.",
        )
    stored = _StoredVolumes(path, proxy)
    grid = Grid(tuple(map(int, image.shape[:3])), affine)
    is_scaled = (float(proxy.slope), float(proxy.inter)) != (1.0, 0.0)
    return Volumes(grid, stored.n_volumes, stored, (path,), is_scaled)


class _StoredVolumes:
    """Bytes of an image turned into volumes; a compressed file stays open while it is read onwards."""

    def __init__(self, path: Path, proxy):
        self._path = path
        self._file = Path(proxy.file_like)
        self._compressed = self._file.suffix.lower() == ".gz"
        self._open: gzip.GzipFile | None = None
        self._dtype, self._offset = np.dtype(proxy.dtype), int(proxy.offset)
        self._slope, self._intercept = float(proxy.slope), float(proxy.inter)
        self._shape = tuple(map(int, proxy.shape[:3]))
        self.n_volumes = int(proxy.shape[3]) if len(proxy.shape) == 4 else 1
        self._n_bytes = int(np.prod(self._shape)) * self._dtype.itemsize
        if not self._compressed:
            with readable_image(path):
                _need_bytes(self._file.stat().st_size, self._offset + self.n_volumes * self._n_bytes)

    def __call__(self, start: int, stop: int) -> np.ndarray:
        with readable_image(self._path):
            stored = self._bytes(self._offset + start * self._n_bytes, (stop - start) * self._n_bytes)
            if self._compressed and stop == self.n_volumes:
                self._check_to_the_end()
        values = np.frombuffer(stored, self._dtype).reshape(stop - start, *self._shape[::-1])
        values = values.transpose(0, 3, 2, 1).astype(np.float64)
        if self._slope != 1:
            values *= self._slope
        if self._intercept != 0:
            values += self._intercept
        return values

    def _bytes(self, offset: int, n_bytes: int) -> bytes:
        if not self._compressed:
            with self._file.open("rb") as file:
                file.seek(offset)
                stored = file.read(n_bytes)
        else:
            # Kept open: seeking in a new one would decompress everything before the range again.
            self._open = self._open or gzip.open(self._file)  # noqa: SIM115
            self._open.seek(offset)
            stored = self._open.read(n_bytes)
        _need_bytes(len(stored), n_bytes)
        return stored

    def _check_to_the_end(self) -> None:
        """Read what is left: the checksum of a gzip file stands at its end."""
        with self._open as file:
            self._open = None
            while file.read(1 << 20):
                pass


def _need_bytes(found: int, expected: int) -> None:
    if found < expected:
        raise EOFError(f"{found} of {expected} bytes are there")
