"""Masks: a voxel goes by its place in the world, never by its index."""

from __future__ import annotations

from itertools import permutations, product

import nibabel
import numpy as np
import pytest

from isoprune.errors import ConfigError, GridError, RoiError
from isoprune.io.masks import describe_grid, on_grid, read_mask_on_grid

SHAPE = (5, 6, 7)
STRAIGHT = np.array([[2.0, 0, 0, -10], [0, 2.5, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])


def oblique():
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * [2.0, 2.5, 3.0]
    affine[:3, 3] = [-31.2, 14.7, 8.05]
    return affine


AFFINES = {"straight": STRAIGHT, "oblique": oblique()}


def stored_otherwise(values, affine, order, flips):
    """The same image with its axes permuted and flipped, and the affine that says so."""
    turned = np.transpose(values, order)
    turn = np.eye(4)
    turn[:3, :3] = np.eye(3)[:, list(order)]
    for axis, flip in enumerate(flips):
        if flip:
            turned = np.flip(turned, axis)
            mirror = np.eye(4)
            mirror[axis, axis], mirror[axis, 3] = -1, turned.shape[axis] - 1
            turn = turn @ mirror
    return np.ascontiguousarray(turned), affine @ turn


def nifti(path, values, affine):
    nibabel.save(nibabel.Nifti1Image(values.astype(np.uint8), affine), path)
    return path


@pytest.fixture
def mask():
    return np.random.default_rng(1).random(SHAPE) < 0.3


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_order_of_voxels_changes_nothing(mask, affine, order):
    for flips in product([False, True], repeat=3):
        turned, turned_affine = stored_otherwise(mask, affine, order, flips)
        np.testing.assert_array_equal(on_grid(turned, turned_affine, SHAPE, affine, empty=False), mask)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_order_of_voxels_changes_nothing_through_files(tmp_path, mask, affine):
    turned, turned_affine = stored_otherwise(mask, affine, (2, 0, 1), (True, False, True))
    # NIfTI stores float32 affines: the rounding must stay within the tolerance.
    read, n = read_mask_on_grid(nifti(tmp_path / "m.nii.gz", turned, turned_affine), SHAPE, affine)
    np.testing.assert_array_equal(read, mask)
    assert n == mask.sum()


def test_cut_mask_lies_where_it_was(mask):
    affine = AFFINES["oblique"]
    cut_affine = affine.copy()
    cut_affine[:3, 3] += affine[:3, :3] @ [1, 2, 3]
    expected = np.zeros_like(mask)
    expected[1:4, 2:5, 3:6] = mask[1:4, 2:5, 3:6]
    np.testing.assert_array_equal(
        on_grid(mask[1:4, 2:5, 3:6], cut_affine, SHAPE, affine, empty=False), expected
    )
    # And the other way round: what lies outside of the smaller grid is left out.
    np.testing.assert_array_equal(
        on_grid(mask, affine, (3, 3, 3), cut_affine, empty=False), mask[1:4, 2:5, 3:6]
    )


def test_tolerance_is_a_thousandth_of_a_voxel(mask):
    for shift, same in ((0.0009, True), (0.0011, False), (0.5, False)):
        moved = STRAIGHT.copy()
        moved[2, 3] += 3 * shift
        assert (on_grid(mask, moved, SHAPE, STRAIGHT, empty=False) is not None) == same


def test_small_difference_of_voxel_size_counts_at_the_far_end():
    shape, wider = (101, 3, 3), STRAIGHT.copy()
    wider[0, 0] *= 1 + 2e-5
    assert on_grid(np.ones(shape, bool), wider, shape, STRAIGHT, empty=False) is None
    wider[0, 0] = STRAIGHT[0, 0] * (1 + 5e-6)
    assert on_grid(np.ones(shape, bool), wider, shape, STRAIGHT, empty=False) is not None


def test_other_grid_is_refused_with_both_in_words(tmp_path):
    path = nifti(tmp_path / "m.nii.gz", np.ones((91, 109, 91)), np.diag([2.0, 2, 2, 1]))
    message = (
        "mask grid 91×109×91 @ 2 mm, betas 78×93×71 @ 2.5 mm; expected voxels that lie at the same places .*"
        "Set `roi.resample: nearest` to resample the mask, or supply a mask in the betas' space"
    )
    with pytest.raises(GridError, match=message):
        read_mask_on_grid(path, (78, 93, 71), np.diag([2.5, 2.5, 2.5, 1]))


def test_shifted_grid_of_the_same_size_is_told_apart(tmp_path, mask):
    moved = STRAIGHT.copy()
    moved[0, 3] += 1
    message = r"5×6×7 @ 2×2.5×3 mm, first voxel at \(-9, -20, 5\) mm, axes RAS, betas 5×6×7 .*\(-10, -20, 5\)"
    with pytest.raises(GridError, match=message):
        read_mask_on_grid(nifti(tmp_path / "m.nii.gz", mask, moved), SHAPE, STRAIGHT)


def test_nearest_takes_the_nearest_voxel_when_asked(tmp_path):
    fine = np.zeros((20, 20, 20))
    fine[4:12, 6:14, 8:16] = 1
    fine_affine = np.diag([1.0, 1, 1, 1])
    coarse_affine = np.diag([2.0, 2, 2, 1])
    path = nifti(tmp_path / "m.nii.gz", fine, fine_affine)
    inside, n = read_mask_on_grid(path, (10, 10, 10), coarse_affine, resample="nearest")
    np.testing.assert_array_equal(inside, fine[::2, ::2, ::2] > 0)
    assert (n, int(inside.sum())) == (512, 64)
    with pytest.raises(ConfigError, match=r"roi.resample: 'linear'; expected nothing, or `nearest`"):
        read_mask_on_grid(path, (10, 10, 10), coarse_affine, resample="linear")


def test_nearest_leaves_turned_masks_exact(tmp_path, mask):
    turned, affine = stored_otherwise(mask, STRAIGHT, (1, 2, 0), (True, True, False))
    path = nifti(tmp_path / "m.nii.gz", turned, affine)
    inside, _ = read_mask_on_grid(path, SHAPE, STRAIGHT, resample="nearest")
    np.testing.assert_array_equal(inside, mask)


def test_mask_outside_of_the_betas_is_named(tmp_path, mask):
    far = STRAIGHT.copy()
    far[0, 3] += 2 * 50
    message = f"none of the mask's {mask.sum()} voxels lies within the betas' grid"
    with pytest.raises(RoiError, match=message):
        read_mask_on_grid(nifti(tmp_path / "m.nii.gz", mask, far), SHAPE, STRAIGHT)
    far[0, 3] += 0.7
    with pytest.raises(RoiError, match=message):
        read_mask_on_grid(nifti(tmp_path / "m.nii.gz", mask, far), SHAPE, STRAIGHT, resample="nearest")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(SHAPE), "a mask without voxels"),
        (
            np.arange(210).reshape(SHAPE),
            "209 different values other than 0, from 1 to 209; .*one other value inside",
        ),
        (np.ones((*SHAPE, 2)), r"an image of 4 dimensions \(5×6×7×2\); expected a 3-D mask"),
    ],
)
def test_what_is_no_mask_of_one_region_is_named(tmp_path, values, message):
    with pytest.raises(RoiError, match=message):
        read_mask_on_grid(nifti(tmp_path / "m.nii.gz", values, STRAIGHT), SHAPE, STRAIGHT)


def test_any_value_and_nan_around_make_a_mask(tmp_path, mask):
    values = np.where(mask, np.float32(200), np.float32(np.nan))[..., np.newaxis]
    nibabel.save(nibabel.Nifti1Image(values, STRAIGHT), tmp_path / "m.nii.gz")
    inside, _ = read_mask_on_grid(tmp_path / "m.nii.gz", SHAPE, STRAIGHT)
    np.testing.assert_array_equal(inside, mask)


def test_grid_in_words():
    assert describe_grid((91, 109, 91), np.diag([-2.0, 2, 2, 1])) == "91×109×91 @ 2 mm"
    assert describe_grid(SHAPE, oblique()) == "5×6×7 @ 2×2.5×3 mm"
