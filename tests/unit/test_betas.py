"""Betas: image and table belong together, and damage is named."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from isoprune.errors import BetasError, LabelError, MissingFileError, UnreadableFileError
from isoprune.io.betas import read_betas, read_conditions, read_grid, read_nifti

AFFINE = np.array([[2.0, 0, 0, -10], [0, 2, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])


def nifti(path, values, affine=AFFINE):
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(4, 5, 6, 3)).astype(np.float32)


def table(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_in_the_order_of_volumes(tmp_path):
    path = table(
        tmp_path / "c.tsv",
        "volume\tcondition\tonset\n10\tk\t1\n" + "".join(f"{v}\tc{v}\t0\n" for v in range(10)),
    )
    conditions = read_conditions(path)
    assert list(conditions["condition"]) == [*(f"c{v}" for v in range(10)), "k"]
    assert list(conditions["volume"]) == list(range(11))
    assert conditions["onset"].iloc[10] == "1"


def test_without_volumes_rows_stay_as_they_are_and_labels_stay_text(tmp_path):
    conditions = read_conditions(table(tmp_path / "c.tsv", "condition\n007\nNA\n1e3\n"))
    assert list(conditions["condition"]) == ["007", "NA", "1e3"]
    assert list(conditions["volume"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("conditions\na\n", BetasError, "a table with the columns conditions; .*Is 'conditions' meant"),
        ("volume\tcondition\n1\ta\n2\tb\n", BetasError, "`volume` holds 1, 2; expected each of 0 to 1 once"),
        ("volume\tcondition\n0\ta\n0\tb\n", BetasError, "`volume` holds 0, 0"),
        ("volume\tcondition\n0\ta\n1.0\tb\n", BetasError, "`volume` holds 0, 1.0"),
        ("condition\tx\na\t1\n \t2\n", LabelError, "row 2 has no condition"),
        ("condition\na\tb\n", UnreadableFileError, r"row 1: 2 cell\(s\)"),
        ("", UnreadableFileError, "it is empty"),
    ],
)
def test_faulty_table_is_named(tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        read_conditions(table(tmp_path / "c.tsv", text))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_betas_come_as_they_are_stored_with_nan(tmp_path, values, suffix):
    values[1, 2, 3, 0] = np.nan
    path = nifti(tmp_path / f"b{suffix}", values)
    read, affine = read_betas(path, 3)
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(affine, AFFINE)
    assert read_grid(path)[0] == (4, 5, 6)


def test_scaled_integers_are_scaled(tmp_path):
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 2, 2), AFFINE)
    image.header.set_slope_inter(0.5, 1.0)
    nibabel.save(image, tmp_path / "b.nii.gz")
    read, _ = read_betas(tmp_path / "b.nii.gz")
    stored = nibabel.load(tmp_path / "b.nii.gz").get_fdata()
    np.testing.assert_array_equal(read, stored)


def test_volumes_must_be_as_many_as_rows(tmp_path, values):
    path = nifti(tmp_path / "b.nii.gz", values)
    with pytest.raises(BetasError, match=r"b\.nii\.gz: 3 volumes, and 5 rows in the table of conditions"):
        read_betas(path, 5)
    with pytest.raises(BetasError, match=r"an image of 3 dimensions \(4×5×6\); expected a 4-D image"):
        read_betas(nifti(tmp_path / "one.nii", values[..., 0]))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.999])
def test_truncated_image_is_unreadable(tmp_path, values, suffix, share):
    path = nifti(tmp_path / f"b{suffix}", values)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableFileError, match=r"cannot be read .* expected a complete NIfTI image"):
        read_betas(path)


def test_a_flipped_bit_in_a_compressed_image_is_noticed(tmp_path, values):
    path = nifti(tmp_path / "b.nii.gz", values)
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UnreadableFileError, match=r"CRC check failed"):
        read_nifti(path)


def test_absent_and_foreign_images_are_named(tmp_path, values):
    with pytest.raises(MissingFileError, match=r"is not a file"):
        read_betas(tmp_path / "none.nii")
    (tmp_path / "text.nii").write_text("no image")
    with pytest.raises(UnreadableFileError, match=r"text\.nii: it cannot be read"):
        read_betas(tmp_path / "text.nii")
    with pytest.raises(UnreadableFileError, match=r"real numbers, and an affine"):
        read_betas(nifti(tmp_path / "complex.nii", values.astype(np.complex64)))
