"""Regions from coordinates: spheres around points of the world."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isoprune.errors import RoiError
from isoprune.io.masks import describe_grid
from isoprune.io.regions.request import Request
from isoprune.io.volumes import Region

# In mm; far above the rounding of float32 affines, so that both ends of a diameter are treated alike.
_EDGE_MM = 1e-4


def sphere_region(request: Request, centres: Sequence[Sequence[float]], radius: float) -> Region:
    """A region of all voxels whose centre lies within a distance of a point, or of any of several points.

    Parameters
    ----------
    request : Request
    centres : sequence of (x, y, z)
        World coordinates in mm, in the space of the betas.
    radius : float
        In mm; voxels at this very distance belong to the sphere.

    Returns
    -------
    Region
        ``n_voxels_in_mask`` counts the voxels that the spheres would have if the grid had no end.

    Raises
    ------
    RoiError
        If a sphere holds no voxel centre, or lies outside of the grid.
    GridError
        If the betas lie on a surface.
    """
    request.require_volume("sphere")
    inside = np.zeros(request.grid.shape[:3], dtype=bool)
    everywhere: set[tuple[int, ...]] = set()
    for centre in centres:
        voxels = _voxels_within(np.asarray(centre, dtype=np.float64), radius, request.grid.affine)
        on_grid = voxels[((voxels >= 0) & (voxels < inside.shape)).all(axis=1)]
        if len(on_grid) == 0:
            raise _outside(request, centre, radius, len(voxels))
        inside[tuple(on_grid.T)] = True
        everywhere |= set(map(tuple, voxels.tolist()))
    points = "; ".join(_point(centre) for centre in centres)
    plural = "s" if len(centres) > 1 else ""
    return Region(
        request.name,
        inside,
        len(everywhere),
        (),
        f"sphere{plural} of {radius:g} mm radius around {points} mm",
    )


def _voxels_within(centre: np.ndarray, radius: float, affine: np.ndarray) -> np.ndarray:
    """Indices (n_voxels, 3) of the voxels of an endless grid whose centres lie within the sphere."""
    to_voxels = np.linalg.inv(affine[:3, :3])
    middle = to_voxels @ (centre - affine[:3, 3])
    # Along voxel axis i a ball of the world reaches radius × the length of row i.
    reach = (radius + _EDGE_MM) * np.linalg.norm(to_voxels, axis=1)
    first, last = np.floor(middle - reach).astype(int), np.ceil(middle + reach).astype(int)
    axes = [np.arange(start, stop + 1) for start, stop in zip(first, last, strict=True)]
    voxels = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = np.linalg.norm((voxels - middle) @ affine[:3, :3].T, axis=1)
    return voxels[distance <= radius + _EDGE_MM]


def _point(centre: Sequence[float]) -> str:
    return f"({', '.join(f'{coordinate:g}' for coordinate in centre)})"


def _outside(request: Request, centre: Sequence[float], radius: float, n_voxels: int) -> RoiError:
    shape, affine = request.grid.shape, request.grid.affine
    if n_voxels == 0:
        return RoiError(
            request.where,
            f"the sphere of {radius:g} mm around {_point(centre)} mm holds no voxel centre",
            f"a radius that suits the betas' grid, {describe_grid(shape, affine)}",
            "Enlarge the radius.",
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape[:3]], indexing="ij")).reshape(3, -1)
    world = affine[:3, :3] @ corners + affine[:3, 3:]
    extent = ", ".join(
        f"{axis} {low:.4g} to {high:.4g}"
        for axis, low, high in zip("xyz", world.min(axis=1), world.max(axis=1), strict=True)
    )
    return RoiError(
        request.where,
        f"the sphere of {radius:g} mm around {_point(centre)} mm lies outside of the betas' grid",
        f"a centre within {extent} mm",
        "Check the sign and the order of the coordinates, and that they are of the betas' space.",
    )
