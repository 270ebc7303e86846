"""Figures of WordNet: how well spaces agree with it, and spaces as trees beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isoprune.figures.style import INK, NUMBERS_SIZE, QUIET, colour_of, in_order, panels, styled
from isoprune.isomorphism import pairs_of
from isoprune.synsets import HUMAN, Spaces
from isoprune.wording import count, interval, number
from isoprune.wordnet_agreement import ALL_IMAGES, HELD_OUT

_LEAF = 0.145
"""Height of a leaf of a tree, inches."""

_SHOWN = {"spearman": "Spearman's ρ", "partial": "ρ without the human RDM"}


@styled
def agreement(table: pd.DataFrame) -> Figure:
    """Agreement of each competitor's space with WordNet, on held-out and on all images.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.wordnet_agreement.AGREEMENT_COLUMNS`.

    Returns
    -------
    Figure
        A panel a network × target; a group of rows a measure of WordNet and coefficient, a row a competitor, with
        95 % intervals over synsets; filled dots are held-out images, open ones all images.
    """
    shown = table[table["coefficient"].isin(_SHOWN) & ~_repeats_path(table["wordnet"])]
    networks, targets = in_order(shown["network"]), in_order(shown["target"])
    if not len(shown):
        return _nothing("No target has images of four or more synsets.")
    places = _places(shown[shown["b"].isna()])
    height = 0.21 * (max(places.values()) + 2)
    figure, axes = panels(networks, targets, (4.4, height), sharex=True, sharey=True)
    for (network, target), panel in axes.items():
        here = shown[(shown["network"] == network) & (shown["target"] == target)]
        panel.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
        _draw_agreements(panel, here[here["b"].isna()], places)
        panel.set_ylim(max(places.values()) + 1, -1.2)
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel("\n".join(_difference(here)), loc="left", fontsize=NUMBERS_SIZE, linespacing=1.35)
    for network in networks:
        axes[network, targets[0]].set_yticks(list(places.values()), [name for *_, name in places])
    figure.legend(handles=_key(), loc="outside lower left", ncols=2)
    return figure


def _repeats_path(measures: pd.Series) -> pd.Series:
    """Rows of Leacock & Chodorow's measure beside `path`, which orders pairs alike: rank correlations are equal."""
    return (measures == "leacock-chodorow") & bool((measures == "path").any())


def _nothing(words: str) -> Figure:
    figure = Figure(figsize=(5, 1))
    figure.text(0.02, 0.5, words)
    return figure


