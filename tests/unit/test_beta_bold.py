"""Betas of raw BOLD: the model finds what was put in, and faults of events are named."""

from __future__ import annotations

import nibabel
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import FirstLevelModel, make_first_level_design_matrix

from damage import flipped
from isoprune.errors import BetasError, LabelError, MissingFileError, UnreadableFileError
from isoprune.io.betas import beta_files, beta_runs
from isoprune.io.betas.bold import bold_inputs, fit_run, fitted_files
from isoprune.io.betas.events import events_from_volume_labels, read_events

SHAPE, AFFINE, TR, N = (3, 4, 2), np.diag([-3.0, 3, 3, 1]), 2.0, 120
# More than ten conditions: sorted by name, the eleventh would come second.
NAMES = tuple(f"c{number}" for number in range(11))
SETTINGS = {
    "format": "bold",
    "images": "bold_{run}.nii.gz",
    "runs": ("1",),
    "glm": {"tr": TR, "events": "events_{run}.tsv", "noise_model": "ols", "drift": "none"},
}


def write_events(root, events):
    events.to_csv(root / "events_1.tsv", sep="\t", index=False)


def write_bold(root, values):
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), root / "bold_1.nii.gz")


@pytest.fixture
def run(tmp_path):
    """BOLD without noise, made of a known response to each condition; outside, one voxel is 0, one constant."""
    rng = np.random.default_rng(0)
    order = [NAMES[i] for i in (10, *range(10))]
    events = pd.DataFrame({"onset": 4.0 + 20 * np.arange(11), "duration": 2.0, "trial_type": order})
    design = make_first_level_design_matrix(TR * np.arange(N), events, drift_model=None)
    responses = rng.normal(size=(11, *SHAPE))
    values = 500 + np.tensordot(design[order].to_numpy(), responses, axes=1)
    values[:, 0, 0, 0], values[:, 1, 0, 0] = 0, 77
    write_bold(tmp_path, np.moveaxis(values, 0, -1))
    write_events(tmp_path, events)
    fitted = np.ones(SHAPE, dtype=bool)
    fitted[0, 0, 0] = fitted[1, 0, 0] = False
    return tmp_path, order, responses * 100 / values[:, fitted].mean(), fitted


def fit(root, **glm):
    settings = {**SETTINGS, "glm": {**SETTINGS["glm"], **glm}}
    fit_run(settings, "01", "1", root, root / "fitted")
    (run,) = beta_runs(settings, "01", root / "fitted")
    return run


@pytest.mark.parametrize("method", ["condition", "all"])
def test_the_model_finds_the_responses_that_were_put_in(run, method):
    root, order, responses, fitted = run
    found = fit(root, method=method)
    assert found.conditions == tuple(order)
    values = found.read(0, 11)
    np.testing.assert_allclose(values[:, fitted], responses[:, fitted], rtol=0, atol=1e-9)
    assert np.isnan(values[:, ~fitted]).all()
    assert (found.n_residuals, found.residual_df) == (N, N - 12)
    residuals = found.residuals(0, N)
    assert np.abs(residuals[:, fitted]).max() < 1e-6 and np.isnan(residuals[:, ~fitted]).all()
    assert abs(found.mean()[fitted].mean() - 100) < 1e-4


