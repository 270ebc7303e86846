"""Volumes of any source, before it is known which condition each of them is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isoprune.errors import GridError
from isoprune.io.volumes import Grid

Read = Callable[[int, int], np.ndarray]
"""``read(start, stop)`` gives volumes start … stop − 1, shape (n_volumes, *grid.shape), float64."""

_SAME_PLACE_MM = 1e-4
CHUNK_BYTES = 1 << 26
"""About how much is held at a time by what goes over all volumes."""


@dataclass(frozen=True)
class Volumes:
    """Volumes on one grid, read when they are needed.

    Attributes
    ----------
    grid : Grid
    n_volumes : int
    read : callable
        ``read(start, stop)``, as of a ``BetaRun``.
    files : tuple of Path
        The files that they are read from.
    is_scaled : bool
        Whether the file has a scale of its own, which ``read`` has applied.
    """

    grid: Grid
    n_volumes: int
    read: Read
    files: tuple[Path, ...]
    is_scaled: bool = False


def picked(read: Read, rows: Sequence[int] | np.ndarray) -> Read:
    """Some of the volumes of a source as a source of their own, in the order given."""
    rows = np.asarray(rows, dtype=np.intp)

    def read_rows(start: int, stop: int) -> np.ndarray:
        wanted = rows[start:stop]
        if wanted.size == 0:
            return read(0, 0)
        # Each unbroken stretch at once: compressed files are slow to read by single volumes.
        stretches = np.split(wanted, np.flatnonzero(np.diff(wanted) != 1) + 1)
        values = [read(int(stretch[0]), int(stretch[-1]) + 1) for stretch in stretches]
        return values[0] if len(values) == 1 else np.concatenate(values)

    return read_rows


def joined(parts: Sequence[Volumes]) -> Volumes:
    """Volumes of several files, one after the other.

    Parameters
    ----------
    parts : sequence of Volumes
        At least one, all on one grid.

    Returns
    -------
    Volumes
        In the order of the parts.

    Raises
    ------
    GridError
        If two lie on different grids; nothing is resampled.
    """
    if len(parts) == 1:
        return parts[0]
    grid = parts[0].grid
    for part in parts[1:]:
        if not same_grid(part.grid, grid):
            raise GridError(
                str(part.files[0]),
                f"another grid than that of '{parts[0].files[0]}' ({_places(part.grid)}, {_places(grid)})",
                "one grid, with one order of voxels, for all images of a run",
                "Reslice the images of a run to one grid before they are used.",
            )
    ends = np.cumsum([part.n_volumes for part in parts])

    def read(start: int, stop: int) -> np.ndarray:
        values = [
            part.read(max(start - begin, 0), min(stop, end) - begin)
            for part, begin, end in zip(parts, ends - [p.n_volumes for p in parts], ends, strict=True)
            if start < end and stop > begin
        ]
        return np.concatenate(values) if values else np.empty((0, *grid.shape))

    files = tuple(path for part in parts for path in part.files)
    return Volumes(grid, int(ends[-1]), read, files, any(part.is_scaled for part in parts))


def same_grid(first: Grid, second: Grid) -> bool:
    """Whether two grids have their voxels in the same places and in the same order."""
    if first.shape != second.shape or (first.affine is None) != (second.affine is None):
        return False
    return first.affine is None or bool(np.abs(first.affine - second.affine).max() <= _SAME_PLACE_MM)


def volumes_a_chunk(grid: Grid) -> int:
    """How many float64 volumes may be held at a time."""
    return max(1, CHUNK_BYTES // (8 * int(np.prod(grid.shape))))


def _places(grid: Grid) -> str:
    size = "×".join(map(str, grid.shape))
    return (
        size
        if grid.affine is None
        else f"{size} from ({', '.join(f'{x:.4g}' for x in grid.affine[:3, 3])}) mm"
    )
