"""Settings of reweighting, and of competitors of matched number: what is refused, and what they have in common with
the library.
"""

from typing import get_args

import pytest

from isoprune.config import load
from isoprune.config.reweighting import Reweighting
from isoprune.config.specificity import Specificity
from isoprune.errors import ConfigError
from isoprune.matched import MATCHED
from isoprune.reweighting import KINDS, PENALTIES

STUDY = {
    "study": "mine",
    "stimuli": {"table": "stimuli.tsv"},
    "subjects": ["01", "02"],
    "networks": [{"name": "net", "file": "features.npy", "labels": "sorted"}],
    "targets": [{"name": "IT", "rdms": {"file": "IT.npz", "labels": "sorted"}}],
}


def words_of(block, setting):
    """The words that a list of words takes."""
    (words, _ellipsis) = get_args(block.model_fields[setting].annotation)
    return get_args(words)


def test_settings_name_what_the_library_has():
    assert words_of(Reweighting, "kinds") == words_of(Reweighting, "kinds_subjects") == tuple(KINDS)
    assert words_of(Specificity, "matched") == Specificity().matched == MATCHED
    assert Reweighting().penalties == PENALTIES


def test_nothing_is_reweighted_unless_it_is_asked_for():
    assert load(STUDY).reweighting is None
    assert load({**STUDY, "reweighting": {}}).reweighting == Reweighting()


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"reweighting": {"kinds": ["rigde"]}}, "Did you mean 'ridge'|ridge.*nonnegative"),
        ({"reweighting": {"kinds": ["ridge", "ridge"]}}, "'?ridge'? is named twice"),
        ({"reweighting": {"penalties": [1, 0]}}, r"reweighting\.penalties"),
        ({"reweighting": {"penalties": []}}, r"reweighting\.penalties"),
        ({"reweighting": {"n_inner": 1}}, r"reweighting\.n_inner"),
        ({"networks": [], "reweighting": {}}, "reweighting': the block is there, but no network"),
        (
            {"supervision": ["group"], "reweighting": {"kinds": []}},
            r"no kind for the supervision group; expected kinds in kinds",
        ),
        (
            {"supervision": ["own"], "reweighting": {"kinds_subjects": []}},
            r"no kind for the supervision own; expected kinds in kinds_subjects",
        ),
        (
            {"supervision": ["own"], "reweighting": {"kinds": ["ridge"]}},
            r"reweighting\.kinds': it is set, but has no effect without the supervision group",
        ),
        (
            {"supervision": ["group"], "reweighting": {"kinds_subjects": []}},
            r"reweighting\.kinds_subjects': it is set, but has no effect without the supervision loso or own",
        ),
        ({"specificity": {"matched": ["component"]}}, r"specificity\.matched"),
    ],
)
def test_what_would_do_nothing_or_does_not_exist_is_refused(changes, part):
    with pytest.raises(ConfigError, match=part):
        load({**STUDY, **changes})


def test_one_of_both_kinds_of_units_may_be_left_out():
    assert load({**STUDY, "reweighting": {"kinds": []}}).reweighting.kinds == ()
    assert load({**STUDY, "reweighting": {"kinds_subjects": []}}).reweighting.kinds_subjects == ()
