"""Truths about weights of features as objects and files."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from isoprune.errors import MissingFileError, ReweightingError, UnreadableFileError
from isoprune.io.files import read_json
from isoprune.io.tables import write_table
from isoprune.reweighting import Weights, load_weights, write_weights
from isoprune.reweighting.weights import WEIGHT_COLUMNS

WEIGHTS = Weights(
    weights=np.array([0.1, 0.0, 2 / 3, 1e-17]),
    kind="nonnegative",
    intercept=-0.25,
    penalty=10.0,
    network="mobilenetv2",
    layer="penultimate",
    source={"model": "mobilenet_v2"},
    target="judgments",
    subject="group",
    supervision="group",
    study="mur92",
    seed=3,
    images=("img_1", "img_2"),
    isoprune="0.1.0",
)


@pytest.fixture
def path(tmp_path):
    write_weights(tmp_path / "one_weights.tsv", WEIGHTS, {"settings": {"penalties": [1, 10]}})
    return tmp_path / "one_weights.tsv"


def test_weights_survive_their_files_bit_for_bit(path):
    back = load_weights(path)
    np.testing.assert_array_equal(back.weights, WEIGHTS.weights)
    assert {**asdict(back), "weights": None} == {**asdict(WEIGHTS), "weights": None}


def test_the_sidecar_says_what_the_weights_multiply_and_what_made_them(path):
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["reweighting"]["formula"].endswith("weights that are not negative")
    assert about["provenance"] == {"settings": {"penalties": [1, 10]}}
    assert path.read_text().splitlines()[:2] == ["feature\tweight", "0\t0.1"]


def test_negative_weights_are_weights_of_ridge_alone():
    assert replace(WEIGHTS, kind="ridge", weights=np.array([-1.0])).weights[0] == -1
    with pytest.raises(ReweightingError, match=r"'nonnegative' with negative numbers.*only of `ridge`"):
        replace(WEIGHTS, weights=np.array([-1.0]))


@pytest.mark.parametrize("wrong", [{"kind": "lasso"}, {"intercept": np.nan}, {"weights": np.array([np.inf])}])
def test_numbers_that_are_no_weights_are_refused(wrong):
    with pytest.raises(ReweightingError, match="Write the weights again"):
        replace(WEIGHTS, **wrong)


def test_weights_without_their_sidecar_are_refused(path):
    path.with_suffix(".json").unlink()
    with pytest.raises(MissingFileError, match="Weights are two files"):
        load_weights(path)


@pytest.mark.parametrize(
    ("kept", "problem"),
    [
        ({"feature": [1, 0], "weight": [0.5, 0.2]}, "features are not numbered 0, 1, 2"),
        ({"feature": [0]}, "weight"),
    ],
)
def test_another_table_is_no_table_of_weights(path, kept, problem):
    about = read_json(path.with_suffix(".json"))["reweighting"]
    write_table(path, pd.DataFrame(kept), WEIGHT_COLUMNS, {"reweighting": about})
    with pytest.raises(UnreadableFileError, match=f"it is not a table of weights.*{problem}"):
        load_weights(path)
