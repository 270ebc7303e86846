"""Betas of real BOLD: one slice, one subject, 12 runs of eight categories, labelled volume by volume."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix

from isoprune.io.betas import beta_runs
from isoprune.io.betas.bold import fit_run
from isoprune.io.betas.events import events_from_volume_labels, read_volume_labels

DATA = Path(__file__).parents[2] / "../shared/data/haxby2001"
CATEGORIES = {"bottle", "cat", "chair", "face", "house", "scissors", "scrambledpix", "shoe"}
SETTINGS = {
    "format": "bold",
    "images": "bold.nii.gz",
    "runs": ("0", "1", "11"),
    "glm": {
        "tr": 2.5,
        "volume_labels": "attributes_literal.txt",
        "mask": "mask.nii.gz",
        "noise_model": "ols",
    },
}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data are not at {DATA}")


def fitted(folder, runs=SETTINGS["runs"], **glm):
    settings = {**SETTINGS, "runs": runs, "glm": {**SETTINGS["glm"], **glm}}
    for run in settings["runs"]:
        fit_run(settings, "01", run, DATA, folder)
    return beta_runs(settings, "01", folder)


def test_labels_of_volumes_give_eight_blocks_a_run():
    labels, runs = read_volume_labels(DATA / "attributes_literal.txt")
    found = events_from_volume_labels(labels, runs, 2.5)
    assert list(found) == [str(run) for run in range(12)]
    for number, (volumes, events) in enumerate(found.values()):
        assert (volumes.start, volumes.stop) == (121 * number, 121 * (number + 1))
        assert sorted(events["trial_type"]) == sorted(CATEGORIES)
        assert set(events["duration"]) == {22.5}


def test_betas_of_a_run_are_those_of_plain_least_squares(tmp_path):
    mask = nibabel.load(DATA / "mask.nii.gz").get_fdata() != 0
    bold = nibabel.load(DATA / "bold.nii.gz").get_fdata()
    found = events_from_volume_labels(*read_volume_labels(DATA / "attributes_literal.txt"), 2.5)
    for run in fitted(tmp_path):
        volumes, events = found[run.label]
        design = make_first_level_design_matrix(2.5 * np.arange(121), events, high_pass=0.01)
        signal = bold[mask][:, volumes].T
        signal = signal * (100 / signal.mean())
        estimates, *_ = np.linalg.lstsq(design.to_numpy(), signal, rcond=None)
        rows = [list(design.columns).index(name) for name in run.conditions]
        values = run.read(0, 8)
        np.testing.assert_allclose(values[:, mask], estimates[rows], rtol=0, atol=1e-9)
        assert np.isnan(values[:, ~mask]).all() and set(run.conditions) == CATEGORIES
        residuals = signal - design.to_numpy() @ estimates
        np.testing.assert_allclose(run.residuals(0, 121)[:, mask], residuals, rtol=0, atol=1e-5)
        assert run.residual_df == 121 - design.shape[1]
        np.testing.assert_allclose(run.mean()[mask], signal.mean(axis=0), rtol=1e-6)


def test_with_one_block_a_category_all_trials_are_all_conditions(tmp_path):
    conditions = fitted(tmp_path / "condition", noise_model="ar1")
    trials = fitted(tmp_path / "all", noise_model="ar1", method="all")
    for first, second in zip(conditions, trials, strict=True):
        assert first.conditions == second.conditions
        np.testing.assert_array_equal(first.read(0, 8), second.read(0, 8))


def test_categories_are_told_apart_in_other_runs(tmp_path):
    runs = fitted(tmp_path, runs=tuple(str(run) for run in range(12)))
    inside = np.isfinite(runs[0].read(0, 1)[0])
    assert inside.sum() == 530
    order = [[run.conditions.index(name) for name in sorted(CATEGORIES)] for run in runs]
    patterns = np.array([run.read(0, 8)[rows][:, inside] for run, rows in zip(runs, order, strict=True)])
    patterns -= patterns.mean(axis=1, keepdims=True)
    r = np.corrcoef(patterns[::2].mean(axis=0), patterns[1::2].mean(axis=0))[:8, 8:]
    # Measured: .30 for the same category in even and odd runs, -.04 for different ones.
    assert np.diagonal(r).mean() > 0.2
    assert r[~np.eye(8, dtype=bool)].mean() < 0
