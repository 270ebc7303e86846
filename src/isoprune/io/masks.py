"""Masks of regions of interest, put on the grid of the betas in world space.

An image is a grid of voxels plus an affine that says where they are. Two images of one space may
store the same voxels with flipped or permuted axes; indexing one with the other then mirrors the
brain without any error. Here every voxel goes by its place in the world.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isoprune.errors import ConfigError, GridError, RoiError
from isoprune.io.betas import read_nifti

_RESAMPLING = (None, "nearest")
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
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise RoiError(
            str(path),
            f"an image of {values.ndim} dimensions ({'×'.join(map(str, values.shape))})",
            "a 3-D mask",
            "Give one image for each region.",
        )
    values = np.nan_to_num(values, nan=0.0)
    regions = np.unique(values[values != 0])
    if len(regions) > 1:
        raise RoiError(
            str(path),
            f"{len(regions)} different values other than 0, from {regions[0]:g} to {regions[-1]:g}",
            "a mask: 0 outside, one other value inside",
            "Make a mask of one region out of the atlas or the probability map.",
        )
    if len(regions) == 0:
        raise RoiError(str(path), "a mask without voxels", "voxels other than 0", "Check how it was made.")
    return values != 0, affine


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
    if resample not in _RESAMPLING:
        raise ConfigError(
            "roi.resample", f"'{resample}'", "nothing, or `nearest`", "Masks take no other rule."
        )
    mask, mask_affine = read_mask(path)
    inside = on_grid(mask, mask_affine, shape, affine, empty=False)
    if inside is None:
        if resample is None:
            raise grid_error(str(path), "mask", (mask.shape, mask_affine), (shape, affine))
        inside = _nearest(mask, mask_affine, shape, affine)
    if not inside.any():
        raise RoiError(
            str(path),
            f"none of the mask's {int(mask.sum())} voxels lies within the betas' grid",
            "a mask that overlaps the betas",
            "Check that mask and betas are of the same subject and space.",
        )
    return inside, int(mask.sum())


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
    remedy = "Set `roi.resample: nearest` to resample the mask, or supply a mask in the betas' space."
    if what != "mask":
        remedy = "Give all runs of a subject on one grid; realign or reslice them before the GLM."
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


def _nearest(mask: np.ndarray, affine: np.ndarray, shape: tuple[int, ...], onto: np.ndarray) -> np.ndarray:
    import nibabel
    from nilearn.image import resample_img

    image = nibabel.Nifti1Image(mask.astype(np.uint8), affine)
    resampled = resample_img(
        image,
        target_affine=onto,
        target_shape=shape[:3],
        interpolation="nearest",
        force_resample=True,
        copy_header=True,
    )
    return np.asanyarray(resampled.dataobj) != 0
