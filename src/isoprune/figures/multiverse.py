"""Specification curves: the scores of all combinations of choices in order, and below them the choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isoprune.figures.style import COLOURS, FAINT, INK, NUMBERS_SIZE, QUIET, in_order, numbers, styled
from isoprune.multiverse import CHOICES
from isoprune.wording import count, number, p_value

_SCORES, _ROW = 2.3, 0.19
"""Heights of the panel of scores and of one row of choices, inches."""

Row = tuple[str, str]


@styled
def specification_curves(table: pd.DataFrame, joint: Mapping[str, Mapping[str, Any]]) -> Figure:
    """All specifications of each target in the order of their scores.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.multiverse_tables.MULTIVERSE_COLUMNS`.
    joint : mapping of str to mapping
        Tests of all specifications by target, as `isoprune.multiverse_tables.joint_test` gives them.

    Returns
    -------
    Figure
        A column a target. Above: held-out r of the pruned set (dots; diamonds: the study's own choices) and of all
        features (open dots), with the 5-95 % range of the null. Below: a row a value of every choice that varies.
    """
    targets, rows = in_order(table["target"]), choices_that_vary(table)
    places = _places(rows)
    below = _ROW * (max(places.values()) + 2)
    width = max(3.4, 1.3 + 0.075 * table["target"].value_counts().max())
    figure = Figure(figsize=(width * len(targets) + 1.2, _SCORES + below + 1.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.04)
    grid = figure.subplots(
        2, len(targets), squeeze=False, sharex="col", sharey="row", height_ratios=[_SCORES, below]
    )
    for column, target in enumerate(targets):
        here = table[(table["target"] == target) & table["r"].notna()].sort_values(
            "r", ascending=False, kind="stable"
        )
        scores, choices = grid[:, column]
        scores.set_title(target)
        _draw_scores(scores, here)
        _draw_choices(choices, here, places)
        numbers(choices, _decisive(here, joint[target]))
    grid[0, 0].set_ylabel("held-out isomorphism, signed r")
    _name_choices(grid[1, 0], places)
    figure.legend(handles=_key(), loc="outside lower left", ncols=2)
    return figure


def choices_that_vary(table: pd.DataFrame) -> list[Row]:
    """Every choice that has more than one value, with each of its values.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.multiverse_tables.MULTIVERSE_COLUMNS`.

    Returns
    -------
    list of (str, str)
        Choice and value, values in alphabetical order, numbers by size.
    """
    rows = []
    for choice in ("network", *CHOICES):
        values = sorted(in_order(table[choice].astype(str)), key=_by_size)
        rows += [(choice, value) for value in values] if len(values) > 1 else []
    return rows


def _by_size(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return -1.0, value


def _places(rows: list[Row]) -> dict[Row, int]:
    """Where each value stands; a free line above each choice takes its name."""
    choices = list(dict.fromkeys(choice for choice, _ in rows))
    return {row: place + choices.index(row[0]) + 1 for place, row in enumerate(rows)}


def _draw_scores(panel: Axes, here: pd.DataFrame) -> None:
    x = np.arange(len(here))
    low, high = here["null_low"].to_numpy(dtype=float), here["null_high"].to_numpy(dtype=float)
    panel.fill_between(x, low, high, step="mid", color=FAINT, alpha=0.6, linewidth=0, gid="null")
    panel.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    panel.plot(
        x, here["r_full"], "o", color=COLOURS["full"], markersize=3, markerfacecolor="white", gid="full"
    )
    own = here["own"].to_numpy() == 1
    r = here["r"].to_numpy(dtype=float)
    panel.plot(x[~own], r[~own], "o", color=COLOURS["pruned"], markersize=4, gid="pruned")
    panel.plot(x[own], r[own], "D", color=COLOURS["pruned"], markeredgecolor=INK, markersize=6, gid="own")
    panel.tick_params(axis="x", length=0)


def _draw_choices(panel: Axes, here: pd.DataFrame, places: Mapping[Row, int]) -> None:
    for (choice, value), place in places.items():
        chosen = np.flatnonzero(here[choice].astype(str) == value)
        panel.axhline(place, color=FAINT, linewidth=0.5, zorder=0)
        panel.plot(chosen, np.full(len(chosen), place), "|", color=INK, markersize=6, gid=f"{choice}={value}")
    panel.set_ylim(max(places.values()) + 0.7, -0.2)
    panel.set_xlim(-0.8, max(len(here), 2) - 0.2)
    panel.set_xticks([])
    panel.tick_params(axis="y", length=0)


def _name_choices(panel: Axes, places: Mapping[Row, int]) -> None:
    panel.set_yticks(list(places.values()), [value for _, value in places])
    first: dict[str, int] = {}
    for (choice, _), place in places.items():
        first.setdefault(choice, place)
    for choice, place in first.items():
        panel.annotate(
            choice,
            (0.0, place - 0.85),
            xycoords=panel.get_yaxis_transform(),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=NUMBERS_SIZE,
            fontweight="bold",
            annotation_clip=False,
        )


def _decisive(here: pd.DataFrame, joint: Mapping[str, Any]) -> list[str]:
    n = joint["n_specifications"]
    lines = [
        f"{count(n, 'specification')}, highest r first; median r {number(joint['r_median'], '.3f')}",
        f"joint {p_value(joint['p_max'])} (max-T), of the median {p_value(joint['p_median'])}",
        f"pruned above full in {joint['n_above_full']} of {n}",
    ]
    return [*lines, f"{joint['n_without_score']} without a score"] if joint["n_without_score"] else lines


def _key() -> list[Line2D | Patch]:
    dot = {"marker": "o", "linestyle": "none"}
    return [
        Line2D([], [], color=COLOURS["pruned"], markersize=4, label="pruned", **dot),
        Line2D([], [], color=COLOURS["full"], markersize=3, markerfacecolor="white", label="full", **dot),
        Line2D(
            [],
            [],
            color=COLOURS["pruned"],
            markeredgecolor=INK,
            marker="D",
            linestyle="none",
            label="pruned, the study's own choices",
        ),
        Patch(color=FAINT, alpha=0.6, linewidth=0, label="5-95 % of relabelled targets"),
    ]
