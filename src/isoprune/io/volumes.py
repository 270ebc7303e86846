"""What any source of betas or regions is turned into: runs of volumes on a grid, and regions on that grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Grid:
    """Where voxels (or surface vertices) lie.

    Attributes
    ----------
    shape : tuple of int
        Three numbers of voxels, or one number of vertices.
    affine : ndarray of shape (4, 4), or None
        From voxel indices to millimetres; None for a surface, whose vertices are known by their number.
    """

    shape: tuple[int, ...]
    affine: np.ndarray | None


@dataclass(frozen=True)
class BetaRun:
    """The response estimates of one run (or session), read volume by volume when they are needed.

    Attributes
    ----------
    label : str
        Label of the run, unique within a subject.
    conditions : tuple of str
        Condition of every volume.
    grid : Grid
    read : callable
        ``read(start, stop)`` gives volumes start … stop − 1 as an array of shape (n_volumes, … grid.shape),
        float64, in the units of the source after its scaling; NaN where the source has none.
    files : tuple of Path
        Every file that it depends on, for provenance.
    residuals : callable, optional
        As ``read``, for the residuals of the run's model (time points in place of volumes).
    n_residuals : int
        Number of residual time points; 0 without residuals.
    residual_df : int
        Residual degrees of freedom of the model; 0 without residuals.
    mean : callable, optional
        ``mean()`` gives the mean of the measured signal over the time of the run, of shape ``grid.shape``;
        with it and the residuals, tSNR is known.
    notes : tuple of str
        What was left out or done while reading, in words for quality checks and methods text.
    """

    label: str
    conditions: tuple[str, ...]
    grid: Grid
    read: Callable[[int, int], np.ndarray]
    files: tuple[Path, ...] = ()
    residuals: Callable[[int, int], np.ndarray] | None = None
    n_residuals: int = 0
    residual_df: int = 0
    mean: Callable[[], np.ndarray] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Region:
    """A region of interest on the grid of the betas.

    Attributes
    ----------
    name : str
    inside : ndarray of shape grid.shape, bool
        Which voxels (or vertices) belong to it.
    n_voxels_in_mask : int
        Voxels of the region as its source has it, before it was put on the grid.
    files : tuple of Path
        Every file that it depends on, for provenance.
    description : str
        How it was defined, in words for the methods text.
    """

    name: str
    inside: np.ndarray
    n_voxels_in_mask: int
    files: tuple[Path, ...] = field(default=())
    description: str = ""
