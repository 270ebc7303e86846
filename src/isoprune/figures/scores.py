"""Figures of held-out scores: competitors side by side, and what pruning gains."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

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
from isoprune.labelled import GROUP, SUBJECTS

_SUBJECTS_AT, _LEFT_OUT_AT, _GROUP_AT = -0.17, 0.08, 0.26
_SINGLE = ("own", "loso")
"""Supervisions under which subjects are scored one by one, in the order in which one is drawn subject by subject."""

_ABOUT = {"own": "subjects", "loso": "subjects left out", "group": "group RDM"}
_MARKERS = {"own": "o", "loso": "s", "group": "D"}


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
        Dots are subjects, bars their Fisher-z mean, squares the mean over subjects left out, diamonds the mean RDM
        of the group; whiskers are 95 % intervals, the band is the noise ceiling of single subjects, the dashed line
        that of the group RDM.
    """
    summary = summary[summary["competitor"].isin(COMPETITORS)]
    networks, targets = in_order(summary["network"]), in_order(summary["target"])
    figure, axes = panels(networks, targets, (2.9, 3.9), sharey=True)
    for (network, target), panel in axes.items():
        here = _of(summary, network, target)
        _draw_ceilings(panel, here)
        _draw_subjects(panel, here)
        _draw_left_out(panel, here)
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


def _shown(summary: pd.DataFrame) -> str | None:
    """The supervision that is drawn subject by subject."""
    return next((one for one in _SINGLE if one in set(summary["supervision"])), None)


def _draw_ceilings(panel: Axes, summary: pd.DataFrame) -> None:
    """A band for single subjects' noise ceiling, a dashed line for that of the group RDM."""
    mean = summary[(summary["subject"] == SUBJECTS) & summary["ceiling_low"].notna()]
    if len(mean):
        low, high = mean["ceiling_low"].iloc[0], mean["ceiling_high"].iloc[0]
        panel.axhspan(low, high, color=FAINT, alpha=0.45, linewidth=0, zorder=0, gid="ceiling-subjects")
    of_group = summary[(summary["subject"] == GROUP) & summary["ceiling_high"].notna()]
    if len(of_group):
        height = of_group["ceiling_high"].iloc[0]
        panel.axhline(height, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0, gid="ceiling-group")


def _draw_subjects(panel: Axes, summary: pd.DataFrame) -> None:
    """A dot a subject × competitor, a line a subject, and a bar at the mean over subjects with its interval."""
    of_supervision = summary[summary["supervision"] == _shown(summary)]
    single = of_supervision[~of_supervision["subject"].isin([GROUP, SUBJECTS])]
    r = single.pivot(index="subject", columns="competitor", values="r")
    means = of_supervision[of_supervision["subject"] == SUBJECTS].set_index("competitor")
    places = {name: place + _SUBJECTS_AT for place, name in enumerate(COMPETITORS) if name in r}
    for _, of_subject in r.iterrows():
        panel.plot(list(places.values()), of_subject[list(places)], color=FAINT, linewidth=0.8, zorder=1)
    for name, place in places.items():
        colour = COLOURS[name]
        dots = {"s": 16, "color": colour, "alpha": 0.65, "linewidths": 0}
        panel.scatter([place] * len(r), r[name], **dots, zorder=2, gid=f"subjects-{name}")
        if len(r) > 1 and name in means.index:
            mean = means.loc[name]
            ends = [place - 0.13, place + 0.13]
            panel.plot(ends, [mean["r"]] * 2, color=colour, linewidth=3, zorder=3, gid=f"mean-{name}")
            _draw_interval(panel, place, mean, colour)


def _draw_left_out(panel: Axes, summary: pd.DataFrame) -> None:
    """A square for the mean over subjects left out, where each subject's own supervision is drawn in full."""
    if _shown(summary) != "own":
        return
    left_out = summary[(summary["supervision"] == "loso") & (summary["subject"] == SUBJECTS)]
    for _, row in left_out.iterrows():
        name = row["competitor"]
        place = COMPETITORS.index(name) + _LEFT_OUT_AT
        _draw_interval(panel, place, row, COLOURS[name])
        style = {"marker": "s", "s": 30, "color": "white", "edgecolors": COLOURS[name], "linewidths": 1.4}
        panel.scatter([place], [row["r"]], **style, zorder=4, gid=f"left-out-{name}")


def _draw_interval(panel: Axes, place: float, row: pd.Series, colour: str) -> None:
    ends = [row["ci_low"], row["ci_high"]]
    name = row.get("competitor", row.name)
    panel.plot([place] * 2, ends, color=colour, linewidth=1.2, zorder=3, gid=f"interval-{name}")


def _draw_group(panel: Axes, summary: pd.DataFrame, folds: pd.DataFrame) -> None:
    """A diamond a competitor with its interval, and the range of the random sets."""
    for _, row in summary.iterrows():
        name = row["competitor"]
        place = COMPETITORS.index(name) + _GROUP_AT
        _draw_interval(panel, place, row, COLOURS[name])
        if name == "random":
            draws = folds[(folds["subject"] == GROUP) & (folds["competitor"] == "random")]
            ends = [fisher_mean(draws["r_low"]), fisher_mean(draws["r_high"])]
            beside = [place + 0.14] * 2
            panel.plot(beside, ends, color=FAINT, linewidth=4, zorder=2, gid="range-random")
        style = {"marker": "D", "s": 40, "color": COLOURS[name], "edgecolors": INK, "linewidths": 0.9}
        panel.scatter([place], [row["r"]], **style, zorder=4, gid=f"group-{name}")


