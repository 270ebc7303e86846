"""Figures of data quality show the numbers of their tables, name what they show, and cut nothing off."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from isoprune import figures
from isoprune.crossvalidation import fisher_mean
from isoprune.errors import LabelError, RDMError
from isoprune.figures.quality import CATEGORY_COLOURS, maps, plane, reliability, subject_rdms
from isoprune.figures.style import COLOURS
from isoprune.labelled import RDM
from isoprune.quality import INTERSUBJECT_COLUMNS, RELIABILITY_COLUMNS

ANIMALS = ("monkey", "lemur", "mallard", "warbler", "ladybug", "moth")
FEW = pd.DataFrame({"stimulus": ANIMALS, "category": np.repeat(["primate", "bird", "insect"], 2)})
MANY = pd.DataFrame(
    {
        "stimulus": [f"image_{i}" for i in range(40)],
        "category": ["face", "house", "tool", "a natural object"] * 10,
    }
)


def random_rdm(labels, seed, subject="01", target="IT", least=0.0, measure="correlation"):
    n = len(labels)
    values = np.zeros((n, n))
    values[np.triu_indices(n, 1)] = np.random.default_rng(seed).uniform(least, 1, n * (n - 1) // 2)
    return RDM(values + values.T, tuple(labels), target, subject, measure)


def subjects(stimuli, n, **settings):
    return [random_rdm(stimuli["stimulus"], seed, f"{seed + 1:02}", **settings) for seed in range(n)]


CROWDED = ((0.05, -0.05), (0.04, 0.04), (-0.03, 0.01), (0.96, 0.12), (0.96, -0.02), (0.95, -0.02))


def on_a_plane(points):
    return RDM(np.linalg.norm(points[:, np.newaxis] - points, axis=2), ANIMALS)


def between(n, target="IT"):
    rows = [
        {"target": target, "subject": f"{i + 1:02}", "n_subjects": n, "r": 0.1 * (i + 1), "reason": np.nan}
        for i in range(n)
    ]
    return pd.DataFrame(rows, columns=list(INTERSUBJECT_COLUMNS))


def within(rois=("IT", "EVC"), n=4, tsnr=np.nan):
    rows = [
        {
            "subject": f"{i + 1:02}",
            "roi": roi,
            "tsnr": tsnr + i,
            "pattern_r": 0.5 + 0.05 * i,
            "pattern_r_between": 0.2 - 0.1 * i,
            "rdm_r": 0.3 + 0.1 * i,
        }
        for roi in rois
        for i in range(n)
    ]
    return pd.DataFrame(rows, columns=list(RELIABILITY_COLUMNS))


def panels_of(figure):
    return {panel.get_title(loc="left"): panel for panel in figure.axes if panel.get_title(loc="left")}


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def cells(panel, n):
    """What a heatmap shows of each pair."""
    drawn = np.ma.filled(panel.images[0].get_array().astype(float), np.nan)
    step = len(drawn) // n
    return drawn[step // 2 :: step, step // 2 :: step]


def drawn(panel, gid):
    return next(line for line in panel.lines if line.get_gid() == gid)


def boxes_of_words(figure):
    """Where each piece of text of a drawn figure lies, in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    words = [
        text
        for text in figure.findobj(lambda one: hasattr(one, "get_text") and hasattr(one, "get_fontsize"))
        if text.get_text().strip() and text.get_visible()
    ]
    # Ticks beyond the limits of an axis are kept by matplotlib, but not drawn.
    undrawn = {
        id(label)
        for panel in figure.axes
        for axis in (panel.xaxis, panel.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) - 1e-9 <= tick.get_loc() <= max(axis.get_view_interval()) + 1e-9
        or not panel.axison
    }
    return [
        (text.get_text(), text.get_window_extent(renderer))
        for text in words
        if id(text) not in undrawn and (text.axes is None or text.axes.axison)
    ]


