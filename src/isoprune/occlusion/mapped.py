"""Maps of several images of one network in one file: what a job leaves, and tables and pages are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from isoprune.io.arrays import read_arrays, write_arrays


@dataclass(frozen=True)
class MappedImages:
    """Maps of images of one network, as arrays.

    Sets are in the order of `isoprune.occlusion.images.READ_THROUGH`; the null has the first two, and so has the
    preview.

    Attributes
    ----------
    images : ndarray of shape (n_images,), str
        Stimulus labels.
    targets, subjects : ndarray of shape (n_targets,), str
        Whose maps they are; a target occurs once for the group and once for each single subject.
    sizes : ndarray of shape (n_sizes,), int
        Sides of the windows, pixels of the network's input.
    stride : ndarray of shape (), int
        Side of a cell of the grid, pixels of the network's input.
    pictures : ndarray of shape (n_images, height, width, 3), uint8
        What the network was shown.
    masks : ndarray of shape (n_images, n_rows, n_columns), float64
        Share of each cell that lies inside the object's mask; NaN without one.
    contrast : ndarray of shape (n_images, n_rows, n_columns), float64
        Standard deviation of the luminance under the window, mean over sizes; luminance is 0 … 1.
    heat : ndarray of shape (n_images, n_targets, n_sets, n_rows, n_columns), float64
    intact, n_sets, n_retained, split_half : ndarray of shape (n_images, n_targets, n_sets), float64
        As in `isoprune.occlusion.images.ImageMap`.
    null : ndarray of shape (n_images, n_targets, 2, n_null), float64
    undefined : ndarray of shape (n_images, n_targets, n_sets), str
        Why there is no map; empty where there is one.
    randomised : ndarray of shape (n_images, n_targets, n_rows, n_columns), float64
        Maps of the full embedding of the same network with random weights; NaN for images that had none made.
    preview : ndarray of shape (n_images, n_targets, 2, n_rows, n_columns), float64
        What the gradient predicts the heat to be; NaN where it was not asked for.
    provenance : ndarray of shape (), str
        What computed them, as JSON.
    """

    images: np.ndarray
    targets: np.ndarray
    subjects: np.ndarray
    sizes: np.ndarray
    stride: np.ndarray
    pictures: np.ndarray
    masks: np.ndarray
    contrast: np.ndarray
    heat: np.ndarray
    intact: np.ndarray
    n_sets: np.ndarray
    n_retained: np.ndarray
    split_half: np.ndarray
    null: np.ndarray
    undefined: np.ndarray
    randomised: np.ndarray
    preview: np.ndarray
    provenance: np.ndarray

    def in_image(self, cells: np.ndarray) -> np.ndarray:
        """Maps of the grid, (..., n_rows, n_columns), in the coordinates of the pictures, cell by cell."""
        stride = int(self.stride)
        rows, columns = (
            np.minimum(np.arange(length) // stride, n - 1)
            for length, n in zip(self.pictures.shape[1:3], cells.shape[-2:], strict=True)
        )
        return cells[..., rows[:, None], columns]


_OF_ALL = ("targets", "subjects", "sizes", "stride", "provenance")
"""What does not differ between images."""


def together(parts: Sequence[MappedImages]) -> MappedImages:
    """The images of several jobs on the same network, in the order of the jobs."""
    joined = {
        one.name: np.concatenate([getattr(part, one.name) for part in parts])
        for one in fields(MappedImages)
        if one.name not in _OF_ALL
    }
    return replace(parts[0], **joined)


def write_mapped(path: str | Path, mapped: MappedImages) -> None:
    """Write maps as npz, in one step."""
    write_arrays(path, **{one.name: getattr(mapped, one.name) for one in fields(mapped)})


def read_mapped(path: str | Path) -> MappedImages:
    """Maps that `write_mapped` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    names = [one.name for one in fields(MappedImages)]
    arrays = read_arrays(path, names, what="occlusion maps of images")
    return MappedImages(**{name: arrays[name] for name in names})
