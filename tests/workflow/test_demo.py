"""The demo: an experiment with a known answer, through real NIfTI files, on fewer subjects and folds."""

import re
import subprocess
import sys

import nibabel
import numpy as np
import pandas as pd
import pytest

from workflow_study import ROOT, in_environments

SUBJECTS = ["01", "02", "03"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--configfile", str(ROOT / "config" / "config.yaml"), "--config"]
    command += ['subjects=["01", "02", "03"]', 'supervision=["group"]']
    command += ['crossvalidation={"n_repeats": 1, "n_random": 50}']
    command += ['inference={"n_permutations": 19, "n_bootstrap_images": 100}']
    command += ['specificity={"n_relabelled": 1, "n_variance": 10}']
    done = subprocess.run(
        command,
        cwd=folder,
        env=in_environments(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return folder / "results" / "demo"


def read(path):
    return pd.read_csv(path, sep="\t", dtype={"subject": str})


def test_planted_features_are_found_where_there_are_any(results):
    table = read(results / "recovery.tsv").set_index("target")
    for target in ("ventral", "dorsal"):
        assert table.loc[target, "n_overlap"] > table.loc[target, "expected"]
        assert table.loc[target, "p"] < 0.05
    assert table.loc["noise", "n_planted"] == 0
    assert np.isnan(table.loc["noise", "n_overlap"])


def test_held_out_isomorphism_is_gained_where_features_were_planted(results):
    table = read(results / "recovery.tsv").set_index("target")
    for target in ("ventral", "dorsal"):
        assert table.loc[target, "r_pruned"] > table.loc[target, "r_full"]


def test_code_of_the_tour_runs_on_it(results, monkeypatch, capsys):
    tour = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", tour, flags=re.DOTALL)
    monkeypatch.chdir(results.parents[1])
    exec(code, {})
    rows = re.findall(
        r"^(dorsal|noise|ventral)(?: +-?\d\.\d+){3}", capsys.readouterr().out, flags=re.MULTILINE
    )
    assert rows[:3] == ["dorsal", "noise", "ventral"]


def test_betas_are_oblique_and_masks_are_stored_in_another_voxel_order(results):
    simulated = results / "simulated" / "sub-01"
    betas = nibabel.load(simulated / "sub-01_run-1_betas.nii.gz")
    assert (np.abs(betas.affine[:3, :3]) > 0.05).sum() > 3  # no axis lies along an axis of the world
    orders = {
        roi: nibabel.aff2axcodes(nibabel.load(simulated / f"sub-01_roi-{roi}_mask.nii.gz").affine)
        for roi in ("ventral", "dorsal", "noise")
    }
    assert all(codes != nibabel.aff2axcodes(betas.affine) for codes in orders.values())


def test_voxels_that_were_not_measured_are_dropped_and_counted(results):
    for subject in SUBJECTS:
        voxels = read(results / "qc" / f"sub-{subject}_voxels.tsv")
        assert (voxels["n_dropped_non_finite"] > 0).all()
        kept = voxels["n_voxels_on_grid"] - voxels["n_dropped_non_finite"] - voxels["n_dropped_constant"]
        assert (kept == voxels["n_voxels"]).all()


def test_quality_shows_the_planted_areas_as_reliable_and_the_others_not(results):
    reliability = read(results / "qc" / "reliability.tsv").groupby("roi")
    assert (reliability["pattern_reliability"].min()[["ventral", "dorsal"]] > 0.05).all()
    assert abs(reliability["rdm_r"].mean()["noise"]) < 0.1
    assert reliability["rdm_r"].min()[["ventral", "dorsal"]].min() > 0.3
    assert (results / "figures" / "rois.png").is_file()
    assert read(results / "qc" / "regions.tsv")["n_subjects"].tolist() == [3, 3, 3]


def test_what_a_planted_area_gains_is_its_own_and_not_what_ranks_features_elsewhere(results):
    # Both planted areas are built on other features; a label of the pictures' kinds knows part of either.
    summary = read(results / "summary.tsv").set_index(["target", "competitor"])["r"]
    for target, other in (("ventral", "dorsal"), ("dorsal", "ventral")):
        for rival in ("random", "variance", "relabelled", "other:noise", f"other:{other}"):
            assert summary[target, "pruned"] > summary[target, rival]


def test_relation_is_found_where_it_was_planted_as_surely_as_19_relabellings_can_tell(results):
    summary = read(results / "summary.tsv")
    pruned = summary[summary["competitor"] == "pruned"].set_index("target")
    assert (pruned.loc[["ventral", "dorsal"], "p"] == 1 / 20).all()
    assert (pruned["family"] == "pruned, group supervision, group RDM, targets × networks: 3").all()


def test_report_shows_the_recovery(results):
    assert (results / "figures" / "recovery.svg").stat().st_size > 1000
    assert (results / "figures" / "stimuli.png").is_file()
