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

from isoprune.figures.style import INK, NUMBERS_SIZE, in_order, numbers, styled
from isoprune.isomorphism import pairs_of
from isoprune.labelled import RDM
from isoprune.wording import significant

MOST_THUMBNAILS = 120
"""Images of a contact sheet at most."""

MOST_NAMED = 12
"""Stimuli that are named one by one beside an RDM; of more, categories are."""

_PER_LINE, _THUMBNAIL = 12, 96
_MOST_PANELS_IN_A_ROW = 4


@styled
def rdms(shown: Sequence[RDM], stimuli: pd.DataFrame) -> Figure:
    """RDMs as heatmaps of percentiles.

    Up to twelve stimuli are named, in the order of the stimulus table; of more, the categories are, with their
    images brought together.

    Units and ranges differ between targets, and a few outlying pairs would take up most of a colour scale of
    raw values; percentiles over pairs make panels comparable. The raw range stands below each.

    Parameters
    ----------
    shown : sequence of RDM
        Joined to the table by label; each of all its images, or of some.
    stimuli : DataFrame
        Column ``stimulus`` and, where there is one, ``category``.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        If an RDM is about images that the table lacks.
    """
    tables = [in_shown_order(stimuli[stimuli["stimulus"].isin(rdm.labels)]) for rdm in shown]
    alike = len({frozenset(rdm.labels) for rdm in shown}) == 1
    n_columns = min(len(shown), _MOST_PANELS_IN_A_ROW)
    n_rows = ceil(len(shown) / n_columns)
    left, below = (max(room) for room in zip(*map(margins, tables), strict=True))
    # Targets of different images each have names of their own.
    n_left, n_below = (1, 1) if alike else (n_columns, n_rows)
    size = (3.1 * n_columns + left * n_left + 0.8, 3.7 * n_rows + below * n_below)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for place, (panel, rdm, rows) in enumerate(zip(grid, shown, tables, strict=False)):
        image = _draw_rdm(panel, rdm.select(list(rows["stimulus"]), wanted_in="the stimulus table"))
        name_rows(
            panel,
            rows,
            left=not alike or place % n_columns == 0,
            below=not alike or place + n_columns >= len(shown),
        )
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


def in_shown_order(stimuli: pd.DataFrame) -> pd.DataFrame:
    """The table as RDMs of it are drawn: as given where stimuli are named, else by category."""
    return stimuli if len(stimuli) <= MOST_NAMED else by_category(stimuli)


def name_rows(panel: Axes, stimuli: pd.DataFrame, *, left: bool, below: bool) -> None:
    """Name the rows of an RDM on the left, and its columns below; of many stimuli, the categories on the left."""
    if len(stimuli) > MOST_NAMED:
        mark_categories(panel, stimuli, named=left)
        return
    if left:
        panel.set_yticks(range(len(stimuli)), stimuli["stimulus"], fontsize=NUMBERS_SIZE)
    if below:
        panel.set_xticks(range(len(stimuli)), stimuli["stimulus"], fontsize=NUMBERS_SIZE, rotation=90)
    panel.tick_params(length=0, pad=2)


def margins(stimuli: pd.DataFrame) -> tuple[float, float]:
    """Room, in inches, that ``name_rows`` takes on the left and below."""
    named = len(stimuli) <= MOST_NAMED
    names = stimuli["stimulus" if named else "category"].dropna() if named or "category" in stimuli else []
    room = 0.3 + 0.075 * max(map(len, names), default=0)
    return room, room if named else 0.3


def heatmap(panel: Axes, rdm: RDM) -> AxesImage:
    """Draw an RDM in percentiles over its pairs, without ticks."""
    from scipy.stats import rankdata  # a third of a second that other figures need not pay

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
            f"{rdm.measure}, raw: {significant(pairs.min(), 3)} … {significant(pairs.max(), 3)}",
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
    """Thumbnails of the images, by category, or by stimulus set where the images have no categories.

    Parameters
    ----------
    stimuli : DataFrame
        Column ``stimulus`` and, where there is one, ``category`` or ``set``.
    images : sequence of path
        The image of each row.

    Returns
    -------
    Figure
        At most 120 thumbnails; of more images, the first of each category in equal share.
    """
    by = next((column for column in ("category", "set") if column in stimuli), None)
    named = stimuli.assign(category="images" if by is None else stimuli[by].fillna("n/a"))
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
