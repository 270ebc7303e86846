"""Truths about the check of a study: all problems at once, in the words of the jobs that would meet them."""

import json
import re
import subprocess

import nibabel
import numpy as np
import pytest
import yaml

from examples import random_target, sparse_embedding
from isoprune.checking import jobs, study
from isoprune.checking.study import check_file, check_study
from isoprune.cli import main
from isoprune.config import load
from isoprune.costs import MARGIN, cost_of, minutes_of_jobs
from isoprune.errors import GridError, LabelError, MissingFileError, TooFewImagesError
from isoprune.io.ready_rdms import read_ready_rdm
from workflow_study import LABELS, ROOT, make_study

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The tiny study, in the folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    return make_study(tmp_path)


def checked(tiny, **changes):
    tiny.settings(**changes)
    return check_file("study.yaml", jobs=False)


def states(found, kind):
    return {one.name: one.state for one in found.findings if one.kind == kind}


def test_whole_study_has_no_problem_and_its_sizes_are_told(tiny):
    found = checked(tiny)
    assert found.problems == ()
    abouts = {(one.kind, one.name): one.about for one in found.findings}
    assert abouts["network", "mine"] == "features.npz: 30 features"
    assert abouts["target", "IT"] == "IT.npz: RDMs of 3 of 3 subjects"
    assert abouts["folds", ""] == "3 folds × 1 repeat(s): test 5, train 10 images"
    assert {one.state for one in found.findings} == {"found"}


def test_units_are_those_of_the_workflow(tiny):
    # network × target × (3 own + 1 group + 3 loso)
    assert checked(tiny).cost.n_units == 1 * 2 * (3 + 1 + 3)


def test_all_problems_are_told_at_once(tiny):
    (tiny.folder / "EVC.npz").unlink()
    names = np.array(["img-0", *LABELS[1:]])
    np.savez(tiny.folder / "features.npz", X=sparse_embedding(15, 30, 0), labels=names)
    problems = checked(tiny, crossvalidation={"n_splits": 6}).problems
    assert [type(one) for one in problems] == [LabelError, MissingFileError, TooFewImagesError]
    label, missing, folds = map(str, problems)
    assert "Is 'img-0' meant to be 'img_0'?" in label
    assert "EVC.npz" in missing and "targets[EVC]" in missing
    assert "6 folds of 15 images; expected 2 to 5 folds" in folds


def test_problem_of_an_rdm_is_the_one_that_its_job_raises(tiny):
    values = np.array([random_target(15, seed) for seed in range(3)])
    values[1, 0, 1] = np.nan
    np.savez(tiny.folder / "IT.npz", rdms=values)
    (problem,) = checked(tiny).problems
    with pytest.raises(type(problem)) as of_job:
        subjects = ["01", "02", "03"]
        read_ready_rdm("IT.npz", target="IT", subject="02", labels=LABELS, subjects=subjects)
    assert str(problem) == str(of_job.value)


def test_problem_that_all_subjects_share_is_told_once(tiny):
    (tiny.folder / "order.txt").write_text("\n".join(["image_0", *LABELS[1:]]) + "\n")
    problems = checked(tiny).problems
    assert len(problems) == 1 and "(and 5 more place(s) alike)" in problems[0].where


def test_image_that_is_missing_has_the_nearest_name(tiny):
    (tiny.folder / "pictures").mkdir()
    rows = []
    for label in LABELS:
        (tiny.folder / "pictures" / f"{label}.png").touch()
        rows.append({"stimulus": label, "file": f"pictures/{label}.png"})
    rows[3]["file"] = "pictures/tree.png"
    (tiny.folder / "pictures" / "img_3.png").rename(tiny.folder / "pictures" / "trees.png")
    network = {"name": "net", "model": "alexnet", "weights": "random", "layer": "clasifier.2"}
    found = checked(tiny, stimuli={"rows": rows}, networks=[network])
    image, layer = found.problems
    assert "Did you mean 'trees.png'?" in str(image)
    assert "Did you mean 'classifier.2'?" in str(layer)
    assert states(found, "images") == {"": "problem"} and states(found, "network") == {"net": "problem"}
    assert found.cost is None


