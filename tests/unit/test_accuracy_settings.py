"""The block `accuracy`: what it reads, and what it refuses."""

import pytest

from isoprune.config import load
from isoprune.errors import ConfigError, UnknownNameError
from isoprune.lock import lock_of
from labelled_pictures import make_classified_study

STUDY = {
    "study": "mine",
    "stimuli": {"table": "stimuli.tsv"},
    "networks": [
        {"name": "net", "model": "alexnet", "weights": "random", "seed": 0, "layer": "penultimate"},
        {"name": "file", "file": "features.npy"},
    ],
    "targets": [{"name": "animals", "rdms": {"file": "animals.npz"}}],
    "supervision": ["group"],
}


def accuracy(study=STUDY, **settings):
    return load({**study, "accuracy": {"images": "val", **settings}}).accuracy


def test_accuracy_is_off_unless_asked_for():
    assert load(STUDY).accuracy is None and accuracy().numbers == 10


def test_numbers_from_the_command_line_are_numbers():
    assert accuracy(numbers="5").numbers == 5 and accuracy(numbers=["1", "20"]).numbers == (1, 20)


def test_domains_become_places_of_classes():
    found = accuracy(domains=[{"target": "animals", "classes": ["0-2", "n15075141", 7]}])
    assert found.classes_of("animals") == [0, 1, 2, 7, 999] and found.classes_of("fruits") is None


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"numbers": 1},
            ConfigError,
            r"'accuracy.numbers': found 1; expected how many numbers of features, 2 or",
        ),
        (
            {"numbers": [0, 5]},
            ConfigError,
            r"'accuracy.numbers': found \[0, 5\]; .* a list of numbers from 1 on",
        ),
        ({"numbers": [5, 5]}, ConfigError, r"'accuracy.numbers': 5 is named twice"),
        ({"networks": ["file"]}, ConfigError, r"'accuracy.networks': 'file' has no `model`"),
        (
            {"domains": [{"target": "animal", "classes": [1]}]},
            UnknownNameError,
            r"no target 'animal'; .* Did you mean 'animals'",
        ),
        (
            {"domains": [{"target": "animals", "classes": ["n01440765"]}]},
            UnknownNameError,
            r"no class of ImageNet 'n01440765'.*Did you mean 'n01440764'",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        accuracy(**settings)


def test_a_study_whose_networks_cannot_classify_is_refused():
    files = {**STUDY, "networks": STUDY["networks"][1:]}
    with pytest.raises(ConfigError, match="no network has a `model`, so that none can classify images"):
        accuracy(files)
    own = {**STUDY, "subjects": ["01"], "supervision": ["own"]}
    with pytest.raises(ConfigError, match="no retained sets of the supervision `group`"):
        accuracy(own)


def test_a_lock_holds_the_labelled_images(tmp_path, monkeypatch):
    study = make_classified_study(tmp_path)
    monkeypatch.chdir(study.folder)
    locked = lock_of(load("study.yaml"))["inputs"]["accuracy"]
    assert sorted(locked) == [f"labelled/{k}/0.png" for k in range(8)] and all(locked.values())
