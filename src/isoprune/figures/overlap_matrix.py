"""Figure of the features that the sets of two targets share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isoprune.figures.style import COLOURS, NUMBERS_SIZE, QUIET, numbers, styled
from isoprune.wording import is_missing, number, p_value

_SETS = {"color": COLOURS["pruned"], "marker": "D", "linestyle": "none", "markersize": 6}
_NULL = {
    "color": COLOURS["relabelled"],
    "marker": "|",
    "linestyle": "none",
    "markersize": 12,
    "markeredgewidth": 2,
}


@styled
def overlap(table: pd.DataFrame) -> Figure:
    """Overlap of the retained sets of every two targets of a network, beside that of relabelled targets.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.stability.OVERLAP_COLUMNS`.

    Returns
    -------
    Figure
        A row a network × pair of targets: diamonds are the overlap corrected for the sets' sizes (0 as by chance, 1
        identical), bars its mean over relabelled targets. Beside it the numbers. Without relabelled sets there is
        neither bar nor p, and a line below says so.
    """
    figure = Figure(figsize=(7.2, 1.5 + 0.32 * len(table)), layout="constrained")
    panel = figure.subplots()
    panel.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
    words = {"xycoords": panel.get_yaxis_transform(), "va": "center", "fontsize": NUMBERS_SIZE}
    for place, row in enumerate(table.itertuples()):
        if not is_missing(row.null_overlap):
            panel.plot(row.null_overlap, place, **_NULL, zorder=2, gid="null")
        panel.plot(row.overlap, place, **_SETS, zorder=3, gid="overlap")
        tested = "" if is_missing(row.p) else f", {p_value(row.p)}"
        text = f"{row.n_shared} shared of {row.n_a} and {row.n_b}, Jaccard {number(row.jaccard)}{tested}"
        panel.annotate(text, (1.03, place), annotation_clip=False, **words)
    names = [f"{row.a} and {row.b}  ·  {row.network}" for row in table.itertuples()]
    panel.set_yticks(range(len(table)), names)
    panel.tick_params(axis="y", length=0)
    panel.set_ylim(max(len(table), 1) - 0.5, -0.5)
    ends = table[["overlap", "null_overlap"]].to_numpy(dtype=float)
    panel.set_xlim(min(-0.05, np.nanmin(ends, initial=0) - 0.05), min(1.02, np.nanmax(ends, initial=0) + 0.1))
    below = ["overlap of retained sets, corrected for their sizes: 0 as by chance, 1 identical"]
    key = [Line2D([], [], **_SETS, label="sets of the two targets, fitted on all images of each")]
    if table["null_overlap"].notna().any():
        key.append(Line2D([], [], **_NULL, label="mean over sets of the two targets relabelled"))
    elif len(table):
        below.append("no p: no sets of relabelled targets were compared")
    numbers(panel, below)
    figure.legend(handles=key, loc="outside lower left", ncols=1)
    return figure
