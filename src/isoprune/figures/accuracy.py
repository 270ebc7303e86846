"""Figure of the classification accuracy that is left against the number of features kept."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from isoprune.classification import ALL_CLASSES, KEPT, TOPS, WEIGHT
from isoprune.figures.style import INK, colour_of, in_order, numbers, panels, styled
from isoprune.wording import interval, number

_NAMES = {"top1": "first guess right", "top5": "right among five guesses"}
_SCALED = {True: "layer of the intact norm", False: "layer as it then is"}

_SETS = {
    "pruned": "pruned: the first ranked",
    "random": "random features, 5–95 %",
    "variance": "random of matched variance, 5–95 %",
}


@styled
def accuracy_curves(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of features kept, for every competitor.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.classification.accuracy.ACCURACY_COLUMNS`.

    Returns
    -------
    Figure
        A row of panels a network × accuracy (first guess, five guesses), a column a target × scaling of the layer
        (to the intact mean norm, or as it is); a line a competitor; a diamond is the set, or the weights, that were
        fitted. The line of the intact network goes across.
    """
    shown = table[(table["images"] == ALL_CLASSES) & table["b"].isna()]
    rows = {
        f"{network}, {_NAMES[top]}": (network, top) for network in in_order(shown["network"]) for top in TOPS
    }
    columns = {
        f"{target}, {words}": (target, rescaled)
        for target in in_order(shown["target"])
        for rescaled, words in _SCALED.items()
    }
    figure, axes = panels(list(rows), list(columns), (3.4, 3.4), sharey="row")
    for (row, column), panel in axes.items():
        (network, top), (target, rescaled) = rows[row], columns[column]
        here = shown[(shown["network"] == network) & (shown["target"] == target)]
        here = here[here["rescaled"] == rescaled]
        panel.set_title(f"{target}  ·  {network}\n{_SCALED[rescaled]}")
        _draw(panel, here, top)
        numbers(panel, _lines(table[table["rescaled"] == rescaled], network, target, top))
    for row, (_, top) in rows.items():
        axes[row, next(iter(columns))].set_ylabel(_NAMES[top])
    figure.legend(handles=_key(shown), loc="outside lower left", ncols=3)
    return figure


def _draw(panel: Axes, here: pd.DataFrame, top: str) -> None:
    full = here[here["a"] == "full"].iloc[0]
    panel.axhline(full[top], color=colour_of("full"), linewidth=1.2)
    for (competitor, scaled_by), rows in here[here["a"] != "full"].groupby(["a", "scaled_by"], sort=False):
        rows = rows.sort_values("number", kind="stable")
        colour, dashes = colour_of(competitor), "--" if scaled_by == WEIGHT else "-"
        if (rows["n_sets"] > 1).any():
            ends = rows[f"{top}_low"].to_numpy(float), rows[f"{top}_high"].to_numpy(float)
            panel.fill_between(rows["number"].to_numpy(float), *ends, color=colour, alpha=0.22, linewidth=0)
        pruned = competitor == "pruned"
        look = {"color": colour, "zorder": 4 if pruned else 3}
        panel.plot(
            rows["number"], rows[top], dashes, linewidth=1.8 if pruned else 1.1, gid=competitor, **look
        )
        if competitor not in ("random", "variance"):
            final = rows[rows["final"]]
            panel.plot(final["number"], final[top], "D", markersize=4.5, gid="final", clip_on=False, **look)
    panel.set_ylim(0, None)
    panel.set_xscale("log")
    panel.set_xlim(here["number"].min(), full["number"])
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter("{x:.0f}")
    panel.xaxis.set_minor_locator(NullLocator())


def _lines(table: pd.DataFrame, network: str, target: str, top: str) -> list[str]:
    """What the axis shows, and how far the final set is from the others."""
    lines = ["number of features that are not zero"]
    of_unit = (table["network"] == network) & (table["target"] == target) & (table["images"] == ALL_CLASSES)
    for row in table[of_unit & table["b"].notna()].to_dict(orient="records"):
        if row["b"] in ("full", "random", "variance"):
            size, ends = number(row[top], "+.3f"), interval(row[f"{top}_low"], row[f"{top}_high"], "+.3f")
            lines.append(f"pruned ({row['number']}) − {row['b']}: {size} {ends}")
    return lines


def _key(shown: pd.DataFrame) -> list[Line2D]:
    handles = [Line2D([], [], color=colour_of("full"), label="full: the intact network")]
    pairs = shown[["a", "scaled_by"]].drop_duplicates().itertuples(index=False)
    for competitor, scaled_by in pairs:
        if competitor == "full":
            continue
        how = "" if scaled_by == KEPT else f", units × {'w' if scaled_by == WEIGHT else '√w'}"
        label = _SETS.get(competitor, f"{competitor}{how}")
        dashes = "--" if scaled_by == WEIGHT else "-"
        handles.append(Line2D([], [], linestyle=dashes, color=colour_of(competitor), label=label))
    diamond = {"marker": "D", "linestyle": "", "markersize": 4, "color": INK}
    return [*handles, Line2D([], [], **diamond, label="the set, or all weights, that were fitted")]
