"""Regions are drawn where they lie in the world, however voxels are stored, and in colours that are seen."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from isoprune.figures import save
from isoprune.figures.rois import REGION_COLOURS, cuts_through, rois, write_page
from isoprune.figures.style import COLOURS
from isoprune.io.volumes import Grid, Region

SHAPE = (20, 24, 16)
AFFINE = np.array([[2.0, 0, 0, -20], [0, 2, 0, -24], [0, 0, 2, -16], [0, 0, 0, 1]])


def ball(centre, radius=2.1, shape=SHAPE):
    distance = np.linalg.norm(np.stack(np.indices(shape), -1) - np.array(centre), axis=-1)
    return distance <= radius


def region(name, inside):
    return Region(name, inside, int(inside.sum()))


def brain():
    image = np.where(ball((10, 12, 8), 7.5), 100 + np.random.default_rng(0).normal(size=SHAPE) * 10, np.nan)
    return (
        image,
        Grid(SHAPE, AFFINE),
        {"left": region("left", ball((5, 12, 6))), "right": region("right", ball((15, 8, 10)))},
    )


def picture(tmp_path, figure, name="picture.png"):
    save(figure, tmp_path / name)
    return np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int)


def pixels_of(picture, colour):
    """Rows and columns of the pixels of about this colour, the key left out."""
    near = np.abs(picture - 255 * np.array(to_rgb(colour))).max(axis=2) < 40
    near[: int(0.2 * len(near))] = False
    return np.nonzero(near)


def key_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_cuts_go_through_the_fullest_slice_of_each_region():
    _, grid, regions = brain()
    cuts = cuts_through(regions, grid)
    assert cuts["z"] == [2 * 6 - 16, 2 * 10 - 16]
    both = np.any([one.inside for one in regions.values()], axis=0)
    assert cuts["x"] == [2 * both.sum(axis=(1, 2)).argmax() - 20]
    assert cuts["y"] == [2 * both.sum(axis=(0, 2)).argmax() - 24]


def test_no_more_than_four_axial_cuts_are_made_and_none_twice():
    grid = Grid(SHAPE, AFFINE)
    beside = {"beside": region("beside", ball((6, 12, 2), 1.5))}
    stacked = {f"r{z}": region(f"r{z}", ball((10, 12, z), 1.5)) for z in (2, 5, 8, 11, 13)}
    stacked = beside | stacked
    assert cuts_through(stacked, grid)["z"] == [2 * z - 16 for z in (2, 5, 8, 11)]


def test_a_region_that_no_cut_meets_is_named_as_such():
    _, grid, _ = brain()
    stacked = {f"r{z}": region(f"r{z}", ball((10, 12, z), 1.0)) for z in (2, 5, 8, 11)}
    stacked["apart"] = region("apart", ball((3, 3, 14), 1.0))
    figure = rois(np.ones(SHAPE), grid, stacked, "01", "ones")
    assert key_of(figure) == ["r2", "r5", "r8", "r11", "apart (in no cut)"]


def test_voxels_stored_in_another_order_give_the_same_picture(tmp_path):
    image, grid, regions = brain()
    turned = AFFINE @ np.array([[-1, 0, 0, SHAPE[0] - 1], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    stored = {name: region(name, one.inside[::-1].transpose(0, 2, 1).copy()) for name, one in regions.items()}
    other_grid = Grid((SHAPE[0], SHAPE[2], SHAPE[1]), turned)
    assert cuts_through(stored, other_grid) == cuts_through(regions, grid)
    one = picture(tmp_path, rois(image, grid, regions, "01", "a brain"))
    other = picture(tmp_path, rois(image[::-1].transpose(0, 2, 1), other_grid, stored, "01", "a brain"))
    assert (np.abs(one - other).max(axis=2) > 60).mean() < 0.002


def test_left_is_left_even_where_the_first_axis_runs_to_the_left(tmp_path):
    image, grid, regions = brain()
    flipped = Grid(SHAPE, AFFINE @ np.diag([-1.0, 1, 1, 1]))  # the same arrays: now a mirrored brain
    middle = {}
    for name, one in (("as it is", grid), ("mirrored", flipped)):
        shown = picture(tmp_path, rois(image, one, {"left": regions["left"]}, "01", "a brain"))
        _, columns = pixels_of(shown[:, : shown.shape[1] // 3], REGION_COLOURS[0])
        middle[name] = columns.mean() / (shown.shape[1] // 3)
    assert middle["as it is"] < 0.45 and middle["mirrored"] > 0.55


def test_a_region_outside_of_what_was_measured_is_drawn(tmp_path):
    image, grid, _ = brain()
    outside = {"outside": region("outside", ball((1, 1, 1), 1.5))}
    assert np.isnan(image[outside["outside"].inside]).all()
    assert (
        len(pixels_of(picture(tmp_path, rois(image, grid, outside, "01", "a brain")), REGION_COLOURS[0])[0])
        > 50
    )


def test_words_about_a_cut_lie_below_it_and_hide_no_outline():
    image, grid, regions = brain()
    figure = rois(image, grid, regions, "01", "a brain")
    figure.canvas.draw()
    words = [(panel, text) for panel in figure.axes for text in panel.texts if text.get_text()]
    assert {text.get_text() for _, text in words} == {
        "z = -4.0",
        "z = 4.0",
        "x = -10.0",
        "y = -8.0",
        "L",
        "R",
    }
    about = next(text for text in figure.texts if text.get_text().startswith("a brain")).get_window_extent()
    for panel, text in words:
        box = text.get_window_extent()
        assert about.y1 <= box.y0 and box.y1 <= panel.get_window_extent().y0


def test_one_slice_has_an_axial_cut_only():
    grid = Grid((20, 24, 1), AFFINE)
    slice_ = {"slice": region("slice", ball((10, 12, 0), 4, grid.shape))}
    assert list(cuts_through(slice_, grid)) == ["z"]
    rois(np.ones(grid.shape), grid, slice_, "01", "ones")


def test_a_surface_is_told_in_words():
    figure = rois(np.ones(9), Grid((9,), None), {"V1": region("V1", np.arange(9) < 4)}, "01", "ones")
    assert any("no volume to draw on" in text.get_text() for text in figure.texts)


def test_an_image_without_values_is_drawn_all_the_same():
    _, grid, regions = brain()
    rois(np.full(SHAPE, np.nan), grid, regions, "01", "nothing")


@pytest.mark.parametrize("n", [1, 8, 15])
def test_key_stays_beside_the_subject_and_above_the_cuts(n):
    image, grid, _ = brain()
    many = {
        f"a region {i}": region(f"a region {i}", ball((4 + i % 12, 6 + i % 11, 5 + i % 6))) for i in range(n)
    }
    figure = rois(image, grid, many, "a0long0label", "a brain")
    figure.canvas.draw()
    key = figure.legends[0].get_window_extent()
    label = next(text for text in figure.texts if text.get_text().startswith("sub-")).get_window_extent()
    assert key.x0 > label.x1 and key.x1 <= figure.bbox.x1 and key.y1 <= figure.bbox.y1
    assert key.y0 >= max(panel.get_window_extent().y1 for panel in figure.axes)


def test_colours_are_seen_on_black_and_stand_for_no_competitor():
    assert not set(REGION_COLOURS) & set(COLOURS.values())
    for colour in REGION_COLOURS:
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)
        )
        # Contrast of the Web Content Accessibility Guidelines: 3 for graphics.
        assert (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) / 0.05 > 3


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 1, 1), (8, 1, 8), (9, 2, 5), (20, 3, 7)])
def test_pictures_fill_a_page_from_above_in_columns(tmp_path, n, columns, rows):
    paths = []
    for i in range(n):
        Image.new("RGB", (30, 10), (i * 10, 0, 0)).save(tmp_path / f"{i}.png")
        paths.append(tmp_path / f"{i}.png")
    write_page(tmp_path / "page.png", paths)
    page = np.asarray(Image.open(tmp_path / "page.png"))
    width, height = page.shape[1] // columns, page.shape[0] // rows
    for i in range(n):
        row, column = divmod(i, columns)
        assert tuple(page[row * height + 5, column * width + 5]) == (i * 10, 0, 0)