def test_separate_models_give_a_beta_a_trial_and_equal_plain_least_squares(run):
    root, _, _, fitted = run
    events = read_events(root / "events_1.tsv")
    found = fit(root, method="separate").read(0, 11)
    bold = np.moveaxis(nibabel.load(root / "bold_1.nii.gz").get_fdata(), -1, 0)[:, fitted]
    bold = bold * (100 / bold.mean())
    for trial in (0, 7):
        own = ["own" if number == trial else "others" for number in range(11)]
        design = make_first_level_design_matrix(
            TR * np.arange(N), events.assign(trial_type=own), drift_model=None
        )
        expected = np.linalg.lstsq(design.to_numpy(), bold, rcond=None)[0][list(design.columns).index("own")]
        np.testing.assert_allclose(found[trial][fitted], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("noise_model", ["ols", "ar1"])
def test_betas_and_residuals_are_those_of_nilearns_first_level_model(run, noise_model):
    root, _, _, fitted = run
    noise = np.cumsum(np.random.default_rng(1).normal(size=(*SHAPE, N)), axis=-1)
    bold = nibabel.load(root / "bold_1.nii.gz").get_fdata() + noise * fitted[..., None]
    write_bold(root, bold)
    found = fit(root, noise_model=noise_model, drift="cosine")
    scaled = nibabel.Nifti1Image(bold * (100 / bold[fitted].mean()), AFFINE)
    mask = nibabel.Nifti1Image(fitted.astype(np.uint8), AFFINE)
    model = FirstLevelModel(
        t_r=TR, noise_model=noise_model, signal_scaling=False, mask_img=mask, minimize_memory=False
    ).fit(scaled, read_events(root / "events_1.tsv"))
    for name, values in zip(found.conditions, found.read(0, 11), strict=True):
        expected = model.compute_contrast(name, output_type="effect_size").get_fdata()
        np.testing.assert_allclose(values[fitted], expected[fitted], rtol=0, atol=1e-9)
    expected = np.moveaxis(model.residuals[0].get_fdata(), -1, 0)
    np.testing.assert_allclose(found.residuals(0, N)[:, fitted], expected[:, fitted], rtol=0, atol=1e-5)


def test_trials_of_a_condition_are_one_beta_or_one_each(run):
    root, *_ = run
    events = read_events(root / "events_1.tsv")
    write_events(root, events.assign(trial_type=["a", "b", "a", *"cccccccc"]))
    assert fit(root).conditions == ("a", "b", "c")
    for method in ("all", "separate"):
        found = fit(root, method=method)
        assert found.conditions == ("a", "b", "a", *"cccccccc")
        assert found.read(0, 11).shape[0] == 11


def test_a_mask_is_on_the_grid_and_bounds_what_is_fitted(run):
    root, *_ = run
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[2], mask[0, 0, 0] = 1, 1
    nibabel.save(nibabel.Nifti1Image(mask, AFFINE), root / "mask.nii")
    fitted = np.isfinite(fit(root, mask="mask.nii").read(0, 1)[0])
    mask[0, 0, 0] = 0
    np.testing.assert_array_equal(fitted, mask != 0)
    nibabel.save(nibabel.Nifti1Image(mask, -AFFINE), root / "mask.nii")
    with pytest.raises(BetasError, match=r"a mask of 3×4×2 voxels on another grid than"):
        fit(root, mask="mask.nii")


def test_conditions_may_be_called_as_nilearn_calls_its_own(run):
    root, *_ = run
    events = read_events(root / "events_1.tsv")
    write_events(root, events.assign(trial_type=["constant", "drift_1", "1e3", *"abcdefgh"]))
    found = fit(root, drift="cosine")
    assert found.conditions[:3] == ("constant", "drift_1", "1e3")


def test_inputs_and_results_are_listed(run):
    root, *_ = run
    assert bold_inputs(SETTINGS, "01", "1", root) == [root / "bold_1.nii.gz", root / "events_1.tsv"]
    fit(root)
    listed = beta_files(SETTINGS, "01", root / "fitted")
    assert all(path.is_file() for path in listed)
    listed[0].unlink()
    with pytest.raises(MissingFileError, match=r"Fit the run's first-level model first"):
        beta_runs(SETTINGS, "01", root / "fitted")


@pytest.mark.filterwarnings("ignore:Matrix is singular")
def test_faulty_events_are_named(run):
    root, *_ = run
    events = read_events(root / "events_1.tsv")
    write_events(root, events.assign(onset=events["onset"] + 200))
    with pytest.raises(BetasError, match=r"9 events start after its end at 240 s, the first of 'c1'"):
        fit(root)
    write_events(root, events.assign(onset=4.0))
    with pytest.raises(BetasError, match=r"a model of 12 regressors and rank 2 for 120 volumes"):
        fit(root)
    write_events(root, events.iloc[:0])
    with pytest.raises(BetasError, match="no event"):
        fit(root)
    write_events(root, events.assign(onset=["x", *["1"] * 10]))
    with pytest.raises(UnreadableFileError, match=r"row 1: onset 'x'; expected seconds"):
        fit(root)
    write_events(root, events.assign(trial_type=[" ", *["a"] * 10]))
    with pytest.raises(LabelError, match=r"row 1 has no condition"):
        fit(root)
    write_events(root, events.drop(columns="duration"))
    with pytest.raises(BetasError, match="expected a column `duration`"):
        fit(root)


def test_labels_of_volumes_become_events_of_their_run():
    labels = ["rest", "face", "face", "cat", "cat", "rest", "face", "face"]
    found = events_from_volume_labels(labels, ["0"] * 6 + ["1"] * 2, 2.5)
    volumes, events = found["0"]
    assert (volumes.start, volumes.stop) == (0, 6)
    assert events.to_dict("list") == {
        "onset": [2.5, 7.5],
        "duration": [5.0, 5.0],
        "trial_type": ["face", "cat"],
    }
    volumes, events = found["1"]
    assert (volumes.start, volumes.stop) == (6, 8)
    assert events.to_dict("list") == {"onset": [0.0], "duration": [5.0], "trial_type": ["face"]}
    with pytest.raises(BetasError, match="the 2 volumes of run '0' lie apart"):
        events_from_volume_labels(["a", "b", "c"], ["0", "1", "0"], 2.5)


def test_labels_must_be_as_many_as_volumes(run):
    root, *_ = run
    (root / "labels.txt").write_text("rest 1\n" * 100)
    settings = {**SETTINGS, "images": "bold_1.nii.gz", "glm": {"tr": TR, "volume_labels": "labels.txt"}}
    with pytest.raises(BetasError, match=r"120 volumes, and 100 lines in '.*labels\.txt'"):
        fit_run(settings, "01", "1", root, root / "fitted")
    (root / "labels.txt").write_text("rest\n" * 120)
    with pytest.raises(UnreadableFileError, match=r"line 1, 2, .* has not two words"):
        fit_run(settings, "01", "1", root, root / "fitted")


@pytest.mark.parametrize("file", ["betas", "conditions", "residuals", "mean", "model"])
def test_what_a_fitted_run_left_is_read_only_as_it_was_written(run, file):
    root, *_ = run
    fit(root)
    path = getattr(fitted_files(root / "fitted", "01", "1"), file)
    content = path.read_bytes()
    path.write_bytes(flipped(content, len(content) // 2, 1))
    with pytest.raises(UnreadableFileError, match=rf"{path.name}: its content is not what was written"):
        beta_runs(SETTINGS, "01", root / "fitted")
