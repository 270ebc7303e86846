"""What relabelled targets reach, beside what the target reaches: the nulls behind p."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isoprune.figures.marks import ABOUT, SUPERVISIONS, of_panel, scored
from isoprune.figures.style import COLOURS, QUIET, in_order, numbers, panels, styled
from isoprune.labelled import GROUP, SUBJECTS
from isoprune.naming import readable_name
from isoprune.results import UNIT
from isoprune.wording import is_missing, p_number, p_value

Tested = Mapping[tuple[str, ...], Mapping[str, tuple[float, np.ndarray, Any]]]
"""As `isoprune.summary.tested_statistics` gives it."""

_APART = 1.25
"""From the foot of a null to that of the next, in heights of its highest bar."""

_BINS = 24


@styled
def nulls(summary: pd.DataFrame, tested: Tested, exchange: str) -> Figure:
    """Nulls of the full and the pruned set, a panel a network × target.

    Parameters
    ----------
    summary : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS`.
    tested : mapping
        Statistics and nulls of the rows of the summary, as `isoprune.summary.tested_statistics` gives them.
    exchange : str
        Which null the column ``p`` is about.

    Returns
    -------
    Figure
        Histograms of what relabelled targets reach, and a line where the target stands.
    """
    networks, targets = in_order(summary["network"]), in_order(summary["target"])
    shown = [one for one in SUPERVISIONS if one in set(summary["supervision"])]
    figure, axes = panels(networks, targets, (3.4, 1.5 + 0.95 * _n_shown(tested)), sharex=True)
    for (network, target), panel in axes.items():
        here = of_panel(summary, network, target)
        lines = _draw(panel, here, tested, shown, exchange)
        if len(networks) > 1:
            panel.set_title(f"{target}  ·  {readable_name(network, here['layer'].iloc[0])}")
        numbers(panel, ["held-out isomorphism, signed r", *lines])
        panel.tick_params(labelbottom=True)
    patches = [
        Patch(color=COLOURS[name], alpha=0.45, label=f"{name}, relabelled targets")
        for name in ("full", "pruned")
    ]
    line = Line2D([], [], color=QUIET, linewidth=2, label="thick line: the target as it is")
    figure.legend(handles=[*patches, line], loc="outside lower left", ncols=3 if len(targets) > 1 else 1)
    return figure


def _draw(panel: Axes, summary: pd.DataFrame, tested: Tested, shown: list[str], exchange: str) -> list[str]:
    """A null a supervision and set, one above the other; what decides comes back as lines of text."""
    lines: list[str] = []
    feet: dict[str, float] = {}
    for supervision in reversed(shown):
        rows = summary[(summary["supervision"] == supervision) & (summary["subject"] == scored(supervision))]
        for name in ("full", "pruned"):
            one = rows[rows["competitor"] == name]
            found = tested.get(_key_of(one.iloc[0]), {}).get(exchange) if len(one) else None
            if found is None or not np.isfinite(found[1]).any():
                continue
            foot = _APART * len(feet)
            feet[f"{ABOUT[supervision]}\n{name}"] = foot
            _draw_null(panel, foot, name, supervision, *found[:2])
            lines.insert(0, _words(one.iloc[0], f"{ABOUT[supervision]}, {name}", found[1]))
    panel.set_yticks(list(feet.values()), list(feet), fontsize=7)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.set_ylim(-0.1, max(1, len(feet)) * _APART)
    panel.axvline(0, color=QUIET, linewidth=0.6, zorder=0)
    return lines or ["no relabelling was asked for"]


def _n_shown(tested: Tested) -> int:
    """How many supervisions have a null of the group's, or of the mean over subjects."""
    places = (UNIT.index("supervision"), UNIT.index("subject"))
    return len({key[places[0]] for key in tested if key[places[1]] in (GROUP, SUBJECTS)})


def _key_of(row: pd.Series) -> tuple[str, ...]:
    return tuple(row[name] for name in (*UNIT, "competitor"))


def _draw_null(
    panel: Axes, foot: float, name: str, supervision: str, observed: float, relabelled: np.ndarray
) -> None:
    reached = np.tanh(relabelled[np.isfinite(relabelled)])
    heights, edges = np.histogram(reached, bins=_BINS)
    panel.stairs(
        foot + heights / heights.max(),
        edges,
        baseline=foot,
        fill=True,
        color=COLOURS[name],
        alpha=0.45,
        gid=f"null-{supervision}-{name}",
    )
    at = [float(np.tanh(observed))] * 2
    panel.plot(
        at, [foot, foot + 1.05], color=COLOURS[name], linewidth=2.2, gid=f"observed-{supervision}-{name}"
    )


def _words(row: pd.Series, who: str, relabelled: np.ndarray) -> str:
    if is_missing(row["p"]):
        return f"{who}: no p"
    return f"{who}: {p_value(row['p'])} ({p_number(row['p_fwe'])}), N = {len(relabelled)}"
