"""What all figures share: colours, type, the grid of panels, how numbers are written, and saving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isoprune.io.files import replacing

P = ParamSpec("P")
R = TypeVar("R")

COLOURS = {
    "full": "#0072B2",
    "random": "#6E6E6E",
    "variance": "#56B4E9",
    "relabelled": "#CC79A7",
    "label": "#0B5D3B",
    "other": "#E69F00",
    "components": "#5F1763",
    "variable": "#ACC198",
    "active": "#D5C067",
    "ridge": "#9A06F7",
    "nonnegative": "#9176FB",
    "dissimilarity": "#0F16A0",
    "pruned": "#D55E00",
}
"""Colour of each competitor, told apart with any kind of colour vision (after Okabe & Ito)."""

INK, QUIET, FAINT = "#222222", "#5A5A5A", "#C8C8C8"

NUMBERS_SIZE = 7.5
"""Type size of the numbers that decide, in points."""

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    # Less, and the last line of a key below a figure is cut.
    "legend.borderaxespad": 1.0,
    # A dollar sign in a label is a dollar sign, not the beginning of a formula.
    "text.parse_math": False,
    "savefig.dpi": 150,
    # Letters as outlines: a figure looks the same where the fonts are others.
    "svg.fonttype": "path",
    # Without it, matplotlib names its clipping paths at random.
    "svg.hashsalt": "isoprune",
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw with the project's style and nobody's own settings, and put those back afterwards."""

    @wraps(draw)
    def with_style(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.style.context(["default", _STYLE]):
            return draw(*args, **kwargs)

    return with_style


@styled
def save(figure: Figure, path: str | Path, *, dpi: float | None = None) -> None:
    """Write a figure in one step; equal figures give equal bytes.

    Parameters
    ----------
    figure : Figure
    path : path
        Its ending decides the format: ``.svg``, ``.png``, ``.pdf``.
    dpi : float, optional
        Of a picture, dots per inch; by default what a screen needs.

    Raises
    ------
    NotWritableError
        If the place cannot be written to.
    """
    kind = Path(path).suffix.lstrip(".")
    # What matplotlib would add by itself: the time, or its own version.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}.get(kind, {})
    with replacing(path) as temporary:
        figure.savefig(temporary, format=kind, metadata=metadata, dpi=dpi)


def panels(
    rows: Sequence[str], columns: Sequence[str], size: tuple[float, float], **shared: Any
) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """A figure with a panel for each row × column, named above by its column and, if there are several, row.

    Parameters
    ----------
    rows, columns : sequence of str
    size : tuple of float
        Width and height of a panel, inches.
    **shared
        ``sharex``, ``sharey`` of `matplotlib.figure.Figure.subplots`.

    Returns
    -------
    figure : Figure
    axes : dict of (row, column) to Axes
    """
    figure = Figure(
        figsize=(max(size[0] * len(columns), 3.4) + 0.5, size[1] * len(rows) + 0.7), layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    grid = figure.subplots(len(rows), len(columns), squeeze=False, **shared)
    axes = {(row, column): grid[i, j] for i, row in enumerate(rows) for j, column in enumerate(columns)}
    for (row, column), panel in axes.items():
        panel.set_title(column if len(rows) == 1 else f"{column}  ·  {row}")
    return figure, axes


def numbers(panel: Axes, lines: Sequence[str]) -> None:
    """Write the numbers that decide below a panel."""
    panel.set_xlabel("\n".join(lines), loc="left", fontsize=NUMBERS_SIZE, color=INK, linespacing=1.35)


def kind_of(competitor: str) -> str:
    """What all labels, and all other targets, have in common: the name before the colon."""
    return competitor.partition(":")[0]


def colour_of(competitor: str) -> str:
    """The colour of a competitor, in every figure and on every page."""
    return COLOURS.get(kind_of(competitor), INK)


def in_order(values: pd.Series) -> list[str]:
    """The values that occur, each once, in the order of the table."""
    return list(dict.fromkeys(values))
