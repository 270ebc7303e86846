"""Figures of the images and of the similarity spaces over them."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from scipy.stats import rankdata

from isoprune.figures.style import INK, NUMBERS_SIZE, in_order, number, numbers, styled
from isoprune.isomorphism import pairs_of
from isoprune.labelled import RDM

MOST_THUMBNAILS = 120
"""Images of a contact sheet at most."""

_PER_LINE, _THUMBNAIL = 12, 96
_MOST_PANELS_IN_A_ROW = 4


@styled
def rdms(shown: Sequence[RDM], stimuli: pd.DataFrame) -> Figure:
    """RDMs as heatmaps of percentiles, images in the order of the stimulus table.

    Units and ranges differ between targets, and a few outlying pairs would take up most of a colour scale of
    raw values; percentiles over pairs make panels comparable. The raw range stands below each.

    Parameters
    ----------
    shown : sequence of RDM
        Joined to the table by label.
    stimuli : DataFrame
        Column ``stimulus``; images are brought together by ``category``, if there is such a column.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        If an RDM is about other images than the table.
    """
    ordered = by_category(stimuli)
    n_columns = min(len(shown), _MOST_PANELS_IN_A_ROW)
    n_rows = ceil(len(shown) / n_columns)
    figure = Figure(figsize=(3.1 * n_columns + 1.6, 3.5 * n_rows + 0.3), layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel, rdm in zip(grid, shown, strict=False):
        image = _draw_rdm(panel, rdm.select(list(ordered["stimulus"]), wanted_in="the stimulus table"))
        mark_categories(panel, ordered, named=panel in grid[::n_columns])
    for panel in grid[len(shown) :]:
        panel.set_axis_off()
    percentile_bar(figure, image, list(grid), shrink=0.85)
    return figure


def percentile_bar(figure: Figure, image: AxesImage, beside: Sequence[Axes], *, shrink: float) -> None:
    """Draw the colour scale of ``heatmap`` beside panels."""
    bar = figure.colorbar(
        image, ax=list(beside), shrink=shrink, aspect=25, pad=0.02, ticks=[0, 25, 50, 75, 100]
    )
    bar.set_label("dissimilarity (percentile of pairs)")
    bar.outline.set_visible(False)


def by_category(stimuli: pd.DataFrame) -> pd.DataFrame:
    """The table with the images of a category together, categories and images in the given order."""
    if "category" not in stimuli:
        return stimuli
    named = stimuli.assign(category=stimuli["category"].fillna("n/a"))
    rank = {name: place for place, name in enumerate(in_order(named["category"]))}
    return named.sort_values("category", key=lambda column: column.map(rank), kind="stable")


def heatmap(panel: Axes, rdm: RDM) -> AxesImage:
    """Draw an RDM in percentiles over its pairs, without ticks."""
    pairs = pairs_of(rdm.values)
    percentile = np.full(rdm.values.shape, np.nan)
    percentile[np.triu_indices(len(rdm.labels), 1)] = 100 * (rankdata(pairs) - 1) / max(len(pairs) - 1, 1)
    percentile = np.where(np.isnan(percentile), percentile.T, percentile)
    image = panel.imshow(
        enlarged(percentile),
        vmin=0,
        vmax=100,
        cmap="cividis",
        interpolation="none",
        extent=_cells(len(percentile)),
    )
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
    return image


def _draw_rdm(panel: Axes, rdm: RDM) -> AxesImage:
    image, pairs = heatmap(panel, rdm), pairs_of(rdm.values)
    panel.set_title(rdm.target)
    numbers(
        panel,
        [
            f"{rdm.measure}, raw: {number(pairs.min(), '#.3g')} … {number(pairs.max(), '#.3g')}",
            f"{len(rdm.labels)} images, {len(pairs)} pairs",
        ],
    )
    return image


def mark_categories(panel: Axes, stimuli: pd.DataFrame, *, named: bool) -> None:
    """Divide categories, which follow one another in the table, by white lines, and name them on the left."""
    if "category" not in stimuli:
        return
    sizes = stimuli["category"].value_counts(sort=False)
    ends = np.cumsum(sizes.to_numpy())
    for end in ends[:-1] - 0.5:
        panel.axhline(end, color="white", linewidth=0.8)
        panel.axvline(end, color="white", linewidth=0.8)
    if named:
        panel.set_yticks(ends - sizes.to_numpy() / 2 - 0.5, sizes.index)
        panel.tick_params(axis="y", length=0)


@styled
def contact_sheet(stimuli: pd.DataFrame, images: Sequence[str | Path]) -> Figure:
    """Thumbnails of the images, by category.

    Parameters
    ----------
    stimuli : DataFrame
        Column ``stimulus`` and, where there is one, ``category``.
    images : sequence of path
        The image of each row.

    Returns
    -------
    Figure
        At most 120 thumbnails; of more images, the first of each category in equal share.
    """
    named = stimuli.assign(category=stimuli["category"].fillna("n/a") if "category" in stimuli else "images")
    named["image"] = [str(image) for image in images]
    groups = {name: group for name, group in named.groupby("category", sort=False)}
    most = _most_of_each([len(group) for group in groups.values()])
    lines = [
        (
            f"{name}\n{_count(min(len(group), most), len(group))}" if start == 0 else "",
            group["image"].iloc[start:most][:_PER_LINE],
        )
        for name, group in groups.items()
        for start in range(0, min(len(group), most), _PER_LINE)
    ]
    # Room for the longest label, in widths of a thumbnail.
    margin = 0.4 + 0.1 * max(len(words) for label, _ in lines for words in label.split("\n"))
    figure = Figure(figsize=(0.74 * (_PER_LINE + margin), 0.3 + 0.74 * len(lines)), layout="constrained")
    panel = figure.subplots()
    for place, (label, paths) in enumerate(lines):
        panel.text(-0.15, place + 0.5, label, ha="right", va="center", fontsize=NUMBERS_SIZE, color=INK)
        for column, path in enumerate(paths):
            panel.imshow(_thumbnail(path), extent=(column + 0.03, column + 0.97, place + 0.97, place + 0.03))
    panel.set(xlim=(-margin, _PER_LINE), ylim=(len(lines), 0), aspect="equal")
    panel.set_axis_off()
    return figure


def enlarged(values: np.ndarray, *, pixels: int = 240) -> np.ndarray:
    """A matrix with every entry repeated: viewers smooth small pictures, and six conditions would flow together."""
    times = max(1, pixels // len(values))
    return np.repeat(np.repeat(values, times, axis=0), times, axis=1)


def _cells(n: int) -> tuple[float, float, float, float]:
    """Extent of a picture in which entry i lies around i."""
    return -0.5, n - 0.5, n - 0.5, -0.5


def _most_of_each(sizes: Sequence[int]) -> int:
    """The largest number of images a category that keeps the sheet within its limit, at least 1."""
    most = max(sizes)
    while most > 1 and sum(min(size, most) for size in sizes) > MOST_THUMBNAILS:
        most -= 1
    return most


def _count(n_shown: int, n: int) -> str:
    return str(n) if n_shown == n else f"{n_shown} of {n}"


def _thumbnail(path: str | Path) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), (_THUMBNAIL, _THUMBNAIL)))
