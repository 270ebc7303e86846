"""What the tests declare where there is nothing: a quick version of benchmarks/calibration.py, which also draws it."""

import sys
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "calibration.py"
N_EXPERIMENTS = 120
N_RELABELLINGS = 39


@pytest.fixture(scope="module")
def calibration():
    spec = spec_from_file_location("calibration", PATH)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def rates(calibration, null, experiment):
    found = calibration.rates(null, calibration.run(null, experiment, N_EXPERIMENTS))
    return {one.test: one for one in found}


@pytest.fixture(scope="module")
def unrelated(calibration):
    return rates(
        calibration, "unrelated", partial(calibration.unrelated, n_relabellings=N_RELABELLINGS, n_areas=2)
    )


@pytest.fixture(scope="module")
def category_only(calibration):
    return rates(
        calibration, "category only", partial(calibration.category_only, n_relabellings=N_RELABELLINGS)
    )


@pytest.mark.parametrize("embedding", ["full", "pruned"])
def test_p_of_an_unrelated_target_is_uniform(unrelated, embedding):
    one = unrelated[f"{embedding}, one area"]
    assert one.p_uniform > 0.005
    assert one.holds, one


@pytest.mark.parametrize("embedding", ["full", "pruned"])
def test_family_wise_error_over_areas_is_nominal(unrelated, embedding):
    one = unrelated[f"{embedding}, max-T over all areas"]
    assert one.holds, one


def test_pruning_is_not_declared_to_gain_where_it_cannot(calibration):
    for one in rates(calibration, "nothing to gain", calibration.nothing_to_gain).values():
        assert one.holds, one


def test_shared_categories_alone_are_not_declared_once_they_are_removed(category_only):
    one = category_only["pruned, partial, exchange within category"]
    assert one.holds, one
    assert one.p_uniform > 0.005


def test_shared_categories_are_declared_where_they_are_not_removed(category_only):
    assert category_only["pruned, plain, exchange of all images"].declared > N_EXPERIMENTS / 2


def test_a_test_that_declares_too_much_is_caught(calibration):
    # The yardstick itself: p-values half as large as they should be must not pass with 500 experiments.
    p = np.random.default_rng(0).uniform(size=500) / 2
    one = calibration.rate("broken", "test", p, uniform=True)
    assert not one.holds
    assert one.p_uniform < 1e-6
