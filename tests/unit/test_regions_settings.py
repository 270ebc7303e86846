"""Settings of regions: what a target may be, and that the definition reaches the reader of regions as it was given."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from isoprune.config import load
from isoprune.config.inputs import _REGIONS
from isoprune.errors import ConfigError
from isoprune.io.regions import KINDS, region, region_files
from isoprune.io.volumes import Grid

STUDY = {
    "study": "small",
    "stimuli": {"table": "t.tsv"},
    "subjects": ["01"],
    "betas": {"images": "b.nii", "conditions": "c.tsv", "runs": ["1"]},
}
GOOD = {
    "mask": "sub-{subject}_mask.nii",
    "atlas": {"image": "a.nii", "table": "t.tsv", "labels": ["V1", 1000], "hemisphere": "left"},
    "probability": {"image": "p.nii", "threshold": 25, "unit": "percent", "volume": 3},
    "sphere": {"centres": [[40, -55, -12.5], [-40, -55, -12.5]], "radius": 8},
    "fetch": {"atlas": "aal", "options": {"version": "SPM12"}, "labels": ["Fusiform_L"]},
    "surface": {"left": "l.gii", "right": "r.gii", "labels": ["V1"]},
}


def target(**definition):
    return load({**STUDY, "targets": [{"name": "A", **definition}]}).target("A")


def message(**definition):
    with pytest.raises(ConfigError) as error:
        target(**definition)
    return str(error.value)


def test_settings_and_readers_know_the_same_kinds():
    assert _REGIONS == KINDS == tuple(GOOD)


@pytest.mark.parametrize("kind", GOOD)
def test_a_definition_reaches_the_reader_as_it_was_given(kind, tmp_path):
    found = target(**{kind: GOOD[kind]}).region
    assert list(found) == [kind] and json.loads(json.dumps(found)) == found
    if isinstance(GOOD[kind], str):
        assert found[kind] == GOOD[kind]
    else:
        assert GOOD[kind].items() <= found[kind].items()
    assert all(path.parent == tmp_path for path in region_files(found, "01", tmp_path))


def test_ready_rdms_are_no_region():
    assert target(rdms={"file": "x.npz"}).region is None


def test_settings_make_the_region_they_describe(tmp_path):
    values = np.random.default_rng(0).choice([0, 7, 1000], size=(5, 4, 3)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "sub-01.nii")
    definition = target(atlas={"image": "sub-{subject}.nii", "labels": [1000]}).region
    found = region(definition, "A", "01", tmp_path, Grid((5, 4, 3), np.eye(4)))
    np.testing.assert_array_equal(found.inside, values == 1000)


@pytest.mark.parametrize(
    ("definition", "part"),
    [
        (
            {},
            "neither 'rdms' nor 'ratings' nor 'triplets' nor 'mask' nor 'atlas' nor 'probability' nor 'sphere' nor "
            "'fetch' nor 'surface'",
        ),
        ({"mask": "m.nii", "sphere": GOOD["sphere"]}, "both 'mask' and 'sphere' are given"),
        ({"kind": "judgment", "sphere": GOOD["sphere"]}, "judgments are read from a brain mask, or another"),
        ({"atlas": {"image": "a.nii", "labels": ["V1"]}}, "table': it is missing, but label 'V1' is a name"),
        ({"atlas": {"image": "a.nii", "labels": [1.5]}}, "labels[entry 1]': found 1.5; expected a label's"),
        ({"atlas": {"image": "a_{run}.nii", "labels": [1]}}, "unknown placeholder {run}"),
        ({"sphere": {"centres": [[1, 2]], "radius": 3}}, "centres[entry 1][entry 3]': it is missing"),
        ({"sphere": {"centres": [[1, 2, 3]], "radius": 0}}, "radius': found 0; expected more than 0"),
        ({"probability": {"image": "p.nii", "threshold": 25}}, "unit': it is missing"),
        (
            {"probability": {"image": "p.nii", "threshold": 25, "unit": "fraction"}},
            "threshold': found 25 with `unit: fraction`; expected at most 1",
        ),
        (
            {"probability": {**GOOD["probability"], "label": "V1", "table": "t.tsv"}},
            "both 'volume' and 'label'",
        ),
        (
            {"probability": {**GOOD["probability"], "table": "t.tsv"}},
            "it is set, but has no effect without `label`",
        ),
        ({"fetch": {**GOOD["fetch"], "threshold": 25}}, "only one of 'threshold' and 'unit' is given"),
        ({"fetch": {**GOOD["fetch"], "options": {"a": [1]}}}, "options.a': found [1]; expected text"),
        ({"surface": {"left": "l.gii", "labels": ["V1"]}}, "right': it is missing, but hemisphere is both"),
    ],
)
def test_definitions_that_contradict_themselves_are_refused(definition, part):
    assert part in message(**definition)


def test_every_region_needs_betas():
    for kind in GOOD:
        with pytest.raises(ConfigError) as error:
            load({**STUDY, "betas": None, "targets": [{"name": "A", kind: GOOD[kind]}]})
        assert "it is missing, but target 'A' has" in str(error.value)
