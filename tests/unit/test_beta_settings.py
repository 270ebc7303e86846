"""Settings of betas: each format takes its own, and nothing idle is accepted."""

from __future__ import annotations

import pytest

from isoprune.config import load
from isoprune.config.betas import Betas
from isoprune.errors import ConfigError
from isoprune.io.betas.sources import FORMATS

STUDY = {
    "study": "small",
    "stimuli": {"table": "stimuli.tsv"},
    "subjects": ["01", "02"],
    "targets": [{"name": "V1", "mask": "sub-{subject}_mask.nii.gz"}],
}
IMAGES = "{subject}_{run}.nii.gz"
TABLE = "{subject}_{run}.tsv"
GLM = {"tr": 2.5, "events": "{subject}_{run}_events.tsv"}
VALID = {
    "nifti": {"images": IMAGES, "conditions": TABLE, "runs": ["1", "2"]},
    "bids": {"folder": "derivatives/glm", "entities": {"stat": "effect"}},
    "nsd": {"images": IMAGES, "conditions": TABLE, "runs": ["1", "2"], "divisor": 300, "zscore": True},
    "spm": {"folder": "{subject}/spm", "runs": ["1", "2"]},
    "feat": {"folder": "{subject}/{run}.feat", "runs": ["1", "2"], "estimate": "pe"},
    "glmsingle": {"images": "{subject}.npy", "conditions": "{subject}.tsv", "reference": "mean.nii"},
    "gifti": {"images": "{subject}_{hemisphere}.func.gii", "volumes": ["a", "a", "b"]},
    "bold": {"images": IMAGES, "runs": ["1", "2"], "glm": GLM},
}


def study(betas):
    return load({**STUDY, "betas": betas})


def message(betas):
    with pytest.raises(ConfigError) as error:
        study(betas)
    return str(error.value)


@pytest.mark.parametrize("name", VALID)
def test_each_format_is_valid_with_what_it_needs(name):
    assert set(VALID) == set(FORMATS)
    assert study({"format": name, **VALID[name]}).betas.format == name


def test_nifti_is_the_default():
    betas = study(VALID["nifti"]).betas
    assert (betas.format, betas.stimuli, betas.condition_column, betas.run_column) == (
        "nifti",
        "shared",
        "condition",
        "run",
    )


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("nifti", "images"),
        ("bids", "folder"),
        ("nsd", "divisor"),
        ("glmsingle", "reference"),
        ("bold", "glm"),
        ("bold", "runs"),
        ("feat", "runs"),
        ("nifti", "conditions"),
    ],
)
def test_what_a_format_needs_is_asked_for(name, key):
    without = {setting: value for setting, value in VALID[name].items() if setting != key}
    assert f"'betas.{key}': it is missing" in message({"format": name, **without})


@pytest.mark.parametrize(
    ("name", "idle"),
    [
        ("nifti", {"divisor": 300}),
        ("nifti", {"folder": "x"}),
        ("spm", {"images": "{subject}.nii"}),
        ("bids", {"zscore": True}),
        ("nsd", {"estimate": "pe"}),
        ("glmsingle", {"hemispheres": ["lh", "rh"]}),
        ("feat", {"entities": {"stat": "t"}}),
        ("gifti", {"glm": GLM}),
        ("bold", {"conditions": TABLE}),
    ],
)
def test_a_setting_of_another_format_is_refused(name, idle):
    (key,) = idle
    expected = f"'betas.{key}': it is set, but has no effect on the format {name}"
    assert expected in message({"format": name, **VALID[name], **idle})


def test_conditions_come_from_one_place():
    both = {**VALID["nifti"], "volumes": ["a"]}
    assert "both 'conditions' and 'volumes' are given" in message(both)
    listed = {"images": IMAGES, "volumes": ["a", "b"], "runs": ["1", "2"]}
    assert study(listed).betas.volumes == ("a", "b")
    assert "'betas.condition_column': it is set, but has no effect on `volumes`" in message(
        {**listed, "condition_column": "x"}
    )
    assert study({"images": "{subject}_{condition}.nii"}).betas.conditions is None


def test_runs_share_images_and_table_or_neither():
    assert study({"images": "{subject}.nii", "conditions": "{subject}.tsv", "runs": ["1", "2"]})
    text = message({"images": "{subject}.nii", "conditions": TABLE, "runs": ["1", "2"]})
    assert "'betas.images': '{subject}.nii' lacks {run}" in text
    text = message({"images": IMAGES, "conditions": "{subject}.tsv", "runs": ["1", "2"]})
    assert "'betas.conditions': '{subject}.tsv' lacks {run}" in text
    text = message({"format": "bold", **VALID["bold"], "glm": {**GLM, "events": "{subject}.tsv"}})
    assert "'betas.glm.events': '{subject}.tsv' lacks {run}" in text
    assert "'betas.folder': 'x.feat' lacks {subject}" in message({"format": "feat", "folder": "x.feat"})


def test_placeholders_belong_to_their_format():
    assert "has {hemisphere}, but the format is nifti" in message(
        {**VALID["nifti"], "images": "{subject}_{run}_{hemisphere}.nii"}
    )
    assert "has {condition}, but the format is nsd" in message(
        {"format": "nsd", **VALID["nsd"], "images": "{subject}_{run}_{condition}.nii"}
    )


def test_the_first_level_model_takes_events_or_labels_of_volumes():
    labels = {"tr": 2.5, "volume_labels": "{subject}.txt"}
    assert study({"format": "bold", "images": "{subject}.nii", "runs": ["0", "1"], "glm": labels})
    both = {"format": "bold", **VALID["bold"], "glm": {**GLM, "volume_labels": "{subject}.txt"}}
    assert "both 'events' and 'volume_labels' are given" in message(both)
    rest = {"format": "bold", **VALID["bold"], "glm": {**GLM, "rest": "pause"}}
    assert "'betas.glm.rest': it is set, but has no effect on `events`" in message(rest)
    drift = {"format": "bold", **VALID["bold"], "glm": {**GLM, "drift": "none", "high_pass": 0.02}}
    assert "'betas.glm.high_pass': it is set, but has no effect on `drift: none`" in message(drift)


def test_only_plain_betas_can_be_simulated():
    network = {"name": "net", "model": "vgg19", "weights": "random"}
    simulation = {"network": "net", "planted": ["V1"]}
    with pytest.raises(ConfigError, match="not one image and one table a run"):
        load(
            {
                **STUDY,
                "networks": [network],
                "simulation": simulation,
                "betas": {"format": "bids", "folder": "x"},
            }
        )


def test_every_setting_is_taken_by_some_format():
    from isoprune.config import betas

    taken = {key for keys in (*betas._NEEDED.values(), *betas._TAKEN.values(), betas._ALWAYS) for key in keys}
    assert taken == set(Betas.model_fields)
