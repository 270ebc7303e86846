"""Patterns: the right voxels of the right volumes, and nothing turned into zero."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from rsatoolbox.data.dataset import load_dataset

from isoprune.errors import (
    BetasError,
    ConfigError,
    GridError,
    LabelError,
    RoiError,
    UnknownNameError,
    UnreadableFileError,
)
from isoprune.extraction import extract_patterns, patterns_from_files
from isoprune.io.patterns import read_patterns, write_patterns
from isoprune.io.volumes import BetaRun, Grid, Region
from isoprune.labelled import Patterns
from isoprune.patterns import centre_runs, mean_patterns, zscore_runs
from isoprune.voxels import VoxelSelection

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
        return patterns_from_files(runs, masks, labels=LABELS, subject="03", **settings)


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
        assert patterns[roi].runs == ("1",) * 4 + ("2",) * 4
        n = int(inside.sum())
        assert patterns[roi].counts == {
            "n_voxels_in_mask": n,
            "n_voxels_on_grid": n,
            "n_dropped_non_finite": 0,
            "n_dropped_constant": 0,
            "n_not_selected": 0,
            "n_not_drawn": 0,
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
    counts = patterns_from_files(runs, masks, labels=LABELS[:2], subject="03")["IT"].counts
    assert counts["n_dropped_constant"] == 1


def test_voxels_that_one_run_does_not_reach_are_dropped_and_counted(subject):
    runs, masks = subject.files()
    cut = AFFINE.copy()
    cut[:3, 3] += AFFINE[:3, 0]
    nifti(runs[1][0], subject.values[1][1:], cut)
    patterns = patterns_from_files(runs, masks, labels=LABELS, subject="03")["IT"]
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
    after = patterns_from_files(runs, masks, labels=LABELS, subject="03")["IT"]
    np.testing.assert_array_equal(after.values, before.values)


def test_conditions_and_stimuli_must_be_the_same(subject):
    subject.conditions[0][1] = "img_01"
    message = r"run '1' .*run-0\.tsv\): 1 condition\(s\) that are no stimulus: img_01; .*Is 'img_10?' meant"
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
        GridError, match=r"run '2' .*run-1\.nii\.gz.*: this run's grid 6×5×4 @ 3 mm, betas 6×5×4 @ .*realign"
    ):
        patterns_from_files(runs, masks, labels=LABELS, subject="03")


def test_no_run_and_no_mask_are_named(subject):
    runs, masks = subject.files()
    with pytest.raises(BetasError, match="subject '03': no run"):
        patterns_from_files([], masks, labels=LABELS, subject="03")
    with pytest.raises(RoiError, match="subject '03': no mask"):
        patterns_from_files(runs, {}, labels=LABELS, subject="03")


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
    before = mean_patterns(centre_runs(subject.extract()["IT"]), LABELS)
    subject.values[1] += np.random.default_rng(5).normal(size=SHAPE).astype(np.float32)[..., np.newaxis]
    shifted = subject.extract()["IT"]
    np.testing.assert_allclose(mean_patterns(centre_runs(shifted), LABELS), before, rtol=0, atol=1e-6)
    assert np.abs(mean_patterns(shifted, LABELS) - before).max() > 0.1
    np.testing.assert_allclose(centre_runs(shifted).values[4:].mean(axis=0), 0, atol=1e-15)


def test_centring_a_run_of_one_condition_is_refused():
    patterns = Patterns(np.eye(3), ("a", "b", "c"), (1, 1, 2), "IT", "03")
    with pytest.raises(
        BetasError, match="run '2' has the single condition 'c'; expected at least two conditions"
    ):
        centre_runs(patterns)


def test_patterns_refuse_wrong_shapes_and_nan():
    with pytest.raises(BetasError, match=r"shape \(3, 3\) with 2 conditions and 3 runs"):
        Patterns(np.eye(3), ("a", "b"), (1, 1, 1))
    with pytest.raises(BetasError, match=r"NaN or infinite values in 1 voxel\(s\)"):
        Patterns(np.array([[1.0, np.nan], [1, 2]]), ("a", "b"), (1, 1))


def test_patterns_come_back_from_their_file(subject, tmp_path):
    patterns = subject.extract()["IT"]
    odd = replace(
        patterns,
        conditions=("Käfer 5%",) * 8,
        runs=("früh",) * 8,
        selection="die besten",
        tsnr=np.arange(patterns.values.shape[1], dtype=float),
    )
    write_patterns(tmp_path / "p.h5", odd)
    back = read_patterns(tmp_path / "p.h5")
    np.testing.assert_array_equal(back.values, odd.values)
    np.testing.assert_array_equal(back.voxels, np.flatnonzero(subject.inside["IT"]))
    np.testing.assert_array_equal(back.tsnr, odd.tsnr)
    for name in ("conditions", "runs", "roi", "subject", "counts", "provenance", "selection"):
        assert getattr(back, name) == getattr(odd, name)
    theirs = load_dataset(str(tmp_path / "p.h5"), file_type="hdf5")
    np.testing.assert_array_equal(theirs.measurements, odd.values)
    assert list(theirs.obs_descriptors["run"]) == ["fr%C3%BCh"] * 8
    first = (tmp_path / "p.h5").read_bytes()
    write_patterns(tmp_path / "p.h5", odd)
    assert (tmp_path / "p.h5").read_bytes() == first
    (tmp_path / "p.h5").write_bytes(first[:-100])
    with pytest.raises(UnreadableFileError, match="its content is not what was written"):
        read_patterns(tmp_path / "p.h5")


def test_provenance_names_every_input_by_content(subject):
    first, second = subject.extract(), subject.extract()
    assert first["IT"].provenance == second["IT"].provenance
    inputs = first["IT"].provenance["inputs_sha256"]
    assert set(inputs) == {"run-1_file-1", "run-1_file-2", "run-2_file-1", "run-2_file-2", "region_file-1"}
    assert inputs["region_file-1"] != first["EVC"].provenance["inputs_sha256"]["region_file-1"]


# ── runs and regions that are in memory ──


def run_of(values, conditions, label="1", affine=AFFINE, residuals=None, mean=None):
    """A run of volumes (n, *shape) with, perhaps, residuals and a mean image."""
    return BetaRun(
        label,
        tuple(conditions),
        Grid(values.shape[1:], affine),
        lambda start, stop: values[start:stop],
        residuals=None if residuals is None else lambda start, stop: residuals[start:stop],
        n_residuals=0 if residuals is None else len(residuals),
        residual_df=0 if residuals is None else len(residuals) - 2,
        mean=None if mean is None else lambda: mean,
    )


def region_of(inside, name="IT"):
    return Region(name, inside, int(inside.sum()))


@pytest.fixture
def volumes():
    """Four runs of four conditions with a signal, in memory, and a region of half the voxels."""
    generator = np.random.default_rng(1)
    signal = generator.normal(size=(4, *SHAPE))
    noise = generator.normal(size=(4, 4, *SHAPE))
    return signal + noise, generator.random(SHAPE) < 0.5


def extracted(runs, inside, **settings):
    return extract_patterns(runs, {"IT": region_of(inside)}, labels=LABELS, subject="03", **settings)["IT"]


def runs_of(values, **settings):
    return [run_of(one, LABELS, str(number), **settings) for number, one in enumerate(values, start=1)]


def test_volumes_are_read_once_and_in_chunks_for_all_regions(volumes, monkeypatch):
    values, inside = volumes
    monkeypatch.setattr("isoprune.region_values._CHUNK_BYTES", 3 * 8 * int(np.prod(SHAPE)))
    reads = []

    def read(start, stop):
        reads.append((start, stop))
        return values[0][start:stop]

    run = BetaRun("1", LABELS, Grid(SHAPE, AFFINE), read)
    regions = {"IT": region_of(inside), "EVC": region_of(~inside, "EVC")}
    patterns = extract_patterns([run], regions, labels=LABELS, subject="03")
    assert reads == [(0, 3), (3, 4)]
    np.testing.assert_array_equal(patterns["EVC"].values, values[0][:, ~inside])
    np.testing.assert_array_equal(patterns["EVC"].voxels, np.flatnonzero(~inside))


def test_finite_values_are_those_of_nilearns_masker(volumes):
    from nilearn.maskers import NiftiMasker

    values, inside = volumes
    mask = nibabel.Nifti1Image(inside.astype(np.uint8), AFFINE)
    image = nibabel.Nifti1Image(np.moveaxis(values[0], 0, 3), AFFINE)
    theirs = NiftiMasker(mask_img=mask, standardize=None).fit().transform(image)
    np.testing.assert_array_equal(extracted(runs_of(values[:1]), inside).values, theirs)


def test_vertices_of_a_surface_are_voxels_without_a_place(volumes):
    values, inside = volumes
    flat = values.reshape(4, 4, -1)
    patterns = extracted(runs_of(flat, affine=None), inside.ravel())
    np.testing.assert_array_equal(patterns.values, extracted(runs_of(values), inside).values)
    runs = [run_of(flat[0], LABELS, "1", None), run_of(flat[1][:, 1:], LABELS, "2", None)]
    with pytest.raises(GridError, match="run '2': 119 vertices or voxels; expected 120"):
        extracted(runs, inside.ravel())


def test_a_region_that_a_subject_lacks_is_no_error_and_is_shown(volumes):
    from isoprune.quality import region_table, voxel_table

    values, inside = volumes
    patterns = extract_patterns(runs_of(values), {"IT": region_of(inside)}, labels=LABELS, subject="03")
    table = voxel_table(patterns, ["IT", "FFA"], "03")
    assert list(table["n_voxels"].isna()) == [False, True]
    regions = region_table(table).set_index("roi")
    assert list(regions["n_subjects"]) == [1, 0]
    assert regions.loc["FFA", "lacking"] == "03"


def test_residuals_and_tsnr_are_of_the_voxels_kept(volumes):
    values, inside = volumes
    generator = np.random.default_rng(2)
    residuals = generator.normal(size=(30, *SHAPE)) * 4
    mean = generator.uniform(80, 120, SHAPE)
    lost, flat = (tuple(place) for place in np.argwhere(inside)[:2])
    residuals[(3, *lost)] = np.nan
    residuals[(slice(None), *flat)] = 0
    patterns = extracted(runs_of(values, residuals=residuals, mean=mean), inside)
    counts = patterns.counts
    assert (counts["n_dropped_non_finite"], counts["n_dropped_constant"]) == (1, 1)
    kept = inside.copy()
    kept[lost] = kept[flat] = False
    np.testing.assert_array_equal(patterns.residuals.values, np.tile(residuals[:, kept], (4, 1)))
    assert patterns.residuals.df == dict.fromkeys("1234", 28)
    expected = mean[kept] / residuals[:, kept].std(axis=0, ddof=1)
    np.testing.assert_allclose(patterns.tsnr, expected, rtol=1e-12)
    assert extracted(runs_of(values, residuals=residuals), inside, residuals=False).residuals is None


def by_hand(first, second):
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)])


def test_the_most_reliable_voxels_of_the_same_data_are_kept(volumes):
    values, inside = volumes
    patterns = extracted(runs_of(values), inside, selection=VoxelSelection(10, "same"))
    columns = values[:, :, inside]
    r = by_hand((columns[0] + columns[2]) / 2, (columns[1] + columns[3]) / 2)
    expected = np.sort(np.flatnonzero(inside)[np.argsort(-r)[:10]])
    np.testing.assert_array_equal(patterns.voxels, expected)
    assert patterns.counts["n_not_selected"] == inside.sum() - 10
    assert (
        patterns.selection
        == "the 10 most reliable voxels (split-half) in the same data that the patterns come from"
    )
    assert patterns.provenance["settings"]["selection"] == {"keep": 10, "source": "same", "runs": []}


def test_runs_that_choose_voxels_are_left_out_of_the_patterns(volumes):
    values, inside = volumes
    selection = VoxelSelection(0.25, "runs", ("1", "3"))
    patterns = extracted(runs_of(values), inside, selection=selection)
    assert set(patterns.runs) == {"2", "4"}
    columns = values[:, :, inside]
    best = np.argsort(-by_hand(columns[0], columns[2]))[: round(inside.sum() / 4)]
    np.testing.assert_array_equal(patterns.voxels, np.sort(np.flatnonzero(inside)[best]))
    values[1:4:2] *= 100
    again = extracted(runs_of(values), inside, selection=selection)
    np.testing.assert_array_equal(again.voxels, patterns.voxels)


def test_a_localiser_chooses_by_its_own_conditions(volumes):
    values, inside = volumes
    localiser = [
        run_of(values[number], ("face", "house", "tool", "word"), f"loc{number}") for number in (0, 1)
    ]
    settings = {"selection": VoxelSelection(12, "localiser"), "localiser": localiser}
    patterns = extracted(runs_of(values[2:]), inside, **settings)
    best = np.argsort(-by_hand(values[0][:, inside], values[1][:, inside]))[:12]
    np.testing.assert_array_equal(patterns.voxels, np.sort(np.flatnonzero(inside)[best]))
    assert "in the localiser" in patterns.selection


def test_a_selection_that_cannot_be_made_is_named(volumes):
    values, inside = volumes
    with pytest.raises(
        BetasError, match=r"ROI 'IT' of subject '03': 0 conditions are repeated .*repetitions"
    ):
        extracted(runs_of(values[:1]), inside, selection=VoxelSelection(10, "same"))
    with pytest.raises(UnknownNameError, match="runs that choose voxels: there is no run '9'"):
        extracted(runs_of(values), inside, selection=VoxelSelection(10, "runs", ("9",)))
    with pytest.raises(BetasError, match="all 2 runs choose voxels, and none is left"):
        extracted(runs_of(values[:2]), inside, selection=VoxelSelection(10, "runs", ("1", "2")))
    with pytest.raises(BetasError, match="no run of a localiser"):
        extracted(runs_of(values), inside, selection=VoxelSelection(10, "localiser"))
    with pytest.raises(ConfigError, match="keep 1; expected a whole number of voxels from 2"):
        VoxelSelection(1, "same")
    with pytest.raises(ConfigError, match="source 'runs' with 0 runs named"):
        VoxelSelection(10, "runs")
    with pytest.raises(RoiError, match=r"5 usable of .*, \d+ not selected\); expected at least 10"):
        extracted(runs_of(values), inside, selection=VoxelSelection(5, "same"))


def test_faulty_runs_and_regions_are_named(volumes):
    values, inside = volumes
    with pytest.raises(LabelError, match="subject '03', runs: label 1 occurs more than once"):
        extracted([run_of(values[0], LABELS), run_of(values[1], LABELS)], inside)
    with pytest.raises(GridError, match="ROI 'IT' of subject '03': a region of 5×5×4 voxels; expected 6×5×4"):
        extracted(runs_of(values), inside[1:])
    short = BetaRun("1", LABELS, Grid(SHAPE, AFFINE), lambda start, stop: values[0][:3])
    with pytest.raises(
        BetasError, match=r"run '1': volumes of shape \(3, 6, 5, 4\); expected \(4, 6, 5, 4\)"
    ):
        extracted([short], inside)


def test_zscored_runs_have_mean_0_and_variance_1(volumes):
    values, inside = volumes
    residuals = np.random.default_rng(2).normal(size=(30, *SHAPE))
    patterns = extracted(runs_of(values, residuals=residuals), inside)
    scored = zscore_runs(patterns)
    np.testing.assert_allclose(scored.values[4:8].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scored.values[4:8].std(axis=0), 1, rtol=1e-12)
    spread = values[1][:, inside].std(axis=0)
    np.testing.assert_allclose(scored.residuals.values[30:60], residuals[:, inside] / spread, rtol=1e-12)
    flat = Patterns(np.array([[1.0, 2], [1, 3], [4, 2], [2, 3]]), ("a", "b") * 2, ("1", "1", "2", "2"))
    with pytest.raises(BetasError, match=r"1 voxel\(s\) have one value in all volumes of run '1'"):
        zscore_runs(flat)


def test_the_grid_is_that_of_the_first_run_even_if_it_only_chooses_voxels(volumes):
    values, inside = volumes
    mirror = np.diag([-1.0, 1, 1, 1])
    mirror[0, 3] = SHAPE[0] - 1
    first, second, *others = runs_of(values)
    turned = [
        run_of(values[number][:, ::-1], LABELS, run.label, AFFINE @ mirror)
        for number, run in enumerate(others, start=2)
    ]
    selection = VoxelSelection(0.5, "runs", ("1", "2"))
    patterns = extracted([first, second, *turned], inside, selection=selection)
    before = extracted([first, second, *others], inside, selection=selection)
    np.testing.assert_array_equal(patterns.values, before.values)
    np.testing.assert_array_equal(patterns.voxels, before.voxels)
