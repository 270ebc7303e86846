"""Figure of variance partitioning."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isoprune.figures.style import COLOURS, INK, NUMBERS_SIZE, QUIET, in_order, panels, styled
from isoprune.wording import number

HELD_OUT = "held-out images"


@styled
def variance_parts(table: pd.DataFrame) -> Figure:
    """Unique and shared parts of each target's variance on held-out images.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.partitions.PARTITION_COLUMNS`.

    Returns
    -------
    Figure
        A panel a network × target, a row a part, partitions one below the other; dots with 95 % intervals.
    """
    shown = table[(table["scope"] == HELD_OUT) & (table["kind"] != "model")]
    networks, targets = in_order(shown["network"]), in_order(shown["target"])
    rows = [tuple(row) for row in shown[["partition", "kind", "predictors"]].drop_duplicates().to_numpy()]
    partitions = in_order(shown["partition"])
    height = 0.9 + 0.27 * (len(rows) + len(partitions))
    figure, axes = panels(networks, targets, (3.6, height), sharex=True, sharey=True)
    places = {row: number_ + partitions.index(row[0]) for number_, row in enumerate(rows)}
    for (network, target), panel in axes.items():
        here = shown[(shown["network"] == network) & (shown["target"] == target)]
        _draw_parts(panel, here, places)
        panel.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
        panel.set_ylim(max(places.values()) + 0.7, -1.4)
        panel.tick_params(axis="y", length=0)
    for network in networks:
        panel = axes[network, targets[0]]
        panel.set_yticks(list(places.values()), [_named(kind, predictors) for _, kind, predictors in places])
    for target in targets:
        axes[networks[-1], target].set_xlabel("share of the target's variance, R²")
    return figure


def _draw_parts(panel: Axes, here: pd.DataFrame, places: dict[tuple[str, str, str], int]) -> None:
    for row in here.itertuples():
        place = places[row.partition, row.kind, row.predictors]
        colour = COLOURS["pruned"] if row.kind == "unique" and row.predictors == "pruned" else INK
        panel.plot([row.ci_low, row.ci_high], [place] * 2, color=colour, linewidth=1.3, gid="interval")
        panel.plot(row.r2, place, "o", color=colour, markersize=4, gid="part")
        label = {"xycoords": panel.get_yaxis_transform(), "va": "center", "fontsize": NUMBERS_SIZE}
        panel.annotate(number(row.r2, ".3f"), (1.02, place), annotation_clip=False, **label)
    for partition, of_partition in here.groupby("partition", sort=False):
        first = min(places[row.partition, row.kind, row.predictors] for row in of_partition.itertuples())
        where = {"xycoords": panel.get_yaxis_transform(), "va": "center", "fontsize": NUMBERS_SIZE}
        # On white, because the line at zero passes behind it.
        plain = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        panel.annotate(partition, (0.02, first - 0.75), color=QUIET, bbox=plain, **where)


def _named(kind: str, predictors: str) -> str:
    return f"{predictors} alone" if kind == "unique" else predictors.replace(" + ", " ∩ ")
