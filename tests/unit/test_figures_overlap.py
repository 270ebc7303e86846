"""The figure of shared features shows the numbers of its table."""

import pandas as pd

from isoprune import figures

TABLE = pd.DataFrame(
    {
        "network": ["one", "two"],
        "a": ["EVC", "EVC"],
        "b": ["IT", "IT"],
        "n_a": [30, 40],
        "n_b": [20, 25],
        "n_shared": [10, 3],
        "jaccard": [0.25, 0.05],
        "overlap": [0.31, -0.07],
        "null_overlap": [0.11, 0.02],
        "p": [0.005, 0.8],
    }
)


def drawn(panel, gid):
    lines = [line for line in panel.get_lines() if line.get_gid() == gid]
    return [(line.get_ydata()[0], line.get_xdata()[0]) for line in lines]


def test_a_row_shows_the_overlap_of_two_targets_beside_that_of_relabelled_ones():
    [panel] = figures.overlap(TABLE).axes
    assert drawn(panel, "overlap") == [(0, 0.31), (1, -0.07)]
    assert drawn(panel, "null") == [(0, 0.11), (1, 0.02)]
    assert [label.get_text() for label in panel.get_yticklabels()] == [
        "EVC and IT  ·  one",
        "EVC and IT  ·  two",
    ]
    assert [text.get_text() for text in panel.texts] == [
        "10 shared of 30 and 20, Jaccard 0.25, p = 0.005",
        "3 shared of 40 and 25, Jaccard 0.05, p = 0.80",
    ]
    low, high = panel.get_xlim()
    assert low < -0.07 and high > 0.31


def test_without_relabelled_sets_neither_a_bar_nor_a_p_is_spoken_of():
    figure = figures.overlap(TABLE.assign(null_overlap=float("nan"), p=float("nan")))
    [panel] = figure.axes
    assert not drawn(panel, "null")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "sets of the two targets, fitted on all images of each"
    ]
    assert panel.texts[0].get_text() == "10 shared of 30 and 20, Jaccard 0.25"
    assert panel.get_xlabel().endswith("\nno p: no sets of relabelled targets were compared")
    assert "no p" not in figures.overlap(TABLE).axes[0].get_xlabel()


def test_a_study_without_pairs_still_has_the_figure(tmp_path):
    figures.save(figures.overlap(TABLE[:0]), tmp_path / "overlap.svg")
    assert (tmp_path / "overlap.svg").is_file()
