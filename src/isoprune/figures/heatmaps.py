"""Figures of occlusion maps: over the grey image, and their means over images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from isoprune.figures.style import FAINT, INK, NUMBERS_SIZE, styled
from isoprune.labelled import GROUP
from isoprune.occlusion.contrast import LUMINANCE
from isoprune.occlusion.images import FULL, PRUNED, READ_THROUGH
from isoprune.occlusion.mapped import MappedImages
from isoprune.occlusion.tables import file_name, survivors_of
from isoprune.wording import number

COLOUR_MAP = "RdBu_r"
"""Red where the region carries the isomorphism, blue where the isomorphism is better without it."""

SHOWN = (FULL, PRUNED)
"""Sets whose maps are drawn."""

SCORE_NAMES = {"r": "r", "r2": "r²"}

_ROBUST = 99.5
"""Percentile of magnitudes that the ends of a scale stand at: a few peaks must not make all others pale."""

_STRENGTH = 0.75
"""How much of the grey image the strongest colours hide."""


def scale_of(mapped: MappedImages) -> float:
    """The end of the one scale of all maps of a network: a robust maximum of their magnitude."""
    heat = mapped.heat[:, :, : len(SHOWN)]
    return float(np.nanpercentile(np.abs(heat), _ROBUST)) if np.isfinite(heat).any() else 1.0


def overlay(
    heat: np.ndarray, end: float, picture: np.ndarray | None = None, surviving: np.ndarray | None = None
) -> np.ndarray:
    """A map in diverging colours over a grey image, or over white.

    Parameters
    ----------
    heat : ndarray of shape (height, width)
        In the coordinates of the picture; NaN stays uncoloured.
    end : float
        Heat of the strongest red, and minus that of the strongest blue.
    picture : ndarray of shape (height, width, 3), uint8, optional
    surviving : ndarray of shape (height, width), bool, optional
        Outlined in black.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
    """
    share = np.nan_to_num(np.clip(heat / end, -1, 1))
    colours = matplotlib.colormaps[COLOUR_MAP](0.5 + share / 2)[..., :3]
    if picture is None:
        shown = colours
    else:
        # Paler than the image, so that colours are read as colours.
        grey = (0.25 + 0.75 * (picture @ np.array(LUMINANCE)) / 255)[..., None]
        hidden = _STRENGTH * np.sqrt(np.abs(share))[..., None]
        shown = (1 - hidden) * grey + hidden * colours
    if surviving is not None:
        shown = np.where(_outline(surviving)[..., None], 0.0, shown)
    return np.rint(255 * shown).astype(np.uint8)


def _outline(area: np.ndarray) -> np.ndarray:
    """Pixels of an area that touch what lies outside it."""
    padded = np.pad(area, 1, constant_values=False)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return area & ~inside


def heatmap_overlays(network: str, mapped: MappedImages, *, score: str) -> Iterator[tuple[str, Figure]]:
    """A figure an image × target: the image, its full and its pruned map, on one scale.

    Parameters
    ----------
    network : str
    mapped : MappedImages
    score : {"r", "r2"}
        What heat is a loss of.

    Yields
    ------
    name : str
        Of the file, without its ending.
    figure : Figure
    """
    end = scale_of(mapped)
    for target, (name, subject) in enumerate(zip(mapped.targets, mapped.subjects, strict=True)):
        surviving = {one: survivors_of(mapped, target, one).positions for one in SHOWN}
        for image, label in enumerate(mapped.images):
            yield (
                file_name(network, name, subject, label),
                _overlay_figure(
                    mapped, image, target, end, score, {one: surviving[one][image] for one in SHOWN}
                ),
            )


@styled
def _overlay_figure(
    mapped: MappedImages, image: int, target: int, end: float, score: str, surviving: dict[str, np.ndarray]
) -> Figure:
    figure = Figure(figsize=(8.4, 3.1), layout="constrained")
    panels = figure.subplots(1, 1 + len(SHOWN))
    _show(panels[0], mapped.pictures[image], str(mapped.images[image]))
    for panel, name in zip(panels[1:], SHOWN, strict=True):
        place = READ_THROUGH.index(name)
        heat = mapped.heat[image, target, place]
        picture = overlay(
            mapped.in_image(heat), end, mapped.pictures[image], mapped.in_image(surviving[name])
        )
        _show(panel, picture, f"{mapped.targets[target]}, {name}")
        reason = str(mapped.undefined[image, target, place])
        words = f"no map: {reason}" if reason else f"peak {number(np.nanmax(heat), '.3f')}"
        panel.set_xlabel(words, loc="left", fontsize=NUMBERS_SIZE, color=INK, wrap=True)
    colour_bar(figure, list(panels), end, score)
    return figure


def _show(panel: Axes, picture: np.ndarray, title: str) -> None:
    panel.imshow(picture, interpolation="none")
    panel.set_title(title)
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set(visible=True, color=FAINT)


def colour_bar(figure: Figure, beside: Sequence[Axes], end: float, score: str) -> None:
    """The scale of maps beside panels, with what it is a loss of."""
    mappable = ScalarMappable(Normalize(-end, end), COLOUR_MAP)
    bar = figure.colorbar(mappable, ax=list(beside), shrink=0.8, aspect=22, pad=0.02, ticks=[-end, 0, end])
    bar.ax.set_yticklabels([number(value, "+.3f") if value else "0" for value in (-end, 0, end)])
    bar.set_label(f"{SCORE_NAMES[score]} lost when occluded")
    bar.outline.set_visible(False)


@styled
def mean_heatmaps(mapped: MappedImages, *, score: str) -> Figure:
    """Mean maps over images: a row a target of the group, full, pruned, and their difference.

    Parameters
    ----------
    mapped : MappedImages
    score : {"r", "r2"}

    Returns
    -------
    Figure
        With two or more targets, a last column has each target's pruned map minus the mean of the others'.
    """
    rows = [row for row, subject in enumerate(mapped.subjects) if subject == GROUP]
    mean = np.nanmean(mapped.heat[:, rows][:, :, : len(SHOWN)], axis=0)
    columns = {FULL: mean[:, 0], PRUNED: mean[:, 1], "pruned − full": mean[:, 1] - mean[:, 0]}
    if len(rows) > 1:
        others = (mean[:, 1].sum(axis=0) - mean[:, 1]) / (len(rows) - 1)
        columns["pruned − pruned of other targets" if len(rows) > 2 else "pruned − pruned of the other"] = (
            mean[:, 1] - others
        )
    end = max(float(np.nanmax(np.abs(list(columns.values())))), 1e-12)
    figure = Figure(figsize=(2.1 * len(columns) + 1.2, 2.2 * len(rows) + 0.5), layout="constrained")
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    for row, target in enumerate(rows):
        for panel, (title, maps) in zip(grid[row], columns.items(), strict=True):
            panel.imshow(
                mapped.in_image(maps[row]), cmap=COLOUR_MAP, vmin=-end, vmax=end, interpolation="none"
            )
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set(visible=True, color=FAINT)
            panel.set_title(title if row == 0 else "", fontsize=8.5)
        grid[row, 0].set_ylabel(str(mapped.targets[target]), fontweight="bold")
    colour_bar(figure, list(grid.ravel()), end, score)
    return figure
