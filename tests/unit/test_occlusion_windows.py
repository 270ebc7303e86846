"""Windows: where they lie in either variant, and what is refused."""

import numpy as np
import pytest

from isoprune.errors import OcclusionError, UnknownNameError
from isoprune.occlusion.windows import PUBLISHED_SIZES, PUBLISHED_STRIDE, windows_over


def test_centred_windows_lie_around_the_centres_of_their_cells():
    windows = windows_over((32, 40), [4, 8, 12], 4)
    assert windows.grid == (8, 10)
    for size in windows.sizes:
        top, left, bottom, right = windows.boxes(size).T.reshape(4, 8, 10)
        np.testing.assert_array_equal(
            (top + bottom) / 2, np.repeat([[4 * i + 2] for i in range(8)], 10, axis=1)
        )
        np.testing.assert_array_equal((left + right)[0] / 2, [4 * i + 2 for i in range(10)])
        assert (bottom - top == size).all() and windows.padding(size) == 0


def test_published_windows_begin_at_the_corners_of_their_cells_in_an_image_with_a_border():
    windows = windows_over((224, 224), PUBLISHED_SIZES, PUBLISHED_STRIDE, variant="published")
    assert PUBLISHED_SIZES == (24, 28, 32, 36, 40, 44, 48, 52, 56)
    assert windows.grid == (56, 56)
    assert [windows.padding(size) for size in (24, 28, 56)] == [10, 12, 26]
    boxes = windows.boxes(56)
    assert boxes[0].tolist() == [26, 26, 82, 82]
    assert boxes[1].tolist() == [26, 30, 82, 86]
    assert boxes[-1].tolist() == [26 + 220, 26 + 220, 26 + 276, 26 + 276]


def test_every_pixel_is_under_a_window_where_no_gaps_are_allowed():
    windows = windows_over((30, 31), [7, 9], 7)
    for size in windows.sizes:
        covered = np.zeros(windows.shape, dtype=bool)
        for top, left, bottom, right in np.maximum(windows.boxes(size), 0):
            covered[top:bottom, left:right] = True
        assert covered.all()


def test_share_of_a_cell_inside_a_mask_counts_its_pixels():
    windows = windows_over((6, 6), [4], 4)
    mask = np.zeros((6, 6), dtype=bool)
    mask[:2, :] = True
    np.testing.assert_array_equal(windows.share_inside(mask), [[0.5, 0.5], [0, 0]])


def test_windows_that_do_not_fit_are_refused():
    with pytest.raises(
        OcclusionError, match=r"heatmaps.sizes: windows of 40, 56 px on an input of 32 × 48 px"
    ):
        windows_over((32, 48), [24, 40, 56], 8)
    message = r"heatmaps.stride: 12 px between windows of 8 px, so that parts of the image are never occluded"
    with pytest.raises(OcclusionError, match=message + ".*`allow_gaps: true`"):
        windows_over((32, 48), [8, 16], 12)
    assert windows_over((32, 48), [8, 16], 12, allow_gaps=True).grid == (3, 4)
    with pytest.raises(UnknownNameError, match=r"no variant 'centered'.*Did you mean 'centred'"):
        windows_over((32, 48), [8], 4, variant="centered")
