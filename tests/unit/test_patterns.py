"""Patterns: the right voxels of the right volumes, and nothing turned into zero."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from rsatoolbox.data.dataset import load_dataset

from isoprune.errors import BetasError, GridError, LabelError, RoiError, UnreadableFileError
from isoprune.io import betas as betas_module
from isoprune.io.patterns import read_patterns, write_patterns
from isoprune.labelled import Patterns
from isoprune.patterns import centre_runs, extract_patterns, mean_patterns

SHAPE, LABELS = (6, 5, 4), ("img_10", "img_2", "img_1", "Zebra")
AFFINE = np.array([[1.9, 0.3, 0, -10], [-0.3, 1.9, 0.1, -20], [0, -0.1, 2, 5], [0, 0, 0, 1.0]])


def nifti(path, values, affine=AFFINE):
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


class Subject:
    """Two runs of four conditions in a folder, and two masks."""

    def __init__(self, folder):
        generator = np.random.default_rng(0)
        self.folder = folder
        self.values = generator.normal(size=(2, *SHAPE, 4)).astype(np.float32)
        self.conditions = [["img_2", "img_10", "Zebra", "img_1"], ["Zebra", "img_1", "img_2", "img_10"]]
        self.inside = {roi: generator.random(SHAPE) < share for roi, share in (("IT", 0.5), ("EVC", 0.3))}

    def files(self):
        runs = []
        for run, (values, conditions) in enumerate(zip(self.values, self.conditions, strict=True)):
            betas = nifti(self.folder / f"run-{run}.nii.gz", values)
            table = self.folder / f"run-{run}.tsv"
            table.write_text("condition\n" + "\n".join(conditions) + "\n")
            runs.append((betas, table))
        masks = {
            roi: nifti(self.folder / f"{roi}.nii.gz", inside.astype(np.uint8))
            for roi, inside in self.inside.items()
        }
        return runs, masks

    def extract(self, **settings):
        runs, masks = self.files()
        return extract_patterns(runs, masks, labels=LABELS, subject="03", **settings)


@pytest.fixture(autouse=True)
def no_garbage_collection(monkeypatch):
    # nilearn collects garbage at every access to an image, a fifth of a second each time.
    monkeypatch.setattr("gc.collect", lambda *generation: 0)


@pytest.fixture
def subject(tmp_path):
    return Subject(tmp_path)


def test_patterns_are_the_voxels_of_the_mask(subject):
    patterns = subject.extract()
    assert list(patterns) == ["IT", "EVC"]
    for roi, inside in subject.inside.items():
        expected = np.concatenate([values[inside].T for values in subject.values]).astype(np.float64)
        np.testing.assert_array_equal(patterns[roi].values, expected)
        assert patterns[roi].values.dtype == np.float64
        assert patterns[roi].conditions == tuple(subject.conditions[0] + subject.conditions[1])
        assert patterns[roi].runs == (1, 1, 1, 1, 2, 2, 2, 2)
        n = int(inside.sum())
        assert patterns[roi].counts == {
            "n_voxels_in_mask": n,
            "n_voxels_on_grid": n,
            "n_dropped_non_finite": 0,
            "n_dropped_constant": 0,
            "n_voxels": n,
        }


def test_nan_voxels_are_dropped_and_counted_never_zero(subject):
    places = np.argwhere(subject.inside["IT"])[:3]
    subject.values[(0, *places[0], 2)] = np.nan
    subject.values[(1, *places[1], 0)] = np.inf
    subject.values[(1, *places[2])] = np.nan
    patterns = subject.extract()["IT"]
    clean = subject.inside["IT"].copy()
    clean[tuple(places.T)] = False
    np.testing.assert_array_equal(patterns.values[4:], subject.values[1][clean].T)
    assert patterns.counts["n_dropped_non_finite"] == 3
    assert patterns.counts["n_voxels"] == clean.sum() == patterns.values.shape[1]
    assert not (patterns.values == 0).any()


def test_voxels_that_do_not_vary_in_a_run_are_dropped_and_counted(subject):
    places = np.argwhere(subject.inside["IT"])[:3]
    subject.values[(slice(None), *places[0])] = 0
    subject.values[(1, *places[1])] = 7.5
    subject.values[(1, *places[2])] = 0
    subject.values[(0, *places[2], 0)] = np.nan
    counts = subject.extract()["IT"].counts
    assert (counts["n_dropped_constant"], counts["n_dropped_non_finite"]) == (2, 1)


def test_voxels_that_do_not_vary_over_runs_of_one_volume_are_dropped(subject):
    runs, masks = subject.files()
    place = tuple(np.argwhere(subject.inside["IT"])[0])
    for number, (betas, table) in enumerate(runs):
        values = subject.values[number][..., :1]
        values[place] = 3.0
        nifti(betas, values)
        table.write_text(f"condition\n{LABELS[number]}\n")
    counts = extract_patterns(runs, masks, labels=LABELS[:2], subject="03")["IT"].counts
    assert counts["n_dropped_constant"] == 1


def test_voxels_that_one_run_does_not_reach_are_dropped_and_counted(subject):
    runs, masks = subject.files()
    cut = AFFINE.copy()
    cut[:3, 3] += AFFINE[:3, 0]
    nifti(runs[1][0], subject.values[1][1:], cut)
    patterns = extract_patterns(runs, masks, labels=LABELS, subject="03")["IT"]
    assert patterns.counts["n_dropped_non_finite"] == subject.inside["IT"][0].sum() > 0
    inside = subject.inside["IT"].copy()
    inside[0] = False
    np.testing.assert_array_equal(patterns.values[4:], subject.values[1][inside].T)


def test_permuting_volumes_with_their_table_changes_nothing(subject):
    before = mean_patterns(subject.extract()["IT"], LABELS)
    order = [2, 0, 3, 1]
    subject.values[1] = subject.values[1][..., order]
    subject.conditions[1] = [subject.conditions[1][volume] for volume in order]
    np.testing.assert_allclose(mean_patterns(subject.extract()["IT"], LABELS), before, rtol=0, atol=1e-15)


def test_a_run_stored_in_another_voxel_order_changes_nothing(subject):
    before = subject.extract()["IT"]
    runs, masks = subject.files()
    mirror = np.diag([-1.0, 1, 1, 1])
    mirror[0, 3] = SHAPE[0] - 1
    nifti(runs[1][0], subject.values[1][::-1], AFFINE @ mirror)
    nifti(masks["IT"], subject.inside["IT"][::-1].astype(np.uint8), AFFINE @ mirror)
    after = extract_patterns(runs, masks, labels=LABELS, subject="03")["IT"]
    np.testing.assert_array_equal(after.values, before.values)


def test_each_betas_file_is_read_once(subject, monkeypatch):
    reads, read = [], betas_module.read_nifti
    monkeypatch.setattr(betas_module, "read_nifti", lambda path: reads.append(str(path)) or read(path))
    subject.extract()
    assert len([path for path in reads if "run-" in path]) == 2


def test_conditions_and_stimuli_must_be_the_same(subject):
    subject.conditions[0][1] = "img_01"
    message = (
        r"run-0\.tsv: 1 condition\(s\) that are no stimulus: img_01; .*Is 'img_10' meant|Is 'img_1' meant"
    )
    with pytest.raises(LabelError, match=message):
        subject.extract()
    subject.conditions = [["img_2", "img_1", "Zebra", "img_1"]] * 2
    with pytest.raises(
        LabelError, match=r"betas of subject '03': no volume of 1 stimuli: img_10; .*of 2 run"
    ):
        subject.extract()


def test_stimuli_may_be_spread_over_runs(subject):
    subject.conditions = [["img_2", "img_10", "img_2", "img_10"], ["Zebra", "img_1", "Zebra", "img_1"]]
    patterns = subject.extract()["IT"]
    expected = subject.values[0][subject.inside["IT"]].T[[1, 3]].astype(np.float64).mean(axis=0)
    np.testing.assert_array_equal(mean_patterns(patterns, LABELS)[0], expected)


def test_too_few_voxels_are_refused_with_their_counts(subject):
    places = np.argwhere(subject.inside["IT"])
    subject.values[(0, *places[0], 0)] = np.nan
    n = len(places)
    message = (
        rf"ROI 'IT' of subject '03': {n - 1} usable of {n} voxels \({n} on the betas' grid; 1 not finite, "
        rf"0 constant\); expected at least {n}\. .*lower `roi\.min_voxels`"
    )
    subject.inside = {"IT": subject.inside["IT"]}
    with pytest.raises(RoiError, match=message):
        subject.extract(min_voxels=n)
    assert subject.extract(min_voxels=n - 1)["IT"].values.shape[1] == n - 1


def test_another_number_of_volumes_is_refused(subject):
    subject.conditions[1].append("img_1")
    with pytest.raises(BetasError, match=r"run-1\.nii\.gz: 4 volumes, and 5 rows"):
        subject.extract()


def test_runs_of_different_grids_are_refused(subject):
    runs, masks = subject.files()
    nifti(runs[1][0], subject.values[1], np.diag([3.0, 3, 3, 1]))
    with pytest.raises(
        GridError, match=r"run-1\.nii\.gz: this run's grid 6×5×4 @ 3 mm, betas 6×5×4 @ .*realign"
    ):
        extract_patterns(runs, masks, labels=LABELS, subject="03")


def test_no_run_and_no_mask_are_named(subject):
    runs, masks = subject.files()
    with pytest.raises(BetasError, match="subject '03': no run"):
        extract_patterns([], masks, labels=LABELS, subject="03")
    with pytest.raises(RoiError, match="subject '03': no mask"):
        extract_patterns(runs, {}, labels=LABELS, subject="03")


def test_mean_patterns_follow_the_order_asked_for(subject):
    patterns = subject.extract()["EVC"]
    means = mean_patterns(patterns, LABELS)
    for label, mean in zip(LABELS, means, strict=True):
        rows = [row for row, condition in enumerate(patterns.conditions) if condition == label]
        np.testing.assert_allclose(mean, patterns.values[rows].mean(axis=0), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(mean_patterns(patterns, LABELS[::-1]), means[::-1])
    with pytest.raises(LabelError, match=r"ROI 'EVC' of subject '03': has 1 label\(s\) .* lacks: Zebra"):
        mean_patterns(patterns, LABELS[:3])


def test_centring_runs_removes_what_a_run_adds(subject):
    before = mean_patterns(subject.extract()["IT"], LABELS, run_centre=True)
    subject.values[1] += np.random.default_rng(5).normal(size=SHAPE).astype(np.float32)[..., np.newaxis]
    shifted = subject.extract()["IT"]
    np.testing.assert_allclose(mean_patterns(shifted, LABELS, run_centre=True), before, rtol=0, atol=1e-6)
    assert np.abs(mean_patterns(shifted, LABELS) - before).max() > 0.1
    np.testing.assert_allclose(centre_runs(shifted).values[4:].mean(axis=0), 0, atol=1e-15)


def test_centring_a_run_of_one_condition_is_refused():
    patterns = Patterns(np.eye(3), ("a", "b", "c"), (1, 1, 2), "IT", "03")
    with pytest.raises(
        BetasError, match="run 2 has the single condition 'c'; expected at least two conditions"
    ):
        mean_patterns(patterns, ("a", "b", "c"), run_centre=True)


def test_patterns_refuse_wrong_shapes_and_nan():
    with pytest.raises(BetasError, match=r"shape \(3, 3\) with 2 conditions and 3 runs"):
        Patterns(np.eye(3), ("a", "b"), (1, 1, 1))
    with pytest.raises(BetasError, match=r"NaN or infinite values in 1 voxel\(s\)"):
        Patterns(np.array([[1.0, np.nan], [1, 2]]), ("a", "b"), (1, 1))


def test_patterns_come_back_from_their_file(subject, tmp_path):
    patterns = subject.extract()["IT"]
    odd = Patterns(
        patterns.values, ("Käfer 5%",) * 8, patterns.runs, "IT", "03", patterns.counts, patterns.provenance
    )
    write_patterns(tmp_path / "p.h5", odd)
    back = read_patterns(tmp_path / "p.h5")
    np.testing.assert_array_equal(back.values, odd.values)
    for name in ("conditions", "runs", "roi", "subject", "counts", "provenance"):
        assert getattr(back, name) == getattr(odd, name)
    theirs = load_dataset(str(tmp_path / "p.h5"), file_type="hdf5")
    np.testing.assert_array_equal(theirs.measurements, odd.values)
    assert list(theirs.obs_descriptors["run"]) == list(odd.runs)
    first = (tmp_path / "p.h5").read_bytes()
    write_patterns(tmp_path / "p.h5", odd)
    assert (tmp_path / "p.h5").read_bytes() == first
    (tmp_path / "p.h5").write_bytes(first[:-100])
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        read_patterns(tmp_path / "p.h5")


def test_provenance_names_every_input_by_content(subject):
    first, second = subject.extract(), subject.extract()
    assert first["IT"].provenance == second["IT"].provenance
    inputs = first["IT"].provenance["inputs_sha256"]
    assert set(inputs) == {"betas_run-1", "betas_run-2", "conditions_run-1", "conditions_run-2", "mask"}
    assert inputs["mask"] != first["EVC"].provenance["inputs_sha256"]["mask"]