def _places(rows: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    """Where each measure × coefficient × competitor stands; groups are set apart."""
    keys = [tuple(row) for row in rows[["wordnet", "coefficient", "a"]].drop_duplicates().to_numpy()]
    groups = list(dict.fromkeys(key[:2] for key in keys))
    keys.sort(key=lambda key: groups.index(key[:2]))
    return {key: place + 1.6 * groups.index(key[:2]) for place, key in enumerate(keys)}


def _draw_agreements(panel: Axes, rows: pd.DataFrame, places: Mapping[tuple[str, str, str], float]) -> None:
    for row in rows.itertuples():
        held_out = row.scope == HELD_OUT
        place = places[row.wordnet, row.coefficient, row.a] + (-0.16 if held_out else 0.22)
        colour = colour_of(row.a)
        panel.plot([row.ci_low, row.ci_high], [place] * 2, color=colour, linewidth=1.5 if held_out else 0.7)
        face = colour if held_out else "white"
        panel.plot(row.agreement, place, "o", color=colour, markersize=5, markerfacecolor=face)
        if held_out:
            where = {"xycoords": panel.get_yaxis_transform(), "va": "center", "fontsize": NUMBERS_SIZE}
            panel.annotate(number(row.agreement, ".2f"), (1.02, place), annotation_clip=False, **where)
    first: dict[tuple[str, str], float] = {}
    for (measure, coefficient, _), place in places.items():
        first.setdefault((measure, coefficient), place)
    plain = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for (measure, coefficient), place in first.items():
        panel.annotate(
            f"{measure}: {_SHOWN[coefficient]}",
            (0.01, place - 0.95),
            xycoords=panel.get_yaxis_transform(),
            va="center",
            fontsize=NUMBERS_SIZE,
            color=QUIET,
            bbox=plain,
        )


def _difference(rows: pd.DataFrame) -> list[str]:
    """What the panel's x axis shows, and the difference that the study is about."""
    label = ["rank correlation with WordNet similarity"]
    chosen = (rows["coefficient"] == "spearman") & (rows["scope"] == HELD_OUT)
    for row in rows[chosen & (rows["a"] == "pruned") & (rows["b"] == "full")].itertuples():
        size, about = number(row.agreement, "+.3f"), interval(row.ci_low, row.ci_high, "+.3f")
        label.append(f"pruned − full, {row.wordnet}: {size} {about}")
    for row in rows.head(1).itertuples():
        of_all = count(row.n_images + row.n_without_synset, "image")
        label.append(f"{count(row.n_synsets, 'synset')} of {row.n_images} images; {of_all} in all")
    return label


def _key() -> list[Line2D]:
    dot = {"marker": "o", "linestyle": "", "color": INK}
    return [
        Line2D([], [], **dot, label="held-out images, sets of their folds"),
        Line2D([], [], **dot, markerfacecolor="white", label=f"{ALL_IMAGES}, final set (descriptive)"),
    ]


@styled
def dendrograms(
    spaces: Mapping[tuple[str, str], Spaces], synsets: Sequence[str], similarities: Mapping[str, np.ndarray]
) -> Figure:
    """Trees of the stimuli's synsets: WordNet, people, and the full and the pruned embedding.

    Parameters
    ----------
    spaces : mapping of (str, str) to Spaces
        By network and target, of all images.
    synsets : sequence of str
    similarities : mapping of str to ndarray of shape (n_synsets, n_synsets)
        By measure; the first is drawn.

    Returns
    -------
    Figure
        A row a network × target. Average linkage; heights are means of ranks of dissimilarity, so that trees of
        different measures can be compared. A leaf has the same colour in every tree of a row: that of its branch of
        people's tree.
    """
    if not spaces:
        return _nothing("No target has images of four or more synsets.")
    measure, similarity = next(iter(similarities.items()))
    place = {name: number for number, name in enumerate(synsets)}
    rows = len(spaces)
    most = max(len(of_unit.synsets) for of_unit in spaces.values())
    named = next(iter(spaces.values())).rdms
    columns = [HUMAN, *(name for name in named if name != HUMAN), f"WordNet, {measure}"]
    size = (3.1 * len(columns), rows * (_LEAF * most + 0.75) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, len(columns), squeeze=False)
    for line, ((network, target), of_unit) in zip(grid, spaces.items(), strict=True):
        places = [place[name] for name in of_unit.synsets]
        known = -similarity[np.ix_(places, places)]
        np.fill_diagonal(known, 0)
        colours = _branch_colours(of_unit.rdms[HUMAN][0])
        for panel, name in zip(line, columns, strict=True):
            rdm = of_unit.rdms[name][0] if name in of_unit.rdms else known
            _draw_tree(panel, rdm, of_unit.synsets, colours)
            panel.set_title(f"{name}" if name != HUMAN else f"{HUMAN}: {target}  ·  {network}")
    return figure


_BRANCHES = ("#332288", "#117733", "#882255", "#7A7A1F", "#CC6677", "#2A8C80")
"""Colours of branches (after Paul Tol's muted scheme, dark enough for type); none is a competitor's."""


def _linkage(rdm: np.ndarray) -> np.ndarray:
    """Average linkage of ranks of dissimilarity, as shares of the number of pairs."""
    from scipy.cluster.hierarchy import linkage
    from scipy.stats import rankdata

    ranks = rankdata(pairs_of(rdm))
    return linkage(ranks / len(ranks), method="average")


def _branch_colours(rdm: np.ndarray) -> list[str]:
    """Colour of each synset: its branch of a tree that is cut into as many as there are colours."""
    from scipy.cluster.hierarchy import fcluster

    return [_BRANCHES[one - 1] for one in fcluster(_linkage(rdm), len(_BRANCHES), criterion="maxclust")]


def _draw_tree(panel: Axes, rdm: np.ndarray, synsets: Sequence[str], colours: Sequence[str]) -> None:
    from scipy.cluster.hierarchy import dendrogram

    tree = dendrogram(_linkage(rdm), no_plot=True)
    for across, up in zip(tree["icoord"], tree["dcoord"], strict=True):
        panel.plot(up, across, color=QUIET, linewidth=0.8)
    ends = 5 + 10 * np.arange(len(synsets))
    panel.set(xlim=(1.02, 0), ylim=(10 * len(synsets), 0), xticks=[0, 0.5, 1])
    panel.yaxis.tick_right()
    panel.set_yticks(ends, [synsets[leaf].rsplit(".", 2)[0].replace("_", " ") for leaf in tree["leaves"]])
    panel.tick_params(axis="y", length=0, labelsize=NUMBERS_SIZE)
    for label, leaf in zip(panel.get_yticklabels(), tree["leaves"], strict=True):
        label.set_color(colours[leaf])
    panel.spines["left"].set_visible(False)
    panel.set_xlabel("mean rank of dissimilarity", fontsize=NUMBERS_SIZE)