def test_network_is_known_without_its_weights_being_computed_with(tiny, monkeypatch):
    monkeypatch.setattr("isoprune.networks.build", None)
    rows = [{"stimulus": label, "file": "order.txt"} for label in LABELS]
    networks = [
        {"name": "one", "model": "alexnet", "weights": "random", "layer": "classifier.2"},
        {
            "name": "two",
            "model": "alexnet",
            "weights": "AlexNet_Weights.IMAGENET1K_V1",
            "layer": "features.0",
        },
    ]
    monkeypatch.setenv("TORCH_HOME", str(tiny.folder))
    found = checked(tiny, stimuli={"rows": rows}, networks=networks)
    abouts = {one.name: one.about for one in found.findings if one.kind == "network"}
    assert found.problems == ()
    assert abouts["one"].endswith("classifier.2: 4096 features")
    assert "features.0: 64 features; weights are downloaded first" in abouts["two"]
    assert states(found, "network") == {"one": "found", "two": "later"}
    assert not (tiny.folder / "hub").exists()


def test_columns_and_sets_that_the_table_lacks_are_told_with_the_nearest(tiny):
    targets = [{**tiny.read()["targets"][0], "set": "animals"}]
    folds = {"n_splits": 3, "folds": "stratified", "column": "categroy"}
    problems = [str(one) for one in checked(tiny, crossvalidation=folds, targets=targets).problems]
    assert any("there is no column 'categroy'" in one and "'category'" in one for one in problems)
    assert any("there is no column 'set'" in one for one in problems)


def test_column_of_another_analysis_is_asked_for_too(tiny):
    (problem,) = checked(tiny, specificity={"labels": ["animate"]}).problems
    assert "there is no column 'animate'" in str(problem)


def test_data_folder_that_is_not_there_is_the_only_problem(tiny):
    (problem,) = checked(tiny, data_dir="elsewhere").problems
    assert "'elsewhere' is not a folder" in str(problem)


def test_wrong_settings_are_a_problem_like_any_other(tiny):
    (problem,) = checked(tiny, subjcts=["01"], supervision=["all"]).problems
    assert "did you mean 'subjects'?" in str(problem) and "one of 'own'" in str(problem)


# ---------------------------------------------------------------------------------------------------- brain


@pytest.fixture
def brain(tmp_path, monkeypatch):
    """Betas of two runs and a mask, of each of two people."""
    monkeypatch.chdir(tmp_path)
    for subject in ("01", "02"):
        for run in ("1", "2"):
            image = nibabel.Nifti1Image(np.ones((4, 4, 4, 4), dtype=np.float32), AFFINE)
            nibabel.save(image, f"sub-{subject}_run-{run}_betas.nii.gz")
            rows = "\n".join(["condition", "a", "b", "c", "d"])
            (tmp_path / f"sub-{subject}_run-{run}_conditions.tsv").write_text(rows + "\n")
        save_mask(tmp_path / f"sub-{subject}_mask.nii.gz", AFFINE)
    return {
        "study": "small",
        "stimuli": {"rows": [{"stimulus": label} for label in "abcd"]},
        "subjects": ["01", "02"],
        "targets": [{"name": "V1", "mask": "sub-{subject}_mask.nii.gz"}],
        "betas": {
            "images": "sub-{subject}_run-{run}_betas.nii.gz",
            "conditions": "sub-{subject}_run-{run}_conditions.tsv",
            "runs": ["1", "2"],
        },
    }


def save_mask(path, affine):
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), dtype=np.uint8), affine), path)


def test_betas_and_masks_are_found_by_their_headers(brain, monkeypatch):
    monkeypatch.setattr("isoprune.io.masks.read_nifti", None)  # no voxel is read
    found = check_study(load(brain))
    assert found.problems == ()
    assert {one.about for one in found.findings if one.kind == "betas"} == {
        "nifti, 2 run(s), 8 volumes of 4 stimuli, 4×4×4 @ 3 mm"
    }


def test_grid_label_and_file_of_three_places_are_told_together(brain, tmp_path):
    save_mask(tmp_path / "sub-01_mask.nii.gz", np.diag([2.0, 2.0, 2.0, 1.0]))
    (tmp_path / "sub-02_mask.nii.gz").unlink()
    (tmp_path / "sub-02_run-2_conditions.tsv").write_text("condition\na\nb\nc\ndd\n")
    found = check_study(load(brain))
    label, grid, missing = found.problems
    assert isinstance(label, LabelError) and "run '2'" in str(label) and "no stimulus: dd" in str(label)
    assert isinstance(grid, GridError) and "mask grid 4×4×4 @ 2 mm, betas 4×4×4 @ 3 mm" in str(grid)
    assert isinstance(missing, MissingFileError) and "sub-02_mask" in str(missing)
    assert states(found, "betas") == {"01": "found", "02": "problem"}


def test_mask_may_be_resampled_where_settings_say_so(brain, tmp_path):
    save_mask(tmp_path / "sub-01_mask.nii.gz", np.diag([2.0, 2.0, 2.0, 1.0]))
    assert check_study(load({**brain, "roi": {"resample": "nearest"}})).problems == ()


