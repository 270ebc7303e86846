"""What figures of held-out scores share: who was scored, noise ceilings, and how a difference is written."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isoprune.figures.style import FAINT, INK, QUIET
from isoprune.labelled import GROUP, SUBJECTS
from isoprune.wording import count, interval, is_missing, number, p_number, p_value

SUPERVISIONS = ("own", "loso", "group")
"""Supervisions in the order of figures: people first, then the mean RDM of the group."""

MARKERS = {"own": "o", "loso": "s", "group": "D"}
"""Mark of who was scored, by supervision: subjects, subjects left out of the ranking, the group RDM."""

ABOUT = {"own": "subjects", "loso": "subjects left out", "group": "group RDM"}

DASHED = (0, (4, 3))

_BAND = {"color": FAINT, "alpha": 0.45, "linewidth": 0}
_LINE = {"color": QUIET, "linewidth": 1, "linestyle": DASHED}


def scored(supervision: str) -> str:
    """Whose scores a supervision is summarised by: the group RDM, or the mean over subjects."""
    return GROUP if supervision == GROUP else SUBJECTS


def of_panel(table: pd.DataFrame, network: str, target: str) -> pd.DataFrame:
    """Rows of a network × target."""
    return table[(table["network"] == network) & (table["target"] == target)]


def mark_of(supervision: str, colour: str) -> dict[str, Any]:
    """How the score of a supervision is drawn by ``Axes.scatter``; the diamond of the group has a dark rim."""
    rim = {"edgecolors": INK, "linewidths": 0.9} if supervision == GROUP else {"linewidths": 0}
    return {"marker": MARKERS[supervision], "s": 40 if supervision == GROUP else 32, "color": colour, **rim}


def draw_ceilings(panel: Axes, summary: pd.DataFrame, scores_along: str) -> None:
    """A band for single subjects' noise ceiling, a dashed line for that of the group RDM.

    Parameters
    ----------
    panel : Axes
    summary : DataFrame
        Rows of a network × target, columns as `isoprune.results.SUMMARY_COLUMNS`.
    scores_along : {"x", "y"}
        Axis of the scores.
    """
    span, line = (panel.axvspan, panel.axvline) if scores_along == "x" else (panel.axhspan, panel.axhline)
    band = _with_ceiling(summary, SUBJECTS)
    if len(band):
        ends = band[["ceiling_low", "ceiling_high"]].iloc[0]
        span(*ends, **_BAND, zorder=0, gid="ceiling-subjects")
    of_group = _with_ceiling(summary, GROUP)
    if len(of_group):
        line(of_group["ceiling_high"].iloc[0], **_LINE, zorder=0, gid="ceiling-group")


def ceiling_key(summary: pd.DataFrame) -> list[Line2D | Patch]:
    """Entries of the key for the ceilings that are drawn."""
    handles: list[Line2D | Patch] = []
    if len(_with_ceiling(summary, SUBJECTS)):
        handles.append(Patch(**_BAND, label="noise ceiling of single subjects"))
    if len(_with_ceiling(summary, GROUP)):
        handles.append(Line2D([], [], **_LINE, label="noise ceiling of the group RDM"))
    return handles


def _with_ceiling(summary: pd.DataFrame, subject: str) -> pd.DataFrame:
    there = summary["ceiling_low"].notna() & summary["ceiling_high"].notna()
    return summary[(summary["subject"] == subject) & there]


def difference(contrast: pd.Series, *, p: bool = True) -> str:
    """A difference of held-out r with its interval, or why it has none."""
    size = number(contrast["r_diff"], "+.3f")
    if is_missing(contrast["p"]):
        return f"{size}, {no_test(contrast)}"
    text = f"{size} {interval(contrast['ci_low'], contrast['ci_high'], '+.3f')}"
    return f"{text}, {p_value(contrast['p'])} ({p_number(contrast['p_fwe'])})" if p else text


def no_test(contrast: pd.Series) -> str:
    """Why a difference has no p."""
    if contrast["unit"] == "subjects":
        return f"no test of {count(contrast['n_subjects'], 'subject')}"
    return "no test"
