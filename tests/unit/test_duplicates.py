"""Truths about images that are nearly the same."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from isoprune.duplicates import DUPLICATE_COLUMNS, duplicates_of_study, near_duplicates
from isoprune.folds import make_folds

LABELS = [f"img_{i}" for i in range(12)]


@pytest.fixture
def pictures(tmp_path):
    """Twelve pictures, of which 3 is another compression of 0, 7 a mirrored 1, and two are of one colour."""
    rng = np.random.default_rng(0)
    drawn = {label: rng.integers(0, 255, size=(8, 8, 3), dtype=np.uint8) for label in LABELS}
    made = {
        label: Image.fromarray(one).resize((96, 96), Image.Resampling.BICUBIC) for label, one in drawn.items()
    }
    made["img_7"] = made["img_1"].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    made["img_4"] = made["img_5"] = Image.new("RGB", (80, 80), (9, 9, 9))
    paths = {label: tmp_path / f"{label}.png" for label in LABELS}
    for label, image in made.items():
        image.save(paths[label])
    paths["img_3"] = tmp_path / "img_3.jpg"
    made["img_0"].resize((120, 120)).save(paths["img_3"], quality=60)
    return paths


def test_copies_and_mirrored_copies_are_found_and_nothing_else(pictures):
    folds = make_folds(LABELS, n_splits=3, n_repeats=4)
    table = near_duplicates(pictures, folds)
    assert list(table.columns) == list(DUPLICATE_COLUMNS)
    found = {(row.stimulus_1, row.stimulus_2): row.mirrored for row in table.itertuples()}
    assert found == {("img_1", "img_7"): 1, ("img_0", "img_3"): 0}
    assert (table["r"] >= 0.95).all() and table["r"].is_monotonic_decreasing
    for row in table.itertuples():
        apart = sum((row.stimulus_1 in fold.test) != (row.stimulus_2 in fold.test) for fold in folds)
        assert (row.n_apart, row.n_folds) == (apart, 12)


def test_siblings_in_one_group_are_never_apart_and_sets_are_apart_from_each_other(pictures):
    kinds = ["a" if label in ("img_0", "img_3") else f"b{label}" for label in LABELS]
    stimuli = pd.DataFrame(
        {
            "stimulus": LABELS,
            "file": [path.name for path in map(pictures.get, LABELS)],
            "kind": kinds,
            "set": ["x"] * 12,
        }
    )
    settings = {"folds": "grouped", "column": "kind", "n_splits": 3, "n_repeats": 2}
    where = pictures["img_0"].parent / "stimuli.tsv"
    table = duplicates_of_study(stimuli, where, [None], settings, 0)
    apart = table.set_index("stimulus_1")["n_apart"]
    assert apart["img_0"] == 0 and apart["img_1"] > 0
    # img_7 of another set is no copy within a set.
    stimuli["set"] = ["y" if label == "img_7" else "x" for label in LABELS]
    one_set = duplicates_of_study(stimuli, where, ["x"], settings, 0)
    assert list(one_set["stimulus_1"]) == ["img_0"]
