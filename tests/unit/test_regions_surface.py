"""Regions on the surface: labels of GIFTI files on vertices that are joined left before right."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from isoprune.errors import (
    ConfigError,
    GridError,
    MissingFileError,
    NoRegionError,
    RoiError,
    UnknownNameError,
    UnreadableFileError,
)
from isoprune.io.regions import region, region_files
from isoprune.io.volumes import Grid

NAMES = {"left": {0: "???", 1: "L_V1", 1000: "fusiform"}, "right": {0: "???", 181: "R_V1", 2000: "fusiform"}}
STRUCTURE = {"left": "CortexLeft", "right": "CortexRight"}


def label_file(path, values, names, structure=None, intent="NIFTI_INTENT_LABEL"):
    table = nibabel.gifti.GiftiLabelTable()
    for key, name in names.items():
        label = nibabel.gifti.GiftiLabel(key=key)
        label.label = name
        table.labels.append(label)
    array = nibabel.gifti.GiftiDataArray(np.asarray(values, np.int32), intent=intent)
    image = nibabel.gifti.GiftiImage(labeltable=table, darrays=[array])
    if structure:
        image.meta = nibabel.gifti.GiftiMetaData({"AnatomicalStructurePrimary": structure})
    nibabel.save(image, path)


@pytest.fixture
def vertices(tmp_path):
    random = np.random.default_rng(2)
    values = {"left": random.choice([0, 1, 1000], 30), "right": random.choice([0, 181, 2000], 26)}
    for side, numbers in values.items():
        label_file(tmp_path / f"{side}.label.gii", numbers, NAMES[side], STRUCTURE[side])
    return values


def made(
    folder, labels, hemisphere="both", *, n=56, left="left.label.gii", right="right.label.gii", affine=None
):
    options = {"left": left, "right": right, "labels": labels, "hemisphere": hemisphere}
    shape = (n,) if affine is None else (4, 4, 4)
    return region({"surface": options}, "V1", "01", folder, Grid(shape, affine))


def message(kind, *args, **more):
    with pytest.raises(kind) as error:
        made(*args, **more)
    assert type(error.value) is kind
    return str(error.value)


def test_labels_lie_left_then_right(tmp_path, vertices):
    found = made(tmp_path, ["V1"])
    expected = np.concatenate([vertices["left"] == 1, vertices["right"] == 181])
    np.testing.assert_array_equal(found.inside, expected)
    assert found.n_voxels_in_mask == expected.sum()
    assert found.files == (tmp_path / "left.label.gii", tmp_path / "right.label.gii")
    assert found.description == "'L_V1' (left), 'R_V1' (right) of left.label.gii and right.label.gii"


@pytest.mark.parametrize("labels", [["V1"], ["fusiform"], ["V1", "fusiform"], ["L_V1", "R_V1"]])
def test_halves_are_disjoint_and_make_the_whole(tmp_path, vertices, labels):
    if labels == ["L_V1", "R_V1"]:
        left, right = made(tmp_path, ["L_V1"], "left"), made(tmp_path, ["R_V1"], "right")
    else:
        left, right = (made(tmp_path, labels, side) for side in ("left", "right"))
    assert not left.inside[30:].any() and not right.inside[:30].any()
    np.testing.assert_array_equal(left.inside | right.inside, made(tmp_path, labels).inside)


def test_one_file_serves_betas_of_one_hemisphere_or_of_two_alike(tmp_path, vertices):
    expected = vertices["right"] == 181
    alone = made(tmp_path, ["V1"], "right", left=None, n=26)
    np.testing.assert_array_equal(alone.inside, expected)
    joined = made(tmp_path, ["V1"], "right", left=None, n=52)
    np.testing.assert_array_equal(joined.inside[26:], expected)
    assert not joined.inside[:26].any()
    text = message(GridError, tmp_path, ["V1"], "right", left=None, n=56)
    assert "label files of 26 (right) vertices, betas of 56" in text and "of both hemispheres" in text


def test_other_meshes_sides_and_voxels_are_refused(tmp_path, vertices):
    text = message(GridError, tmp_path, ["V1"], n=57)
    assert "label files of 30 (left) and 26 (right) vertices, betas of 57" in text
    text = message(GridError, tmp_path, ["V1"], left="right.label.gii", right="left.label.gii")
    assert "a file of the right hemisphere (CortexRight), given as `left`" in text
    text = message(GridError, tmp_path, ["V1"], affine=np.eye(4))
    assert "`surface` gives vertices, but the betas lie on a grid of voxels" in text


def test_labels_that_are_not_there_are_named(tmp_path, vertices):
    text = message(UnknownNameError, tmp_path, ["fusifrm"])
    assert "there is no label 'fusifrm'; expected one of: L_V1, fusiform. Did you mean 'fusiform'?" in text
    text = message(RoiError, tmp_path, ["R_V1"], "left")
    assert "label 'R_V1' is of the right hemisphere; expected labels of the left hemisphere" in text
    label_file(tmp_path / "left.label.gii", np.ones(30), NAMES["left"])
    text = message(RoiError, tmp_path, ["fusiform"])
    assert "no vertex has the label 'fusiform' (left)" in text
    assert "no vertex has the label" in message(NoRegionError, tmp_path, ["fusiform"], "left")


def test_what_is_no_label_file_is_named(tmp_path, vertices):
    text = message(MissingFileError, tmp_path, ["V1"], left="none.gii")
    assert "none.gii' is not a file" in text
    label_file(tmp_path / "left.label.gii", np.ones(30), NAMES["left"], intent="NIFTI_INTENT_SHAPE")
    text = message(UnreadableFileError, tmp_path, ["V1"])
    assert "1 array(s), 0 of them of labels; expected a GIFTI file with one array of labels" in text
    for content in (b"<GIFTI", b"", b"no xml"):
        (tmp_path / "left.label.gii").write_bytes(content)
        assert "it cannot be read" in message(UnreadableFileError, tmp_path, ["V1"])
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2)), np.eye(4)), tmp_path / "x.nii")
    assert "it is a Nifti1Image" in message(UnreadableFileError, tmp_path, ["V1"], left="x.nii")
    text = message(ConfigError, tmp_path, ["V1"], left=None)
    assert "hemisphere: both, without the label file of the left one" in text


def test_files_are_known_without_opening_them(tmp_path):
    definition = {"surface": {"left": "{subject}_L.gii", "right": "{subject}_R.gii", "labels": ["V1"]}}
    assert region_files(definition, "01", tmp_path) == [tmp_path / "01_L.gii", tmp_path / "01_R.gii"]
