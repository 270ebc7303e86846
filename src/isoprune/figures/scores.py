"""Figures of held-out scores: competitors side by side, and what pruning gains."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isoprune.crossvalidation import COMPETITORS, fisher_mean
from isoprune.figures.style import (
    COLOURS,
    FAINT,
    INK,
    NUMBERS_SIZE,
    QUIET,
    in_order,
    number,
    numbers,
    p_value,
    panels,
    share,
    styled,
)
from isoprune.inference import MIN_SUBJECTS
from isoprune.results import GROUP

_SUBJECTS_AT, _GROUP_AT = -0.13, 0.24
_ABOUT = {"subjects": "subjects", "folds": "group RDM"}
_MARKERS = {"subjects": "o", "folds": "D"}


@styled
def isomorphism(summary: pd.DataFrame, folds: pd.DataFrame, contrasts: pd.DataFrame) -> Figure:
    """Held-out isomorphism of the full, the pruned and random feature sets, for each network × target.

    Parameters
    ----------
    summary, folds, contrasts : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS`, ``FOLD_COLUMNS`` and ``CONTRAST_COLUMNS``.

    Returns
    -------
    Figure
        Dots are subjects, bars their Fisher-z mean, diamonds the mean RDM of the group.
    """
    networks, targets = in_order(summary["network"]), in_order(summary["target"])
    figure, axes = panels(networks, targets, (2.9, 3.5), sharey=True)
    for (network, target), panel in axes.items():
        here = _of(summary, network, target)
        _draw_subjects(panel, here[here["subject"] != GROUP])
        _draw_group(panel, here[here["subject"] == GROUP], _of(folds, network, target))
        panel.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
        panel.set_xlim(-0.5, len(COMPETITORS) - 0.5)
        panel.set_xticks(range(len(COMPETITORS)), COMPETITORS, fontweight="bold")
        for label, competitor in zip(panel.get_xticklabels(), COMPETITORS, strict=True):
            label.set_color(COLOURS[competitor])
        panel.tick_params(axis="x", length=0)
        numbers(panel, _decisive(here, _of(contrasts, network, target)))
    for network in networks:
        axes[network, targets[0]].set_ylabel("held-out isomorphism, signed r")
    figure.legend(
        handles=_key(summary),
        loc="outside lower left",
        ncols=1 if len(targets) == 1 else 2 if len(targets) < 4 else 4,
    )
    return figure


def _of(table: pd.DataFrame, network: str, target: str) -> pd.DataFrame:
    return table[(table["network"] == network) & (table["target"] == target)]


def _draw_subjects(panel: Axes, summary: pd.DataFrame) -> None:
    """A dot a subject × competitor, a line a subject, and a bar at the mean over subjects."""
    r = summary.pivot(index="subject", columns="competitor", values="r")
    places = {name: place + _SUBJECTS_AT for place, name in enumerate(COMPETITORS) if name in r}
    for _, of_subject in r.iterrows():
        panel.plot(list(places.values()), of_subject[list(places)], color=FAINT, linewidth=0.8, zorder=1)
    for name, place in places.items():
        panel.scatter(
            [place] * len(r),
            r[name],
            s=16,
            color=COLOURS[name],
            alpha=0.65,
            linewidths=0,
            zorder=2,
            gid=f"subjects-{name}",
        )
        if len(r) > 1:
            mean = fisher_mean(r[name])
            panel.plot(
                [place - 0.17, place + 0.17],
                [mean] * 2,
                color=COLOURS[name],
                linewidth=3,
                zorder=3,
                gid=f"mean-{name}",
            )


def _draw_group(panel: Axes, summary: pd.DataFrame, folds: pd.DataFrame) -> None:
    """A diamond a competitor, and the range of the random sets."""
    for place, name in enumerate(COMPETITORS):
        r = summary.loc[summary["competitor"] == name, "r"]
        if name == "random" and len(r):
            draws = folds[(folds["subject"] == GROUP) & (folds["competitor"] == "random")]
            ends = [fisher_mean(draws["r_low"]), fisher_mean(draws["r_high"])]
            panel.plot(
                [place + _GROUP_AT] * 2,
                ends,
                color=COLOURS[name],
                linewidth=1.6,
                zorder=3,
                gid="range-random",
            )
        panel.scatter(
            [place + _GROUP_AT] * len(r),
            r,
            s=44,
            marker="D",
            color=COLOURS[name],
            edgecolors=INK,
            linewidths=0.9,
            zorder=4,
            gid=f"group-{name}",
        )


def _decisive(summary: pd.DataFrame, contrasts: pd.DataFrame) -> list[str]:
    """The size of the retained set, and what pruning gains with which certainty."""
    pruned = summary[summary["competitor"] == "pruned"]
    of_group = pruned[pruned["subject"] == GROUP]
    shown, whose = (of_group, "group RDM") if len(of_group) else (pruned, "all subjects")
    lines = [f"{share(shown['n_retained'].mean(), shown['n_features'].iloc[0])} retained ({whose})"]
    for _, gain_ in contrasts[contrasts["b"] == "full"].iterrows():
        n = _count(gain_["n_subjects"]) if gain_["unit"] == "subjects" else "group RDM"
        lines += [f"pruned − full, {n}:", f"   {_difference(gain_)}"]
    undefined = int(pruned["n_undefined"].sum())
    return [*lines, f"{undefined} fold(s) without a defined score"] if undefined else lines


def _count(n_subjects: int) -> str:
    return "1 subject" if n_subjects == 1 else f"{n_subjects} subjects"


def _difference(contrast: pd.Series) -> str:
    """A difference with its interval and p, or why there is none."""
    size = number(contrast["r_diff"], "+.3f")
    if pd.isna(contrast["p"]):
        return f"{size}, no test of {_count(contrast['n_subjects'])}"
    interval = f"[{number(contrast['ci_low'], '+.3f')}, {number(contrast['ci_high'], '+.3f')}]"
    return f"{size} {interval}, {p_value(contrast['p'])}"


def _key(summary: pd.DataFrame) -> list[Line2D]:
    plain = {"color": QUIET, "linestyle": "none"}
    is_group = summary["subject"] == GROUP
    n_subjects = summary.loc[~is_group, "subject"].nunique()
    of_subjects = [
        Line2D([], [], marker="o", markersize=4, label="a subject, ranked and scored on own RDM", **plain),
        Line2D([], [], color=QUIET, linewidth=3, label="mean over subjects (Fisher z)"),
    ]
    of_group = [
        Line2D(
            [],
            [],
            marker="D",
            markersize=6,
            markeredgecolor=INK,
            label="group RDM (mean over subjects)",
            **plain,
        ),
        Line2D([], [], color=COLOURS["random"], linewidth=1.6, label="5–95 % of random sets in a fold"),
    ]
    return [*of_subjects[: min(n_subjects, 2)], *(of_group if is_group.any() else [])]


@styled
def gain(contrasts: pd.DataFrame) -> Figure:
    """Forest plot of what pruning gains over the full and over random feature sets.

    Parameters
    ----------
    contrasts : DataFrame
        Columns as `isoprune.results.CONTRAST_COLUMNS`.

    Returns
    -------
    Figure
        A row a network × target × unit of the test, a panel a comparison; bars are 95 % intervals.
    """
    rows = [
        tuple(row)
        for row in contrasts[["network", "target", "unit"]].drop_duplicates().itertuples(index=False)
    ]
    pairs = [tuple(pair) for pair in contrasts[["a", "b"]].drop_duplicates().itertuples(index=False)]
    figure = Figure(figsize=(2.0 + 4.4 * len(pairs), 1.5 + 0.42 * len(rows)), layout="constrained")
    grid = figure.subplots(1, len(pairs), squeeze=False, sharey=True, sharex=True)[0]
    for panel, (a, b) in zip(grid, pairs, strict=True):
        compared = contrasts[(contrasts["a"] == a) & (contrasts["b"] == b)]
        _draw_forest(panel, compared.set_index(["network", "target", "unit"]), rows)
        panel.set_title(f"{a} − {b}")
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel("difference of held-out r")
    _name_rows(grid[0], rows)
    figure.legend(handles=_tests(contrasts), loc="outside lower left", ncols=1)
    return figure


def _draw_forest(panel: Axes, compared: pd.DataFrame, rows: list[tuple[str, str, str]]) -> None:
    panel.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
    for place, row in enumerate(rows):
        if row not in compared.index:
            continue
        contrast = compared.loc[row]
        # An open mark has no test, hence no interval.
        filled = COLOURS["pruned"] if pd.notna(contrast["p"]) else "white"
        panel.plot(
            [contrast["ci_low"], contrast["ci_high"]],
            [place] * 2,
            color=COLOURS["pruned"],
            linewidth=2,
            gid="interval",
        )
        panel.plot(
            contrast["r_diff"],
            place,
            _MARKERS[row[2]],
            color=filled,
            markeredgecolor=COLOURS["pruned"],
            markersize=6,
            gid="difference",
        )
        panel.annotate(
            _difference(contrast),
            (1.03, place),
            xycoords=panel.get_yaxis_transform(),
            va="center",
            fontsize=NUMBERS_SIZE,
            annotation_clip=False,
        )


def _name_rows(panel: Axes, rows: list[tuple[str, str, str]]) -> None:
    several = len({network for network, _, _ in rows}) > 1
    names = [
        f"{f'{network}  ·  ' if several else ''}{target}  ·  {_ABOUT[unit]}" for network, target, unit in rows
    ]
    panel.set_yticks(range(len(rows)), names)
    panel.set_ylim(len(rows) - 0.5, -0.5)


def _tests(contrasts: pd.DataFrame) -> list[Line2D]:
    """One line of explanation for each kind of test in the table."""
    meaning = {
        "subjects": "subjects: {}, n = {}; speaks about people",
        "folds": "group RDM: {}; speaks about images of this target, never about people",
    }
    lines = []
    for unit, of_unit in contrasts.groupby("unit", sort=False):
        tests = [test for test in in_order(of_unit["test"]) if not test.startswith("none")]
        counts = sorted({int(n) for n in of_unit["n_subjects"]})
        n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} … {counts[-1]}"
        text = meaning[unit].format(" / ".join(tests) or f"no test below {MIN_SUBJECTS} subjects", n)
        mark = {"color": COLOURS["pruned"], "marker": _MARKERS[unit], "linestyle": "none", "markersize": 6}
        lines.append(Line2D([], [], label=text, **mark))
    return lines
