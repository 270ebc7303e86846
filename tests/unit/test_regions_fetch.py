"""Regions of nilearn's atlases: from what nilearn keeps, and a clear word where it can get nothing."""

from __future__ import annotations

import nibabel
import numpy as np
import pandas as pd
import pytest
from nilearn import datasets

from isoprune.errors import ConfigError, MissingFileError, RoiError, UnknownNameError, UnreadableFileError
from isoprune.io.regions import region, region_files
from isoprune.io.volumes import Grid

SHAPE, AFFINE = (6, 5, 4), np.diag([2.0, 2, 2, 1])
VALUES = np.random.default_rng(4).choice([0, 1, 2, 1000], size=SHAPE).astype(np.int16)
LUT = pd.DataFrame({"index": [0, 1, 2, 1000], "name": ["Background", "Left V1", "Right V1", "Pole"]})


def made(root, atlas="harvard_oxford", labels=("Pole",), **more):
    options = {"atlas": atlas, "labels": list(labels), "options": {"atlas_name": "cort"}, **more}
    return region({"fetch": options}, "V1", "01", root, Grid(SHAPE, AFFINE))


def message(kind, *args, **more):
    with pytest.raises(kind) as error:
        made(*args, **more)
    assert type(error.value) is kind
    return str(error.value)


@pytest.fixture
def fetcher(monkeypatch, tmp_path):
    """Puts a fetcher in place that answers from local files, and tells how it was called."""
    calls = []

    def place(answer):
        def fetch_atlas_harvard_oxford(
            atlas_name, data_dir=None, symmetric_split=False, resume=True, verbose=1
        ):
            calls.append((atlas_name, data_dir, verbose))
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(datasets, "fetch_atlas_harvard_oxford", fetch_atlas_harvard_oxford)
        return calls

    nibabel.save(nibabel.Nifti1Image(VALUES, AFFINE), tmp_path / "kept.nii.gz")
    return place


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_kept_atlas_gives_its_labels_without_a_network(tmp_path, fetcher, in_memory):
    path = tmp_path / "kept.nii.gz"
    maps = nibabel.load(path) if in_memory else str(path)
    calls = fetcher({"maps": maps, "lut": LUT, "filename": str(path), "template": "MNI152NLin6Asym"})
    found = made(tmp_path, folder="atlases")
    np.testing.assert_array_equal(found.inside, VALUES == 1000)
    np.testing.assert_array_equal(made(tmp_path, labels=["V1"]).inside, np.isin(VALUES, [1, 2]))
    np.testing.assert_array_equal(made(tmp_path, labels=["V1"], hemisphere="left").inside, VALUES == 1)
    assert calls[:2] == [("cort", str(tmp_path / "atlases"), 0), ("cort", None, 0)]
    assert found.files == (path,)
    text = "'Pole' (1000) of the atlas harvard_oxford of nilearn atlas_name=cort, in MNI152NLin6Asym"
    assert found.description == text


def test_probability_maps_need_a_threshold_and_skip_the_background(tmp_path, fetcher):
    maps = np.random.default_rng(6).integers(0, 101, size=(*SHAPE, 2)).astype(np.uint8)
    fetcher({"maps": nibabel.Nifti1Image(maps, AFFINE), "labels": ["Background", "V1", "Pole"]})
    found = made(tmp_path, threshold=25, unit="percent")
    np.testing.assert_array_equal(found.inside, maps[..., 1] >= 25)
    text = message(ConfigError, tmp_path)
    assert "it is an atlas of probability maps, and no threshold is set" in text
    text = message(ConfigError, tmp_path, labels=["V1", "Pole"], threshold=25, unit="percent")
    assert "expected the name of one map" in text
    fetcher({"maps": nibabel.Nifti1Image(maps, AFFINE), "labels": ["V1"]})
    assert "2 maps and 1 names" in message(RoiError, tmp_path, threshold=25, unit="percent")
    fetcher({"maps": nibabel.Nifti1Image(VALUES, AFFINE), "lut": LUT})
    text = message(ConfigError, tmp_path, threshold=25, unit="percent")
    assert "a threshold is set, but the atlas has one image of labels" in text


def test_without_a_network_the_error_says_what_to_download(tmp_path, fetcher):
    fetcher(ConnectionError("no route"))
    text = message(MissingFileError, tmp_path, folder="atlases")
    assert f"it is not in '{tmp_path / 'atlases'}' and cannot be downloaded (ConnectionError)" in text
    assert "a network, or a folder into which `nilearn.datasets.fetch_atlas_harvard_oxford(" in text
    assert "atlas_name='cort')` has downloaded it" in text and "name it in `fetch.folder`" in text
    fetcher(EOFError("short"))
    assert "Delete it there and fetch it again" in message(UnreadableFileError, tmp_path)


def test_unknown_atlases_and_options_are_named(tmp_path, fetcher):
    text = message(UnknownNameError, tmp_path, "harvard_oxfrd")
    assert "there is no atlas 'harvard_oxfrd'" in text and "Did you mean 'harvard_oxford'?" in text
    fetcher({})
    text = message(UnknownNameError, tmp_path, options={"atlas_nme": "cort"})
    assert "there is no option 'atlas_nme'; expected one of: atlas_name, symmetric_split" in text
    text = message(UnknownNameError, tmp_path, options={"atlas_name": "cort", "data_dir": "x"})
    assert "there is no option 'data_dir'" in text
    assert "'atlas_name' is missing" in message(ConfigError, tmp_path, options={})
    fetcher(ValueError("no such name"))
    assert "nilearn refuses `nilearn.datasets" in message(ConfigError, tmp_path)
    fetcher({"maps": ["a.nii"], "lut": LUT})
    assert "it gives no single image of the volume" in message(RoiError, tmp_path)
    fetcher({"maps": str(tmp_path / "kept.nii.gz"), "labels": ["Pole"]})
    assert "nilearn gives no table of its labels' numbers" in message(RoiError, tmp_path)


def test_nilearn_itself_refuses_a_wrong_name_of_an_atlas(tmp_path):
    text = message(ConfigError, tmp_path)
    assert "nilearn refuses `nilearn.datasets.fetch_atlas_harvard_oxford(atlas_name='cort')`" in text


def test_a_fetched_atlas_has_no_files_beforehand(tmp_path):
    assert region_files({"fetch": {"atlas": "aal", "labels": [2001]}}, "01", tmp_path) == []
