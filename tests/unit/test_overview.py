"""The overview and the nulls draw what the tables say; a competitor has one colour in all figures."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from isoprune import figures
from isoprune.figures.overview_figure import WORDS
from isoprune.figures.style import colour_of
from isoprune.results import CONTRAST_COLUMNS, SUMMARY_COLUMNS, UNIT

SOURCE = Path(figures.__file__).parent
REACHED = {
    "full": 0.2,
    "random": 0.1,
    "label:kind": 0.25,
    "label:animate": 0.3,
    "other:EVC": 0.35,
    "pruned": 0.45,
}


def tables(supervisions=("own", "group"), n_subjects=7):
    scores, compared = [], []
    for supervision in supervisions:
        unit = {"network": "net", "layer": "top", "target": "IT", "supervision": supervision}
        who = {"subject": "group" if supervision == "group" else "subjects", "n_subjects": n_subjects}
        about = {"n_images": 30, "n_features": 40, "n_retained": 12.4, "p": 0.012, "p_fwe": 0.034}
        bounds = {"ceiling_low": 0.5, "ceiling_high": 0.6}
        for name, r in REACHED.items():
            ends = {"ci_low": r - 0.1, "ci_high": r + 0.1}
            scores.append({**unit, **who, **about, **bounds, "competitor": name, "r": r, **ends})
        of_pair = {
            "compared": "competitors",
            "a": "pruned",
            "b": "full",
            "r_diff": 0.25,
            "p": 0.021,
            "p_fwe": 0.04,
        }
        compared.append({**unit, **of_pair, "unit": "subjects", "n_subjects": n_subjects})
    summary = pd.DataFrame(scores).reindex(columns=list(SUMMARY_COLUMNS))
    return summary, pd.DataFrame(compared).reindex(columns=list(CONTRAST_COLUMNS))


def drawn(figure, gid):
    return [artist for panel in figure.axes for artist in panel.get_children() if artist.get_gid() == gid]


def test_overview_has_a_row_for_everyone_who_was_scored_with_every_kind_of_competitor():
    figure = figures.overview(*tables(("group", "loso", "own")))
    assert [panel.get_ylabel().split("\n")[:2] for panel in figure.axes] == [
        ["net", "subjects"],
        ["net", "subjects left out"],
        ["net", "group RDM"],
    ]
    for name in ("full", "random", "label", "other", "pruned"):
        marks = drawn(figure, f"mark-{name}")
        assert len(marks) == 3
        assert {to_hex(mark.get_facecolor()[0]).upper() for mark in marks} == {colour_of(name).upper()}


def test_overview_draws_the_best_of_several_labels():
    (mark, _) = drawn(figures.overview(*tables()), "mark-label")
    assert mark.get_offsets()[0, 1] == pytest.approx(REACHED["label:animate"])


def test_overview_says_n_features_p_and_gain():
    people, group = (panel.get_xlabel() for panel in figures.overview(*tables()).axes)
    for words in (
        "30 images, 7 subjects",
        "12 of 40 features\n   (mean over folds)",
        "p = 0.012 (0.034)",
        "full: +0.250",
        "p = 0.021 (0.040)",
    ):
        assert words in people and words in group
    (alone,) = figures.overview(*tables(("group",), n_subjects=1)).axes
    assert alone.get_ylabel().startswith("net\ntarget RDM") and "subject" not in alone.get_xlabel()


def test_every_competitor_has_words_in_the_overview():
    assert set(WORDS) == set(figures.COLOURS)


def test_nulls_stand_where_relabelled_targets_reach_and_the_line_where_the_target_does():
    summary, _ = tables()
    null = np.arctanh(np.linspace(-0.2, 0.2, 99))
    unit = ("net", "top", "IT")
    tested = {
        (*unit, "group", "group", name): {"images": (np.arctanh(0.4), null, "x")}
        for name in ("full", "pruned")
    }
    assert len(next(iter(tested))) == len(UNIT) + 1
    figure = figures.nulls(summary, tested, "images")
    (line,) = drawn(figure, "observed-group-pruned")
    assert line.get_xdata()[0] == pytest.approx(0.4)
    (bars,) = drawn(figure, "null-group-pruned")
    assert bars.get_data().edges[[0, -1]] == pytest.approx([-0.2, 0.2])
    (panel,) = figure.axes
    assert "group RDM, pruned: p = 0.012 (0.034), N = 99" in panel.get_xlabel()
    assert not drawn(figure, "observed-own-pruned")
    (without,) = figures.nulls(summary, {}, "images").axes
    assert "no relabelling was asked for" in without.get_xlabel()


def test_all_figures_take_the_colours_of_competitors_from_one_table():
    ours = {colour.upper() for colour in figures.COLOURS.values()}
    assert len(ours) == len(figures.COLOURS)
    for path in SOURCE.glob("*.py"):
        if path.name != "style.py":
            text = path.read_text(encoding="utf-8")
            assert not {one.upper() for one in re.findall(r"#[0-9A-Fa-f]{6}\b", text)} & ours, path.name
            # Colours by number or name are matplotlib's, and would be another figure's competitor.
            assert not re.search(r"[\"'](C\d|tab:\w+)[\"']", text), path.name