FIGURES = {
    "few stimuli": lambda: subject_rdms(subjects(FEW, 6), FEW, between(6)),
    "three lines below some": lambda: subject_rdms(
        [random_rdm(ANIMALS, i, f"{i + 1:02}", least=0 if i % 2 else -9) for i in range(6)], FEW, between(6)
    ),
    "three lines below all": lambda: subject_rdms(subjects(FEW, 6, least=-9), FEW, between(6)),
    "one subject": lambda: subject_rdms(subjects(FEW, 1, least=-0.2, measure="crossnobis"), FEW),
    "many stimuli": lambda: subject_rdms(subjects(MANY, 15), MANY, between(15)),
    "different stimuli": lambda: subject_rdms(
        [random_rdm(ANIMALS[:4], 0, "01"), random_rdm(ANIMALS[2:], 1, "02")], FEW
    ),
    "group, few": lambda: figures.rdms(
        [random_rdm(ANIMALS, i, target=name) for i, name in enumerate("AB")], FEW
    ),
    "group, many": lambda: figures.rdms(
        [random_rdm(MANY["stimulus"], i, target=f"area{i}") for i in range(5)], MANY
    ),
    "group, many in a row": lambda: figures.rdms(
        [random_rdm(MANY["stimulus"], i, target=name) for i, name in enumerate("AB")], MANY
    ),
    "maps, crowded": lambda: maps([on_a_plane(np.array(CROWDED))], FEW),
    "maps, few": lambda: maps([random_rdm(ANIMALS, i, target=f"area{i}") for i in range(4)], FEW),
    "maps, many": lambda: maps([random_rdm(MANY["stimulus"], 0, least=-0.3)], MANY),
    "reliability": lambda: reliability(within(tsnr=40), between(4)),
    "between only": lambda: reliability(None, between(15)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_no_word_is_cut_off_or_written_over_another(name):
    figure = FIGURES[name]()
    words = boxes_of_words(figure)
    for text, box in words:
        assert figure.bbox.x0 - 1 <= box.x0 and box.x1 <= figure.bbox.x1 + 1, f"'{text}' leaves the figure"
        assert figure.bbox.y0 - 1 <= box.y0 and box.y1 <= figure.bbox.y1 + 1, f"'{text}' leaves the figure"
    for (one, first), (other, second) in combinations(words, 2):
        shared = [
            min(first.x1, second.x1) - max(first.x0, second.x0),
            min(first.y1, second.y1) - max(first.y0, second.y0),
        ]
        assert min(shared) <= 1, f"'{one}' and '{other}' overlap"


@pytest.mark.parametrize("name", FIGURES)
def test_bytes_of_a_figure_do_not_change(name, tmp_path):
    for path in ("one.svg", "other.svg"):
        figures.save(FIGURES[name](), tmp_path / path)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


# ── RDMs of subjects ────────────────────────────────────────────────────────────────────────────


def test_every_subject_has_a_panel_in_which_the_most_dissimilar_pair_is_brightest():
    shown = subjects(FEW, 3)
    panels = panels_of(subject_rdms(shown, FEW))
    assert list(panels) == ["sub-01", "sub-02", "sub-03"]
    upper = np.triu_indices(6, 1)
    for rdm, panel in zip(shown, panels.values(), strict=True):
        percentiles = cells(panel, 6)
        assert np.isnan(percentiles.diagonal()).all()
        np.testing.assert_array_equal(np.argsort(percentiles[upper]), np.argsort(rdm.values[upper]))
        assert (percentiles[upper].min(), percentiles[upper].max()) == (0, 100)


def test_few_stimuli_are_named_in_the_order_of_the_table_whatever_the_order_of_the_rdm():
    given = FEW.iloc[[5, 0, 3, 1, 4, 2]].reset_index(drop=True)  # categories are apart
    rdm = random_rdm(ANIMALS, 0)
    one, other = (subject_rdms([shown], given).axes[0] for shown in (rdm, rdm.select(ANIMALS[::-1])))
    assert ticks(one.yaxis) == ticks(one.xaxis) == list(given["stimulus"])
    np.testing.assert_array_equal(cells(one, 6), cells(other, 6))
    place = [list(given["stimulus"]).index(name) for name in ("monkey", "moth")]
    values = rdm.values[np.triu_indices(6, 1)]
    assert cells(one, 6)[tuple(place)] == pytest.approx(100 * (values < rdm.values[0, 5]).sum() / 14)


def test_group_rdms_name_few_stimuli_too():
    figure = figures.rdms([random_rdm(ANIMALS, 0)], FEW)
    assert ticks(figure.axes[0].yaxis) == ticks(figure.axes[0].xaxis) == list(ANIMALS)


def test_categories_of_many_stimuli_are_brought_together_and_named():
    rdm = random_rdm(MANY["stimulus"], 0)
    panel = subject_rdms([rdm], MANY).axes[0]
    assert ticks(panel.yaxis) == ["face", "house", "tool", "a natural object"]
    order = [f"image_{i}" for first in range(4) for i in range(first, 40, 4)]
    wanted = rdm.select(order).values[np.triu_indices(40, 1)]
    np.testing.assert_array_equal(np.argsort(cells(panel, 40)[np.triu_indices(40, 1)]), np.argsort(wanted))


def test_subjects_who_saw_different_stimuli_have_names_of_their_own():
    shown = [random_rdm(ANIMALS[:4], 0, "01"), random_rdm(ANIMALS[2:], 1, "02")]
    panels = panels_of(subject_rdms(shown, FEW))
    assert ticks(panels["sub-01"].yaxis) == list(ANIMALS[:4])
    assert ticks(panels["sub-02"].yaxis) == ticks(panels["sub-02"].xaxis) == list(ANIMALS[2:])


def test_panels_say_range_agreement_and_negative_dissimilarities():
    rdm = random_rdm(ANIMALS, 0, "02", least=-0.5, measure="crossnobis")
    rdm.values[0, 1] = rdm.values[1, 0] = -0.25
    pairs = rdm.values[np.triu_indices(6, 1)]
    figure = subject_rdms([rdm], FEW, between(3))
    words = figure.axes[0].get_xlabel()
    assert f"raw {pairs.min():#.2g} … {pairs.max():#.2g}".replace("-", "−") in words
    assert f"{(pairs < 0).sum()} of 15 below 0" in words
    assert "r with others 0.20" in words
    large = random_rdm(ANIMALS, 0, least=-9000)
    assert "." not in subject_rdms([large], FEW).axes[0].get_xlabel()
    assert figure.get_suptitle() == "IT  ·  crossnobis"
    assert "others" not in subject_rdms([rdm], FEW, between(3, target="EVC")).axes[0].get_xlabel()


def test_rdms_that_cannot_be_drawn_are_named():
    with pytest.raises(RDMError, match="no RDM"):
        subject_rdms([], FEW)
    with pytest.raises(LabelError, match="moth"):
        subject_rdms([random_rdm(ANIMALS, 0)], FEW.iloc[:-1])


# ── maps ────────────────────────────────────────────────────────────────────────────────────────


def test_points_of_a_plane_are_found_again():
    points = np.random.default_rng(1).normal(size=(6, 2)) * [5, 1]
    wanted = on_a_plane(points)
    found, stress = plane(wanted, seed=0)
    distances = on_a_plane(found).values
    np.testing.assert_allclose(distances, wanted.values / wanted.values.max(), atol=0.01)
    assert stress < 0.01
    assert np.ptp(found[:, 0]) > np.ptp(found[:, 1])


def test_stress_is_that_of_the_points_drawn():
    rdm = random_rdm(ANIMALS, 3)
    points, stress = plane(rdm, seed=0)
    wanted, distances = rdm.values / rdm.values.max(), on_a_plane(points).values
    assert stress == pytest.approx(np.sqrt(((distances - wanted) ** 2).sum() / (wanted**2).sum()))


def test_negative_dissimilarities_are_drawn_as_0_and_counted():
    rdm = random_rdm(ANIMALS, 0, least=-0.3)
    lifted = RDM(np.maximum(rdm.values, 0), ANIMALS)
    np.testing.assert_array_equal(plane(rdm, 0)[0], plane(lifted, 0)[0])
    n = (rdm.values[np.triu_indices(6, 1)] < 0).sum()
    assert n > 0
    assert f"{n} of 15 dissimilarities below 0, drawn as 0" in maps([rdm], FEW).axes[0].get_xlabel()


def test_a_map_of_what_does_not_differ_is_refused():
    with pytest.raises(RDMError, match="no dissimilarity above 0"):
        plane(RDM(-np.ones((6, 6)) + np.eye(6), ANIMALS, "IT"), 0)


def test_maps_show_each_stimulus_in_the_look_of_its_category():
    rdm = random_rdm(ANIMALS, 0)
    panel = maps([rdm.select(ANIMALS[::-1])], FEW).axes[0]
    points, _ = plane(rdm, 0)
    for place, name in enumerate(("primate", "bird", "insect")):
        group = next(one for one in panel.collections if one.get_gid() == f"map-{name}")
        np.testing.assert_array_equal(group.get_offsets(), points[2 * place : 2 * place + 2])
        assert to_hex(group.get_facecolor()[0]).upper() == CATEGORY_COLOURS[place]
    names = {text.get_text(): np.array(text.get_position()) for text in panel.texts}
    assert set(names) == set(ANIMALS)
    for point, name in zip(points, ANIMALS, strict=True):
        nearest = min(names, key=lambda one: np.linalg.norm(names[one] - point))
        assert name == nearest or np.linalg.norm(names[name] - point) < 0.3


def test_colours_of_categories_stand_for_no_competitor():
    assert not set(CATEGORY_COLOURS) & set(COLOURS.values())


# ── reliability ─────────────────────────────────────────────────────────────────────────────────


def test_reliability_draws_the_numbers_of_its_tables():
    table, others = within(), pd.concat([between(4), between(4, "EVC")], ignore_index=True)
    panels = panels_of(reliability(table, others))
    assert list(panels) == ["Patterns, two halves", "RDM, two halves", "RDM, subject and others"]
    columns = dict(zip(panels, (table["pattern_r"], table["rdm_r"], others["r"]), strict=True))
    for title, panel in panels.items():
        dots = [line for line in panel.lines if line.get_gid() == "subjects"]
        means = [line for line in panel.lines if line.get_gid() == "mean"]
        for place, (dot, mean) in enumerate(zip(dots, means, strict=True)):
            values = columns[title][4 * place : 4 * place + 4]
            np.testing.assert_array_equal(dot.get_xdata(), values)
            assert mean.get_xdata()[0] == pytest.approx(fisher_mean(values))
            assert len(set(dot.get_ydata())) == 4
        assert ticks(panel.yaxis) in (["IT", "EVC"], [])
    baseline = drawn(panels["Patterns, two halves"], "baseline")
    np.testing.assert_array_equal(baseline.get_xdata(), table["pattern_r_between"][:4])


def test_tsnr_has_a_panel_only_where_bold_was_measured():
    panel = panels_of(reliability(within(("IT",), tsnr=40.0)))["tSNR"]
    np.testing.assert_array_equal(drawn(panel, "subjects").get_xdata(), [40, 41, 42, 43])
    assert drawn(panel, "mean").get_xdata()[0] == 41.5
    assert [text.get_text() for text in panel.texts] == ["42\nn = 4"]
    assert "tSNR" not in panels_of(reliability(within()))


def test_halves_of_raters_have_one_dot_and_the_number_of_raters():
    judged = pd.DataFrame(
        {
            "target": ["rated", "odd"],
            "n_raters": pd.array([7, None], dtype="Int64"),
            "r_halves": [0.6, np.nan],
            "reason": [None, "the table does not say who answered"],
        }
    )
    panel = panels_of(reliability(between=between(4, "rated"), judged=judged))["RDM, halves of raters"]
    dots = drawn(panel, "subjects")
    assert list(dots.get_xdata()) == [0.6] and list(dots.get_ydata()) == [0]
    words = [text.get_text() for text in panel.texts]
    assert any(text.endswith("7 raters") for text in words)
    assert "the table does not say who answered" in words


def test_what_is_missing_says_why_and_how_many_are_there():
    table = within(("IT", "EVC"))
    table["reason"] = np.where(table["roi"] == "EVC", "0 conditions are repeated", None)
    table.loc[table["roi"] == "EVC", "rdm_r"] = np.nan
    table.loc[0, "rdm_r"] = np.nan
    panel = panels_of(reliability(table))["RDM, two halves"]
    words = [text.get_text() for text in panel.texts]
    assert words == [f"{fisher_mean(table['rdm_r'][1:4]):.2f}\nn = 3 of 4", "0 conditions are repeated"]


def test_negative_reliabilities_are_within_the_panel():
    table = within(("IT",))
    table.loc[2, "rdm_r"] = -0.4
    left, right = panels_of(reliability(table))["RDM, two halves"].get_xlim()
    assert left < -0.4 and right > 1
