"""Regions drawn on a subject's own mean image, in world space, through nilearn."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from isoprune.figures.style import NUMBERS_SIZE, QUIET, styled
from isoprune.io.files import replacing
from isoprune.io.volumes import Grid, Region

REGION_COLOURS = ("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#44BB99")
"""Colours of outlines (of P. Tol's light scheme): seen on the dark of an image, and none stands for a competitor."""

_MOST_AXIAL = 4
_LINES = ("solid", "dashed", "dotted")
_WIDTH, _CUT_HEIGHT, _LINE = 7.2, 1.6, 0.18
"""Inches: of the picture, of a cut, and of a line of words."""
_GAP = 0.012
_MARGIN_PIXELS = 24
_MOST_PANELS_BELOW = 8


@styled
def rois(image: np.ndarray, grid: Grid, regions: Mapping[str, Region], subject: str, about: str) -> Figure:
    """A subject's regions as outlines on an image of the same grid.

    Parameters
    ----------
    image : ndarray of shape grid.shape
        NaN where nothing was measured.
    grid : Grid
    regions : mapping of str to Region
    subject : str
    about : str
        What the image shows.

    Returns
    -------
    Figure
        Axial cuts through the fullest slice of each region (four at most), one coronal and one sagittal cut
        through that of all regions together; world coordinates in mm, left is left. On a surface, words only.
    """
    on_surface = grid.affine is None
    cuts = {} if on_surface else cuts_through(regions, grid)
    names = {} if on_surface else _names_of(regions, grid, cuts)
    in_a_line = max(1, int(0.8 * _WIDTH / (0.45 + 0.07 * max(map(len, names.values()), default=0))))
    height = (0 if on_surface else _CUT_HEIGHT + _LINE) + (ceil(len(names) / in_a_line) + 1.6) * _LINE
    figure = Figure(figsize=(_WIDTH, height))
    figure.text(0.01, 1 - 0.04 / height, f"sub-{subject}", va="top", fontweight="bold")
    if on_surface:
        figure.text(0.2, 1 - 0.04 / height, "Betas on a surface: there is no volume to draw on.", va="top")
        return figure
    figure.text(
        0.01, 0.04 / height, f"{about}. Cuts at world coordinates in mm.", fontsize=NUMBERS_SIZE, color=QUIET
    )
    looks = {
        name: (
            REGION_COLOURS[place % len(REGION_COLOURS)],
            _LINES[place // len(REGION_COLOURS) % len(_LINES)],
        )
        for place, name in enumerate(regions)
    }
    band = (2.2 * _LINE / height, _CUT_HEIGHT / height)
    with _old_objects_left_alone():
        _draw_cuts(figure, image, grid, regions, cuts, looks, band)
    _name_regions(figure, names, looks, in_a_line)
    return figure


def cuts_through(regions: Mapping[str, Region], grid: Grid) -> dict[str, list[float]]:
    """World coordinates, in mm, of the slices that show the regions best.

    Parameters
    ----------
    regions : mapping of str to Region
    grid : Grid

    Returns
    -------
    dict of str to list of float
        Under ``z`` the axial cuts from below, under ``y`` a coronal, under ``x`` a sagittal one; directions in
        which the measured volume is too thin for a picture are not there.
    """
    every = np.concatenate([_millimetres(region, grid) for region in regions.values()])
    step = float(np.linalg.norm(grid.affine[:3, :3], axis=0).min())
    corners = np.stack(np.meshgrid(*[(0, size - 1) for size in grid.shape], indexing="ij"), -1).reshape(-1, 3)
    thick = np.ptp(corners @ grid.affine[:3, :3].T, axis=0) > 2 * step
    axial: list[float] = []
    for region in regions.values():
        z = _fullest(_millimetres(region, grid)[:, 2], step)
        if all(abs(z - other) >= 1.5 * step for other in axial):
            axial.append(z)
    cuts = {
        "z": sorted(axial[:_MOST_AXIAL]),
        "y": [_fullest(every[:, 1], step)],
        "x": [_fullest(every[:, 0], step)],
    }
    seen = {"z": thick[[0, 1]].all(), "y": thick[[0, 2]].all(), "x": thick[[1, 2]].all()}
    return {axis: places for axis, places in cuts.items() if seen[axis]}


def _millimetres(region: Region, grid: Grid) -> np.ndarray:
    return np.argwhere(region.inside) @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def _fullest(coordinates: np.ndarray, step: float) -> float:
    """The coordinate around which most voxels lie."""
    slices = np.round((coordinates - coordinates.min()) / step).astype(int)
    best = np.bincount(slices).argmax()
    return float(coordinates[slices == best].mean())


def _names_of(
    regions: Mapping[str, Region], grid: Grid, cuts: Mapping[str, Sequence[float]]
) -> dict[str, str]:
    """Names of regions for the key, which says where no cut goes through one."""
    half = float(np.linalg.norm(grid.affine[:3, :3], axis=0).max()) / 2
    return {
        name: name
        if any(
            (np.abs(_millimetres(region, grid)[:, "xyz".index(axis)] - place) <= half).any()
            for axis, places in cuts.items()
            for place in places
        )
        else f"{name} (in no cut)"
        for name, region in regions.items()
    }


def _draw_cuts(
    figure: Figure,
    image: np.ndarray,
    grid: Grid,
    regions: Mapping[str, Region],
    cuts: Mapping[str, Sequence[float]],
    looks: Mapping[str, tuple[str, str]],
    band: tuple[float, float],
) -> None:
    """Draw the cuts from left to right into a band of the figure: its bottom and height, as shares."""
    from nibabel import Nifti1Image
    from nilearn import plotting

    shown = np.nan_to_num(image)
    # Empty margins go, but never a region outside of what was measured: that is what the picture is to show.
    filled = np.nonzero(np.any([shown != 0, *(region.inside for region in regions.values())], axis=0))
    part = tuple(slice(max(0, places.min() - 2), places.max() + 3) for places in filled)
    background = Nifti1Image(shown.astype(np.float32), grid.affine).slicer[part]
    brightest = float(np.percentile(shown[shown != 0], 99.5)) if shown.any() else 1.0
    n_cuts, left = sum(map(len, cuts.values())), 0.01
    for axis, places in cuts.items():
        width = 0.98 * len(places) / max(n_cuts, 3)
        view = plotting.plot_anat(
            background,
            display_mode=axis,
            cut_coords=places,
            figure=figure,
            axes=(left, band[0], width - _GAP, band[1]),
            annotate=False,
            draw_cross=False,
            black_bg=False,
            colorbar=False,
            cmap="gray",
            vmin=0,
            vmax=brightest,
        )
        for name, region in regions.items():
            colour, line = looks[name]
            mask = Nifti1Image(region.inside.astype(np.float32), grid.affine)
            # A dark rim: voxels of the region may be the brightest of the image.
            view.add_contours(mask, levels=[0.5], colors=["black"], linewidths=2.5)
            view.add_contours(mask, levels=[0.5], colors=[colour], linestyles=[line], linewidths=1.5)
        for cut in view.axes.values():
            _name_cut(cut, axis)
        left += width


def _name_cut(cut: Any, axis: str) -> None:
    """Say below a cut where it lies and which side is left; on the cut the words could hide an outline."""
    below = {"transform": cut.ax.transAxes, "va": "top", "fontsize": NUMBERS_SIZE}
    cut.ax.text(0.5, -0.02, f"{axis} = {cut.coord:.1f}", ha="center", **below)
    if axis != "x":
        cut.ax.text(0, -0.02, "L", ha="left", **below)
        cut.ax.text(1, -0.02, "R", ha="right", **below)


@contextmanager
def _old_objects_left_alone() -> Iterator[None]:
    """Collecting garbage looks at what the block makes alone: nilearn does it at each reading of an image."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _name_regions(
    figure: Figure, names: Mapping[str, str], looks: Mapping[str, tuple[str, str]], in_a_line: int
) -> None:
    from matplotlib.lines import Line2D

    key = [
        Line2D([], [], color=colour, linestyle=line, label=names[name])
        for name, (colour, line) in looks.items()
    ]
    figure.legend(
        handles=key,
        loc="upper right",
        ncols=min(len(key), in_a_line),
        borderaxespad=0.2,
        borderpad=0.25,
        labelspacing=0.25,
        handlelength=1.8,
        columnspacing=1.2,
        # The ground that outlines are drawn on, so that their colours look the same.
        frameon=True,
        facecolor="black",
        edgecolor="none",
        framealpha=1,
        labelcolor="white",
    )


def write_page(path: str | Path, pictures: Sequence[str | Path]) -> None:
    """Put pictures of equal size on one page, from above to below, in columns of eight or less.

    Parameters
    ----------
    path : path
        PNG, written in one step.
    pictures : sequence of path
    """
    from PIL import Image

    opened = [Image.open(picture).convert("RGB") for picture in pictures]
    width, height = (max(sizes) for sizes in zip(*(picture.size for picture in opened), strict=True))
    n_columns = ceil(len(opened) / _MOST_PANELS_BELOW)
    n_rows = ceil(len(opened) / n_columns)
    size = ((width + _MARGIN_PIXELS) * n_columns, (height + _MARGIN_PIXELS) * n_rows)
    page = Image.new("RGB", size, "white")
    for place, picture in enumerate(opened):
        row, column = divmod(place, n_columns)
        page.paste(picture, (column * (width + _MARGIN_PIXELS), row * (height + _MARGIN_PIXELS)))
    with replacing(path) as temporary:
        page.save(temporary, format="PNG")
