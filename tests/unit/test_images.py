"""An image looks to the network as it looks to a person."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from isoprune.errors import MissingFileError, UnreadableFileError
from isoprune.io.images import read_image

RED, WHITE = (255, 0, 0), (255, 255, 255)


def saved(folder, image, name="image.png", **options):
    image.save(folder / name, **options)
    return folder / name


def pixels(path):
    image = read_image(path, "stimulus 'x'")
    assert image.mode == "RGB"
    return np.asarray(image)


def test_rgb_pixels_are_untouched(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(pixels(saved(tmp_path, Image.fromarray(values))), values)


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(pixels(saved(tmp_path, Image.fromarray(grey))), np.dstack([grey] * 3))


@pytest.mark.parametrize("name", ["image.png", "image.tif"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path, name):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = saved(tmp_path, Image.fromarray(grey.astype(np.uint16) * 257), name)
    np.testing.assert_array_equal(pixels(path), np.dstack([grey] * 3))


def test_black_and_white_is_black_and_white(tmp_path):
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    assert pixels(saved(tmp_path, image)).tolist() == [[[0, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_parts_show_white(tmp_path, mode):
    image = Image.new({"RGBA": "RGB", "LA": "L", "PA": "P"}[mode], (2, 1), 0)
    image.putalpha(Image.fromarray(np.array([[255, 0]], dtype=np.uint8)))
    assert image.mode == mode
    path = saved(tmp_path, image, "image.tif" if mode == "PA" else "image.png")
    assert pixels(path).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_half_transparent_black_is_half_grey(tmp_path):
    image = Image.new("RGBA", (1, 1), (0, 0, 0, 128))
    assert pixels(saved(tmp_path, image)).tolist() == [[[127, 127, 127]]]


def test_a_palette_with_a_transparent_colour_shows_white_there(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    path = saved(tmp_path, image, "image.gif", transparency=1)
    assert [tuple(pixel) for pixel in pixels(path)[0]] == [RED, WHITE]


def test_cmyk_becomes_the_colour_it_prints(tmp_path):
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert np.abs(pixels(saved(tmp_path, image, "image.tif")).astype(int) - RED).max() <= 2


def test_exif_orientation_is_respected(tmp_path):
    image = Image.new("RGB", (4, 2), WHITE)
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to see it upright
    seen = pixels(saved(tmp_path, image, exif=exif))
    assert seen.shape == (4, 2, 3)
    assert tuple(seen[0, 1]) == RED


def test_a_truncated_image_is_refused(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(values), "image.jpg")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(
        UnreadableFileError, match=r"stimulus 'x': '.*image.jpg' cannot be decoded.*truncated"
    ):
        pixels(path)


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "image.png").write_text("not a picture")
    with pytest.raises(UnreadableFileError, match="expected a whole image"):
        pixels(tmp_path / "image.png")


def test_thirty_two_bit_pixels_are_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.ones((2, 2), dtype=np.float32)), "image.tif")
    with pytest.raises(UnreadableFileError, match="32-bit pixels"):
        pixels(path)


def test_an_animation_is_refused(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, WHITE)]
    path = saved(tmp_path, frames[0], "image.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableFileError, match="has 2 frames"):
        pixels(path)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"stimulus 'x': '.*none.png' is not a file"):
        pixels(tmp_path / "none.png")
