"""Plain local contrast of an image: what a map must not merely repeat."""

from __future__ import annotations

import numpy as np

from isoprune.occlusion.windows import Windows

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue (ITU-R BT.709)."""


def local_contrast(picture: np.ndarray, windows: Windows) -> np.ndarray:
    """Standard deviation of the luminance under each window, mean over window sizes.

    Parameters
    ----------
    picture : ndarray of shape (height, width, 3), uint8
        sRGB values, used as they are.
    windows : Windows
        Published ones are placed in the image without its border.

    Returns
    -------
    ndarray of shape (n_grid_rows, n_grid_columns), float64
        Luminance is 0 … 1.
    """
    luminance = picture @ np.array(LUMINANCE) / 255
    count, first, second = (integral(one) for one in (np.ones_like(luminance), luminance, luminance**2))
    of_sizes = []
    for size in windows.sizes:
        boxes = windows.boxes(size) - windows.padding(size)
        n, total, squares = (under(one, boxes) for one in (count, first, second))
        variance = squares / n - (total / n) ** 2
        of_sizes.append(np.sqrt(np.maximum(variance, 0)).reshape(windows.grid))
    return np.mean(of_sizes, axis=0)


def integral(values: np.ndarray) -> np.ndarray:
    """Integral image of a picture of one channel, with a row and a column of zeros first."""
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    sums[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    return sums


def under(sums: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Sum of values under each box.

    Parameters
    ----------
    sums : ndarray of shape (height + 1, width + 1)
        Integral image, with a row and a column of zeros first.
    boxes : ndarray of shape (n_boxes, 4), int
        Cut off at the border.

    Returns
    -------
    ndarray of shape (n_boxes,)
    """
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    top, bottom = (np.clip(boxes[:, side], 0, height) for side in (0, 2))
    left, right = (np.clip(boxes[:, side], 0, width) for side in (1, 3))
    return sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
