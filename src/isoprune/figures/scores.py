"""Figures of held-out scores: competitors side by side, and what pruning gains."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isoprune.crossvalidation import COMPETITORS, fisher_mean
from isoprune.figures.marks import (
    ABOUT,
    MARKERS,
    SUPERVISIONS,
    ceiling_key,
    difference,
    draw_ceilings,
    mark_of,
    of_panel,
    scored,
)
from isoprune.figures.style import (
    COLOURS,
    FAINT,
    INK,
    NUMBERS_SIZE,
    QUIET,
    in_order,
    numbers,
    panels,
    styled,
)
from isoprune.inference import MIN_SUBJECTS
from isoprune.labelled import GROUP, SUBJECTS
from isoprune.results import between_competitors
from isoprune.wording import count, is_missing, p_number, p_value, share

_APART = 0.24
"""Distance between the marks of a competitor, in widths of its place."""

_ROW = ["network", "target", "supervision"]


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
    summary, contrasts = summary[summary["competitor"].isin(COMPETITORS)], between_competitors(contrasts)
    networks, targets = in_order(summary["network"]), in_order(summary["target"])
    words = {
        (network, target): _decisive(of_panel(summary, network, target), of_panel(contrasts, network, target))
        for network in networks
        for target in targets
    }
    height = 2.9 + 0.17 * max(map(len, words.values()))
    figure, axes = panels(networks, targets, (3.5, height), sharey=True)
    for (network, target), panel in axes.items():
        here = of_panel(summary, network, target)
        draw_ceilings(panel, here, scores_along="y")
        for supervision, offset in _offsets(summary).items():
            rows = here[here["supervision"] == supervision]
            if supervision == _by_subject(summary):
                _draw_subjects(panel, rows, offset)
            elif supervision == GROUP:
                _draw_group(panel, rows, of_panel(folds, network, target), offset)
            else:
                _draw_left_out(panel, rows, offset)
        panel.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
        panel.set_xlim(-0.5, len(COMPETITORS) - 0.5)
        panel.set_xticks(range(len(COMPETITORS)), COMPETITORS, fontweight="bold")
        for label, competitor in zip(panel.get_xticklabels(), COMPETITORS, strict=True):
            label.set_color(COLOURS[competitor])
        panel.tick_params(axis="x", length=0)
        numbers(panel, words[network, target])
    for network in networks:
        axes[network, targets[0]].set_ylabel("held-out isomorphism, signed r")
    figure.legend(
        handles=_key(summary),
        loc="outside lower left",
        ncols=1 if len(targets) == 1 else 2 if len(targets) < 4 else 4,
    )
    return figure


def _by_subject(summary: pd.DataFrame) -> str | None:
    """The supervision that is drawn subject by subject."""
    there = set(summary["supervision"])
    return next((one for one in SUPERVISIONS if one in there and one != GROUP), None)


def _offsets(summary: pd.DataFrame) -> dict[str, float]:
    """Where the marks of each supervision stand beside the middle of a competitor's place."""
    there = set(summary["supervision"])
    shown = [one for one in SUPERVISIONS if one in there]
    return {one: _APART * (i - (len(shown) - 1) / 2) for i, one in enumerate(shown)}


def _draw_subjects(panel: Axes, summary: pd.DataFrame, offset: float) -> None:
    """A dot a subject × competitor, a line a subject, and a bar at the mean over subjects with its interval."""
    single = summary[~summary["subject"].isin([GROUP, SUBJECTS])]
    r = single.pivot(index="subject", columns="competitor", values="r")
    means = summary[summary["subject"] == SUBJECTS].set_index("competitor")
    places = {name: place + offset for place, name in enumerate(COMPETITORS) if name in r}
    # Beside the bar and its interval, which would hide them.
    beside = [place - 0.09 for place in places.values()]
    for _, of_subject in r.iterrows():
        panel.plot(beside, of_subject[list(places)], color=FAINT, linewidth=0.8, zorder=1)
    for dot, (name, place) in zip(beside, places.items(), strict=True):
        colour = COLOURS[name]
        dots = {"s": 14, "color": colour, "alpha": 0.65, "linewidths": 0}
        panel.scatter([dot] * len(r), r[name], **dots, zorder=2, gid=f"subjects-{name}")
        if len(r) > 1 and name in means.index:
            mean = means.loc[name]
            ends = [place - 0.04, place + 0.1]
            panel.plot(ends, [mean["r"]] * 2, color=colour, linewidth=3, zorder=3, gid=f"mean-{name}")
            _draw_interval(panel, place + 0.03, name, mean)


