"""Truths about the start of a study: what is written is read, is whole, and replaces nothing."""

import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
import yaml

from examples import random_target
from isoprune.checking.study import check_file
from isoprune.cli import main
from isoprune.config import load
from isoprune.config.commented import commented_yaml
from isoprune.config.layout import settings as all_settings
from isoprune.errors import LabelError, MissingFileError, NotWritableError, UnknownNameError
from isoprune.io.tables import read_stimuli
from isoprune.starting.images import named_by_conditions, stimuli_of_folder
from isoprune.starting.study import start_study
from workflow_study import ROOT

NAMES = {"animals": [f"dog_{i}" for i in range(1, 7)], "things": [f"car_{i}" for i in range(1, 7)]}
CONDITIONS = [name.replace("_", "") for names in NAMES.values() for name in names]


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Twelve images in a folder for each of two categories."""
    monkeypatch.chdir(tmp_path)
    for category, names in NAMES.items():
        (tmp_path / "data" / "images" / category).mkdir(parents=True)
        for name in names:
            (tmp_path / "data" / "images" / category / f"{name}.png").touch()
    (tmp_path / "data" / "images" / "._dog_1.png").touch()
    return tmp_path / "data" / "images"


def save(path, shape):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.ones(shape, dtype=np.uint8), np.eye(4) * 3), path)


@pytest.fixture
def derivatives(images):
    """An image a condition of two people, effect and t, and masks: FFA of both, PPA of one."""
    folder = images.parent / "derivatives"
    for subject in ("01", "02"):
        own = folder / f"sub-{subject}"
        for condition in (*CONDITIONS, "button"):
            for stat in ("effect", "t"):
                name = f"sub-{subject}_space-T1w_contrast-{condition}_stat-{stat}_statmap.nii.gz"
                save(own / "func" / name, (3, 3, 3))
        save(own / "anat" / f"sub-{subject}_space-T1w_desc-brain_mask.nii.gz", (3, 3, 3))
        save(own / "anat" / f"sub-{subject}_space-T1w_roi-FFA_mask.nii.gz", (3, 3, 3))
    save(folder / "sub-02" / "anat" / "sub-02_hemi-L_space-T1w_label-PPA_mask.nii.gz", (3, 3, 3))
    return folder


def written(folder="mine"):
    return yaml.safe_load((Path(folder) / "study.yaml").read_text())


def test_study_of_derivatives_has_nothing_missing(images, derivatives):
    started = start_study("mine", images, derivatives=derivatives, networks=["alexnet"])
    assert check_file("mine/study.yaml", jobs=False).problems == ()
    given = written()
    assert given["subjects"] == ["01", "02"]
    assert given["betas"] == {
        "format": "bids",
        "folder": "derivatives",
        "entities": {"stat": "effect"},
        "exclude": ["button"],
    }
    anat = "derivatives/sub-{subject}/anat/sub-{subject}"
    assert given["targets"] == [
        {"name": "FFA", "mask": f"{anat}_space-T1w_roi-FFA_mask.nii.gz"},
        {"name": "LPPA", "mask": f"{anat}_hemi-L_space-T1w_label-PPA_mask.nii.gz", "subjects": ["02"]},
    ]
    assert given["networks"][0]["weights"] == "AlexNet_Weights.IMAGENET1K_V1"
    assert given["crossvalidation"]["n_splits"] == 4  # 12 images, three in each test fold
    assert any("stat-effect is used, not t" in note for note in started.notes)
    assert any("button" in note for note in started.notes)


def test_labels_are_those_of_the_betas_and_categories_those_of_the_folders(images, derivatives):
    start_study("mine", images, derivatives=derivatives, networks=["alexnet"])
    table = read_stimuli("mine/stimuli.tsv")
    row = table.set_index("stimulus").loc["dog1"]
    assert (row["file"], row["category"]) == ("animals/dog_1.png", "animals")
    assert sorted(table["stimulus"]) == sorted(CONDITIONS)


def test_people_who_saw_other_images_are_analysed_alone(images, derivatives):
    for path in derivatives.glob("sub-02/func/*contrast-dog3*"):
        path.unlink()
    start_study("mine", images, derivatives=derivatives, networks=["alexnet"])
    assert written()["betas"]["stimuli"] == "per-subject" and written()["supervision"] == ["own"]
    assert check_file("mine/study.yaml", jobs=False).problems == ()


def test_masks_are_of_the_space_of_the_betas_which_most_masks_have(images, derivatives):
    for path in list(derivatives.glob("sub-*/func/*")):
        save(path.with_name(path.name.replace("T1w", "T2w")), (4, 4, 4))
    for region in ("FFA", "OFA", "EVC", "LO", "V1"):
        save(derivatives / "sub-01" / "anat" / f"sub-01_space-T2w_roi-{region}_mask.nii.gz", (4, 4, 4))
    started = start_study("mine", images, derivatives=derivatives, networks=["alexnet"])
    assert written()["betas"]["entities"] == {"space": "T2w", "stat": "effect"}
    assert [target["name"] for target in written()["targets"]] == ["EVC", "FFA", "LO", "OFA", "V1"]  # no PPA
    assert all(target["subjects"] == ["01"] for target in written()["targets"])
    assert any("space-T2w is used, not T1w" in note for note in started.notes)
    assert check_file("mine/study.yaml", jobs=False).problems == ()


def test_images_that_were_not_measured_are_left_out_and_told(images, derivatives):
    (images / "things" / "tree.png").touch()
    started = start_study("mine", images, derivatives=derivatives, networks=["alexnet"])
    assert "tree" not in list(read_stimuli("mine/stimuli.tsv")["stimulus"])
    assert any("1 of 13 images were not measured" in note for note in started.notes)


def test_ready_rdms_give_targets_subjects_and_labels(images):
    labels = [name for names in NAMES.values() for name in names]
    values = [random_target(12, seed) for seed in range(2)]
    rows = ["stimulus_1\tstimulus_2\tsubject\tvalue"]
    for subject, rdm in zip(("ann", "bob"), values, strict=True):
        pairs = zip(*np.triu_indices(12, 1), strict=True)
        rows += [f"{labels[i]}\t{labels[j]}\t{subject}\t{rdm[i, j]}" for i, j in pairs]
    (images.parent / "IT-all.tsv").write_text("\n".join(rows) + "\n")
    start_study("mine", images, rdms=[images.parent / "IT-all.tsv"], networks=["alexnet"])
    given = written()
    assert given["subjects"] == ["ann", "bob"]
    assert given["targets"] == [{"name": "ITall", "rdms": {"file": "IT-all.tsv", "labels": "file"}}]
    assert check_file("mine/study.yaml", jobs=False).problems == ()


def test_ready_rdms_without_labels_take_them_from_a_file(images):
    labels = [name for names in NAMES.values() for name in names]
    np.save(images.parent / "IT.npy", np.stack([random_target(12, seed) for seed in range(2)]))
    with pytest.raises(LabelError, match=r"the target's `rdms`, or `isoprune init --labels`"):
        start_study("mine", images, rdms=[images.parent / "IT.npy"], networks=["alexnet"])
    (images.parent / "order.txt").write_text("\n".join(labels[::-1]) + "\n")
    command = ["init", "mine", "--images", str(images), "--network", "alexnet"]
    command += ["--rdms", "data/IT.npy", "--labels", "data/order.txt"]
    assert main(command) == 0
    (target,) = written()["targets"]
    assert target["rdms"] == {"file": "IT.npy", "labels": "order.txt"}
    assert check_file("mine/study.yaml", jobs=False).problems == ()


def test_study_without_a_target_yet_lacks_just_that(images):
    start_study("mine", images, networks=["alexnet"])
    (problem,) = check_file("mine/study.yaml", jobs=False).problems
    assert isinstance(problem, MissingFileError) and "target.tsv" in str(problem)


def test_few_images_get_no_networks(images):
    for path in [*images.glob("things/*"), *images.glob("animals/dog_6*")]:
        path.unlink()
    assert any("5 images are too few" in note for note in start_study("mine", images).notes)
    assert "networks" not in written()


def test_local_weights_are_named_with_their_hash(images, data_dir):
    file = data_dir / "weights" / "mobilenet_v2.pth"
    start_study("mine", images, networks=[f"mobilenet_v2={file}"])
    (network,) = load("mine/study.yaml").networks
    assert network.has_weights_file and network.sha256.startswith("c7d2b848")
    assert [one.state for one in check_file("mine/study.yaml").findings if one.kind == "network"] == ["found"]


def test_nothing_is_overwritten(images):
    start_study("mine", images, networks=["alexnet"])
    before = {path.name: path.read_bytes() for path in Path("mine").iterdir()}
    with pytest.raises(NotWritableError, match="is there already"):
        start_study("mine", images, networks=["alexnet"])
    (Path("mine") / "study.yaml").unlink()
    with pytest.raises(NotWritableError, match=r"stimuli\.tsv"):
        start_study("mine", images, networks=["alexnet"])
    assert not (Path("mine") / "study.yaml").exists()
    assert (Path("mine") / "stimuli.tsv").read_bytes() == before["stimuli.tsv"]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"images": "nowhere"}, MissingFileError, "--images"),
        ({"images": None}, MissingFileError, "a table `stimuli.tsv` with a column `stimulus`"),
        ({"rdms": ["data/IT.npy"], "labels": "no.txt"}, MissingFileError, "--labels"),
        ({"labels": "order.txt"}, LabelError, "`--rdms`, files of RDMs"),
        ({"derivatives": "nowhere"}, MissingFileError, "--derivatives"),
        ({"derivatives": "data/images"}, MissingFileError, "no image that ends with"),
        ({"networks": ["alexnett"]}, UnknownNameError, "Did you mean 'alexnet'?"),
        ({"networks": ["alexnet=no.pth"]}, MissingFileError, "no.pth"),
    ],
)
def test_what_is_not_there_is_named_and_nothing_is_written(images, given, error, words):
    with pytest.raises(error, match=re.escape(words)):
        start_study("mine", **{"images": images, **given})
    assert not Path("mine").exists()


def test_command_says_what_it_wrote_and_what_comes_next(images, capsys):
    assert main(["init", "mine", "--images", str(images), "--network", "alexnet", "--name", "first"]) == 0
    printed = capsys.readouterr().out
    assert "mine/study.yaml: written" in printed and printed.endswith(
        "next: isoprune check mine/study.yaml\n"
    )
    assert load("mine/study.yaml").study == "first"


# ------------------------------------------------------------------------------------- images and comments


def test_images_are_in_counting_order_and_equal_names_are_told_apart(tmp_path):
    for name in ("a/img_10.png", "a/img_2.png", "b/img_2.JPG", "note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    table = stimuli_of_folder(tmp_path)
    assert table["stimulus"].tolist() == ["a_img_2", "img_10", "b_img_2"]
    assert table["category"].tolist() == ["a", "a", "b"]
    (tmp_path / "a" / "img_10.jpg").touch()
    (tmp_path / "a_img_10.png").touch()
    with pytest.raises(LabelError, match="a_img_10"):
        stimuli_of_folder(tmp_path)


def test_conditions_that_no_image_is_called_like_are_an_error_with_the_nearest(tmp_path):
    (tmp_path / "dog.png").touch()
    with pytest.raises(LabelError, match="is 'dog' meant"):
        named_by_conditions(stimuli_of_folder(tmp_path), ["dogs"], "betas")


@pytest.mark.parametrize("name", ["config.yaml", *(f"studies/{one}.yaml" for one in ("cichy92", "peterson"))])
def test_commented_settings_are_the_settings(name):
    given = yaml.safe_load((ROOT / "config" / name).read_text())
    assert yaml.safe_load(commented_yaml(given, head="A study.\n\nOf mine.")) == given


def test_comments_are_the_descriptions_of_the_settings():
    given = {
        "study": "mine",
        "targets": [{"name": "IT", "rdms": {"file": "IT.npz"}}, {"name": "EVC", "mask": "m.nii"}],
    }
    text = commented_yaml(given)
    words = " ".join(line.strip().removeprefix("# ") for line in text.splitlines() if "#" in line)
    described = {path: field.description for path, field in all_settings()}
    for setting in ("study", "targets[]", "targets[].name", "targets[].rdms.file", "targets[].mask"):
        assert words.count(described[setting]) == 1, setting
