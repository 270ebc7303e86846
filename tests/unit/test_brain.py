"""One subject from files of betas to RDMs, through the one door that the workflow uses."""

import nibabel
import numpy as np
import pytest

from isoprune.brain import subject_brain
from isoprune.config import load
from isoprune.errors import NoRegionError
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


def test_rows_in_the_settings_are_a_stimulus_table(tmp_path):
    rows = [{"stimulus": "b", "category": "x"}, {"stimulus": "a"}]
    table = checked_stimuli(tmp_path / "none", rows, with_images=False)
    assert table["stimulus"].tolist() == ["b", "a"]
    assert stimuli_of_rows(rows)["category"].isna().tolist() == [False, True]


def test_subset_of_an_embedding_keeps_each_image_with_its_label():
    embedding = Embedding(np.arange(8.0).reshape(4, 2), tuple(LABELS))
    assert embedding.subset(["d", "b"]).values[:, 0].tolist() == [6.0, 2.0]
