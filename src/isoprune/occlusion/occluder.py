"""What hides a part of an image: a box of one value, or the disc inscribed in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from isoprune.errors import OcclusionError

SHAPES = ("square", "disc")
"""The whole box is occluded, or the ellipse inscribed in it."""


def occluded(image: torch.Tensor, boxes: np.ndarray, value: Any = 0.0, shape: str = "square") -> torch.Tensor:
    """An image with each of several boxes occluded.

    Parameters
    ----------
    image : Tensor of shape (n_channels, height, width)
    boxes : ndarray of shape (n_positions, 4), int
    value : float or sequence of n_channels floats
    shape : {'square', 'disc'}

    Returns
    -------
    Tensor of shape (n_positions, n_channels, height, width)
    """
    colour = torch.as_tensor(value, dtype=image.dtype, device=image.device).reshape(-1, 1, 1)
    _, height, width = image.shape
    under = torch.as_tensor(under_occluder(boxes, height, width, shape), device=image.device)
    return torch.where(under[:, None], colour, image)


def under_occluder(boxes: np.ndarray, height: int, width: int, shape: str = "square") -> np.ndarray:
    """Which pixels an occluder covers, for each of several boxes.

    Parameters
    ----------
    boxes : ndarray of shape (n_positions, 4), int
    height, width : int
        Pixels of the image.
    shape : {'square', 'disc'}

    Returns
    -------
    ndarray of shape (n_positions, height, width), bool
    """
    top, left, bottom, right = (boxes[:, [side]] for side in range(4))
    rows, columns = np.arange(height), np.arange(width)
    if shape == "square":
        inside = ((rows >= top) & (rows < bottom))[:, :, None] & ((columns >= left) & (columns < right))[
            :, None
        ]
        return inside
    # In half sides from the centre of the box to the centre of a pixel; an empty box has none.
    across = (2 * rows + 1 - top - bottom) / np.maximum(bottom - top, 1e-9)
    along = (2 * columns + 1 - left - right) / np.maximum(right - left, 1e-9)
    return across[:, :, None] ** 2 + along[:, None] ** 2 <= 1


def checked_boxes(boxes: np.ndarray) -> np.ndarray:
    """Boxes as an array of four whole numbers each."""
    boxes = np.asarray(boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iu":
        raise OcclusionError(
            "boxes",
            f"an array of shape {boxes.shape} and type {boxes.dtype}",
            "rows of four whole numbers: top, left, bottom, right",
            "Take them from `isoprune.occlusion.windows`.",
        )
    return boxes.astype(np.int64)
