"""Faulty betas are named: which file, what is there, what should be, and what to do."""

from __future__ import annotations

import h5py
import nibabel
import numpy as np
import pytest
import scipy.io

from isoprune.errors import (
    BetasError,
    ConfigError,
    GridError,
    LabelError,
    MissingFileError,
    UnknownNameError,
    UnreadableFileError,
)
from isoprune.io.betas import beta_files, beta_runs

SHAPE, AFFINE = (4, 3, 2), np.diag([2.0, 2, 2, 1])
PLAIN = {"images": "b_{run}.nii.gz", "conditions": "c_{run}.tsv", "runs": ("1",)}


def nifti(path, values, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


def values(n, dtype=np.float32):
    shape = SHAPE if n is None else (*SHAPE, n)
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def text(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def plain(tmp_path):
    nifti(tmp_path / "b_1.nii.gz", values(3))
    text(tmp_path / "c_1.tsv", "condition", "a", "b", "c")
    return tmp_path


def refused(error, message, settings, root):
    with pytest.raises(error, match=message):
        for run in beta_runs(settings, "01", root):
            run.read(0, len(run.conditions))


def test_volumes_must_be_as_many_as_rows(plain):
    text(plain / "c_1.tsv", "condition", "a", "b")
    refused(BetasError, r"b_1\.nii\.gz: 3 volumes, and 2 rows in the table of conditions", PLAIN, plain)
    refused(
        BetasError,
        r"3 volumes, and 4 rows",
        {**PLAIN, "conditions": None, "volumes": ("a", "b", "c", "d")},
        plain,
    )


def test_a_condition_to_exclude_that_does_not_occur_names_the_nearest(plain):
    text(plain / "c_1.tsv", "condition", "button", "b", "c")
    message = r"betas\.exclude, betas of subject '01': there is no condition 'buton'.*Did you mean 'button'\?"
    refused(UnknownNameError, message, {**PLAIN, "exclude": ("buton",)}, plain)
    everything = {**PLAIN, "exclude": ("button", "b", "c")}
    refused(BetasError, r"run '1' has only conditions that `betas\.exclude` names", everything, plain)


def test_an_unknown_format_or_run_names_what_there_is(plain):
    refused(
        UnknownNameError, r"no format of betas 'niftii'.*Did you mean 'nifti'", {"format": "niftii"}, plain
    )
    text(plain / "all.tsv", "run\tcondition", "1\ta", "1\tb", "2\tc")
    one = {"images": "b_1.nii.gz", "conditions": "all.tsv", "runs": ("1", "3")}
    refused(
        UnknownNameError, r"all\.tsv, column 'run': there is no run '3'; expected one of: 1, 2", one, plain
    )
    refused(UnknownNameError, r"the runs 1, 01 are not all different", {**one, "runs": ("1", "01")}, plain)
    text(plain / "all.tsv", "run\tcondition", "1\ta", "\tb", "2\tc")
    refused(LabelError, r"row 2 has no run", one, plain)
    text(plain / "all.tsv", "runn\tcondition", "1\ta", "1\tb", "2\tc")
    refused(BetasError, r"expected a column `run`\. Is 'runn' meant", one, plain)
    refused(ConfigError, r"betas\.images: it is missing", {"format": "nifti"}, plain)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_image_is_unreadable_at_the_latest_when_read(tmp_path, suffix, share):
    path = tmp_path / f"b{suffix}"
    nifti(path, values(3))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    settings = {"images": path.name, "volumes": ("a", "b", "c")}
    refused(UnreadableFileError, r"cannot be read .* expected a complete NIfTI image", settings, tmp_path)


def test_a_truncated_image_that_is_not_compressed_is_noticed_before_anything_is_read(tmp_path):
    nifti(tmp_path / "b.nii", values(3))
    (tmp_path / "b.nii").write_bytes((tmp_path / "b.nii").read_bytes()[:-1])
    with pytest.raises(UnreadableFileError, match=r"639 of 640 bytes are there"):
        beta_runs({"images": "b.nii", "volumes": ("a", "b", "c")}, "01", tmp_path)


def test_a_flipped_bit_in_a_compressed_image_is_noticed(plain):
    nifti(plain / "b_1.nii.gz", np.random.default_rng(0).normal(size=(20, 20, 20, 3)))
    content = bytearray((plain / "b_1.nii.gz").read_bytes())
    content[-6] ^= 1
    (plain / "b_1.nii.gz").write_bytes(bytes(content))
    refused(UnreadableFileError, "CRC check failed", PLAIN, plain)


def test_images_of_conditions_must_be_there_and_on_one_grid(tmp_path):
    settings = {"images": "beta_{condition}.nii", "volumes": ("face", "house")}
    refused(
        MissingFileError, r"no file is called like '.*beta_\*\.nii'", {"images": settings["images"]}, tmp_path
    )
    nifti(tmp_path / "beta_face.nii", values(None))
    refused(
        MissingFileError,
        r"betas\.volumes: condition 'house' has no image: '.*beta_house\.nii' .*images of: face",
        settings,
        tmp_path,
    )
    flipped = AFFINE @ np.diag([-1.0, 1, 1, 1])
    nifti(tmp_path / "beta_house.nii", values(None), flipped)
    refused(GridError, r"beta_house\.nii: another grid than that of '.*beta_face\.nii'", settings, tmp_path)


# ------------------------------------------------------------------------------------------ BIDS


def bids(root, *names):
    for name in names:
        nifti(root / "glm" / "sub-01" / name, values(None))
    return {"format": "bids", "folder": "glm"}


def test_bids_without_a_match_says_what_there_is(tmp_path):
    refused(MissingFileError, r"'.*glm' is not a folder", {"format": "bids", "folder": "glm"}, tmp_path)
    settings = bids(tmp_path, "sub-01_run-1_contrast-face_space-T1w_stat-effect_statmap.nii.gz")
    with pytest.raises(MissingFileError, match=r"no image of subject '02'.*There are images of: 01"):
        beta_files(settings, "02", tmp_path)
    wrong = {**settings, "entities": {"stat": "t"}}
    message = (
        r"none of 1 images of subject '01' has stat-t; .*run: 1; contrast: face; space: T1w; stat: effect"
    )
    refused(MissingFileError, message, wrong, tmp_path)
    refused(UnknownNameError, r"no run '2'; expected one of: 1", {**settings, "runs": ("2",)}, tmp_path)


def test_bids_with_several_matches_says_how_they_differ(tmp_path):
    names = [f"sub-01_contrast-face_space-{space}_stat-effect_statmap.nii.gz" for space in ("T1w", "MNI")]
    message = (
        r"2 images that differ in space: MNI, T1w; .*Choose by `betas\.entities`, for example \{space: …\}"
    )
    refused(BetasError, message, bids(tmp_path, *names), tmp_path)
    bids(tmp_path, "copy/sub-01_contrast-face_space-T1w_stat-effect_statmap.nii.gz")
    chosen = {"format": "bids", "folder": "glm", "entities": {"space": "T1w"}}
    refused(BetasError, r"several images of run '1' and condition face: ", chosen, tmp_path)


def test_a_bids_image_needs_a_table_or_a_condition_in_its_name(tmp_path):
    settings = bids(tmp_path, "sub-01_run-1_stat-effect_betas.nii.gz")
    refused(
        BetasError, r"1 volume\(s\), with no table beside it and no condition in its name", settings, tmp_path
    )
    folder = tmp_path / "glm" / "sub-01"
    for name in ("sub-01_conditions.tsv", "sub-01_run-1_conditions.tsv"):
        text(folder / name, "condition", "face")
    refused(BetasError, r"2 tables that fit it: sub-01_conditions\.tsv, ", settings, tmp_path)
    (folder / "sub-01_conditions.tsv").unlink()
    assert beta_runs(settings, "01", tmp_path)[0].conditions == ("face",)


# ------------------------------------------------------------------------------------------- NSD


def test_nsd_is_never_scaled_twice_nor_standardised_over_one_trial(plain):
    image = nibabel.Nifti1Image(np.ones((*SHAPE, 3), dtype=np.int16), AFFINE)
    image.header.set_slope_inter(1 / 300, 0)
    nibabel.save(image, plain / "b_1.nii.gz")
    settings = {**PLAIN, "format": "nsd", "divisor": 300}
    refused(BetasError, r"header scales its values, and `betas\.divisor` is 300 besides", settings, plain)
    nifti(plain / "b_1.nii.gz", values(1))
    text(plain / "c_1.tsv", "condition", "a")
    refused(BetasError, r"session '1' has 1 trial\(s\)", {**settings, "zscore": True}, plain)


# ------------------------------------------------------------------------------------------- SPM


def spm(root, **model):
    names = np.array([["Sn(1) face*bf(1)", "Sn(1) constant"]], dtype=object)
    model = {"xX": {"name": names, "erdf": 9.0}, "nscan": 12.0, **model}
    (root / "spm").mkdir(exist_ok=True)
    scipy.io.savemat(root / "spm" / "SPM.mat", {"SPM": model})
    return {"format": "spm", "folder": "spm"}


def test_an_spm_without_its_structure_or_images_is_named(tmp_path):
    settings = spm(tmp_path)
    refused(MissingFileError, r"'.*beta_0001\.nii' is not a file", settings, tmp_path)
    nifti(tmp_path / "spm" / "beta_0001.nii", values(None))
    (run,) = beta_runs(settings, "01", tmp_path)
    assert run.conditions == ("face",) and run.residuals is None
    nifti(tmp_path / "spm" / "Res_0001.nii", values(None))
    refused(BetasError, r"1 residual images, and 12 scans in SPM\.mat", settings, tmp_path)
    spm(tmp_path, xX={"name": "Sn(1) face*bf(1)"})
    refused(
        UnreadableFileError, r"there is no SPM\.xX\.erdf; expected the structure SPM with", settings, tmp_path
    )
    scipy.io.savemat(tmp_path / "spm" / "SPM.mat", {"other": 1})
    refused(UnreadableFileError, r"SPM\.mat: there is no SPM; ", settings, tmp_path)
    content = (tmp_path / "spm" / "SPM.mat").read_bytes()
    (tmp_path / "spm" / "SPM.mat").write_bytes(content[:100])
    refused(UnreadableFileError, r"SPM\.mat: it cannot be read", settings, tmp_path)
    (tmp_path / "spm" / "SPM.mat").unlink()
    refused(MissingFileError, r"SPM\.mat' is not a file", settings, tmp_path)


def test_an_spm_session_without_a_condition_is_named(tmp_path):
    settings = spm(
        tmp_path, xX={"name": np.array([["Sn(1) R1", "Sn(1) constant"]], dtype=object), "erdf": 9.0}
    )
    message = r"session 1 has no regressor of a condition, only Sn\(1\) R1, Sn\(1\) constant"
    refused(BetasError, message, settings, tmp_path)


# ------------------------------------------------------------------------------------------ FEAT


def test_feat_without_design_estimates_or_degrees_of_freedom_is_named(tmp_path):
    settings = {"format": "feat", "folder": "one.feat"}
    folder = tmp_path / "one.feat"
    refused(MissingFileError, r"design\.fsf: it is not there", settings, tmp_path)
    text(folder / "design.fsf", "set fmri(x) 1")
    refused(UnreadableFileError, r"1 settings, and no fmri\(evs_orig\) among them", settings, tmp_path)
    text(folder / "design.fsf", "set fmri(evs_orig) 1", 'set fmri(conname_real.1) "face"')
    refused(MissingFileError, r"no cope1\.nii\.gz, the cope of 'face'", settings, tmp_path)
    nifti(folder / "stats" / "cope1.nii.gz", values(None))
    nifti(folder / "stats" / "res4d.nii.gz", values(9))
    refused(UnreadableFileError, r"dof: it holds no number .*No such file", settings, tmp_path)
    text(folder / "stats" / "dof", "7")
    assert beta_runs(settings, "01", tmp_path)[0].residual_df == 7
    nifti(folder / "stats" / "cope2.nii.gz", values(None))
    refused(BetasError, r"cope 2 has no name among the design's 1 contrasts", settings, tmp_path)
    basis = ["set fmri(evs_orig) 1", 'set fmri(evtitle1) "face"', "set fmri(convolve1) 6"]
    text(folder / "design.fsf", *basis)
    message = r"event type 'face' is modelled by FIR basis functions"
    refused(BetasError, message, {**settings, "estimate": "pe"}, tmp_path)


# ------------------------------------------------------------------------------------- GLMsingle


@pytest.fixture
def glmsingle(tmp_path):
    nifti(tmp_path / "mean.nii", values(None))
    text(tmp_path / "trials.tsv", "condition", "a", "b", "c")
    return {"format": "glmsingle", "conditions": "trials.tsv", "reference": "mean.nii", "images": "betas.npy"}


def test_pickled_glmsingle_output_is_never_unpickled(tmp_path, glmsingle):
    np.save(tmp_path / "betas.npy", np.array({"betasmd": values(3)}, dtype=object), allow_pickle=True)
    message = r"pickled Python objects, .*`numpy\.save\('betasmd\.npy', results\['typed'\]\['betasmd'\]\)`"
    refused(UnreadableFileError, message, glmsingle, tmp_path)


def test_glmsingle_without_its_key_lists_the_keys(tmp_path, glmsingle):
    with h5py.File(tmp_path / "typed.hdf5", "w") as file:
        file["betas"], file["R2"] = values(3), values(None)
    settings = {**glmsingle, "images": "typed.hdf5"}
    message = r"there is no 'betasmd'; it holds R2, betas; .*Did you mean 'betas'"
    refused(UnreadableFileError, message, settings, tmp_path)
    assert len(beta_runs({**settings, "key": "betas"}, "01", tmp_path)) == 1
    (tmp_path / "typed.hdf5").write_bytes((tmp_path / "typed.hdf5").read_bytes()[:300])
    refused(UnreadableFileError, r"typed\.hdf5: it cannot be read", settings, tmp_path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((24, 3), r"an array of 24×3; .*Its voxels are a list"),
        ((3, 4, 2, 3), r"an array of 3×4×2×3; expected 4×3×2×volumes.*Name a reference image"),
    ],
)
def test_glmsingle_on_another_grid_is_named(tmp_path, glmsingle, shape, message):
    np.save(tmp_path / "betas.npy", np.zeros(shape))
    refused(GridError, message, glmsingle, tmp_path)


def test_an_array_whose_axes_could_be_read_in_two_orders_is_refused(tmp_path, glmsingle):
    nifti(tmp_path / "mean.nii", np.zeros((3, 2, 2)))
    with h5py.File(tmp_path / "typed.h5", "w") as file:
        file["betasmd"] = np.zeros((3, 2, 2, 3))
    refused(GridError, r"could be read in two orders", {**glmsingle, "images": "typed.h5"}, tmp_path)


def test_a_truncated_or_complex_array_is_named(tmp_path, glmsingle):
    np.save(tmp_path / "betas.npy", values(3))
    content = (tmp_path / "betas.npy").read_bytes()
    for length in (0, 20, len(content) - 8):
        (tmp_path / "betas.npy").write_bytes(content[:length])
        refused(UnreadableFileError, r"betas\.npy: it cannot be read", glmsingle, tmp_path)
    np.save(tmp_path / "betas.npy", values(3, np.complex64))
    refused(UnreadableFileError, r"an array of type complex64; expected real numbers", glmsingle, tmp_path)
    np.save(tmp_path / "betas.npy", values(2))
    refused(BetasError, r"betas\.npy: 2 volumes, and 3 rows", glmsingle, tmp_path)


# ----------------------------------------------------------------------------------------- GIFTI


def test_hemispheres_must_belong_together_and_be_complete(tmp_path):
    def surface(name, n):
        arrays = [nibabel.gifti.GiftiDataArray(np.zeros(5, dtype=np.float32)) for _ in range(n)]
        nibabel.save(nibabel.GiftiImage(darrays=arrays), tmp_path / name)

    settings = {"format": "gifti", "images": "{hemisphere}.func.gii", "volumes": ("a", "b")}
    surface("L.func.gii", 2)
    refused(MissingFileError, r"R\.func\.gii' is not a file", settings, tmp_path)
    surface("R.func.gii", 3)
    refused(BetasError, r"R\.func\.gii: 3 volumes, and 2 in '.*L\.func\.gii'", settings, tmp_path)
    surface("R.func.gii", 0)
    refused(UnreadableFileError, r"R\.func\.gii: 0 arrays", settings, tmp_path)
    content = (tmp_path / "L.func.gii").read_bytes()
    (tmp_path / "R.func.gii").write_bytes(content[: len(content) // 2])
    refused(UnreadableFileError, r"R\.func\.gii: it cannot be read", settings, tmp_path)
