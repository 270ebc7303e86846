"""Betas in plain arrays (npy, HDF5), which know no grid: a NIfTI image of the same space lends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import GridError, UnreadableFileError
from isoprune.io.betas.images import read_grid
from isoprune.io.betas.volumes import Read, Volumes
from isoprune.io.files import existing, readable
from isoprune.io.hdf5 import opened_hdf5
from isoprune.io.volumes import Grid
from isoprune.labels import listing, nearest

HDF5_SUFFIXES = (".hdf5", ".h5", ".mat")
_COMPLETE = ("a complete array of betas", "Copy or make the file again; it may be truncated or damaged.")


def array_volumes(path: Path, reference: Path, key: str) -> Volumes:
    """The volumes of an array, read when they are needed.

    Parameters
    ----------
    path : path
        ``.npy``, or HDF5 (``.hdf5``, ``.h5``, ``.mat`` of version 7.3). Axes are x, y, z, volume, as
        Python writes them; in HDF5 also volume, z, y, x, as MATLAB writes them.
    reference : path
        NIfTI image whose grid the array has.
    key : str
        Name of the array in an HDF5 file.

    Returns
    -------
    Volumes

    Raises
    ------
    MissingFileError, UnreadableFileError
        If a file is not there, damaged, pickled, or lacks the key.
    GridError
        If the array is of another shape than the reference.
    """
    grid = Grid(*read_grid(reference))
    if path.suffix.lower() == ".npy":
        shape, read = _npy(path)
        volumes_first = _check_shape(shape, grid, path, may_be_reversed=False)
    elif path.suffix.lower() in HDF5_SUFFIXES:
        shape, by_matlab, read = _hdf5(path, key)
        volumes_first = _check_shape(shape, grid, path, may_be_reversed=True, by_matlab=by_matlab)
    else:
        raise UnreadableFileError(
            str(path),
            f"a file of the kind '{path.suffix}'",
            f".npy, or HDF5 ({', '.join(HDF5_SUFFIXES)})",
            "Name the array's file.",
        )
    n_volumes = shape[0] if volumes_first else shape[3]
    return Volumes(grid, n_volumes, _ordered(read, volumes_first, path), (path, reference))


def _ordered(read: Callable[[tuple[Any, ...]], np.ndarray], volumes_first: bool, path: Path) -> Read:
    def read_volumes(start: int, stop: int) -> np.ndarray:
        with readable(path, *_COMPLETE):
            if volumes_first:
                values = read((slice(start, stop),)).transpose(0, 3, 2, 1)
            else:
                values = np.moveaxis(read((..., slice(start, stop))), -1, 0)
            return values.astype(np.float64)

    return read_volumes


def _npy(path: Path):
    path = existing(path, where=str(path), remedy="Check the path of the betas.")
    with readable(path, *_COMPLETE):
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }
            dtype = header[version](file)[2]
        if dtype.hasobject:
            raise UnreadableFileError(
                str(path),
                "pickled Python objects, which could run any program when they are read",
                "a plain array of betas",
                "Save the array by itself where the file was made: "
                "`numpy.save('betasmd.npy', results['typed']['betasmd'])`, or let GLMsingle write HDF5.",
            )
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    _check_numbers(array.dtype, path)
    return array.shape, lambda where: array[where]


def _hdf5(path: Path, key: str):
    import h5py

    path = existing(path, where=str(path), remedy="Check the path of the betas.")
    with readable(path, *_COMPLETE), opened_hdf5(path) as file:
        found: list[str] = []
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        if key in found:
            dataset = file[key]
            shape, dtype, by_matlab = dataset.shape, dataset.dtype, "MATLAB_class" in dataset.attrs
    if key not in found:
        hint = nearest(key, found)
        raise UnreadableFileError(
            str(path),
            f"there is no '{key}'; it holds {listing(found) or 'nothing'}",
            f"an array '{key}'",
            f"Did you mean '{hint}'? Name it by the setting `betas.key`."
            if hint
            else "Name the array of the betas by the setting `betas.key`.",
        )
    _check_numbers(dtype, path)

    def read(where: tuple) -> np.ndarray:
        # Opened for each range: HDF5 would otherwise lock the file while the run is in use.
        with opened_hdf5(path) as file:
            return file[key][where]

    return shape, by_matlab, read


def _check_numbers(dtype: np.dtype, path: Path) -> None:
    if dtype.kind not in "fiu":
        raise UnreadableFileError(
            str(path), f"an array of type {dtype}", "real numbers", "Name the array of the betas."
        )


def _check_shape(
    shape: tuple[int, ...], grid: Grid, path: Path, *, may_be_reversed: bool, by_matlab: bool = False
) -> bool:
    """Whether the volumes are the first axis (and z, y, x the others)."""
    as_python = len(shape) == 4 and tuple(shape[:3]) == grid.shape
    as_matlab = may_be_reversed and len(shape) == 4 and tuple(shape[1:]) == grid.shape[::-1]
    expected = f"{'×'.join(map(str, grid.shape))}×volumes, the grid of the reference"
    if not as_python and not as_matlab:
        flat = len([n for n in shape if n > 1]) <= 2
        raise GridError(
            str(path),
            f"an array of {'×'.join(map(str, shape)) or 'one number'}",
            expected,
            "Its voxels are a list, whose places are not known: save them as x, y, z, volume."
            if flat
            else "Name a reference image (`betas.reference`) of the space in which the betas were fitted.",
        )
    if as_python and as_matlab and not by_matlab:
        raise GridError(
            str(path),
            f"an array of {'×'.join(map(str, shape))}, whose axes could be read in two orders",
            expected,
            "Save it as .npy with the axes x, y, z, volume.",
        )
    return as_matlab