def _decisive(summary: pd.DataFrame, contrasts: pd.DataFrame) -> list[str]:
    """The size of the retained set, its p, and what pruning gains with which certainty."""
    pruned = summary[summary["competitor"] == "pruned"]
    of_group = pruned[pruned["subject"] == GROUP]
    shown, whose = (of_group, "group RDM") if len(of_group) else (pruned, "all subjects")
    lines = [f"{share(shown['n_retained'].mean(), shown['n_features'].iloc[0])} retained ({whose})"]
    for _, row in of_group[of_group["p"].notna()].iterrows():
        lines.append(f"pruned, group RDM: {p_value(row['p'])}, family-wise {p_value(row['p_fwe'])}")
    for _, gain_ in contrasts[contrasts["b"] == "full"].iterrows():
        about = _ABOUT[gain_["supervision"]]
        n = _count(gain_["n_subjects"]) if gain_["unit"] == "subjects" else about
        lines += [f"pruned − full, {n}{' left out' if about.endswith('left out') else ''}:"]
        lines += [f"   {_difference(gain_)}"]
    undefined = int(pruned.loc[pruned["subject"] != SUBJECTS, "n_undefined"].sum())
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


def _key(summary: pd.DataFrame) -> list[Line2D | Patch]:
    plain = {"color": QUIET, "linestyle": "none"}
    shown = _shown(summary)
    single = summary[(summary["supervision"] == shown) & (summary["subject"] != SUBJECTS)]
    how = "own RDM" if shown == "own" else "the others' mean RDM, scored on own"
    handles: list[Line2D | Patch] = []
    if single["subject"].nunique():
        ranked = f"a subject, ranked {'and scored ' if shown == 'own' else ''}on {how}"
        handles.append(Line2D([], [], marker="o", markersize=4, label=ranked, **plain))
    if single["subject"].nunique() > 1:
        handles.append(Line2D([], [], color=QUIET, linewidth=3, label="mean over subjects (Fisher z)"))
    if shown == "own" and "loso" in set(summary["supervision"]):
        text = "mean over subjects, each left out of the ranking"
        handles.append(Line2D([], [], marker="s", markersize=5, markerfacecolor="white", label=text, **plain))
    if (summary["subject"] == GROUP).any():
        text = "group RDM (mean over subjects)"
        handles += [
            Line2D([], [], marker="D", markersize=6, markeredgecolor=INK, label=text, **plain),
            Line2D([], [], color=FAINT, linewidth=4, label="5–95 % of random sets in a fold"),
        ]
    handles.append(
        Line2D(
            [],
            [],
            color=QUIET,
            linewidth=1.2,
            label="95 % interval (mean: subjects and images; group: images)",
        )
    )
    if summary["ceiling_low"].notna().any():
        handles += [
            Patch(color=FAINT, alpha=0.45, linewidth=0, label="noise ceiling of single subjects"),
            Line2D(
                [],
                [],
                color=QUIET,
                linewidth=1,
                linestyle=(0, (4, 3)),
                label="noise ceiling of the group RDM",
            ),
        ]
    return handles


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
        A row a network × target × supervision, a panel a comparison; bars are 95 % intervals.
    """
    contrasts = contrasts[contrasts["b"].isin(COMPETITORS)]
    rows = [
        tuple(row)
        for row in contrasts[["network", "target", "supervision"]].drop_duplicates().itertuples(index=False)
    ]
    pairs = [tuple(pair) for pair in contrasts[["a", "b"]].drop_duplicates().itertuples(index=False)]
    figure = Figure(figsize=(2.0 + 4.4 * len(pairs), 1.5 + 0.42 * len(rows)), layout="constrained")
    grid = figure.subplots(1, len(pairs), squeeze=False, sharey=True, sharex=True)[0]
    for panel, (a, b) in zip(grid, pairs, strict=True):
        compared = contrasts[(contrasts["a"] == a) & (contrasts["b"] == b)]
        _draw_forest(panel, compared.set_index(["network", "target", "supervision"]), rows)
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
        f"{f'{network}  ·  ' if several else ''}{target}  ·  {_ABOUT[supervision]}"
        for network, target, supervision in rows
    ]
    panel.set_yticks(range(len(rows)), names)
    panel.set_ylim(len(rows) - 0.5, -0.5)


def _tests(contrasts: pd.DataFrame) -> list[Line2D]:
    """One line of explanation for each kind of test in the table."""
    meaning = {
        "own": "subjects: {}, n = {}; speaks about people",
        "loso": "subjects left out of the ranking: {}, n = {}; speaks about new people",
        "group": "group RDM: {}; speaks about images of this target, never about people",
    }
    lines = []
    for supervision, rows in contrasts.groupby("supervision", sort=False):
        tests = [test for test in in_order(rows["test"]) if not test.startswith("none")]
        counts = sorted({int(n) for n in rows["n_subjects"]})
        n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} … {counts[-1]}"
        text = meaning[supervision].format(" / ".join(tests) or f"no test below {MIN_SUBJECTS} subjects", n)
        marker = _MARKERS[supervision]
        mark = {"color": COLOURS["pruned"], "marker": marker, "linestyle": "none", "markersize": 6}
        lines.append(Line2D([], [], label=text, **mark))
    return lines