def _draw_left_out(panel: Axes, summary: pd.DataFrame, offset: float) -> None:
    """A square for the mean over subjects left out, where each subject's own supervision is drawn in full."""
    for _, row in summary[summary["subject"] == SUBJECTS].iterrows():
        name = row["competitor"]
        place = COMPETITORS.index(name) + offset
        _draw_interval(panel, place, name, row)
        panel.scatter([place], [row["r"]], **mark_of("loso", COLOURS[name]), zorder=4, gid=f"left-out-{name}")


def _draw_interval(panel: Axes, place: float, name: str, row: pd.Series) -> None:
    ends = [row["ci_low"], row["ci_high"]]
    panel.plot([place] * 2, ends, color=COLOURS[name], linewidth=1.2, zorder=3, gid=f"interval-{name}")


def _draw_group(panel: Axes, summary: pd.DataFrame, folds: pd.DataFrame, offset: float) -> None:
    """A diamond a competitor with its interval, and the range of the random sets."""
    for _, row in summary[summary["subject"] == GROUP].iterrows():
        name = row["competitor"]
        place = COMPETITORS.index(name) + offset
        _draw_interval(panel, place, name, row)
        if name == "random":
            draws = folds[(folds["subject"] == GROUP) & (folds["competitor"] == "random")]
            ends = [fisher_mean(draws["r_low"]), fisher_mean(draws["r_high"])]
            beside = [place + 0.12] * 2
            panel.plot(beside, ends, color=FAINT, linewidth=4, zorder=2, gid="range-random")
        panel.scatter([place], [row["r"]], **mark_of(GROUP, COLOURS[name]), zorder=4, gid=f"group-{name}")


def _decisive(summary: pd.DataFrame, contrasts: pd.DataFrame) -> list[str]:
    """The size of the retained set, its p, and what pruning gains with which certainty."""
    pruned = summary[summary["competitor"] == "pruned"]
    of_group = pruned[pruned["subject"] == GROUP]
    shown, whose = (of_group, "group RDM") if len(of_group) else (pruned, "all subjects")
    if not len(shown):
        return ["not computed"]
    kept = share(shown["n_retained"].mean(), shown["n_features"].iloc[0])
    lines = [f"{whose}, mean over folds:", f"   {kept} retained"]
    for supervision in SUPERVISIONS:
        rows = pruned[(pruned["supervision"] == supervision) & (pruned["subject"] == scored(supervision))]
        for _, row in rows[rows["p"].notna()].iterrows():
            tested = f"{p_value(row['p'])} ({p_number(row['p_fwe'])})"
            lines.append(f"pruned, {ABOUT[supervision]}: r > 0, {tested}")
        of = contrasts[(contrasts["b"] == "full") & (contrasts["supervision"] == supervision)]
        for _, gain_ in of.iterrows():
            left_out = " left out" if supervision == "loso" else ""
            n = f"{count(gain_['n_subjects'], 'subject')}{left_out}"
            who = n if gain_["unit"] == "subjects" else ABOUT[supervision]
            lines += [f"pruned − full, {who}:", f"   {difference(gain_)}"]
    undefined = int(pruned.loc[pruned["subject"] != SUBJECTS, "n_undefined"].sum())
    return [*lines, f"{undefined} fold(s) without a defined score"] if undefined else lines


