"""Where an image is occluded: windows of several sizes around the cells of a grid, and the map that they colour.

Two variants. ``centred``: each window is centred on the cell that it colours, is cut off at the borders of the image,
and the image goes through the network as it is. ``published`` (the script of Tarigopula et al. 2023): a window begins
at the upper left corner of its cell, so that it lies to the lower right of it, and the image goes through the network
with a border of zeros, (size − stride) // 2 pixels wide, that windows may reach into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isoprune.errors import OcclusionError
from isoprune.labels import choose, listing

VARIANTS = ("centred", "published")

PUBLISHED_SIZES = tuple(range(24, 57, 4))
"""Window sizes of the published maps, in pixels."""

PUBLISHED_STRIDE = 4


@dataclass(frozen=True)
class Windows:
    """Windows over the input of a network, as `windows_over` checks them.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the network's input, pixels.
    sizes : tuple of int
        Side of a window, pixels; a map is made for each.
    stride : int
        Side of a grid cell, which is the step from window to window, pixels.
    variant : {"centred", "published"}
    """

    shape: tuple[int, int]
    sizes: tuple[int, ...]
    stride: int
    variant: str = "centred"

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the grid. The last cells of ``centred`` may be cut off; ``published`` has whole ones."""
        height, width = self.shape
        if self.variant == "published":
            return height // self.stride, width // self.stride
        return -(-height // self.stride), -(-width // self.stride)

    def padding(self, size: int) -> int:
        """Width of the border of zeros that the image is given for windows of this size, pixels."""
        return max(0, (size - self.stride) // 2) if self.variant == "published" else 0

    def boxes(self, size: int) -> np.ndarray:
        """The windows of a size, one for each cell, row by row.

        Returns
        -------
        ndarray of shape (n_cells, 4), int
            Top, left, bottom and right of each, in pixels of the image with its border; the last two lie outside.
            What reaches over the border of the image is cut off when it is occluded.
        """
        shift = self.padding(size) if self.variant == "published" else -((size - self.stride) // 2)
        corners = shift + self.stride * np.indices(self.grid).reshape(2, -1).T
        return np.hstack([corners, corners + size])

    def share_inside(self, mask: np.ndarray) -> np.ndarray:
        """Share of each cell that lies inside a mask.

        Parameters
        ----------
        mask : ndarray of shape (height, width), bool

        Returns
        -------
        ndarray of shape (n_rows, n_columns), float64
            0 … 1.
        """
        rows, columns = self.grid
        stride = self.stride
        return np.array(
            [
                [
                    mask[i * stride : (i + 1) * stride, j * stride : (j + 1) * stride].mean()
                    for j in range(columns)
                ]
                for i in range(rows)
            ]
        )


def windows_over(
    shape: Sequence[int],
    sizes: Sequence[int],
    stride: int,
    *,
    variant: str = "centred",
    allow_gaps: bool = False,
) -> Windows:
    """Windows over a network's input, after checking that they fit it and cover it.

    Parameters
    ----------
    shape : sequence of int
        Height and width of the input, pixels.
    sizes : sequence of int
        Sides of the windows, pixels.
    stride : int
        Step from window to window, pixels.
    variant : {"centred", "published"}
    allow_gaps : bool
        Whether parts of the image may lie under no window.

    Returns
    -------
    Windows

    Raises
    ------
    UnknownNameError
        If there is no such variant.
    OcclusionError
        If a window is larger than the image, or the stride leaves gaps that are not allowed.
    """
    height, width = shape
    choose(variant, VARIANTS, what="variant", where="heatmaps.variant")
    large = [size for size in sizes if size > min(height, width)]
    if large:
        raise OcclusionError(
            "heatmaps.sizes",
            f"windows of {listing(map(str, large))} px on an input of {height} × {width} px",
            f"windows of at most {min(height, width)} px",
            "Leave these sizes out: where nothing is left of the image there is nothing to compare.",
        )
    if stride > min(sizes) and not allow_gaps:
        raise OcclusionError(
            "heatmaps.stride",
            f"{stride} px between windows of {min(sizes)} px, so that parts of the image are never occluded",
            f"at most {min(sizes)} px",
            "Choose a smaller stride or larger windows, or set `allow_gaps: true`.",
        )
    return Windows((height, width), tuple(sizes), stride, variant)
