"""The figure of layers: held-out isomorphism against depth, and which layer training images choose."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isoprune.figures.marks import (
    ABOUT,
    SUPERVISIONS,
    ceiling_key,
    draw_ceilings,
    mark_of,
)
from isoprune.figures.style import COLOURS, INK, NUMBERS_SIZE, QUIET, in_order, numbers, panels, styled
from isoprune.naming import BEST, readable_name
from isoprune.wording import interval, is_missing, number, p_value

_DRAWN = ("full", "pruned")

_APART = {"full": -0.09, "pruned": 0.09}
"""Where the marks of a competitor stand beside the middle of a layer's place."""


@styled
def layers(table: pd.DataFrame) -> Figure:
    """Held-out isomorphism of the full and the pruned embedding of every layer, and of the best, for each target.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.layers.LAYER_COLUMNS`.

    Returns
    -------
    Figure
        A panel a sweep and supervision × target. Lines join layers in the order of their depth; the last place is the
        best layer as training images chose it. Whiskers are 95 % intervals; below a layer stands in how many folds it
        was chosen.
    """
    rows = {
        _row_name(table, sweep, supervision): (sweep, supervision)
        for sweep in in_order(table["sweep"])
        for supervision in SUPERVISIONS
        if (table["supervision"] == supervision).any()
    }
    targets = in_order(table["target"])
    most = int(table["depth"].max())
    figure, axes = panels(list(rows), targets, (1.6 + 0.62 * (most + 1), 3.6), sharey=True)
    for (name, target), panel in axes.items():
        sweep, supervision = rows[name]
        of_sweep = table[(table["sweep"] == sweep) & (table["supervision"] == supervision)]
        here = of_sweep[of_sweep["target"] == target]
        panel.set_title(f"{target}  ·  {name}")
        if len(here):
            _draw(panel, here, supervision)
    for name in rows:
        axes[name, targets[0]].set_ylabel("held-out isomorphism, signed r")
    figure.legend(handles=_key(table), loc="outside lower left", ncols=2)
    return figure


def _row_name(table: pd.DataFrame, sweep: str, supervision: str) -> str:
    several = table["supervision"].nunique() > 1
    name = readable_name(sweep, BEST)
    return f"{name}, {ABOUT[supervision]}" if several else name


def _draw(panel: Axes, here: pd.DataFrame, supervision: str) -> None:
    """The scores of one panel; layers stand at their depth, and the best of them after the last."""
    draw_ceilings(panel, here[(here["competitor"] == "pruned") & here["depth"].isna()], scores_along="y")
    panel.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    last = int(here["depth"].max()) + 1
    panel.axvline(last - 0.5, color=QUIET, linewidth=0.8, linestyle=":", zorder=0)
    for competitor in _DRAWN:
        rows = here[here["competitor"] == competitor]
        places = rows["depth"].fillna(last).astype(float) + _APART[competitor]
        colour = COLOURS[competitor]
        along = rows["depth"].notna()
        panel.plot(places[along], rows["r"][along], color=colour, linewidth=1, alpha=0.6, gid="layers")
        for place, (_, row) in zip(places, rows.iterrows(), strict=True):
            panel.plot(
                [place] * 2, [row["ci_low"], row["ci_high"]], color=colour, linewidth=1.4, gid="interval"
            )
            panel.scatter(place, row["r"], zorder=3, gid="score", **mark_of(supervision, colour))
    pruned = here[here["competitor"] == "pruned"]
    panel.set_xticks(pruned["depth"].fillna(last).astype(float), [_tick(row) for _, row in pruned.iterrows()])
    panel.set_xlim(0.5, last + 0.5)
    panel.tick_params(axis="x", length=0, labelsize=NUMBERS_SIZE, rotation=40)
    for label, (_, row) in zip(panel.get_xticklabels(), pruned.iterrows(), strict=True):
        label.set(ha="right", rotation_mode="anchor")
        if row["n_chosen"] == pruned[pruned["depth"].notna()]["n_chosen"].max() or is_missing(row["depth"]):
            label.set(fontweight="bold", color=COLOURS["pruned"])
    numbers(panel, _decisive(pruned))


def _tick(row: pd.Series) -> str:
    """The layer's name, and how often training images chose it."""
    if is_missing(row["depth"]):
        return "best"
    return f"{row['layer']} ({int(row['n_chosen'])})" if row["n_chosen"] else str(row["layer"])


def _decisive(pruned: pd.DataFrame) -> list[str]:
    """The numbers of the best layer."""
    best = pruned[pruned["depth"].isna()].iloc[0]
    lines = [
        f"best layer, chosen in training: r = {number(best['r'])} {interval(best['ci_low'], best['ci_high'], '.2f')}"
    ]
    if not is_missing(best["p"]):
        lines[0] += f", {p_value(best['p'])}, family-wise {p_value(best['p_fwe'])}"
    return [*lines, f"in parentheses: of {int(best['n_chosen'])} folds, those that chose the layer"]


def _key(table: pd.DataFrame) -> list[Line2D]:
    plain = {"linestyle": "none", "markersize": 6}
    return [
        *(Line2D([], [], marker="o", color=COLOURS[name], label=name, **plain) for name in _DRAWN),
        Line2D([], [], color=INK, linewidth=1.4, label="95 % interval"),
        *ceiling_key(table),
    ]
