"""Betas of every format: the same numbers give the same patterns, whatever they are stored in."""

from __future__ import annotations

import h5py
import nibabel
import numpy as np
import pytest
import scipy.io

from isoprune.io.betas import beta_files, beta_runs

SHAPE, AFFINE = (4, 3, 2), np.array([[-2.0, 0, 0, 10], [0, 2, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])
NAMES, RUNS = ("img_10", "img_2", "Zebra", "7"), ("1", "2")
SUBJECT = "01"


def nifti(path, values, *, slope=None, dtype=None):
    """Volumes first in ``values``; written as NIfTI wants them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.moveaxis(values, 0, -1) if values.ndim == 4 else values
    image = nibabel.Nifti1Image(stored if dtype is None else stored.astype(dtype), AFFINE)
    if slope is not None:
        image.header.set_slope_inter(slope, 0)
    nibabel.save(image, path)
    return path


def text(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def numbers():
    """Multiples of 1/300 that int16 holds: (runs, conditions, x, y, z)."""
    steps = np.random.default_rng(0).integers(-3000, 3000, size=(len(RUNS), len(NAMES), *SHAPE))
    return steps / 300


def as_nifti(root, numbers):
    for run, values in zip(RUNS, numbers, strict=True):
        nifti(root / f"sub-01_run-{run}.nii.gz", values)
        text(root / f"sub-01_run-{run}.tsv", "condition", *NAMES)
    return {
        "images": "sub-{subject}_run-{run}.nii.gz",
        "conditions": "sub-{subject}_run-{run}.tsv",
        "runs": RUNS,
    }


def as_one_nifti(root, numbers):
    """Runs and conditions mixed, the table in yet another order."""
    order = np.random.default_rng(1).permutation(len(RUNS) * len(NAMES))
    rows = [(RUNS[i // len(NAMES)], NAMES[i % len(NAMES)]) for i in order]
    nifti(root / "all.nii", numbers.reshape(-1, *SHAPE)[order])
    lines = [f"{volume}\t{run}\t{name}" for volume, (run, name) in enumerate(rows)]
    text(root / "all.tsv", "volume\trun\tcondition", *lines[::-1])
    return {"images": "all.nii", "conditions": "all.tsv", "runs": RUNS}


def as_image_a_condition(root, numbers):
    for run, values in zip(RUNS, numbers, strict=True):
        for name, volume in zip(NAMES, values, strict=True):
            nifti(root / f"run-{run}" / f"beta [{name}].nii.gz", volume)
    return {"images": "run-{run}/beta [{condition}].nii.gz", "runs": RUNS}


def as_bids(root, numbers):
    for run, values in zip(RUNS, numbers, strict=True):
        for name, volume in zip(NAMES, values, strict=True):
            for stat, factor in (("effect", 1), ("t", 3)):
                stem = f"sub-01_task-view_run-{run}_contrast-{name.replace('_', '')}_stat-{stat}"
                nifti(root / "glm" / "sub-01" / f"{stem}_statmap.nii.gz", factor * volume)
    return {"format": "bids", "folder": "glm", "entities": {"stat": "effect"}}


def as_bids_with_tables(root, numbers):
    for run, values in zip(RUNS, numbers, strict=True):
        stem = root / "glm" / "sub-01" / "ses-a" / f"sub-01_ses-a_run-{run}"
        nifti(stem.with_name(f"{stem.name}_space-T1w_stat-effect_betas.nii.gz"), values)
        text(stem.with_name(f"{stem.name}_conditions.tsv"), "condition", *NAMES)
    return {"format": "bids", "folder": "glm", "runs": tuple(f"sesarun{run}" for run in RUNS)}


def as_nsd(root, numbers, **settings):
    for run, values in zip(RUNS, numbers, strict=True):
        stored = np.rint(values * 300).astype(np.int16)
        nifti(root / f"betas_session0{run}.nii.gz", stored)
    rows = [f"{run}\t{name}" for run in RUNS for name in NAMES]
    text(root / "responses.tsv", "SESSION\t73KID", *rows)
    for run in RUNS:
        text(root / f"session0{run}.tsv", "73KID", *NAMES)
    return {
        "format": "nsd",
        "images": "betas_session{run}.nii.gz",
        "conditions": "session{run}.tsv",
        "condition_column": "73KID",
        "runs": ("01", "02"),
        "divisor": 300,
        **settings,
    }


def as_nsd_hdf5(root, numbers):
    """As MATLAB stores x, y, z, trial: the axes come out reversed."""
    for run, values in zip(RUNS, numbers, strict=True):
        with h5py.File(root / f"betas_session0{run}.hdf5", "w") as file:
            file["betas"] = np.rint(values * 300).astype(np.int16).transpose(0, 3, 2, 1)
    nifti(root / "mean.nii.gz", numbers[0, 0])
    more = {"images": "betas_session{run}.hdf5", "reference": "mean.nii.gz"}
    return as_nsd(root, numbers, **more)


def as_spm(root, numbers, *, version=5):
    """Two sessions with a second basis function, a modulator, a nuisance regressor, and residuals."""
    extra = ("Zebra*bf(2)", "7xspeed^1*bf(1)", "R1")
    names, images = [], []
    for run, values in zip(RUNS, numbers, strict=True):
        names += [f"Sn({run}) {name}*bf(1)" for name in NAMES] + [f"Sn({run}) {name}" for name in extra]
        images += [*values, *np.full((3, *SHAPE), 9.0)]
    names += [f"Sn({run}) constant" for run in RUNS]
    images += [np.full(SHAPE, 100.0)] * 2
    for number, image in enumerate(images, start=1):
        nifti(root / "spm" / f"beta_{number:04d}.nii", image)
    for number in range(1, 31):
        nifti(root / "spm" / f"Res_{number:04d}.nii", np.full(SHAPE, float(number)))
    cell = np.array(names, dtype=object).reshape(1, -1)
    model = {"xX": {"name": cell, "erdf": 14.9}, "nscan": np.array([10.0, 20.0]), "swd": "/moved/away"}
    scipy.io.savemat(root / "spm" / "SPM.mat", {"SPM": model})
    return {"format": "spm", "folder": "spm"}


def as_spm_hdf5(root, numbers):
    settings = as_spm(root, numbers)
    model = scipy.io.loadmat(root / "spm" / "SPM.mat", simplify_cells=True)["SPM"]
    with h5py.File(root / "spm" / "SPM.mat", "w", userblock_size=512) as file:
        names = [str(name) for name in model["xX"]["name"]]
        for number, name in enumerate(names):
            file[f"#refs#/n{number}"] = np.array([[ord(sign)] for sign in name], dtype=np.uint16)
        references = np.array([file[f"#refs#/n{number}"].ref for number in range(len(names))], dtype=object)
        file.create_dataset("SPM/xX/name", data=references.reshape(-1, 1), dtype=h5py.ref_dtype)
        file["SPM/xX/erdf"], file["SPM/nscan"] = [[14.9]], [[10.0], [20.0]]
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    with (root / "spm" / "SPM.mat").open("r+b") as file:
        file.write(head)
    return settings


def feat_folder(folder, values, kind):
    """Event types with a temporal derivative on the second, and residuals."""
    lines = [f"set fmri(evs_orig) {len(NAMES)}"]
    lines += [f'set fmri(evtitle{i}) "{name}"' for i, name in enumerate(NAMES, start=1)]
    lines += [f"set fmri(convolve{i}) 3" for i in range(1, len(NAMES) + 1)]
    lines += [f"set fmri(deriv_yn{i}) {int(i == 2)}" for i in range(1, len(NAMES) + 1)]
    lines += [f'set fmri(conname_real.{i}) "{name}"' for i, name in enumerate(NAMES, start=1)]
    text(folder / "design.fsf", *lines)
    if kind == "cope":
        names = [f"/ContrastName{i}\t{name}" for i, name in enumerate(NAMES, start=1)]
        text(folder / "design.con", *names, "/NumWaves\t5", "/Matrix")
        images = list(values)
    else:
        images = [values[0], values[1], np.full(SHAPE, 9.0), values[2], values[3]]
    for number, image in enumerate(images, start=1):
        nifti(folder / "stats" / f"{kind}{number}.nii.gz", image)
    nifti(folder / "stats" / "res4d.nii.gz", np.arange(20.0)[:, None, None, None] * np.ones(SHAPE))
    nifti(folder / "mean_func.nii.gz", np.full(SHAPE, 50.0))
    text(folder / "stats" / "dof", "13")


def as_feat(root, numbers, kind="cope"):
    for run, values in zip(RUNS, numbers, strict=True):
        feat_folder(root / f"run-{run}.feat", values, kind)
    return {"format": "feat", "folder": "run-{run}.feat", "runs": RUNS, "estimate": kind}


def as_feat_pe(root, numbers):
    return as_feat(root, numbers, "pe")


def glmsingle_settings(root, numbers, name):
    order = np.random.default_rng(2).permutation(len(RUNS) * len(NAMES))
    rows = [f"{RUNS[i // len(NAMES)]}\t{NAMES[i % len(NAMES)]}" for i in order]
    text(root / "trials.tsv", "run\tcondition", *rows)
    nifti(root / "mean.nii.gz", numbers[0, 0])
    settings = {"format": "glmsingle", "images": name, "conditions": "trials.tsv", "reference": "mean.nii.gz"}
    return np.moveaxis(numbers.reshape(-1, *SHAPE)[order], 0, -1), {**settings, "runs": RUNS}


def as_glmsingle_npy(root, numbers):
    betas, settings = glmsingle_settings(root, numbers, "betasmd.npy")
    np.save(root / "betasmd.npy", betas)
    return settings


def as_glmsingle_hdf5(root, numbers):
    betas, settings = glmsingle_settings(root, numbers, "typed.hdf5")
    with h5py.File(root / "typed.hdf5", "w") as file:
        file["betasmd"], file["R2"] = betas, np.zeros(SHAPE)
    return settings


def as_glmsingle_mat(root, numbers):
    betas, settings = glmsingle_settings(root, numbers, "typed.mat")
    with h5py.File(root / "typed.mat", "w") as file:
        file["typed/betasmd"] = betas.T
        file["typed/betasmd"].attrs["MATLAB_class"] = np.bytes_("double")
    return {**settings, "key": "typed/betasmd"}


def as_gifti(root, numbers):
    for run, values in zip(RUNS, numbers, strict=True):
        flat = values.reshape(len(NAMES), -1)
        for side, part in (("lh", flat[:, :10]), ("rh", flat[:, 10:])):
            gifti(root / f"run-{run}_{side}.func.gii", part)
        text(root / f"run-{run}.tsv", "condition", *NAMES)
    return {
        "format": "gifti",
        "images": "run-{run}_{hemisphere}.func.gii",
        "conditions": "run-{run}.tsv",
        "hemispheres": ("lh", "rh"),
        "runs": RUNS,
    }


def gifti(path, values):
    arrays = [
        nibabel.gifti.GiftiDataArray(row.astype(np.float32), intent="NIFTI_INTENT_ESTIMATE") for row in values
    ]
    nibabel.save(nibabel.GiftiImage(darrays=arrays), path)


FORMATS = [
    as_nifti,
    as_one_nifti,
    as_image_a_condition,
    as_bids,
    as_bids_with_tables,
    as_nsd,
    as_nsd_hdf5,
    as_spm,
    as_spm_hdf5,
    as_feat,
    as_feat_pe,
    as_glmsingle_npy,
    as_glmsingle_hdf5,
    as_glmsingle_mat,
    as_gifti,
]


@pytest.mark.parametrize("written", FORMATS)
def test_every_format_gives_the_same_patterns(tmp_path, numbers, written):
    settings = written(tmp_path, numbers)
    runs = beta_runs(settings, SUBJECT, tmp_path)
    assert len(runs) == len(RUNS) and len({run.label for run in runs}) == len(RUNS)
    for run, expected in zip(runs, numbers, strict=True):
        values = run.read(0, len(run.conditions))
        assert values.dtype == np.float64 and values.shape == (len(run.conditions), *run.grid.shape)
        by_name = dict(zip(run.conditions, values, strict=True))
        names = [name.replace("_", "") if written is as_bids else name for name in NAMES]
        assert set(by_name) == set(names)
        found = np.array([by_name[name].ravel() for name in names])
        if written is as_gifti:
            expected = expected.astype(np.float32)
        np.testing.assert_array_equal(found, expected.reshape(len(NAMES), -1))
        if written is as_gifti:
            assert run.grid.affine is None
        else:
            np.testing.assert_array_equal(run.grid.affine, AFFINE)


@pytest.mark.parametrize("written", FORMATS)
def test_any_range_of_volumes_is_what_the_whole_has_there(tmp_path, numbers, written):
    for run in beta_runs(written(tmp_path, numbers), SUBJECT, tmp_path):
        n = len(run.conditions)
        whole = run.read(0, n)
        for start, stop in ((2, 3), (0, 2), (2, n), (n, n), (0, 0), (1, n)):
            np.testing.assert_array_equal(run.read(start, stop), whole[start:stop])


@pytest.mark.parametrize("written", FORMATS)
def test_every_file_that_is_read_is_listed_beforehand(tmp_path, numbers, written):
    settings = written(tmp_path, numbers)
    listed = beta_files(settings, SUBJECT, tmp_path)
    assert {path for run in beta_runs(settings, SUBJECT, tmp_path) for path in run.files} <= set(listed)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("written", [as_nifti, as_nsd_hdf5, as_glmsingle_npy, as_gifti])
def test_a_file_that_is_not_there_is_listed_all_the_same(tmp_path, numbers, written):
    settings = written(tmp_path, numbers)
    listed = beta_files(settings, SUBJECT, tmp_path)
    for path in listed:
        path.unlink()
    assert beta_files(settings, SUBJECT, tmp_path) == listed


def test_permuting_volumes_with_their_table_changes_nothing(tmp_path, numbers):
    settings = as_nifti(tmp_path, numbers)
    before = {
        run.label: dict(zip(run.conditions, run.read(0, 4), strict=True))
        for run in beta_runs(settings, "01", tmp_path)
    }
    order = [2, 0, 3, 1]
    nifti(tmp_path / "sub-01_run-2.nii.gz", numbers[1][order])
    text(tmp_path / "sub-01_run-2.tsv", "condition", *(NAMES[i] for i in order))
    for run in beta_runs(settings, "01", tmp_path):
        for name, values in zip(run.conditions, run.read(0, 4), strict=True):
            np.testing.assert_array_equal(values, before[run.label][name])


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_the_scale_of_a_header_is_applied_once(tmp_path, suffix):
    stored = np.random.default_rng(3).integers(-32768, 32767, size=(3, *SHAPE)).astype(np.int16)
    image = nibabel.Nifti1Image(np.moveaxis(stored, 0, -1), AFFINE)
    image.header.set_slope_inter(0.25, -3)
    nibabel.save(image, tmp_path / f"b{suffix}")
    settings = {"images": f"b{suffix}", "volumes": ("a", "b", "c")}
    (run,) = beta_runs(settings, SUBJECT, tmp_path)
    proxy = nibabel.load(tmp_path / f"b{suffix}").dataobj
    assert (proxy.slope, proxy.inter) == (0.25, -3)
    np.testing.assert_array_equal(run.read(0, 3), np.moveaxis(proxy.get_unscaled() * 0.25 - 3, -1, 0))


def test_big_endian_and_unsigned_bytes_are_read_as_numbers(tmp_path):
    stored = np.random.default_rng(4).integers(0, 255, size=(*SHAPE, 2))
    for dtype in (">i2", ">f4", "<u1", "<f8"):
        image = nibabel.Nifti1Image(stored.astype(dtype), AFFINE)
        if dtype[0] == ">":
            image = nibabel.Nifti1Image(image.dataobj, AFFINE, nibabel.Nifti1Header(endianness=">"))
            image.set_data_dtype(dtype)
        nibabel.save(image, tmp_path / "b.nii")
        (run,) = beta_runs({"images": "b.nii", "volumes": ("a", "b")}, SUBJECT, tmp_path)
        np.testing.assert_array_equal(run.read(0, 2), np.moveaxis(stored, -1, 0))


def test_integers_of_nsd_are_divided_exactly(tmp_path, numbers):
    settings = as_nsd(tmp_path, numbers)
    for run, expected in zip(beta_runs(settings, SUBJECT, tmp_path), numbers, strict=True):
        np.testing.assert_array_equal(run.read(0, 4), np.rint(expected * 300) / 300)


def test_sessions_are_standardised_over_all_their_trials_and_a_constant_voxel_is_not_a_number(
    tmp_path, numbers
):
    numbers[:, :, 0, 0, 0] = 7
    settings = as_nsd(tmp_path, numbers, zscore=True, exclude=("7",))
    for run, values in zip(beta_runs(settings, SUBJECT, tmp_path), numbers, strict=True):
        deviation = values.std(axis=0)
        expected = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, np.nan)
        found = run.read(0, 3)
        np.testing.assert_allclose(found, expected[:3], rtol=0, atol=1e-12)
        assert np.isnan(found[:, 0, 0, 0]).all() and np.isnan(found).sum() == 3
        assert "voxels z-scored over the session's 4 trials" in run.notes


def test_rounding_of_a_mean_does_not_pass_for_variation(tmp_path):
    stored = np.random.default_rng(5).integers(-999, 999, size=(11, *SHAPE)).astype(np.int16)
    constants = np.arange(1, SHAPE[1] * SHAPE[2] + 1).reshape(SHAPE[1:])
    stored[:, 0] = constants
    means = np.repeat(constants[None] / 300, 11, axis=0).sum(axis=0) / 11
    assert (means != constants / 300).any()
    nifti(tmp_path / "b.nii", stored)
    text(tmp_path / "t.tsv", "condition", *"abcdefghijk")
    settings = {"format": "nsd", "images": "b.nii", "conditions": "t.tsv", "divisor": 300, "zscore": True}
    (session,) = beta_runs(settings, SUBJECT, tmp_path)
    values = session.read(0, 11)
    assert np.isnan(values[:, 0]).all() and np.isfinite(values[:, 1:]).all()


def test_repeats_of_an_image_stay_trials_and_are_counted(tmp_path, numbers):
    settings = as_nsd(tmp_path, numbers)
    text(tmp_path / "session01.tsv", "73KID", "a", "b", "a", "a")
    first, second = beta_runs(settings, SUBJECT, tmp_path)
    assert first.conditions == ("a", "b", "a", "a")
    assert first.notes == ("4 trials of 2 images, 1 of them repeated (at most 3 times)",)
    assert second.notes == ("4 trials of 4 images, 0 of them repeated",)


def test_one_table_of_all_sessions_finds_session_01_as_1(tmp_path, numbers):
    settings = as_nsd(tmp_path, numbers)
    nifti(tmp_path / "all.nii", np.rint(numbers * 300).astype(np.int16).reshape(-1, *SHAPE))
    settings |= {"images": "all.nii", "conditions": "responses.tsv", "run_column": "SESSION"}
    runs = beta_runs(settings, SUBJECT, tmp_path)
    assert [run.label for run in runs] == ["01", "02"]
    np.testing.assert_array_equal(runs[1].read(0, 4), numbers[1])
    assert [run.label for run in beta_runs({**settings, "runs": None}, SUBJECT, tmp_path)] == ["1", "2"]


def test_names_of_files_are_sorted_as_people_count(tmp_path, numbers):
    (run, _) = beta_runs(as_image_a_condition(tmp_path, numbers), SUBJECT, tmp_path)
    assert run.conditions == ("7", "Zebra", "img_2", "img_10")


@pytest.mark.parametrize("written", [as_spm, as_spm_hdf5])
def test_spm_leaves_out_by_name_and_says_so_and_shares_out_residuals(tmp_path, numbers, written):
    first, second = beta_runs(written(tmp_path, numbers), SUBJECT, tmp_path)
    assert first.conditions == NAMES
    assert first.notes == (
        "4 regressors left out by name: Sn(1) Zebra*bf(2), Sn(1) 7xspeed^1*bf(1), Sn(1) R1, Sn(1) constant",
    )
    assert (first.n_residuals, second.n_residuals) == (10, 20)
    assert (first.residual_df, second.residual_df) == (4, 9)
    np.testing.assert_array_equal(second.residuals(0, 20)[:, 0, 0, 0], np.arange(11, 31))


def test_feat_brings_residuals_degrees_of_freedom_and_mean(tmp_path, numbers):
    run = beta_runs(as_feat_pe(tmp_path, numbers), SUBJECT, tmp_path)[0]
    assert run.notes == ("1 estimates left out, of no event type: pe3",)
    assert (run.n_residuals, run.residual_df) == (20, 13)
    np.testing.assert_array_equal(run.residuals(4, 7)[:, 1, 1, 1], [4, 5, 6])
    np.testing.assert_array_equal(run.mean(), np.full(SHAPE, 50.0))


def test_conditions_of_no_interest_are_left_out_and_said(tmp_path, numbers):
    settings = {**as_nifti(tmp_path, numbers), "exclude": ("Zebra",)}
    run = beta_runs(settings, SUBJECT, tmp_path)[0]
    assert run.conditions == ("img_10", "img_2", "7")
    np.testing.assert_array_equal(run.read(1, 3), numbers[0][[1, 3]])
    assert run.notes == ("1 volumes of conditions of no interest left out: Zebra",)


def test_a_compressed_image_is_decompressed_once_however_small_the_ranges(tmp_path, numbers, monkeypatch):
    import gzip

    run = beta_runs(as_nifti(tmp_path, numbers), SUBJECT, tmp_path)[0]
    opened, open_gzip = [], gzip.open
    monkeypatch.setattr(gzip, "open", lambda path: opened.append(path) or open_gzip(path))
    for row in range(4):
        run.read(row, row + 1)
    assert len(opened) == 1
