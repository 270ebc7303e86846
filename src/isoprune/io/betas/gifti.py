"""Betas on the cortical surface: GIFTI files of the left and the right hemisphere, joined in this order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isoprune.errors import BetasError, UnreadableFileError
from isoprune.io.betas.runs import Settings, assembled, planned_files, planned_runs
from isoprune.io.betas.volumes import Volumes
from isoprune.io.files import existing, readable
from isoprune.io.volumes import BetaRun, Grid

_COMPLETE = (
    "a complete GIFTI file with one value a vertex and volume",
    "Copy or make the file again; it may be truncated, or hold a surface instead of betas.",
)


def gifti_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """Files of both hemispheres, and tables, of a subject."""
    return planned_files(settings, subject, root)


def gifti_runs(settings: Settings, subject: str, root: Path) -> list[BetaRun]:
    """Runs of a subject on the surface.

    `images` has ``{hemisphere}``, which `hemispheres` fills in, left first. The grid has the vertices of
    the left hemisphere, then those of the right, and no affine.

    Raises
    ------
    MissingFileError, UnreadableFileError, BetasError, LabelError, UnknownNameError
        If files and tables are not there, damaged, or do not belong together.
    """
    return [assembled(plan, open_hemispheres) for plan in planned_runs(settings, subject, root)]


def open_hemispheres(paths: tuple[Path, ...]) -> Volumes:
    """Files of the hemispheres joined along their vertices.

    Parameters
    ----------
    paths : tuple of Path
        Left, then right; or one alone.

    Returns
    -------
    Volumes
        An array of a file is a volume.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If a file is not there, damaged, or holds no values of vertices.
    BetasError
        If the hemispheres have different numbers of volumes.
    """
    parts = [_Surface(path) for path in paths]
    numbers = [part.n_volumes for part in parts]
    if len(set(numbers)) > 1:
        raise BetasError(
            str(paths[1]),
            f"{numbers[1]} volumes, and {numbers[0]} in '{paths[0]}'",
            "as many volumes in both hemispheres",
            "Give the two hemispheres of one run.",
        )

    def read(start: int, stop: int) -> np.ndarray:
        return np.concatenate([part.read(start, stop) for part in parts], axis=1)

    return Volumes(Grid((sum(part.n_vertices for part in parts),), None), numbers[0], read, paths)


class _Surface:
    """The arrays of a file. GIFTI can only be read whole, so it is kept between the first range and the last."""

    def __init__(self, path: Path):
        self._path = existing(path, where=str(path), remedy="Check the path of the betas.")
        self._arrays: list[np.ndarray] | None = None
        arrays = self._load()
        self.n_volumes, self.n_vertices = len(arrays), arrays[0].size

    def read(self, start: int, stop: int) -> np.ndarray:
        if self._arrays is None:
            self._arrays = self._load()
        values = np.empty((stop - start, self.n_vertices))
        for row, array in enumerate(self._arrays[start:stop]):
            values[row] = array
        if stop == self.n_volumes:
            self._arrays = None
        return values

    def _load(self) -> list[np.ndarray]:
        import nibabel

        with readable(self._path, *_COMPLETE):
            image = nibabel.load(self._path)
            if not isinstance(image, nibabel.GiftiImage):
                raise ValueError(f"it is a {type(image).__name__}")
            # One array may hold all volumes, vertices × volumes.
            arrays = [column for array in image.darrays for column in np.atleast_2d(array.data.T)]
        sizes = {array.size for array in arrays}
        if len(sizes) != 1 or any(array.dtype.kind not in "fiu" for array in arrays):
            found = f"{len(arrays)} arrays of the lengths {sorted(sizes)}"
            raise UnreadableFileError(str(self._path), found, *_COMPLETE)
        return arrays