def _key(summary: pd.DataFrame) -> list[Line2D | Patch]:
    """What the marks are; only those that are drawn."""
    plain = {"color": QUIET, "linestyle": "none"}
    shown = _by_subject(summary)
    single = summary[(summary["supervision"] == shown) & (summary["subject"] != SUBJECTS)]
    handles: list[Line2D | Patch] = []
    if single["subject"].nunique():
        ranked = "on own RDM" if shown == "own" else "on the others' mean RDM"
        handles.append(Line2D([], [], marker="o", markersize=4, label=f"a subject, ranked {ranked}", **plain))
    if single["subject"].nunique() > 1:
        handles.append(Line2D([], [], color=QUIET, linewidth=3, label="mean over subjects (Fisher z)"))
    if shown == "own" and "loso" in set(summary["supervision"]):
        text = "mean over subjects, each left out"
        handles.append(Line2D([], [], marker=MARKERS["loso"], markersize=5, label=text, **plain))
    if (summary["subject"] == GROUP).any():
        is_mean = (summary.loc[summary["subject"] == GROUP, "n_subjects"] > 1).any()
        text = f"group RDM{' (mean over subjects)' if is_mean else ''}"
        rim = {"markersize": 6, "markeredgecolor": INK}
        handles += [
            Line2D([], [], marker=MARKERS["group"], label=text, **rim, **plain),
            Line2D([], [], color=FAINT, linewidth=4, label="5–95 % of random sets in a fold"),
        ]
    return [
        *handles,
        Line2D([], [], color=QUIET, linewidth=1.2, label="95 % interval"),
        *ceiling_key(summary),
        Line2D([], [], linestyle="none", label="p in parentheses: family-wise"),
    ]


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
    contrasts = between_competitors(contrasts)
    contrasts = contrasts[contrasts["b"].isin(COMPETITORS)]
    rows = _rows(contrasts)
    pairs = [tuple(pair) for pair in contrasts[["a", "b"]].drop_duplicates().itertuples(index=False)]
    figure = Figure(figsize=(2.0 + 4.9 * len(pairs), 1.7 + 0.36 * len(rows)), layout="constrained")
    grid = figure.subplots(1, len(pairs), squeeze=False, sharey=True, sharex=True)[0]
    for panel, (a, b) in zip(grid, pairs, strict=True):
        compared = contrasts[(contrasts["a"] == a) & (contrasts["b"] == b)]
        _draw_forest(panel, compared.set_index(_ROW), rows)
        panel.set_title(f"{a} − {b}")
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel("difference of held-out r")
    _name_rows(grid[0], rows)
    figure.legend(handles=_tests(contrasts), loc="outside lower left", ncols=1)
    return figure


def _rows(contrasts: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Network, target and supervision of each row: people before the group RDM."""
    places = contrasts[_ROW].drop_duplicates()
    there = set(places.itertuples(index=False, name=None))
    analyses = dict.fromkeys(places[_ROW[:2]].itertuples(index=False, name=None))
    return [(*one, how) for one in analyses for how in SUPERVISIONS if (*one, how) in there]


def _draw_forest(panel: Axes, compared: pd.DataFrame, rows: list[tuple[str, str, str]]) -> None:
    colour = COLOURS["pruned"]
    panel.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
    words = {"xycoords": panel.get_yaxis_transform(), "va": "center", "fontsize": NUMBERS_SIZE}
    head = "difference [95 % interval], p (family-wise)"
    panel.annotate(head, (1.03, -0.75), color=QUIET, annotation_clip=False, **words)
    for place, row in enumerate(rows):
        if row not in compared.index:
            continue
        contrast = compared.loc[row]
        ends = [contrast["ci_low"], contrast["ci_high"]]
        panel.plot(ends, [place] * 2, color=colour, linewidth=2, gid="interval")
        # An open mark has no test, hence no interval.
        mark = {"color": "white" if is_missing(contrast["p"]) else colour, "markeredgecolor": colour}
        panel.plot(contrast["r_diff"], place, MARKERS[row[2]], markersize=6, gid="difference", **mark)
        panel.annotate(difference(contrast), (1.03, place), annotation_clip=False, **words)


def _name_rows(panel: Axes, rows: list[tuple[str, str, str]]) -> None:
    several = len({network for network, _, _ in rows}) > 1
    names = [
        f"{target}  ·  {f'{network}  ·  ' if several else ''}{ABOUT[supervision]}"
        for network, target, supervision in rows
    ]
    panel.set_yticks(range(len(rows)), names)
    panel.set_ylim(len(rows) - 0.5, -0.5)


def _tests(contrasts: pd.DataFrame) -> list[Line2D]:
    """One line of explanation for each kind of test in the table, and for what has none."""
    meaning = {
        "own": "subjects: {}, n = {}; speaks about people",
        "loso": "subjects left out of the ranking: {}, n = {}; speaks about new people",
        "group": "group RDM: {}; speaks about images of this target, never about people",
    }
    mark = {"color": COLOURS["pruned"], "linestyle": "none", "markersize": 6}
    lines = []
    for supervision in SUPERVISIONS:
        rows = contrasts[contrasts["supervision"] == supervision]
        if not len(rows):
            continue
        tests = [test for test in in_order(rows["test"]) if not test.startswith("none")]
        counts = sorted({int(n) for n in rows["n_subjects"]})
        n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} … {counts[-1]}"
        text = meaning[supervision].format(" / ".join(tests) or f"no test below {MIN_SUBJECTS} subjects", n)
        lines.append(Line2D([], [], label=text, marker=MARKERS[supervision], **mark))
    if contrasts["p"].isna().any():
        lines.append(Line2D([], [], label="open: not tested", marker="o", markerfacecolor="white", **mark))
    return lines