def test_label_that_an_atlas_lacks_has_the_nearest_name(brain, tmp_path):
    (tmp_path / "atlas.tsv").write_text("index\tname\n1\tfusiform\n")
    atlas = {"image": "sub-{subject}_mask.nii.gz", "table": "atlas.tsv", "labels": ["fusiformis"]}
    (problem,) = check_study(load({**brain, "targets": [{"name": "FFA", "atlas": atlas}]})).problems
    assert "'fusiform'" in problem.remedy


# ---------------------------------------------------------------------------------------------------- costs


def test_time_and_memory_are_what_rules_ask_for():
    """One unit by hand, and the numbers of rule prune."""
    settings = {
        "study": "small",
        "stimuli": {"table": "t.tsv"},
        "networks": [{"name": "mine", "file": "f.npz"}],
        "targets": [{"name": "IT", "subjects": [], "rdms": {"file": "IT.npz"}}],
        "supervision": ["group"],
        "crossvalidation": {"n_splits": 4, "n_repeats": 3},
        "inference": {"n_permutations": 100, "n_repeats": 2},
        "specificity": {"n_relabelled": 5},
    }
    cost = cost_of(load(settings), 50, {"mine": 1000}, {"IT": ()})
    seconds = 4 * (3 * 7 + 2 * 100) * 1000 * 50 * 50 * 4e-9
    assert cost.n_units == 1
    assert cost.minutes_asked == pytest.approx(2 * seconds / 60)
    assert cost.minutes == pytest.approx(seconds / 60 / MARGIN)


def test_what_many_short_jobs_take_is_said_beside_the_rankings(tiny, capsys, monkeypatch):
    assert minutes_of_jobs(96) == pytest.approx(5.6)
    monkeypatch.setattr(study, "planned_jobs", lambda config, data_dir: {"prune": 90, "summary": 6})
    assert main(["check", "study.yaml"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "rankings and relabellings take less than a minute on one processor" in printed
    assert "takes 6 min more on one processor. Snakemake counts one job more, `all`" in printed
    monkeypatch.setattr(study, "planned_jobs", lambda config, data_dir: {})
    assert main(["check", "study.yaml"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "0 jobs are to be run. study 'tiny'" in printed


def test_jobs_are_those_that_snakemake_plans(tiny):
    planned = jobs.planned_jobs("study.yaml")
    assert (planned["prune"], planned["specificity"]) == (14, 7)
    assert planned["ready_rdm"] == 6 and "total" not in planned


def test_plan_that_fails_is_a_problem_in_snakemakes_words(tiny, monkeypatch):
    done = subprocess.CompletedProcess([], 1, stdout="a\nb\nc\nLockError: lock 'x'\n")
    monkeypatch.setattr(jobs.subprocess, "run", lambda *arguments, **settings: done)
    (problem,) = check_file("study.yaml").problems
    assert "b; c; LockError: lock 'x'" in str(problem)


# ---------------------------------------------------------------------------------------------------- command


def test_command_prints_a_table_and_fails_on_a_problem(tiny, capsys):
    assert main(["check", "study.yaml", "--no-jobs"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^target +EVC +found +EVC.npz: RDMs of 3 of 3 subjects$", printed, re.MULTILINE)
    assert printed.endswith("study 'tiny': nothing is missing\n")
    assert main(["check", "study.yaml", "--data-dir", "elsewhere", "--no-jobs"]) == 1
    assert "MissingFileError: data_dir: 'elsewhere'" in capsys.readouterr().out


def test_command_prints_json_for_machines(tiny, capsys, monkeypatch):
    monkeypatch.setattr(study, "planned_jobs", lambda config, data_dir: {"prune": 14})
    assert main(["check", "study.yaml", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["jobs"] == {"prune": 14} and told["problems"] == [] and told["cost"]["n_units"] == 14
    (tiny.folder / "IT.npz").unlink()
    assert main(["check", "study.yaml", "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["error"] == "MissingFileError" and "IT.npz" in problem["found"]


@pytest.mark.parametrize("name", ["cichy92", "mur92", "peterson", "ak6", "haxby2001"])
def test_real_study_has_nothing_missing(name, data_dir, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert check_file(f"config/studies/{name}.yaml", str(data_dir), jobs=False).problems == ()


def test_simulated_study_is_checked_without_its_data(tmp_path):
    settings = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    found = check_study(load({**settings, "results_dir": str(tmp_path)}))
    assert found.problems == () and states(found, "stimuli") == {"": "later"}
    assert found.cost.n_units == 3 * (8 + 1)
