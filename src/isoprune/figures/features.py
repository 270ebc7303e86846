"""Figures of the retained features: insertion curves, stability over folds, recovery of a known answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isoprune.figures.style import COLOURS, FAINT, INK, NUMBERS_SIZE, QUIET, in_order, numbers, panels, styled
from isoprune.io.tables import read_table
from isoprune.labelled import GROUP
from isoprune.pruning.criteria import Criterion
from isoprune.pruning.number import on_plateau
from isoprune.wording import number, p_value

STABLE = 0.9
"""Share of folds above which a feature is called stable."""

_STABLE_WORDS = f"{100 * STABLE:.0f} % of folds"

_STABLE_LINE = {"color": QUIET, "linewidth": 0.8, "linestyle": (0, (4, 3))}
_SIZE_LINE = {"color": INK, "linewidth": 1}


def tables_of_units(paths: Sequence[str | Path], units: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Tables of several units below one another, with the columns that name the unit.

    Parameters
    ----------
    paths : sequence of path
        One table a unit.
    units : sequence of mapping
        ``network``, ``target``, ``subject`` and ``supervision`` of each, in the order of ``paths``.

    Returns
    -------
    DataFrame
    """
    tables = [
        read_table(path, where="table of a unit").assign(**unit)
        for path, unit in zip(paths, units, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def plateau(curve: pd.DataFrame) -> np.ndarray:
    """Where an insertion curve is within 1 % of its maximum.

    Parameters
    ----------
    curve : DataFrame
        Columns as `isoprune.results.CURVE_COLUMNS`.

    Returns
    -------
    ndarray of shape (n_rows,), bool
    """
    return on_plateau(curve["isomorphism"].to_numpy(dtype=float))


@styled
def curves(curve: pd.DataFrame, retained: pd.DataFrame, criterion: Criterion) -> Figure:
    """Insertion curves over all images, with the retained number of features and the plateau around it.

    Parameters
    ----------
    curve, retained : DataFrame
        Columns as `isoprune.results.CURVE_COLUMNS` and ``RETAINED_COLUMNS``, and those that name the unit.
    criterion : Criterion
        What the curve measures.

    Returns
    -------
    Figure
        A panel a unit.
    """
    sign = {"pearson": "r", "spearman": "ρ"}[criterion.curve] + ("²" if criterion.squared else "")
    units, rows, columns = _units_of(curve)
    figure, axes = panels(rows, columns, (2.9, 2.6), sharey=True)
    for key, panel in axes.items():
        if key not in units:
            panel.set_axis_off()
            continue
        of_unit = _of_unit(retained, units[key])
        _draw_curve(panel, _of_unit(curve, units[key]), int(of_unit["in_final"].sum()))
    for row in rows:
        axes[row, columns[0]].set_ylabel(f"in-sample isomorphism, {sign}")
    figure.legend(handles=_curve_key(), loc="outside lower left", ncols=1 if len(columns) == 1 else 3)
    return figure


def _units_of(
    table: pd.DataFrame,
) -> tuple[dict[tuple[str, str], tuple[str, str, str]], list[str], list[str]]:
    """The units by panel, the names of the rows, and those of the columns."""
    units = table[["network", "target", "subject"]].drop_duplicates().itertuples(index=False)
    placed = {
        (network if subject == GROUP else f"{network}, sub-{subject}", target): (network, target, subject)
        for network, target, subject in units
    }
    return placed, list(dict.fromkeys(row for row, _ in placed)), in_order(table["target"])


def _of_unit(table: pd.DataFrame, unit: tuple[str, str, str]) -> pd.DataFrame:
    network, target, subject = unit
    return table[(table["network"] == network) & (table["target"] == target) & (table["subject"] == subject)]


def _draw_curve(panel: Axes, curve: pd.DataFrame, n_retained: int) -> None:
    m, value = curve["n_inserted"].to_numpy(), curve["isomorphism"].to_numpy(dtype=float)
    within, at = plateau(curve), value[m == n_retained][0]
    panel.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    panel.stairs(
        within.astype(float),
        np.append(m, m[-1] + 1) - 0.5,
        fill=True,
        transform=panel.get_xaxis_transform(),
        color=COLOURS["pruned"],
        alpha=0.25,
        linewidth=0,
        zorder=0,
        gid="plateau",
    )
    panel.plot(m, value, color=INK, linewidth=1.3, zorder=2, gid="curve")
    panel.plot(m[-1], value[-1], "o", color=COLOURS["full"], markersize=6, zorder=3, gid="full")
    panel.plot(n_retained, at, "o", color=COLOURS["pruned"], markersize=6, zorder=4, gid="retained")
    panel.set_xlim(0, m[-1] * 1.03)
    numbers(
        panel,
        [
            "features inserted, most important first",
            f"final set: m* = {n_retained} of {m[-1]}, {number(at)}",
            f"within 1 %: {within.sum()} sets, m = {m[within].min()} … {m[within].max()}",
            f"all features: {number(value[-1])}",
        ],
    )


def _curve_key() -> list[Line2D]:
    plain = {"marker": "o", "markersize": 6, "linestyle": "none"}
    return [
        Line2D([], [], color=COLOURS["pruned"], label="retained set, m*", **plain),
        Line2D([], [], color=COLOURS["pruned"], alpha=0.25, linewidth=7, label="within 1 % of the maximum"),
        Line2D([], [], color=COLOURS["full"], label="full embedding", **plain),
    ]


@styled
def stability(retained: pd.DataFrame) -> Figure:
    """How often the folds retained each feature, in the order of the final ranking.

    Parameters
    ----------
    retained : DataFrame
        Columns as `isoprune.results.RETAINED_COLUMNS`, and those that name the unit.

    Returns
    -------
    Figure
        A panel a unit.
    """
    units, rows, columns = _units_of(retained)
    figure, axes = panels(rows, columns, (2.9, 2.6), sharey=True)
    for key, panel in axes.items():
        if key not in units:
            panel.set_axis_off()
            continue
        _draw_stability(panel, _of_unit(retained, units[key]).sort_values("rank"))
    for row in rows:
        axes[row, columns[0]].set_ylabel("share of folds that\nretained the feature")
    figure.legend(handles=_stability_key(), loc="outside lower left", ncols=1 if len(columns) == 1 else 2)
    return figure


def _draw_stability(panel: Axes, retained: pd.DataFrame) -> None:
    rank, frequency = retained["rank"].to_numpy(), retained["fold_frequency"].to_numpy()
    n_retained, stable = int(retained["in_final"].sum()), frequency >= STABLE
    edges = np.arange(len(rank) + 1) + 0.5
    panel.stairs(
        frequency[:n_retained], edges[: n_retained + 1], fill=True, color=COLOURS["pruned"], gid="retained"
    )
    if n_retained < len(rank):
        panel.stairs(frequency[n_retained:], edges[n_retained:], fill=True, color=FAINT, gid="left-out")
    panel.axhline(STABLE, **_STABLE_LINE)
    panel.axvline(n_retained + 0.5, **_SIZE_LINE)
    panel.set_xlim(0.5, len(rank) + 0.5)
    panel.set_ylim(0, 1.02)
    numbers(
        panel,
        [
            "rank of the feature over all images",
            f"final set: {n_retained} of {len(rank)} features",
            f"in ≥ {_STABLE_WORDS}: {int(stable.sum())}, of which {int(stable[:n_retained].sum())} retained",
            f"in no fold: {int((frequency == 0).sum())}",
        ],
    )


def _stability_key() -> list[Line2D | Patch]:
    return [
        Patch(color=COLOURS["pruned"], label="features of the final set"),
        Patch(color=FAINT, label="all other features"),
        Line2D([], [], **_SIZE_LINE, label="size of the final set"),
        Line2D([], [], **_STABLE_LINE, label=_STABLE_WORDS),
    ]


@styled
def recovery(table: pd.DataFrame) -> Figure:
    """How many planted features the retained sets hold, beside what pruning gains on held-out images.

    Parameters
    ----------
    table : DataFrame
        A row a network × target × supervision × subject: ``n_planted n_retained n_features n_overlap
        expected p r_full r_pruned``; a target without planted features has ``n_planted`` 0.

    Returns
    -------
    Figure
        A row a network; diamonds are the group RDM, dots subjects.
    """
    networks, targets = in_order(table["network"]), in_order(table["target"])
    height = (0.75 * len(targets) + 0.6) * len(networks) + 0.8
    figure = Figure(figsize=(10.6, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
    grid = figure.subplots(len(networks), 2, squeeze=False, sharey=True, width_ratios=[1, 1])
    for (found, held_out), network in zip(grid, networks, strict=True):
        of_network = table[table["network"] == network]
        for place, target in enumerate(targets):
            rows = of_network[of_network["target"] == target]
            _draw_overlap(found, place, rows)
            _draw_held_out(held_out, place, rows)
        _finish_recovery(found, held_out, network, targets)
    figure.legend(handles=_recovery_key(), loc="outside lower left", ncols=5, columnspacing=1.2)
    return figure


def _height(place: int, subject: str) -> float:
    """Subjects stand below the group."""
    return place - 0.16 if subject == GROUP else place + 0.1


def _draw_overlap(panel: Axes, place: int, rows: pd.DataFrame) -> None:
    planted = rows[rows["n_planted"] > 0]
    words = {"va": "center", "fontsize": NUMBERS_SIZE}
    if planted.empty:
        panel.text(0.02, place, "nothing planted: there is nothing to find", color=QUIET, **words)
    for _, row in planted[planted["subject"] == GROUP].iterrows():
        y = _height(place, GROUP)
        expected = row["expected"] / row["n_planted"]
        panel.barh(y, row["n_overlap"] / row["n_planted"], 0.3, color=COLOURS["pruned"], gid="found")
        panel.plot([expected] * 2, [y - 0.21, y + 0.21], color=INK, linewidth=2, gid="expected")
        overlap = f"{row['n_overlap']:.0f} of {row['n_planted']:.0f}, {row['expected']:.1f} by chance"
        size = f"set: {row['n_retained']:.0f} of {row['n_features']:.0f} features"
        panel.text(1.04, y, f"{overlap}, {p_value(row['p'])}\n{size}", **words)
    of_subjects = planted[planted["subject"] != GROUP]
    # Counts coincide: equal ones are stacked.
    stacked = _height(place, "subject") + 0.05 * of_subjects.groupby("n_overlap").cumcount()
    panel.scatter(
        of_subjects["n_overlap"] / of_subjects["n_planted"],
        stacked,
        s=16,
        color=COLOURS["pruned"],
        linewidths=0,
    )


def _draw_held_out(panel: Axes, place: int, rows: pd.DataFrame) -> None:
    for _, row in rows.iterrows():
        of_group, y = row["subject"] == GROUP, _height(place, row["subject"])
        # Subjects' lines would lie on top of one another if they were level.
        heights = {"full": y, "pruned": y if of_group else y + 0.26}
        panel.plot(
            [row["r_full"], row["r_pruned"]],
            list(heights.values()),
            color=INK if of_group else FAINT,
            linewidth=1.2 if of_group else 0.8,
            zorder=1,
        )
        look = (
            {"marker": "D", "s": 44, "edgecolors": INK}
            if of_group
            else {"marker": "o", "s": 16, "alpha": 0.65}
        )
        for name, height in heights.items():
            panel.scatter(
                row[f"r_{name}"], height, color=COLOURS[name], zorder=2, gid=f"held-out-{name}", **look
            )
        if of_group:
            panel.annotate(
                number(row["r_pruned"] - row["r_full"], "+.3f"),
                (1.03, y),
                xycoords=panel.get_yaxis_transform(),
                va="center",
                fontsize=NUMBERS_SIZE,
            )


def _finish_recovery(found: Axes, held_out: Axes, network: str, targets: list[str]) -> None:
    found.set_title(f"Planted features in the retained set  ·  {network}")
    held_out.set_title("Held-out isomorphism")
    found.set_yticks(range(len(targets)), targets)
    found.set_ylim(len(targets) - 0.5, -0.5)
    found.set_xlim(0, 1.75)
    found.spines["bottom"].set_bounds(0, 1)
    found.set_xticks(np.linspace(0, 1, 5))
    found.set_xlabel("share of the planted features that were retained", loc="left")
    held_out.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
    held_out.set_xlabel("held-out signed r; right: pruned − full of the group RDM")
    for panel in (found, held_out):
        panel.tick_params(axis="y", length=0)


def _recovery_key() -> list[Line2D]:
    plain = {"linestyle": "none"}
    return [
        Line2D([], [], color=COLOURS["pruned"], linewidth=6, label="found in the group's retained set"),
        Line2D([], [], color=INK, linewidth=2, label="expected of a random set of that size"),
        Line2D([], [], color=QUIET, marker="o", markersize=4, label="a subject", **plain),
        Line2D(
            [], [], color=COLOURS["full"], marker="D", markeredgecolor=INK, label="full, group RDM", **plain
        ),
        Line2D(
            [],
            [],
            color=COLOURS["pruned"],
            marker="D",
            markeredgecolor=INK,
            label="pruned, group RDM",
            **plain,
        ),
    ]
