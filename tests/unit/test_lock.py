"""Truths about locks, and about the command that writes and checks them."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from isoprune.cli import main
from isoprune.config import load
from isoprune.errors import ConfigError, FoldError, LockError, MissingFileError, UnreadableFileError
from isoprune.folds import make_folds
from isoprune.io.files import write_json
from isoprune.lock import check_lock, lock_of, read_lock, write_lock
from isoprune.provenance import sha256_of_file
from workflow_study import LABELS, make_study, write_rdms


@pytest.fixture
def tiny(tmp_path):
    """The tiny study, with its data in a folder of its own."""
    (tmp_path / "data").mkdir()
    study = make_study(tmp_path / "data")
    shutil.move(study.folder / "study.yaml", tmp_path / "study.yaml")
    return tmp_path


def loaded(folder: Path, **changes):
    settings = yaml.safe_load((folder / "study.yaml").read_text())
    return load({"data_dir": str(folder / "data"), **settings, **changes})


def differing(lock, study) -> list[str]:
    with pytest.raises(LockError) as error:
        check_lock(lock, study)
    lines = str(error.value).split("\n  - ")[1:]
    assert f"in {len(lines)} place(s)" in str(error.value)
    return lines


def test_lock_holds_settings_inputs_folds_and_relabellings(tiny):
    lock = lock_of(loaded(tiny))
    assert lock["settings"]["pruning"]["criterion"] == "pearson"  # a default
    assert lock["settings"]["crossvalidation"]["n_splits"] == 3
    data = tiny / "data"
    assert lock["inputs"] == {
        role: {name: sha256_of_file(data / name) for name in names}
        for role, names in {
            "stimuli.table": ["stimuli.tsv"],
            "networks[mine]": ["features.npz"],
            "targets[EVC]": ["EVC.npz", "order.txt"],
            "targets[IT]": ["IT.npz", "order.txt"],
        }.items()
    }
    folds = make_folds(LABELS, n_splits=3, n_repeats=1)
    assert [tuple(one["test"]) for one in lock["folds"]] == [one.test for one in folds]
    assert lock["images"] == sorted(LABELS)
    assert len(lock["relabellings"]["sha256"]) == 64


def test_same_study_elsewhere_has_the_same_lock_to_the_byte(tiny, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(tiny, elsewhere / "copy")
    write_lock(tiny / "one.json", loaded(tiny))
    write_lock(elsewhere / "other.json", loaded(elsewhere / "copy"))
    text = (tiny / "one.json").read_bytes()
    assert text == (elsewhere / "other.json").read_bytes()
    assert str(tiny).encode() not in text


def test_absolute_paths_leave_no_trace_of_the_machine(tiny, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    targets = copy.deepcopy(loaded(tiny).model_dump(mode="json")["targets"])
    for target in targets:
        target["rdms"]["labels"] = str(tiny / "data" / "order.txt")
        (outside / target["name"]).mkdir()
        shutil.copy(tiny / "data" / f"{target['name']}.npz", outside / target["name"] / "rdms.npz")
        target["rdms"]["file"] = str(outside / target["name"] / "rdms.npz")
    lock = lock_of(loaded(tiny, targets=targets))
    assert str(outside) not in json.dumps(lock) and str(tiny) not in json.dumps(lock)
    assert list(lock["inputs"]["targets[IT]"]) == ["rdms.npz", "order.txt"]
    assert lock["settings"]["targets"][0]["rdms"]["file"] == "rdms.npz"


def test_files_of_subjects_outside_of_the_data_keep_different_names(tiny, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    for subject in ("01", "02", "03"):
        (outside / f"sub-{subject}").mkdir()
        np.save(outside / f"sub-{subject}" / "rdm.npy", np.eye(15) * int(subject))
    target = {"name": "IT", "rdms": {"file": str(outside / "sub-{subject}" / "rdm.npy"), "labels": "table"}}
    files = lock_of(loaded(tiny, targets=[target]))["inputs"]["targets[IT]"]
    assert list(files) == [f"sub-{subject}/rdm.npy" for subject in ("01", "02", "03")]
    assert len(set(files.values())) == 3


def test_images_weights_masks_and_betas_are_inputs(tiny):
    data = tiny / "data"
    (data / "images").mkdir()
    rows = []
    for label in LABELS:
        (data / "images" / f"{label}.png").write_text(label)
        rows.append({"stimulus": label, "file": f"images/{label}.png"})
    names = [
        f"sub-{s}_{kind}" for s in ("01", "02") for kind in ("r1.nii", "r1.tsv", "r2.nii", "r2.tsv", "V1.nii")
    ]
    for name in ("net.pth", *names):
        (data / name).write_text(name)
    betas = {
        "images": "sub-{subject}_r{run}.nii",
        "conditions": "sub-{subject}_r{run}.tsv",
        "runs": ["1", "2"],
    }
    study = loaded(
        tiny,
        stimuli={"rows": rows},
        subjects=["01", "02"],
        networks=[{"name": "net", "model": "mobilenet_v2", "weights": "net.pth"}],
        targets=[{"name": "V1", "mask": "sub-{subject}_V1.nii"}],
        betas=betas,
    )
    inputs = lock_of(study)["inputs"]
    assert set(inputs) == {"stimuli, column 'file'", "networks[net]", "targets[V1]", "betas"}
    assert len(inputs["stimuli, column 'file'"]) == 15
    assert sorted(name for role in ("betas", "targets[V1]") for name in inputs[role]) == sorted(names)
    assert inputs["networks[net]"] == {"net.pth": sha256_of_file(data / "net.pth")}


def test_tables_of_judgments_are_inputs(tiny):
    (tiny / "data" / "triplets.tsv").write_text("stimulus_1\tstimulus_2\tstimulus_3\todd\n")
    odd = {"name": "odd", "kind": "judgment", "triplets": {"file": "triplets.tsv"}}
    lock = lock_of(loaded(tiny, targets=[odd]))
    assert list(lock["inputs"]["targets[odd]"]) == ["triplets.tsv"]


def test_files_of_nuisances_are_inputs(tiny):
    (tiny / "data" / "gist.tsv").write_text("gist")
    inputs = lock_of(loaded(tiny, nuisance=["gist.tsv"]))["inputs"]
    assert inputs["nuisance"] == {"gist.tsv": sha256_of_file(tiny / "data" / "gist.tsv")}


def test_published_weights_are_an_input(tiny, monkeypatch):
    monkeypatch.setattr(
        "isoprune.networks.published_weights", lambda model, weights: tiny / "hub" / "vgg19-dcbb.pth"
    )
    (tiny / "hub").mkdir()
    (tiny / "hub" / "vgg19-dcbb.pth").write_text("weights")
    rows = [{"stimulus": label, "file": "order.txt"} for label in LABELS]
    network = {"name": "vgg", "model": "vgg19", "weights": "VGG19_Weights.IMAGENET1K_V1"}
    inputs = lock_of(loaded(tiny, networks=[network], stimuli={"rows": rows}))["inputs"]
    assert list(inputs["networks[vgg]"]) == ["vgg19-dcbb.pth"]


# --------------------------------------------------------------------------------------- what differs


def test_the_study_that_was_frozen_meets_its_lock(tiny):
    write_lock(tiny / "lock.json", loaded(tiny))
    check_lock(tiny / "lock.json", loaded(tiny))
    check_lock(lock_of(loaded(tiny)), loaded(tiny))


def test_settings_that_decide_no_result_may_change(tiny):
    lock = lock_of(loaded(tiny))
    check_lock(lock, loaded(tiny, results_dir="/elsewhere", select={"targets": "IT"}, lock="my.lock.json"))


def test_every_setting_that_differs_is_named(tiny):
    lock = lock_of(loaded(tiny))
    networks = [{"name": name, "file": "features.npz", "key": "X"} for name in ("mine", "late")]
    changed = {"criterion": "spearman", "n_rule": "one-se"}
    lines = differing(lock, loaded(tiny, networks=networks, pruning=changed))
    assert 'setting pruning.n_rule: "max" in the lock, now "one-se"' in lines
    assert 'setting pruning.criterion: "pearson" in the lock, now "spearman"' in lines
    assert any(line.startswith("setting networks[late].file: not in the lock") for line in lines)
    assert any(line.startswith("file features.npz (networks[late]): not in the lock") for line in lines)
    assert not [line for line in lines if "mine" in line]


def test_every_file_that_differs_is_named(tiny):
    lock = lock_of(loaded(tiny))
    write_rdms(tiny / "data", "IT", 21)
    (tiny / "data" / "EVC.npz").unlink()
    it, evc = differing(lock, loaded(tiny))[::-1]
    assert it == (
        f'file IT.npz (targets[IT]): "{lock["inputs"]["targets[IT]"]["IT.npz"]}" in the lock, '
        f'now "{sha256_of_file(tiny / "data" / "IT.npz")}"'
    )
    assert evc.startswith("file EVC.npz (targets[EVC])") and evc.endswith("now a missing file")


def test_every_fold_that_differs_is_named(tiny):
    lock = lock_of(loaded(tiny))
    lines = differing(lock, loaded(tiny, seed=1))
    assert lines[0] == "setting seed: 0 in the lock, now 1"
    assert [line.split(":")[0] for line in lines[1:]] == [
        *(f"repeat 1, fold {fold}" for fold in (1, 2, 3)),
        "relabellings",
    ]
    before, after = (make_folds(LABELS, n_splits=3, n_repeats=1, seed=seed)[0].test for seed in (0, 1))
    gone, come = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    assert lines[1] == f"repeat 1, fold 1: now without {', '.join(gone)} and with {', '.join(come)}"


def test_folds_and_relabellings_are_of_each_stimulus_set(tiny):
    sets = ["x" if i < 9 else "y" for i in range(18)]
    labels = [f"img_{i}" for i in range(18)]
    rows = [f"{label}\t{name}" for label, name in zip(labels, sets, strict=True)]
    (tiny / "data" / "stimuli.tsv").write_text("\n".join(["stimulus\tset", *rows]) + "\n")
    targets = [
        {"name": f"judged{name}", "set": name, "rdms": {"file": "IT.npz", "labels": "table"}} for name in "xy"
    ]
    study = loaded(tiny, targets=targets)
    lock = lock_of(study)
    for name in "xy":
        own = [label for label, of in zip(labels, sets, strict=True) if of == name]
        tests = [tuple(one["test"]) for one in lock["folds"] if one["set"] == name]
        assert tests == [one.test for one in make_folds(own, n_splits=3, n_repeats=1)]
    assert lock["relabellings"]["x"] != lock["relabellings"]["y"]
    check_lock(lock, study)
    moved = copy.deepcopy(lock)
    moved["folds"][0]["test"] = moved["folds"][0]["test"][1:]
    assert [line.split(":")[0] for line in differing(moved, study)] == ["set x, repeat 1, fold 1"]


def test_image_that_is_gone_is_named(tiny):
    lock = lock_of(loaded(tiny))
    table = tiny / "data" / "stimuli.tsv"
    table.write_text("".join(line for line in table.open() if not line.startswith("img_3\t")))
    assert "images: now without img_3" in differing(lock, loaded(tiny))


def test_another_version_is_named(tiny):
    lock = {**lock_of(loaded(tiny)), "isoprune": "0.0.1"}
    assert differing(lock, loaded(tiny))[0].startswith('isoprune: "0.0.1" in the lock')


def test_order_of_rows_and_of_networks_is_no_difference_but_of_the_file(tiny):
    networks = [{"name": name, "file": "features.npz", "key": "X"} for name in ("a", "b")]
    lock = lock_of(loaded(tiny, networks=networks))
    check_lock(lock, loaded(tiny, networks=networks[::-1]))
    header, *rows = (tiny / "data" / "stimuli.tsv").read_text().splitlines()
    (tiny / "data" / "stimuli.tsv").write_text("\n".join([header, *rows[::-1]]) + "\n")
    (line,) = differing(lock, loaded(tiny, networks=networks))
    assert line.startswith("file stimuli.tsv (stimuli.table)")


# ------------------------------------------------------------------------------------- what is refused


def test_all_missing_inputs_are_named(tiny):
    for name in ("IT.npz", "order.txt"):
        (tiny / "data" / name).unlink()
    with pytest.raises(
        MissingFileError, match=r"3 file\(s\) are not there: order\.txt \(targets\[EVC\]\), IT\.npz"
    ):
        lock_of(loaded(tiny))


def test_folds_that_cannot_be_made_are_not_frozen(tiny):
    with pytest.raises(FoldError):
        lock_of(loaded(tiny, crossvalidation={"folds": "grouped", "column": "category", "n_splits": 3}))


def test_simulated_study_is_refused():
    with pytest.raises(ConfigError, match="study 'demo' is simulated"):
        lock_of(load(Path(__file__).parents[2] / "config" / "config.yaml"))


def test_study_without_networks_has_no_folds(tiny):
    lock = lock_of(loaded(tiny, networks=[]))
    assert lock["folds"] is None and lock["relabellings"] is None
    check_lock(lock, loaded(tiny, networks=[]))


@pytest.mark.parametrize("text", ["{", "[]", '{"isoprune": "0.1.0"}'])
def test_a_file_that_is_no_lock_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UnreadableFileError):
        read_lock(tmp_path / "a.json")
    write_json(tmp_path / "a.json", {"isoprune": "0.1.0"})
    with pytest.raises(UnreadableFileError, match="it has no settings, inputs"):
        read_lock(tmp_path / "a.json")


def test_another_lock_is_replaced_only_on_purpose(tiny):
    path = tiny / "lock.json"
    assert write_lock(path, loaded(tiny))
    assert not write_lock(path, loaded(tiny))
    with pytest.raises(
        LockError, match=r"another lock, with 5 difference\(s\)(.|\n)*setting seed: 0 in the lock, now 1"
    ):
        write_lock(path, loaded(tiny, seed=1))
    check_lock(path, loaded(tiny))
    assert write_lock(path, loaded(tiny, seed=1), replace=True)
    check_lock(path, loaded(tiny, seed=1))


# --------------------------------------------------------------------------------------- the command


@pytest.fixture
def run(tiny, monkeypatch, capsys):
    monkeypatch.chdir(tiny)

    def command(*words: str) -> tuple[int, str, str]:
        status = main(words)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return status, printed.out, printed.err

    return command


def test_freeze_then_check(run, tiny):
    assert run("freeze", "study.yaml", "--data-dir", "data") == (0, "study.lock.json: written\n", "")
    assert run("freeze", "study.yaml", "--data-dir", "data") == (0, "study.lock.json: unchanged\n", "")
    said = "study.lock.json: study 'tiny' is as it was frozen\n"
    assert run("check-lock", "study.yaml", "--data-dir", str(tiny / "data")) == (0, said, "")
    write_rdms(tiny / "data", "IT", 21)
    status, out, err = run("check-lock", "study.yaml", "--data-dir", "data")
    assert (
        (status, out) == (1, "") and err.startswith("LockError: lock 'study.lock.json'") and "IT.npz" in err
    )


def test_lock_goes_where_the_setting_says(run, tiny):
    settings = yaml.safe_load((tiny / "study.yaml").read_text())
    (tiny / "study.yaml").write_text(yaml.safe_dump({**settings, "lock": "locks/a.json", "data_dir": "data"}))
    assert run("freeze", "study.yaml")[1] == "locks/a.json: written\n"
    assert run("freeze", "study.yaml", "--output", "b.json")[1] == "b.json: written\n"
    assert run("check-lock", "study.yaml", "--lock", "b.json")[0] == 0
    assert (tiny / "locks" / "a.json").read_bytes() == (tiny / "b.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("freeze", "no.yaml"), "MissingFileError: the study's settings: 'no.yaml' is not a file"),
        (("freeze", "study.yaml"), "MissingFileError"),
        (("check-lock", "study.yaml", "--data-dir", "data"), "Write it with `isoprune freeze`"),
        (("freeze", "data"), "MissingFileError"),
    ],
)
def test_errors_are_a_sentence(run, words, said):
    status, out, err = run(*words)
    assert (status, out) == (1, "") and said in err


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (ImportError("No module named 'yaml'"), "Install what the workflow needs"),
        (PermissionError(13, "Permission denied", "a.json"), "a.json: Permission denied."),
        (KeyError("x"), "This is a fault of isoprune; --traceback shows where"),
    ],
)
def test_what_nobody_foresaw_is_a_sentence_as_well(run, monkeypatch, problem, said):
    def fail(*arguments, **settings):
        raise problem

    monkeypatch.setattr("isoprune.lock.write_lock", fail)
    status, _, err = run("freeze", "study.yaml", "--data-dir", "data")
    assert status == 1 and said in err
    with pytest.raises(type(problem)):
        main(["freeze", "study.yaml", "--data-dir", "data", "--traceback"])


def test_unknown_command_says_which_exist(run, capsys):
    with pytest.raises(SystemExit):
        main(["freez"])
    assert "freeze" in capsys.readouterr().err
