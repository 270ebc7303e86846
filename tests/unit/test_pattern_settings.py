"""The settings of voxels and distances: the library's own words, and nothing that would do nothing."""

from typing import get_args

import pydantic
import pytest

from isoprune.config.patterns import Rdm, Roi, SelectVoxels
from isoprune.distances import MEASURES, NOISE, SHRINKAGE
from isoprune.voxels import SELECTION_SOURCES


def words(block, key):
    return get_args(block.model_fields[key].annotation)


def test_the_words_of_the_settings_are_those_of_the_library():
    assert words(Rdm, "measure") == MEASURES
    assert words(Rdm, "noise") == NOISE
    assert words(Rdm, "shrinkage") == tuple(SHRINKAGE)
    assert words(SelectVoxels, "source") == SELECTION_SOURCES


@pytest.mark.parametrize(
    ("block", "settings", "message"),
    [
        (Rdm, {"noise": "residuals"}, "noise: it is set, but has no effect on the measure correlation"),
        (
            Rdm,
            {"run_zscore": True, "run_centre": True},
            "run_centre: .* beside `run_zscore`, which includes it",
        ),
        (
            Rdm,
            {"measure": "crossnobis", "noise": "identity", "shrinkage": "variances"},
            "shrinkage: .* when noise is `identity`",
        ),
        (SelectVoxels, {"keep": 1, "source": "same"}, "keep: found 1; expected a whole number from 2"),
        (SelectVoxels, {"keep": 1.0, "source": "same"}, "keep: found 1.0; .* a share between 0 and 1"),
        (SelectVoxels, {"keep": 50, "source": "runs"}, "runs: it is missing, but the source is runs"),
        (SelectVoxels, {"keep": 50, "source": "localiser"}, "localiser: it is missing"),
        (
            SelectVoxels,
            {"keep": 50, "source": "same", "runs": ("1",)},
            "runs: .* no effect when the source is same",
        ),
    ],
)
def test_settings_that_do_nothing_or_lack_something_are_refused(block, settings, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        block(**settings)


def test_settings_that_belong_together_are_taken():
    assert Rdm(measure="crossnobis", run_zscore=True, noise="repetitions", shrinkage="identity")
    assert Roi(select_voxels=SelectVoxels(keep=0.5, source="runs", runs=("1", "2"))).select_voxels.keep == 0.5
