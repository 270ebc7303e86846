"""Figures and pages of maps show what was found, on one scale, and no image that may not be shown."""

import re

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from isoprune.figures import heatmap_overlays, heatmap_pages, mean_heatmaps, save
from isoprune.figures.heatmaps import COLOUR_MAP, overlay, scale_of
from isoprune.occlusion.tables import heatmap_table
from mapped import GRID, N, made


def pages(mapped, **settings):
    table = heatmap_table("mine", mapped)
    return list(heatmap_pages("tiny", mapped, table, per_page=4, score="r", **settings))


def test_red_carries_the_isomorphism_and_survivors_are_outlined():
    heat = np.zeros((24, 30))
    heat[:8], heat[8:16] = 1, -1
    surviving = np.zeros(heat.shape, dtype=bool)
    surviving[16:20, 4:10] = True
    shown = overlay(heat, 1.0, surviving=surviving)
    red, blue = (np.rint(255 * np.array(to_rgb(matplotlib.colormaps[COLOUR_MAP](end)))) for end in (1.0, 0.0))
    np.testing.assert_array_equal(shown[0, 0], red)
    np.testing.assert_array_equal(shown[10, 0], blue)
    assert (shown[16, 4:10] == 0).all() and (shown[16:20, 4] == 0).all() and (shown[17:19, 5:9] > 200).all()
    undefined = overlay(np.full(heat.shape, np.nan), 1.0)
    assert (undefined == undefined[0, 0]).all() and undefined.min() > 240


def test_scale_is_one_for_all_maps_of_a_network():
    mapped = made()
    assert scale_of(mapped) == pytest.approx(np.percentile(np.abs(mapped.heat[:, :, :2]), 99.5))


def test_every_image_stands_on_a_page_beside_its_maps():
    first, second = pages(made())
    assert first.count("<img") == 4 * 5 and second.count("<img") == 3 * 5
    assert "page 1 of 2" in first and "How far to trust them" in first and "How far" not in second
    for text in (first, second):
        assert "<script" not in text and not re.search(r'(src|href)="(?!data:)', text)
    assert "EVC, pruned" in first and "p\u00a0=\u00a00.010" in first
    assert "7 of 7" in first  # images called


def test_images_that_may_not_be_shown_are_not_on_the_page():
    hidden = pages(made(), with_stimuli=False)[0]
    assert hidden.count("<img") == 4 * 4 and "without the images, which may not be passed on" in hidden


def test_descriptive_maps_are_called_so():
    assert "Descriptive: the pruned maps" in pages(made(), descriptive=True)[0]
    assert "means over the folds that held the image out" in pages(made())[0]


def test_a_map_that_is_not_there_is_said_and_not_drawn():
    mapped = made()
    mapped.heat[0, 1, 1] = np.nan
    mapped.undefined[0, 1, 1] = "no fold held the image out"
    text = pages(mapped)[0]
    assert "no map: no fold held the image out" in text and text.count("<img") == 4 * 5 - 1
    figures = dict(heatmap_overlays("mine", mapped, score="r"))
    (panel,) = [
        panel
        for name, figure in figures.items()
        if "target-IT" in name and "img%200" in name
        for panel in figure.axes
        if panel.get_title(loc="left") == "IT, pruned"
    ]
    assert panel.get_xlabel() == "no map: no fold held the image out"


def test_overlays_are_a_figure_an_image_and_target_with_a_named_scale(tmp_path):
    figures = list(heatmap_overlays("mine", made(), score="r2"))
    assert len(figures) == 2 * N
    name, figure = figures[0]
    assert [panel.get_title(loc="left") for panel in figure.axes][:3] == [
        "img 0/0",
        "EVC, full",
        "EVC, pruned",
    ]
    assert figure.axes[-1].get_ylabel() == "r² lost when occluded"
    save(figure, tmp_path / f"{name}.png")
    assert (tmp_path / f"{name}.png").stat().st_size > 1000


def test_mean_maps_are_means_over_images_and_their_differences():
    mapped = made()
    figure = mean_heatmaps(mapped, score="r")
    titles = [panel.get_title(loc="left") for panel in figure.axes][:4]
    assert titles == ["full", "pruned", "pruned − full", "pruned − pruned of the other"]
    drawn = [np.asarray(panel.images[0].get_array()) for panel in figure.axes[:4]]
    mean = mapped.heat.mean(axis=0)
    expected = [mean[0, 0], mean[0, 1], mean[0, 1] - mean[0, 0], mean[0, 1] - mean[1, 1]]
    for found, cells in zip(drawn, expected, strict=True):
        assert cells.shape == GRID
        np.testing.assert_allclose(found, mapped.in_image(cells))
