"""Figures of data quality: every subject's RDM, the group's RDMs as maps, and reliabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isoprune.crossvalidation import fisher_mean
from isoprune.errors import RDMError
from isoprune.figures.stimuli import (
    MOST_NAMED,
    heatmap,
    in_shown_order,
    margins,
    name_rows,
    percentile_bar,
)
from isoprune.figures.style import FAINT, INK, NUMBERS_SIZE, QUIET, in_order, numbers, styled
from isoprune.isomorphism import pairs_of
from isoprune.labelled import GROUP, RDM
from isoprune.wording import number, significant

CATEGORY_COLOURS = ("#45C58B", "#A249E6", "#CC2091", "#AFD204", "#000000", "#7C4519")
"""Colours of categories and regions: none that stands for a competitor."""

_MARKERS = ("o", "s", "^", "D", "v")
_SUBJECTS_IN_A_ROW = 5
_MAPS_IN_A_ROW = 3
_MAP_INCHES = 3.0
_FACT = 0.15
"""Height of a line of numbers below an RDM, inches."""


@styled
def subject_rdms(
    shown: Sequence[RDM], stimuli: pd.DataFrame, intersubject: pd.DataFrame | None = None
) -> Figure:
    """Every subject's RDM of one target, as heatmaps of percentiles.

    Up to twelve stimuli are named, in the order of the stimulus table; of more, the categories are, with their
    images brought together.

    Parameters
    ----------
    shown : sequence of RDM
        One a subject. Subjects may have seen different stimuli of the table.
    stimuli : DataFrame
        Column ``stimulus`` and, where there is one, ``category``.
    intersubject : DataFrame, optional
        Columns as `isoprune.quality.INTERSUBJECT_COLUMNS`: the correlation with the others' mean is written below.

    Returns
    -------
    Figure
        A panel a subject.

    Raises
    ------
    RDMError
        If there is no RDM.
    LabelError
        If an RDM is about a stimulus that the table lacks.
    """
    if not shown:
        raise RDMError(
            "figure of subjects' RDMs", "no RDM", "one or more", "Name the subjects of the target."
        )
    agreement = (
        {} if intersubject is None else dict(zip(*_of_target(intersubject, shown[0].target), strict=True))
    )
    alike = len({frozenset(rdm.labels) for rdm in shown}) == 1
    n_rows = ceil(len(shown) / _SUBJECTS_IN_A_ROW)
    n_columns = ceil(len(shown) / n_rows)
    facts = [_facts(rdm, agreement) for rdm in shown]
    n_lines = sum(
        max(map(len, facts[first : first + n_columns])) for first in range(0, len(facts), n_columns)
    )
    tables = [in_shown_order(stimuli[stimuli["stimulus"].isin(rdm.labels)]) for rdm in shown]
    left, below = (max(room) for room in zip(*map(margins, tables), strict=True))
    # Where subjects saw different stimuli every panel has names of its own.
    n_left, n_below = (1, 1) if alike else (n_columns, n_rows)
    figure = Figure(
        figsize=(
            1.75 * n_columns + left * n_left + 0.9,
            2.0 * n_rows + _FACT * n_lines + below * n_below + 0.2,
        ),
        layout="constrained",
    )
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.09)
    figure.suptitle(
        f"{shown[0].target}  ·  {' or '.join(in_order(pd.Series([rdm.measure for rdm in shown])))}",
        x=0.01,
        ha="left",
        fontweight="bold",
        fontsize=10,
    )
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for place, (panel, rdm, rows, lines) in enumerate(zip(panels, shown, tables, facts, strict=False)):
        image = heatmap(panel, rdm.select(list(rows["stimulus"]), wanted_in="the stimulus table"))
        panel.set_title(f"sub-{rdm.subject}", fontsize=9)
        name_rows(
            panel,
            rows,
            left=not alike or place % n_columns == 0,
            below=not alike or place + n_columns >= len(shown),
        )
        numbers(panel, lines)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    percentile_bar(figure, image, list(panels), shrink=0.85 if n_rows < 3 else 0.4)
    return figure


def _of_target(intersubject: pd.DataFrame, target: str) -> tuple[pd.Series, pd.Series]:
    rows = intersubject[intersubject["target"] == target]
    return rows["subject"], rows["r"]


def _facts(rdm: RDM, agreement: dict[str, float]) -> list[str]:
    pairs = pairs_of(rdm.values)
    lines = [f"raw {significant(pairs.min())} … {significant(pairs.max())}"]
    if (pairs < 0).any():
        lines.append(f"{(pairs < 0).sum()} of {len(pairs)} below 0")
    if not pd.isna(agreement.get(rdm.subject, np.nan)):
        lines.append(f"r with others {number(agreement[rdm.subject])}")
    return lines


def plane(rdm: RDM, seed: int) -> tuple[np.ndarray, float]:
    """Stimuli as points of a plane whose distances come as near to the dissimilarities as they can.

    Metric multidimensional scaling (SMACOF; Borg & Groenen 2005, Modern Multidimensional Scaling, chapter 8).
    Negative dissimilarities, which no distance can match, count as 0.

    Parameters
    ----------
    rdm : RDM
    seed : int
        Of the random starts, of which the best is kept.

    Returns
    -------
    points : ndarray of shape (n_images, 2)
        Longest extent along the first axis; the sign of each axis is fixed.
    stress : float
        Stress-1: root of the squared misfits over that of the squared dissimilarities; 0 is a perfect map.

    Raises
    ------
    RDMError
        If no pair of stimuli differs.
    """
    from sklearn.manifold import MDS

    wanted = np.maximum(rdm.values, 0)
    if not wanted.any():
        raise RDMError(
            f"map of target '{rdm.target}'",
            "no dissimilarity above 0",
            "stimuli that differ",
            "Look at the reliability of the target.",
        )
    wanted = wanted / wanted.max()
    scaling = MDS(metric="precomputed", init="random", n_init=8, random_state=seed, normalized_stress=False)
    points = scaling.fit_transform(wanted)
    points = points - points.mean(axis=0)
    points = points @ np.linalg.svd(points, full_matrices=False)[2].T
    points = points * np.sign(points[np.abs(points).argmax(axis=0), [0, 1]])
    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    return points, float(np.sqrt(((distances - wanted) ** 2).sum() / (wanted**2).sum()))


@styled
def maps(shown: Sequence[RDM], stimuli: pd.DataFrame, seed: int = 0) -> Figure:
    """Group RDMs as maps: what a target treats alike lies close together.

    Parameters
    ----------
    shown : sequence of RDM
        One a target.
    stimuli : DataFrame
        Column ``stimulus`` and, where there is one, ``category``: colours and shapes.
    seed : int, default 0
        As for ``plane``.

    Returns
    -------
    Figure
        A panel a target.
    """
    looks = _looks(stimuli)
    n_columns = min(len(shown), _MAPS_IN_A_ROW)
    n_rows = ceil(len(shown) / n_columns)
    figure = Figure(
        figsize=(max((_MAP_INCHES + 0.3) * n_columns, 4.5), (_MAP_INCHES + 0.7) * n_rows + 0.5),
        layout="constrained",
    )
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel, rdm in zip(panels, shown, strict=False):
        rows = stimuli[stimuli["stimulus"].isin(rdm.labels)]
        _draw_map(panel, rdm.select(list(rows["stimulus"]), "the stimulus table"), rows, looks, seed)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    if looks:
        key = [
            Line2D([], [], linestyle="none", markersize=6, label=name, **look) for name, look in looks.items()
        ]
        figure.legend(
            handles=key, loc="outside lower left", ncols=min(len(key), 3 * n_columns), handletextpad=0.2
        )
    return figure


def _looks(stimuli: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Colour and shape of each category; none if there are more than can be told apart."""
    names = in_order(stimuli["category"].fillna("n/a")) if "category" in stimuli else []
    if len(names) > len(CATEGORY_COLOURS) * len(_MARKERS):
        return {}
    return {
        name: {
            "color": CATEGORY_COLOURS[place % len(CATEGORY_COLOURS)],
            "marker": _MARKERS[(place + place // len(CATEGORY_COLOURS)) % len(_MARKERS)],
        }
        for place, name in enumerate(names)
    }


def _draw_map(
    panel: Axes, rdm: RDM, stimuli: pd.DataFrame, looks: dict[str, dict[str, str]], seed: int
) -> None:
    panel.set_title(rdm.target)
    panel.set(xticks=[], yticks=[], aspect="equal")
    panel.spines[:].set(visible=True, color=FAINT)
    points, stress = plane(rdm, seed)
    of_points = stimuli["category"].fillna("n/a") if looks else pd.Series("", index=stimuli.index)
    for name in in_order(of_points):
        look = looks.get(name, {"color": QUIET, "marker": "o"})
        panel.scatter(*points[of_points == name].T, s=26, linewidths=0, gid=f"map-{name}", **look)
    middle, half = (points.max(axis=0) + points.min(axis=0)) / 2, 0.68 * np.ptp(points, axis=0).max()
    panel.set_xlim(middle[0] - half, middle[0] + half)
    panel.set_ylim(middle[1] - half, middle[1] + half)
    if len(points) <= MOST_NAMED:
        _name_points(panel, points, list(rdm.labels), 2 * half / _MAP_INCHES)
    pairs = pairs_of(rdm.values)
    lines = [f"stress-1 = {number(stress)}, {len(points)} stimuli"]
    if (pairs < 0).any():
        lines.append(f"{(pairs < 0).sum()} of {len(pairs)} dissimilarities below 0, drawn as 0")
    numbers(panel, lines)


def _name_points(panel: Axes, points: np.ndarray, names: Sequence[str], inch: float) -> None:
    """Write each name at the side of its point where it covers least of the others and stays in the panel."""
    taken = [(*(point - 0.06 * inch), *(point + 0.06 * inch)) for point in points]
    (left, right), (bottom, top) = panel.get_xlim(), panel.get_ylim()
    for point, name in zip(points, names, strict=True):
        width, height = (0.075 * len(name) + 0.02) * inch, 0.15 * inch
        sides = list(_beside(point, width, height, 0.08 * inch))
        costs = [
            sum(_overlap(box, other) for other in taken)
            + width * height
            - _overlap(box, (left, bottom, right, top))
            for box, _ in sides
        ]
        box, anchor = sides[int(np.argmin(costs))]
        taken.append(box)
        at = {"left": box[0], "right": box[2], "center": point[0]}[anchor]
        panel.text(at, (box[1] + box[3]) / 2, name, fontsize=8, ha=anchor, va="center_baseline", color=INK)


def _beside(
    point: np.ndarray, width: float, height: float, gap: float
) -> Iterator[tuple[tuple[float, float, float, float], str]]:
    """Boxes around a point, and the end at which their text is held: beside, above and below, and between."""
    lefts = {"left": point[0] + gap, "right": point[0] - gap - width, "center": point[0] - width / 2}
    above = (height + gap) / 2
    for shift, anchors in (
        (0, ("left", "right")),
        (above, ("center", "left", "right")),
        (-above, ("center", "left", "right")),
    ):
        for anchor in anchors:
            bottom = point[1] + shift * (1.4 if anchor == "center" else 1) - height / 2
            yield (lefts[anchor], bottom, lefts[anchor] + width, bottom + height), anchor


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


@styled
def reliability(
    within: pd.DataFrame | None = None,
    between: pd.DataFrame | None = None,
    judged: pd.DataFrame | None = None,
) -> Figure:
    """How reliable patterns and RDMs are within subjects, and how far subjects or halves of raters agree.

    Parameters
    ----------
    within : DataFrame, optional
        Columns as `isoprune.quality.RELIABILITY_COLUMNS`.
    between : DataFrame, optional
        Columns as `isoprune.quality.INTERSUBJECT_COLUMNS`.
    judged : DataFrame, optional
        Columns as `isoprune.raters.JUDGMENT_COLUMNS`.

    Returns
    -------
    Figure
        A row a target, a panel a measure; dots are subjects, each at its own height in every panel. Raters as halves
        have one dot, in the middle.
    """
    measures = list(_measures(within, between, judged))
    tables = [table for _, table in measures]
    targets = list(dict.fromkeys(target for table in tables for target in table["target"]))
    subjects = sorted({subject for table in tables for subject in table["subject"]} - {GROUP})
    heights = dict(
        zip(subjects, np.linspace(-0.26, 0.26, len(subjects)) if len(subjects) > 1 else [0], strict=True)
    )
    heights[GROUP] = 0.0
    figure = Figure(
        figsize=(max(3.3 * len(measures) + 0.8, 4.5), 0.62 * max(len(targets), 1) + 1.5), layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.06)
    panels = figure.subplots(1, max(len(measures), 1), squeeze=False, sharey=True)[0]
    for panel, (about, table) in zip(panels, measures, strict=False):
        for place, target in enumerate(targets):
            _draw_reliability(panel, place, table[table["target"] == target], heights)
        panel.set_title(about[0])
        panel.set_xlabel(about[1])
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
        panel.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
        lowest = min(0, table["value"].min(), table["baseline"].min())
        panel.set_xlim((lowest - 0.04, 1.03) if _is_correlation(table) else (0, 1.1 * table["value"].max()))
    panels[0].set_yticks(range(len(targets)), targets)
    panels[0].set_ylim(len(targets) - 0.5, -0.5)
    figure.legend(handles=_reliability_key(within is not None), loc="outside lower left", ncols=3)
    return figure


def _measures(
    within: pd.DataFrame | None, between: pd.DataFrame | None, judged: pd.DataFrame | None
) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """Title and axis of each panel, and its rows: ``target subject value baseline reason``."""
    if within is not None:
        rows = within.rename(columns={"roi": "target"})
        if rows["tsnr"].notna().any():
            yield (
                ("tSNR", "temporal signal-to-noise ratio"),
                rows.assign(value=rows["tsnr"], baseline=np.nan),
            )
        yield (
            ("Patterns, two halves", "Pearson r over voxels"),
            rows.assign(value=rows["pattern_r"], baseline=rows["pattern_r_between"]),
        )
        yield (
            ("RDM, two halves", "Pearson r over pairs"),
            rows.assign(value=rows["rdm_r"], baseline=np.nan),
        )
    if between is not None:
        yield (
            ("RDM, subject and others", "Pearson r over pairs"),
            between.assign(value=between["r"], baseline=np.nan),
        )
    if judged is not None:
        yield (
            ("RDM, halves of raters", "Pearson r over pairs"),
            judged.assign(subject=GROUP, value=judged["r_halves"], baseline=np.nan),
        )


def _draw_reliability(panel: Axes, place: int, rows: pd.DataFrame, heights: dict[str, float]) -> None:
    there = rows[rows["value"].notna()]
    words = {"xycoords": panel.get_yaxis_transform(), "va": "center", "fontsize": NUMBERS_SIZE}
    if there.empty:
        reasons = "; ".join(dict.fromkeys(rows["reason"].dropna())) or "not measured"
        panel.annotate(reasons, (0.07, place), color=QUIET, **words)
        return
    y = place + there["subject"].map(heights).to_numpy(dtype=float)
    value, baseline = there["value"].to_numpy(dtype=float), there["baseline"].to_numpy(dtype=float)
    panel.hlines(y, baseline, value, color=FAINT, linewidth=0.9, zorder=1)
    panel.plot(baseline, y, "|", color=QUIET, markersize=5, zorder=2, gid="baseline")
    panel.plot(value, y, "o", color=INK, markersize=3.6, markeredgewidth=0, zorder=3, gid="subjects")
    is_r = _is_correlation(rows)
    mean = fisher_mean(there["value"]) if is_r else value.mean()
    if len(there) > 1:
        panel.plot([mean] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=1.6, zorder=2, gid="mean")
    text = number(mean, ".2f" if is_r else ".0f")
    if np.isfinite(baseline).any():
        text = f"same {text}, different {number(fisher_mean(there['baseline'].dropna()))}"
    n = f"n = {len(there)}" if len(there) == len(rows) else f"n = {len(there)} of {len(rows)}"
    if "n_raters" in there:
        n = f"{there['n_raters'].iloc[0]} raters"
    panel.annotate(f"{text}\n{n}", (1.02, place), **words)


def _is_correlation(rows: pd.DataFrame) -> bool:
    return not rows["value"].gt(1).any()


def _reliability_key(with_baseline: bool) -> list[Line2D]:
    plain = {"linestyle": "none"}
    key = [
        Line2D([], [], color=INK, marker="o", markersize=3.6, markeredgewidth=0, label="a subject", **plain),
        Line2D(
            [],
            [],
            color=INK,
            marker="|",
            markersize=11,
            markeredgewidth=1.6,
            label="mean over subjects (r: Fisher z)",
            **plain,
        ),
    ]
    other = Line2D(
        [],
        [],
        color=QUIET,
        marker="|",
        markersize=5,
        label="baseline: patterns of different conditions",
        **plain,
    )
    return [*key, other] if with_baseline else key
