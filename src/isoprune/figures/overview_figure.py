"""The study on one page: every competitor on every target, with noise ceilings and p, for a paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isoprune.figures.marks import (
    ABOUT,
    SUPERVISIONS,
    ceiling_key,
    draw_ceilings,
    mark_of,
    of_panel,
    scored,
)
from isoprune.figures.style import COLOURS, FAINT, INK, QUIET, colour_of, in_order, kind_of, styled
from isoprune.labelled import GROUP
from isoprune.results import between_competitors
from isoprune.wording import count, is_missing, number, p_number, p_value

_SIZE = 6.5
"""Type size of the numbers, in points."""

WORDS = {
    "full": "full: all features",
    "random": "random: as many features",
    "variance": "variance: random, varying as much",
    "relabelled": "relabelled target",
    "label": "category label (the best)",
    "other": "other target (the best)",
    "components": "principal components",
    "variable": "most variable features",
    "active": "most active features",
    "ridge": "ridge weights",
    "nonnegative": "weights ≥ 0",
    "dissimilarity": "weights on differences",
    "pruned": "pruned: ranked on the target",
}
"""What the competitors are, in the order in which they stand beside each other."""


@styled
def overview(summary: pd.DataFrame, contrasts: pd.DataFrame) -> Figure:
    """Held-out r of all competitors on all targets, a row a network and who was scored.

    Of several labels, or other targets, that ranked features, the one that does best stands for all.

    Parameters
    ----------
    summary, contrasts : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS` and ``CONTRAST_COLUMNS``.

    Returns
    -------
    Figure
        Marks are means with 95 % intervals; bands are noise ceilings of single subjects, dashed lines those of the
        group RDM. Below each target: n, k of M features, p of r > 0, and what the pruned set has over all with its p.
    """
    targets, rows = in_order(summary["target"]), list(_rows(summary))
    names = [name for name in WORDS if name in set(summary["competitor"].map(kind_of))]
    width = max(5.2, 1.2 + len(targets) * max(1.35, 0.13 * len(names) + 0.3))
    height = 2.5 if len(rows) < 4 else 9.4 / len(rows)
    figure = Figure(figsize=(width, len(rows) * max(2.0, height) + 1.1), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    grid = figure.subplots(len(rows), len(targets), squeeze=False, sharey=True)
    compared = between_competitors(contrasts)
    for place, (network, supervision) in enumerate(rows):
        line = grid[place]
        # On lines of their own: of many rows each is low.
        line[0].set_ylabel(f"{network}\n{_who(summary, supervision)}\nheld-out r", fontsize=8)
        for panel, target in zip(line, targets, strict=True):
            here = of_panel(summary, network, target)
            here = here[(here["supervision"] == supervision) & (here["subject"] == scored(supervision))]
            contrast = of_panel(compared, network, target)
            _draw(panel, here, contrast[contrast["supervision"] == supervision], names)
            if place == 0:
                panel.set_title(target)
    figure.legend(
        handles=_key(summary, names), loc="outside lower left", ncols=max(2, int(width / 2.35)), fontsize=7
    )
    return figure


def _rows(summary: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Network and supervision of each row: people by their own RDM, people left out, then the group."""
    for network in in_order(summary["network"]):
        of_network = set(summary.loc[summary["network"] == network, "supervision"])
        yield from ((network, one) for one in SUPERVISIONS if one in of_network)


def _who(summary: pd.DataFrame, supervision: str) -> str:
    """Who was scored; a target that is one RDM is nobody's group."""
    of_group = supervision == GROUP
    alone = of_group and not (summary.loc[summary["subject"] == GROUP, "n_subjects"] > 1).any()
    return "target RDM" if alone else ABOUT[supervision]


def _draw(panel: Axes, summary: pd.DataFrame, contrasts: pd.DataFrame, names: Sequence[str]) -> None:
    """The competitors on one target, side by side."""
    draw_ceilings(panel, summary, scores_along="y")
    panel.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    for place, name in enumerate(names):
        rows = summary[summary["competitor"].map(kind_of) == name]
        if rows["r"].notna().any():
            row = rows.loc[rows["r"].idxmax()]
            colour = colour_of(name)
            ends = [row["ci_low"], row["ci_high"]]
            panel.plot([place] * 2, ends, color=colour, linewidth=1.4, zorder=3, gid=f"interval-{name}")
            mark = {**mark_of(row["supervision"], colour), "s": 26}
            panel.scatter([place], [row["r"]], **mark, zorder=4, gid=f"mark-{name}")
    panel.set_xlim(-0.8, len(names) - 0.2)
    panel.set_xticks([])
    panel.spines["bottom"].set_color(FAINT)
    lines = _numbers(summary, contrasts)
    panel.set_xlabel("\n".join(lines), loc="left", fontsize=_SIZE, color=INK, linespacing=1.3)


def _numbers(summary: pd.DataFrame, contrasts: pd.DataFrame) -> list[str]:
    """The numbers that decide on a target; none where the target was not scored so."""
    pruned = summary[summary["competitor"] == "pruned"]
    if pruned.empty:
        return ["not scored"]
    row = pruned.iloc[0]
    kept = f"{number(np.floor(row['n_retained'] + 0.5), '.0f')} of {int(row['n_features'])} features"
    who = f", {count(row['n_subjects'], 'subject')}" if row["n_subjects"] > 1 else ""
    lines = [f"{count(row['n_images'], 'image')}{who}", kept, "   (mean over folds)"]
    if not is_missing(row["p"]):
        lines.append(f"r > 0: {p_value(row['p'])} ({p_number(row['p_fwe'])})")
    gain = contrasts[contrasts["b"] == "full"]
    if len(gain):
        one = gain.iloc[0]
        lines.append(f"pruned − full: {number(one['r_diff'], '+.3f')}")
        tested = "no test" if is_missing(one["p"]) else f"{p_value(one['p'])} ({p_number(one['p_fwe'])})"
        lines.append(f"   {tested}")
    return lines


def _key(summary: pd.DataFrame, names: Sequence[str]) -> list[Line2D | Patch]:
    marks = [
        Line2D([], [], color=COLOURS[name], marker="o", markersize=5, linestyle="none", label=WORDS[name])
        for name in names
    ]
    return [*marks, *ceiling_key(summary)]
