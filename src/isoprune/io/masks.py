"""Masks of regions of interest, put on the grid of the betas in world space.

An image is a grid of voxels plus an affine that says where they are. Two images of one space may
store the same voxels with flipped or permuted axes; indexing one with the other then mirrors the
brain without any error. Here every voxel goes by its place in the world.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isoprune.errors import ConfigError, GridError, NoRegionError, RoiError
from isoprune.io.betas import read_nifti

_RESAMPLING = (None, "nearest")
# What a region may come from, as a remedy calls it.
_SOURCES = {"mask": "a mask", "atlas": "an atlas", "probability map": "a probability map"}
# In voxels: far above the rounding of float32 affines, far below any real shift.
_TOLERANCE = 1e-3


def describe_grid(shape: tuple[int, ...], affine: np.ndarray) -> str:
    """A grid in words: number of voxels along each axis and their size.

    Parameters
    ----------
    shape : tuple of int
        The first three are the voxels along each axis.
    affine : ndarray of shape (4, 4)
        From voxel indices to world coordinates, in mm.

    Returns
    -------
    str
        Like ``91×109×91 @ 2 mm``.
    """
    sizes = [f"{size:.3g}" for size in np.linalg.norm(affine[:3, :3], axis=0)]
    size = sizes[0] if len(set(sizes)) == 1 else "×".join(sizes)
    return f"{'×'.join(map(str, shape[:3]))} @ {size} mm"


def grid_mapping(
    affine: np.ndarray, shape: tuple[int, ...], onto: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """How voxels of one grid are numbered in another, if both are one grid in the world.

    Parameters
    ----------
    affine, onto : ndarray of shape (4, 4)
        From voxel indices to world coordinates (mm), of the first and of the second grid.
    shape : tuple of int
        Voxels along each axis of the first grid.

    Returns
    -------
    (turn, shift) : ndarray of shape (3, 3) and (3,), int, or None
        Voxel ``v`` of the first grid is voxel ``turn @ v + shift`` of the second; ``turn`` is a signed
        permutation. None if any voxel centre would miss by more than a thousandth of a voxel.
    """
    between = np.linalg.solve(onto, affine)
    turn = np.rint(between[:3, :3])
    if not (np.abs(turn).sum(axis=0) == 1).all() or not (np.abs(turn).sum(axis=1) == 1).all():
        return None
    shift = np.rint(between[:3, 3])
    # The error is affine in the voxel, so that it is largest at a corner.
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape[:3]], indexing="ij")).reshape(3, -1)
    error = (between[:3, :3] - turn) @ corners + (between[:3, 3] - shift)[:, np.newaxis]
    if np.abs(error).max() > _TOLERANCE:
        return None
    return turn.astype(int), shift.astype(int)


def on_grid(
    values: np.ndarray, affine: np.ndarray, onto_shape: tuple[int, ...], onto: np.ndarray, *, empty: float
) -> np.ndarray | None:
    """An image's values in the voxel order of another grid of the same space, without interpolation.

    Parameters
    ----------
    values : ndarray of shape (n_x, n_y, n_z, ...)
        The image.
    affine, onto : ndarray of shape (4, 4)
        From voxel indices to world coordinates (mm), of the image and of the other grid.
    onto_shape : tuple of int
        Voxels along each axis of the other grid.
    empty : float
        What voxels of the other grid get that the image does not reach.

    Returns
    -------
    ndarray of shape (*onto_shape[:3], ...) or None
        None if the grids differ by more than a flip, a permutation of axes, or whole voxels of extent.
    """
    mapping = grid_mapping(affine, values.shape, onto)
    if mapping is None:
        return None
    turn, shift = mapping
    # Axis a of the image runs along axis axes[a] of the other grid.
    axes = np.abs(turn).argmax(axis=0)
    turned = np.moveaxis(values, (0, 1, 2), axes)
    source, place = [], []
    for axis in range(3):
        n, step = turned.shape[axis], turn[axis].sum()
        positions = step * np.arange(n) + shift[axis]
        inside = (positions >= 0) & (positions < onto_shape[axis])
        source.append(np.flatnonzero(inside))
        place.append(positions[inside])
    result = np.full((*onto_shape[:3], *values.shape[3:]), empty, dtype=values.dtype)
    result[np.ix_(*place)] = turned[np.ix_(*source)]
    return result


def read_mask(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """A mask of one region.

    Parameters
    ----------
    path : path
        3-D NIfTI image of two values: 0 (or NaN) outside, any other number inside.

    Returns
    -------
    inside : ndarray of shape (n_x, n_y, n_z), bool
        Which voxels belong to the region.
    affine : ndarray of shape (4, 4)
        From voxel indices to world coordinates, in mm.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, truncated, damaged, or no NIfTI image.
    RoiError
        If it is not 3-D, is empty, or holds more than one region.
    """
    values, affine = read_nifti(path)
    values = np.nan_to_num(three_dimensional(values, str(path), "mask"), nan=0.0)
    regions = np.unique(values[values != 0])
    if len(regions) > 1:
        raise RoiError(
            str(path),
            f"{len(regions)} different values other than 0, from {regions[0]:g} to {regions[-1]:g}",
            "a mask: 0 outside, one other value inside",
            "Make a mask of one region out of the atlas or the probability map.",
        )
    if len(regions) == 0:
        raise NoRegionError(
            str(path), "a mask without voxels", "voxels other than 0", "Check how it was made."
        )
    return values != 0, affine


def three_dimensional(values: np.ndarray, where: str, what: str) -> np.ndarray:
    """The values of an image of shape (n_x, n_y, n_z), which may be stored as (n_x, n_y, n_z, 1).

    Raises
    ------
    RoiError
        If the image has more, or fewer, dimensions; ``what`` says what it should be.
    """
    if values.ndim == 4 and values.shape[3] == 1:
        return values[..., 0]
    if values.ndim != 3:
        raise RoiError(
            where,
            f"an image of {values.ndim} dimensions ({'×'.join(map(str, values.shape))})",
            f"a 3-D {what}",
            "Give one image for each region.",
        )
    return values


def read_mask_on_grid(
    path: str | Path, shape: tuple[int, ...], affine: np.ndarray, *, resample: str | None = None
) -> tuple[np.ndarray, int]:
    """A mask of one region on the grid of the betas.

    Parameters
    ----------
    path : path
        3-D NIfTI image of two values.
    shape : tuple of int
        Voxels along each axis of the betas.
    affine : ndarray of shape (4, 4)
        Of the betas: from voxel indices to world coordinates, in mm.
    resample : {None, 'nearest'}
        What to do with a mask of another grid: refuse, or take the nearest voxel. Masks whose voxels
        lie where the betas' do, in whatever order, are never resampled.

    Returns
    -------
    inside : ndarray of shape (n_x, n_y, n_z), bool
        Which voxels of the betas belong to the region.
    n_voxels_in_mask : int
        Voxels of the mask before it was put on the betas' grid.

    Raises
    ------
    GridError
        If the mask is of another grid and ``resample`` is None.
    RoiError
        If no voxel is left, or the image is not a mask of one region.
    ConfigError
        If ``resample`` is something else.
    """
    mask, mask_affine = read_mask(path)
    inside = place_on_grid(mask, mask_affine, shape, affine, where=str(path), what="mask", resample=resample)
    return inside, int(mask.sum())


def place_on_grid(
    values: np.ndarray,
    values_affine: np.ndarray,
    shape: tuple[int, ...],
    affine: np.ndarray,
    *,
    where: str,
    what: str,
    resample: str | None = None,
) -> np.ndarray:
    """A mask, or whole numbers that stand for labels, on the grid of the betas.

    Parameters
    ----------
    values : ndarray of shape (n_x, n_y, n_z), bool or int
        False or 0 outside.
    values_affine, affine : ndarray of shape (4, 4)
        From voxel indices to world coordinates (mm), of the values and of the betas.
    shape : tuple of int
        Voxels along each axis of the betas.
    where : str
        Where the values come from, for the error messages.
    what : {'mask', 'atlas', 'probability map'}
        What they come from.
    resample : {None, 'nearest'}
        What to do with another grid: refuse, or take the nearest voxel. Values whose voxels lie where
        the betas' do, in whatever order, are never resampled.

    Returns
    -------
    ndarray of shape ``shape``, dtype of ``values``

    Raises
    ------
    GridError
        If the grid is another and ``resample`` is None.
    RoiError
        If no voxel is left.
    ConfigError
        If ``resample`` is something else.
    """
    if resample not in _RESAMPLING:
        raise ConfigError(
            "roi.resample", f"'{resample}'", "nothing, or `nearest`", "Masks and labels take no other rule."
        )
    placed = on_grid(values, values_affine, shape, affine, empty=0)
    if placed is None:
        check_grid(values.shape, values_affine, shape, affine, where=where, what=what, resample=resample)
        placed = resampled(values, values_affine, shape, affine, "nearest")
    if not placed.any():
        raise RoiError(
            where,
            f"none of the {what}'s {np.count_nonzero(values)} voxels lies within the betas' grid",
            f"{_SOURCES[what]} that overlaps the betas",
            f"Check that {what} and betas are of the same subject and space.",
        )
    return placed


def check_grid(
    found_shape: tuple[int, ...],
    found: np.ndarray,
    shape: tuple[int, ...],
    affine: np.ndarray,
    *,
    where: str,
    what: str,
    resample: str | None = None,
) -> None:
    """Refuse an image that would have to be resampled to the grid of the betas, unless that is allowed.

    Parameters
    ----------
    found_shape, shape : tuple of int
        Voxels along each axis, of the image and of the betas.
    found, affine : ndarray of shape (4, 4)
        From voxel indices to world coordinates (mm), of the image and of the betas.
    where, what, resample
        As for ``place_on_grid``.

    Raises
    ------
    GridError
    """
    if resample is None and grid_mapping(found, found_shape, affine) is None:
        raise grid_error(where, what, (found_shape, found), (shape, affine))


def grid_error(
    where: str,
    what: str,
    found: tuple[tuple[int, ...], np.ndarray],
    betas: tuple[tuple[int, ...], np.ndarray],
) -> GridError:
    """The error that two images are not on one grid, with both grids in words."""
    grids = [describe_grid(*found), describe_grid(*betas)]
    if grids[0] == grids[1]:
        # Same number and size of voxels: what differs is where they lie.
        grids = [f"{text}, {_place(grid[1])}" for text, grid in zip(grids, (found, betas), strict=True)]
    remedy = "Give all runs of a subject on one grid; realign or reslice them before the GLM."
    if what in _SOURCES:
        remedy = (
            f"Set `roi.resample: nearest` to resample the {what}, "
            f"or supply {_SOURCES[what]} in the betas' space."
        )
    return GridError(
        where,
        f"{what} grid {grids[0]}, betas {grids[1]}",
        "voxels that lie at the same places (their order may differ)",
        remedy,
    )


def _place(affine: np.ndarray) -> str:
    import nibabel

    origin = ", ".join(f"{coordinate:.4g}" for coordinate in affine[:3, 3])
    return f"first voxel at ({origin}) mm, axes {''.join(nibabel.aff2axcodes(affine))}"


def resampled(
    values: np.ndarray, affine: np.ndarray, shape: tuple[int, ...], onto: np.ndarray, rule: str
) -> np.ndarray:
    """Values at the voxel centres of another grid, by nilearn; 0 where the image does not reach.

    Parameters
    ----------
    values : ndarray of shape (n_x, n_y, n_z)
    affine, onto : ndarray of shape (4, 4)
        From voxel indices to world coordinates (mm), of the image and of the other grid.
    shape : tuple of int
        Voxels along each axis of the other grid.
    rule : {'nearest', 'linear'}
        Nearest voxel, or linear interpolation between the eight voxels around.

    Returns
    -------
    ndarray of shape ``shape``, dtype of ``values``
    """
    import nibabel
    from nilearn.image import resample_img

    stored = values.astype(np.uint8) if values.dtype == bool else values
    image = resample_img(
        nibabel.Nifti1Image(stored, affine),
        target_affine=onto,
        target_shape=shape[:3],
        interpolation=rule,
        force_resample=True,
        copy_header=True,
    )
    return np.asanyarray(image.dataobj).astype(values.dtype)
