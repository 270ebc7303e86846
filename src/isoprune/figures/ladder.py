"""Ladders of competitors: whose a gain is, and what else could have been made of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isoprune.figures.marks import (
    MARKERS,
    SUPERVISIONS,
    ceiling_key,
    difference,
    draw_ceilings,
    mark_of,
    no_test,
    of_panel,
    scored,
)
from isoprune.figures.style import (
    COLOURS,
    INK,
    NUMBERS_SIZE,
    QUIET,
    colour_of,
    in_order,
    kind_of,
    numbers,
    styled,
)
from isoprune.labelled import GROUP, SUBJECTS
from isoprune.results import between_competitors
from isoprune.wording import count, interval, is_missing, number, p_number, share

MEANING = {
    "full": "all features",
    "random": "as many features as pruned, drawn at random",
    "variance": "as random, of features that vary as much",
    "relabelled": "ranked on the target, its images exchanged",
    "label": "ranked on categories of the images",
    "other": "ranked on another target",
    "pruned": "ranked on the target itself",
}
"""What each kind of competitor knows of the target, from nothing to everything: the rungs, in their order."""

WAYS = {
    "full": "all features alike",
    "random": "as many features as pruned, drawn at random",
    "active": "as many features, of the highest mean activation",
    "variable": "as many features, those that vary most over images",
    "components": "as many principal components",
    "ridge": "weights on the products of all features",
    "nonnegative": "the same, no weight below 0",
    "dissimilarity": "weights on squared differences, none below 0",
    "pruned": "ranked on the target",
}
"""What can be made of an embedding, with and without the target: the rungs of the second ladder, in their order."""

_COLUMNS = (8, 112, 236)
"""Where the three columns of numbers begin, in points to the right of a panel."""

_LINE = 0.17
"""Height of a line of numbers, inches."""


@styled
def specificity(summary: pd.DataFrame, contrasts: pd.DataFrame) -> Figure:
    """Held-out r of everything that could have ranked the features, a ladder a network × target.

    Parameters
    ----------
    summary, contrasts : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS` and ``CONTRAST_COLUMNS``.

    Returns
    -------
    Figure
        A row a competitor. Diamonds are the mean RDM of the group, circles the mean over subjects, squares the mean
        over subjects left out; bars are 95 % intervals, the band is the noise ceiling of single subjects, the dashed
        line that of the group RDM. Beside it r, what the pruned set has over the rung, and p.
    """
    return _ladders(summary, contrasts, MEANING)


@styled
def competitors(summary: pd.DataFrame, contrasts: pd.DataFrame) -> Figure:
    """Held-out r of everything that can be made of the features, weights on all of them included; see `specificity`."""
    return _ladders(summary, contrasts, WAYS)


def _ladders(summary: pd.DataFrame, contrasts: pd.DataFrame, meaning: Mapping[str, str]) -> Figure:
    """A ladder a network × target, with the rungs of ``meaning``."""
    summary, contrasts = (
        summary[summary["competitor"].map(kind_of).isin(meaning)],
        between_competitors(contrasts),
    )
    rungs = {name: place for place, name in enumerate(meaning)}
    places = list(summary[["network", "target"]].drop_duplicates().itertuples(index=False, name=None))
    heights = [_height(of_panel(summary, *place)) for place in places]
    # One column: ladders stand above each other on one scale, and the page is read from top to bottom.
    figure = Figure(figsize=(8.4, sum(heights) + 0.95 * len(places) + 1.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    grid = figure.subplots(len(places), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    several = summary["network"].nunique() > 1
    for panel, (network, target) in zip(grid, places, strict=True):
        here = of_panel(summary, network, target)
        panel.set_title(f"{target}  ·  {network}" if several else target, pad=22)
        names = sorted(in_order(here["competitor"]), key=lambda name: rungs[kind_of(name)])
        _draw_ladder(panel, here, of_panel(contrasts, network, target), names)
        numbers(panel, _below(here))
        panel.tick_params(labelbottom=True)
    grid[-1].set_xlim(_limits(summary))
    figure.legend(handles=_key(summary, meaning), loc="outside lower left", ncols=2)
    return figure


def _shown(summary: pd.DataFrame) -> list[str]:
    """Supervisions whose group RDM, or mean over subjects, has a row."""
    there = set(zip(summary["supervision"], summary["subject"], strict=True))
    return [one for one in SUPERVISIONS if (one, scored(one)) in there]


def _height(summary: pd.DataFrame) -> float:
    return summary["competitor"].nunique() * (_LINE * max(1, len(_shown(summary))) + 0.1)


def _draw_ladder(panel: Axes, summary: pd.DataFrame, contrasts: pd.DataFrame, names: Sequence[str]) -> None:
    shown = _shown(summary)
    draw_ceilings(panel, summary, scores_along="x")
    panel.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
    for place in range(0, len(names), 2):
        panel.axhspan(place - 0.5, place + 0.5, color="#F6F6F6", linewidth=0, zorder=-1)
    offsets = (np.arange(len(shown)) - (len(shown) - 1) / 2) * 0.8 / max(1, len(shown))
    for supervision, offset in zip(shown, offsets, strict=True):
        rows = summary[(summary["supervision"] == supervision) & (summary["subject"] == scored(supervision))]
        rows = rows.set_index("competitor")
        compared = contrasts[contrasts["supervision"] == supervision].set_index("b")
        for place, name in enumerate(names):
            if name in rows.index:
                _draw_rung(panel, place + offset, name, supervision, rows.loc[name])
                cells = _cells(rows.loc[name], compared.loc[name] if name in compared.index else None)
                _write(panel, place + offset, cells)
    heads = ("r [95 % interval]", "pruned − this [95 % interval]", "p (family-wise)")
    _write(panel, -0.5, heads, above=7)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_yticks(range(len(names)), names, fontweight="bold")
    panel.tick_params(axis="y", length=0)


def _draw_rung(panel: Axes, place: float, name: str, supervision: str, row: pd.Series) -> None:
    colour = colour_of(name)
    ends = [row["ci_low"], row["ci_high"]]
    panel.plot(ends, [place] * 2, color=colour, linewidth=1.6, zorder=3, gid=f"interval-{supervision}-{name}")
    style = mark_of(supervision, colour)
    panel.scatter([row["r"]], [place], **style, zorder=4, gid=f"{supervision}-{name}")


def _cells(row: pd.Series, contrast: pd.Series | None) -> tuple[str, str, str]:
    """R with its interval; what the pruned set has over it; p of that. In the pruned set's own row, p of r > 0."""
    ends = ", no interval" if is_missing(row["ci_low"]) else f" {interval(row['ci_low'], row['ci_high'])}"
    score = f"{number(row['r'], '.3f')}{ends}"
    if contrast is None:
        tested = not is_missing(row["p"])
        p = f"{p_number(row['p'])} ({p_number(row['p_fwe'])})" if tested else ""
        return score, f"r > 0, relabelled images{'' if tested else ': no test'}", p
    if is_missing(contrast["p"]):
        return score, number(contrast["r_diff"], "+.3f"), no_test(contrast)
    return score, difference(contrast, p=False), f"{p_number(contrast['p'])} ({p_number(contrast['p_fwe'])})"


def _write(panel: Axes, place: float, cells: tuple[str, str, str], above: float = 0) -> None:
    """The cells of a line of numbers beside the panel, in columns."""
    for column, text in zip(_COLUMNS, cells, strict=True):
        panel.annotate(
            text,
            (1, place),
            (column, above),
            xycoords=panel.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            fontsize=NUMBERS_SIZE,
            color=QUIET if above else INK,
            annotation_clip=False,
        )


def _below(summary: pd.DataFrame) -> list[str]:
    """What the ladder was computed from, and which folds have no score."""
    lines = ["held-out isomorphism, signed r"]
    for supervision in _shown(summary):
        rows = summary[(summary["supervision"] == supervision) & (summary["subject"] == scored(supervision))]
        pruned = rows[rows["competitor"] == "pruned"].iloc[0]
        n = count(pruned["n_subjects"], "subject")
        of_group = f"group RDM of {n}" if pruned["n_subjects"] > 1 else "target RDM"
        who = {"group": of_group, "own": n, "loso": f"{n}, each left out"}[supervision]
        kept = share(pruned["n_retained"], pruned["n_features"])
        lines.append(f"{who}: {kept} retained (mean over folds), {int(pruned['n_images'])} images")
        # A fold that the pruned set has no score in is scored for none.
        fewer = rows[rows["n_undefined"] > pruned["n_undefined"]]
        undefined = [("all", pruned)] if pruned["n_undefined"] else []
        for name, row in [*undefined, *((row["competitor"], row) for _, row in fewer.iterrows())]:
            of = f"{int(row['n_undefined'])} of {count(row['n_undefined'] + row['n_folds'], 'fold')}"
            lines.append(f"   {name}: {of} without a score")
    return lines


def _limits(summary: pd.DataFrame) -> tuple[float, float]:
    """From the lowest to the highest end that is drawn, never beyond what a correlation can be."""
    drawn = summary[summary["subject"].isin([GROUP, SUBJECTS])]
    ends = drawn[["r", "ci_low", "ci_high", "ceiling_low", "ceiling_high"]].to_numpy(dtype=float)
    ends = np.append(ends[np.isfinite(ends)], 0)
    margin = 0.04 * max(np.ptp(ends), 0.1)
    return max(-1.02, float(ends.min() - margin)), min(1.02, float(ends.max() + margin))


def _key(summary: pd.DataFrame, meaning: Mapping[str, str]) -> list[Line2D | Patch]:
    kinds = {kind_of(name) for name in summary["competitor"]}
    handles: list[Line2D | Patch] = [
        Patch(color=COLOURS[kind], label=f"{kind}: {words}")
        for kind, words in meaning.items()
        if kind in kinds
    ]
    who = {
        "own": "mean over subjects, ranked on own RDM",
        "loso": "mean over subjects, each left out of the ranking",
        "group": "group RDM (mean over subjects)",
    }
    if not (summary.loc[summary["subject"] == GROUP, "n_subjects"] > 1).any():
        who["group"] = "target RDM, of nobody in particular"
    for supervision in _shown(summary):
        mark = {"color": QUIET, "linewidth": 1.6, "marker": MARKERS[supervision], "markersize": 6}
        handles.append(Line2D([], [], **mark, label=f"{who[supervision]}, 95 % interval"))
    return [*handles, *ceiling_key(summary)]
