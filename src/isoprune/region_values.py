"""Values of the voxels of regions: betas, residuals and mean signal, read in one pass through the runs of a subject.

Runs give plain arrays, and a region says which voxels belong to it, so taking voxels out is indexing. No
masker is asked: it would turn voxels that were not measured (NaN) into zeros, which a distance believes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from isoprune.errors import BetasError, GridError
from isoprune.io.masks import grid_error, grid_mapping
from isoprune.io.volumes import BetaRun, Grid, Region
from isoprune.labelled import Residuals
from isoprune.labels import listing

_CHUNK_BYTES = 1 << 27
"""Volumes are read in chunks of about this size: the volumes of a subject need not fit into memory."""

Voxels = tuple[np.ndarray, ...]
"""Places of voxels on a grid: an array of indices for each of its axes."""


def voxels_of(region: Region, grid: Grid, subject: str) -> Voxels:
    """Where the voxels of a region lie on the grid of the betas.

    Raises
    ------
    GridError
        If the region is of another grid.
    """
    if region.inside.shape != tuple(grid.shape):
        raise GridError(
            f"ROI '{region.name}' of subject '{subject}'",
            f"a region of {'×'.join(map(str, region.inside.shape))} voxels",
            f"{'×'.join(map(str, grid.shape))}, as the betas of the first run",
            "Put the region on the grid of the betas.",
        )
    return np.nonzero(region.inside)


def read_values(
    parts: Sequence[tuple[BetaRun, Callable[[int, int], np.ndarray], int]],
    voxels: Mapping[str, Voxels],
    grid: Grid,
    where: str,
) -> dict[str, np.ndarray]:
    """Values (n_rows, n_voxels) of every region, in one pass through the volumes, some at a time.

    Parameters
    ----------
    parts : sequence of (BetaRun, callable, int)
        For each run what reads its volumes from the first to before the last asked for, and their number.
    voxels : mapping of str to Voxels
        Of each region, on ``grid``.
    grid : Grid
        That of the first run; others may store their voxels in another order.
    where : str
        Whose runs they are, for messages.

    Returns
    -------
    dict of str to ndarray of shape (n_rows, n_voxels), float64
        By region, in the units of the betas; NaN where a run does not have a voxel.

    Raises
    ------
    BetasError
        If a run gives volumes of another number or shape than it should.
    GridError
        If a run is of another grid.
    """
    n_rows = sum(n_volumes for _, _, n_volumes in parts)
    values = {name: np.full((n_rows, len(places[0])), np.nan) for name, places in voxels.items()}
    row = 0
    for run, read, n_volumes in parts:
        places = {name: _voxels_in(run, inside, grid, where) for name, inside in voxels.items()}
        n_together = max(1, _CHUNK_BYTES // (8 * int(np.prod(run.grid.shape))))
        for start in range(0, n_volumes, n_together):
            stop = min(start + n_together, n_volumes)
            volumes = _checked(read(start, stop), (stop - start, *run.grid.shape), run, where)
            for name, (stored, reached) in places.items():
                place: tuple[Any, ...] = (slice(None), *stored)
                values[name][row : row + len(volumes), reached] = volumes[place]
            row += len(volumes)
    return values


def read_residuals(
    runs: Sequence[BetaRun], voxels: Mapping[str, Voxels], grid: Grid, where: str
) -> dict[str, Residuals]:
    """Residuals of the runs that have them, by region; nothing if none has."""
    modelled = [run for run in runs if run.residuals is not None]
    if not modelled:
        return {}
    values = read_values([(run, run.residuals, run.n_residuals) for run in modelled], voxels, grid, where)
    labels = tuple(run.label for run in modelled for _ in range(run.n_residuals))
    df = {run.label: run.residual_df for run in modelled}
    return {name: Residuals(values[name], labels, df) for name in voxels}


def read_means(
    runs: Sequence[BetaRun], voxels: Mapping[str, Voxels], grid: Grid, where: str
) -> dict[str, dict[str, np.ndarray]]:
    """Mean signal (n_voxels,) by region and run, for runs that know it and have residuals."""
    means: dict[str, dict[str, np.ndarray]] = {}
    for run in runs:
        if run.mean is None or run.residuals is None:
            continue
        image = run.mean()
        for name, inside in voxels.items():
            stored, reached = _voxels_in(run, inside, grid, where)
            signal = np.full(len(inside[0]), np.nan)
            signal[reached] = image[stored]
            means.setdefault(name, {})[run.label] = signal
    return means


def check_grid_of_run(run: BetaRun, grid: Grid, where: str) -> None:
    """Refuse a run of another grid than the first run, whatever the order in which it stores the voxels.

    Raises
    ------
    GridError
    """
    nowhere = tuple(np.empty(0, dtype=int) for _ in grid.shape)
    _voxels_in(run, nowhere, grid, where)


def _voxels_in(run: BetaRun, voxels: Voxels, grid: Grid, where: str) -> tuple[Voxels, np.ndarray]:
    """Where voxels of the common grid are stored in a run, and which of them it has."""
    everywhere = np.ones(len(voxels[0]), dtype=bool)
    if grid.affine is None or run.grid.affine is None:
        if run.grid.shape == grid.shape and run.grid.affine is grid.affine:
            return voxels, everywhere
        raise GridError(
            name_of(run, where),
            f"{'×'.join(map(str, run.grid.shape))} vertices or voxels",
            f"{'×'.join(map(str, grid.shape))}, as the first run",
            "Give all runs of a subject on one surface, or in one volume.",
        )
    if run.grid.shape == grid.shape and np.array_equal(run.grid.affine, grid.affine):
        return voxels, everywhere
    mapping = grid_mapping(grid.affine, grid.shape, run.grid.affine)
    if mapping is None:
        found, betas = (run.grid.shape, run.grid.affine), (grid.shape, grid.affine)
        raise grid_error(name_of(run, where), "this run's", found, betas)
    turn, shift = mapping
    places = turn @ np.array(voxels) + shift[:, np.newaxis]
    reached = ((places >= 0) & (places < np.array(run.grid.shape)[:, np.newaxis])).all(axis=0)
    return tuple(places[:, reached]), reached


def _checked(volumes: np.ndarray, shape: tuple[int, ...], run: BetaRun, where: str) -> np.ndarray:
    if volumes.shape != shape:
        raise BetasError(
            name_of(run, where),
            f"volumes of shape {volumes.shape}",
            f"{shape}: as many as asked for, on the grid of the run",
            "Check that image and table are of the same run.",
        )
    return volumes


def name_of(run: BetaRun, where: str) -> str:
    """A run and its files in words, for messages."""
    files = f" ({listing((str(path) for path in run.files), most=2)})" if run.files else ""
    return f"{where}, run '{run.label}'{files}"
