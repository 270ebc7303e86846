"""The real studies of betas, from NIfTI files to RDMs, quality and report."""

import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from isoprune.io.rdms import read_rdm
from workflow_study import ROOT


def run(folder, data_dir, study, *arguments, check=True):
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--configfile", str(ROOT / "config" / "studies" / f"{study}.yaml")]
    command += ["--config", f"data_dir={data_dir}", *arguments]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert (done.returncode == 0) == check, done.stdout[-6000:]
    return done.stdout


def read(path):
    return pd.read_csv(path, sep="\t", dtype={"subject": str})


def names_in(report):
    return {name.rsplit("/", 1)[-1] for name in zipfile.ZipFile(report).namelist()}


@pytest.fixture(scope="module")
def ak6(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ak6")
    run(folder, data_dir, "ak6")
    return folder / "results" / "ak6"


def test_animal_species_have_the_structure_of_their_three_classes(ak6):
    rdm = read_rdm(ak6 / "rdms" / "sub-group_roi-vt_rdm.h5", expect_target="vt", expect_subject="group")
    assert rdm.labels == ("monkey", "lemur", "mallard", "warbler", "ladybug", "moth")
    classes = np.repeat([0, 1, 2], 2)
    differs = classes[:, None] != classes[None, :]
    upper = np.triu_indices(6, 1)
    assert np.corrcoef(rdm.values[upper], differs[upper])[0, 1] > 0.4


def test_every_subject_and_area_has_an_rdm(ak6):
    names = {path.name for path in (ak6 / "rdms").iterdir()}
    subjects = [f"{i:02}" for i in range(1, 7)] + ["group"]
    assert names == {f"sub-{subject}_roi-{roi}_rdm.h5" for subject in subjects for roi in ("vt", "ev")}


def test_report_of_a_study_without_networks_is_built(ak6, data_dir, tmp_path):
    report = tmp_path / "report.zip"
    run(ak6.parents[1], data_dir, "ak6", "--report", str(report))
    shown = names_in(report)
    assert {"voxels.tsv", "regions.tsv", "reliability.tsv", "intersubject.tsv"} <= shown
    assert {"rdms.svg", "rdms_target-vt.svg", "rdms_target-ev.svg"} <= shown
    assert {"mds.svg", "reliability.svg", "rois.png"} <= shown
    assert {"question.html", "methods.html", "checklist.html", "run.html"} <= shown
    said = (ak6 / "methods.md").read_text()
    assert "6 images, 6 subjects" in said and "odd and of even runs" in said


def test_quality_tells_what_was_measured_and_how_reliably(ak6):
    voxels = read(ak6 / "qc" / "voxels.tsv")
    assert len(voxels) == 12
    assert set(voxels[voxels["roi"] == "vt"]["n_voxels_in_mask"]) == {400}
    dropped = voxels["n_dropped_non_finite"] + voxels["n_dropped_constant"] + voxels["n_not_selected"]
    assert (voxels["n_voxels_on_grid"] - dropped == voxels["n_voxels"]).all()
    assert read(ak6 / "qc" / "regions.tsv")["n_subjects"].tolist() == [6, 6]
    reliability = read(ak6 / "qc" / "reliability.tsv")
    assert (reliability["pattern_reliability"] > 0).all()
    assert reliability["tsnr"].isna().all()  # t-maps bring no BOLD
    others = read(ak6 / "qc" / "intersubject.tsv")
    assert others[others["target"] == "vt"]["r"].min() > 0.9


def test_raw_bold_becomes_a_crossnobis_rdm(data_dir, tmp_path):
    run(tmp_path, data_dir, "haxby2001")
    results = tmp_path / "results" / "haxby2001"
    rdm = read_rdm(results / "rdms" / "sub-01_roi-slice_rdm.h5", expect_target="slice", expect_subject="01")
    assert rdm.measure == "crossnobis"
    assert rdm.values[np.triu_indices(8, 1)].mean() > 0
    reliability = read(results / "qc" / "reliability.tsv")
    assert reliability["tsnr"].item() > 20
    assert reliability["n_runs"].item() == 12
    assert reliability["noise"].item() == "residuals"
    report = tmp_path / "report.zip"
    run(tmp_path, data_dir, "haxby2001", "--report", str(report))
    assert {"rois.png", "rdms_target-slice.svg", "mds.svg", "reliability.svg"} <= names_in(report)


def test_subject_with_a_damaged_file_does_not_stop_the_others(data_dir, tmp_path):
    shutil.copytree(data_dir / "ak6", tmp_path / "ak6")
    damaged = tmp_path / "ak6" / "s02" / "glm_T_stats_odd.nii.gz"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:20000])
    missing = tmp_path / "ak6" / "s03" / "vt_mask.nii.gz"
    missing.parent.chmod(0o755)
    missing.unlink()
    own = "datasets=[]"  # the damaged files are the user's: nothing is fetched in their place
    output = run(tmp_path, tmp_path, "ak6", own, "--keep-going", check=False)
    assert "UnreadableFileError" in output and "s02/glm_T_stats_odd.nii.gz" in output
    assert "MissingFileError" in output and "s03/vt_mask.nii.gz" in output
    results = tmp_path / "results" / "ak6"
    made = {path.name[:6] for path in (results / "rdms").glob("*_roi-vt_rdm.h5")}
    assert made == {"sub-01", "sub-04", "sub-05", "sub-06"}
    run(tmp_path, tmp_path, "ak6", own, "--", "quality_so_far")
    missing = read(results / "qc" / "so_far" / "missing.tsv").set_index(["subject", "target"])["reason"]
    assert set(missing.index) == {(subject, roi) for subject in ("02", "03") for roi in ("vt", "ev")}
    assert missing["02"].str.startswith("UnreadableFileError: ").all()
    assert missing["03"].str.contains("s03/vt_mask.nii.gz", regex=False).all()
    voxels = read(results / "qc" / "so_far" / "voxels.tsv")
    assert set(voxels["subject"]) == {"01", "04", "05", "06"}
