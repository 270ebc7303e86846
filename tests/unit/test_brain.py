"""One subject from files of betas to RDMs, through the one door that the workflow uses."""

import nibabel
import numpy as np
import pytest

from isoprune.brain import mean_image, subject_anatomy, subject_brain
from isoprune.config import load
from isoprune.errors import GridError, NoRegionError
from isoprune.io.betas import volumes as volumes_of_betas
from isoprune.io.volumes import BetaRun, Grid
from isoprune.labelled import Embedding
from isoprune.stimuli import checked_stimuli, stimuli_of_rows

LABELS = ["a", "b", "c", "d"]
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


def settings(**betas):
    study = load(
        {
            "study": "small",
            "stimuli": {"rows": [{"stimulus": label} for label in LABELS]},
            "subjects": ["01"],
            "targets": [{"name": "V1", "mask": "mask.nii.gz"}],
            "betas": {"images": "run-{run}.nii.gz", "volumes": LABELS, "runs": ["1", "2"], **betas},
            "supervision": ["own"],
        }
    )
    blocks = {name: getattr(study, name).model_dump(mode="json") for name in ("betas", "roi", "rdm")}
    return {**blocks, "definitions": {"V1": study.target("V1").region}}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for run in ("1", "2"):
        values = rng.normal(size=(4, 4, 4, 4))
        nibabel.save(nibabel.Nifti1Image(values, AFFINE), tmp_path / f"run-{run}.nii.gz")
    mask = np.zeros((4, 4, 4), dtype=np.uint8)
    mask[1:, 1:, 1:] = 1
    nibabel.save(nibabel.Nifti1Image(mask, AFFINE), tmp_path / "mask.nii.gz")
    return tmp_path


def brain_of(folder, **betas):
    given = settings(**betas)
    return subject_brain("01", LABELS, given.pop("definitions"), **given, root=folder, fitted=folder)


def test_rdm_is_the_correlation_distance_of_mean_patterns(folder):
    runs = [
        nibabel.load(folder / f"run-{run}.nii.gz").get_fdata()[1:, 1:, 1:].reshape(27, 4).T for run in "12"
    ]
    expected = 1 - np.corrcoef(np.mean(runs, axis=0))
    rdm = brain_of(folder).rdms["V1"]
    assert rdm.labels == tuple(LABELS)
    np.testing.assert_allclose(rdm.values, expected - np.diag(np.diag(expected)), rtol=0, atol=1e-10)


def test_subject_who_saw_some_stimuli_has_an_rdm_of_those(folder):
    for run in "12":
        image = nibabel.load(folder / f"run-{run}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(image.get_fdata()[..., :3], AFFINE), folder / f"run-{run}.nii.gz")
    brain = brain_of(folder, volumes=["d", "a", "c"], stimuli="per-subject")
    assert brain.rdms["V1"].labels == ("a", "c", "d")  # in the order of the study


def test_region_that_holds_nothing_is_a_named_error(folder):
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), dtype=np.uint8), AFFINE), folder / "mask.nii.gz")
    with pytest.raises(NoRegionError, match="mask"):
        brain_of(folder)


def test_tables_have_a_row_a_region(folder):
    brain = brain_of(folder)
    assert brain.voxels["n_voxels"].tolist() == [27]
    assert brain.reliability["n_runs"].tolist() == [2]


def test_regions_of_a_subject_are_matched_when_asked(folder):
    mask = np.zeros((4, 4, 4), dtype=np.uint8)
    mask[1:, 1:, 2:] = 1
    nibabel.save(nibabel.Nifti1Image(mask, AFFINE), folder / "small.nii.gz")
    given = settings()
    definitions = {**given.pop("definitions"), "V2": {"mask": "small.nii.gz"}}
    given["roi"] |= {"match_voxels": "smallest"}
    brain = subject_brain("01", LABELS, definitions, **given, root=folder, fitted=folder, seed=5)
    assert brain.voxels["n_voxels"].tolist() == [18, 18]
    assert brain.voxels["n_not_drawn"].tolist() == [9, 0]
    means = brain.patterns["V1"].values.reshape(2, 4, 18).mean(axis=0)
    expected = 1 - np.corrcoef(means)
    np.testing.assert_allclose(brain.rdms["V1"].values, expected - np.diag(np.diag(expected)), atol=1e-10)


def anatomy_of(folder, **betas):
    given = settings(**betas)
    del given["rdm"]
    return subject_anatomy("01", given.pop("definitions"), **given, root=folder, fitted=folder)


def test_anatomy_is_the_first_run_and_the_regions_on_its_grid(folder):
    anatomy = anatomy_of(folder)
    betas = nibabel.load(folder / "run-1.nii.gz").get_fdata()
    np.testing.assert_allclose(anatomy.image, np.abs(betas).mean(axis=3), rtol=1e-12)
    assert anatomy.about == "Mean magnitude of 4 betas, run 1"
    assert (anatomy.grid.shape, anatomy.regions["V1"].inside.sum()) == ((4, 4, 4), 27)
    np.testing.assert_array_equal(anatomy.grid.affine, AFFINE)


def test_anatomy_refuses_a_mask_of_another_grid_as_the_analysis_does(folder):
    other = nibabel.Nifti1Image(np.ones((4, 4, 4), dtype=np.uint8), np.diag([2.0, 2.0, 2.0, 1.0]))
    nibabel.save(other, folder / "mask.nii.gz")
    with pytest.raises(GridError, match=r"mask\.nii\.gz"):
        anatomy_of(folder)


def run_of(values, mean=None):
    grid = Grid(values.shape[1:], AFFINE)
    return BetaRun("7", tuple("abcdef"), grid, lambda start, stop: values[start:stop], mean=mean)


@pytest.mark.parametrize("chunk_bytes", [1, 3 * 4 * 2 * 8 * 2, 1 << 20])
def test_mean_image_is_over_the_betas_that_are_there_whatever_the_chunks(monkeypatch, chunk_bytes):
    monkeypatch.setattr(volumes_of_betas, "CHUNK_BYTES", chunk_bytes)
    values = np.random.default_rng(0).normal(size=(6, 3, 4, 2))
    values[0, 1, 1, 1] = np.nan
    values[:, 2, 2, 0] = np.nan
    image, about = mean_image(run_of(values))
    assert np.isnan(image[2, 2, 0]) and np.isnan(image).sum() == 1  # not measured, which is not 0
    expected = np.ma.masked_invalid(np.abs(values)).mean(axis=0).filled(np.nan)
    np.testing.assert_allclose(image, expected, rtol=1e-12)
    assert about == "Mean magnitude of 6 betas, run 7"


def test_mean_image_is_the_measured_signal_where_there_is_one():
    signal = np.full((3, 4, 2), 500.0)
    image, about = mean_image(run_of(np.zeros((6, 3, 4, 2)), mean=lambda: signal))
    assert image is signal
    assert about == "Mean of the measured signal, run 7"


def test_rows_in_the_settings_are_a_stimulus_table(tmp_path):
    rows = [{"stimulus": "b", "category": "x"}, {"stimulus": "a"}]
    table = checked_stimuli(tmp_path / "none", rows, with_images=False)
    assert table["stimulus"].tolist() == ["b", "a"]
    assert stimuli_of_rows(rows)["category"].isna().tolist() == [False, True]


def test_subset_of_an_embedding_keeps_each_image_with_its_label():
    embedding = Embedding(np.arange(8.0).reshape(4, 2), tuple(LABELS))
    assert embedding.subset(["d", "b"]).values[:, 0].tolist() == [6.0, 2.0]
