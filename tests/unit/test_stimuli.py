"""Columns of the stimulus table: which are categories, and what is said of those that are not."""

import pandas as pd
import pytest

from isoprune.errors import LabelError, UnknownNameError
from isoprune.stimuli import (
    categories_of,
    check_columns,
    column_of,
    labels_that_rank,
    stimuli_of_set,
    stimuli_with,
)

LABELS = [f"img_{i}" for i in range(6)]
USABLE = list("aaabbb")
UNUSABLE = {
    "constant": (["a"] * 6, "one category for all images"),
    "different": (list("abcdef"), "6 categories of at most 1 images"),
    "pairs": (list("aabbcc"), "3 categories of at most 2 images"),
    "holes": (["a", "a", "a", None, "b", None], r"no category for 2 image\(s\)"),
}


def table(**columns):
    return pd.DataFrame({"stimulus": LABELS, **columns})


def asked(**changes):
    settings = {"groups": None, "categories": None, "exchange": "images", "labels": None, **changes}
    check_columns(table(category=USABLE, kind=list("xyxyxy")), **settings)


def test_categories_are_by_label_and_not_by_row():
    turned = table(category=USABLE).iloc[::-1]
    assert categories_of(turned) == dict(zip(LABELS, USABLE, strict=True))
    assert categories_of(table(category=[1, 1, 1, 2, 2, 2]))["img_0"] == "1"


@pytest.mark.parametrize("name", UNUSABLE)
def test_column_category_that_cannot_be_used_is_passed_over_unless_it_was_asked_for(name):
    values, found = UNUSABLE[name]
    assert categories_of(table(category=values)) is None
    assert labels_that_rank(table(category=values), None, None) == {}
    with pytest.raises(
        LabelError,
        match=rf"stimuli.table, column 'category' \(inference.categories\): {found}; expected two or more",
    ):
        categories_of(table(category=values), "category")
    with pytest.raises(LabelError, match=rf"column 'category' \(specificity.labels\): {found}"):
        labels_that_rank(table(category=values), ["category"], None)


def test_without_a_column_there_are_no_categories():
    assert categories_of(table()) is None
    assert labels_that_rank(table(), None, None) == {}


def test_labels_that_rank_are_those_asked_for_else_the_categories():
    both = table(category=USABLE, kind=list("xyxyxy"))
    kinds, categories = column_of(both, "kind"), column_of(both, "category")
    assert labels_that_rank(both, None, None) == {"category": categories}
    assert labels_that_rank(both, None, "kind") == {"kind": kinds}
    assert labels_that_rank(both, ["kind", "category"], None) == {"kind": kinds, "category": categories}
    assert labels_that_rank(both, [], None) == {}


@pytest.mark.parametrize("setting", ["groups", "categories", "labels"])
def test_column_that_does_not_exist_is_told_with_the_nearest(setting):
    name = ["categori"] if setting == "labels" else "categori"
    with pytest.raises(
        UnknownNameError,
        match=r"stimuli.table: there is no column 'categori'; expected one of: stimulus, category, kind. "
        r"Did you mean 'category'\?",
    ):
        asked(**{setting: name})


def test_columns_that_exist_are_accepted():
    asked()
    asked(groups="kind", categories="kind", exchange="within", labels=["category", "kind"])


def test_exchange_within_categories_needs_categories():
    with pytest.raises(
        LabelError,
        match=r"inference\.exchange: `within`, but the stimulus table has no usable column 'category'; expected a",
    ):
        check_columns(table(), groups=None, categories=None, exchange="within", labels=None)


def test_a_set_is_its_own_rows_in_their_order():
    both = table(set=list("xyxyxy"))
    assert list(stimuli_of_set(both, "y")["stimulus"]) == ["img_1", "img_3", "img_5"]
    assert list(stimuli_of_set(both, "y").index) == [0, 1, 2]
    assert stimuli_of_set(both, None) is both


def test_a_set_that_does_not_exist_is_told_with_the_nearest():
    with pytest.raises(
        UnknownNameError,
        match=r"column 'set': there is no stimulus set 'animal'; expected one of: animals, fruits\. Did you mean 'ani",
    ):
        stimuli_of_set(table(set=["animals", "fruits"] * 3), "animal")
    with pytest.raises(UnknownNameError, match=r"there is no column 'set'"):
        stimuli_of_set(table(), "animals")


def test_rows_of_images_are_by_label():
    assert list(stimuli_with(table(), ["img_4", "img_0"])["stimulus"]) == ["img_0", "img_4"]
    with pytest.raises(LabelError, match=r"no row for 1 image\(s\): img_9; expected a row for every image"):
        stimuli_with(table(), ["img_9", "img_0"])


def test_labels_of_one_set_are_left_out_for_another():
    kind = ["a", "b", "a", "a", *"gh"]
    mixed = pd.DataFrame({"stimulus": LABELS, "set": list("xxxxyy"), "kind": kind, "own": LABELS})
    x, y = (stimuli_of_set(mixed, name) for name in "xy")
    assert list(labels_that_rank(x, ["kind", "own"], None, of_set=True)) == ["kind"]
    assert labels_that_rank(y, ["kind", "own"], None, of_set=True) == {}
    asked = {"groups": None, "categories": None, "exchange": "images", "sets": ("x", "y")}
    check_columns(mixed, labels=["kind"], **asked)
    with pytest.raises(
        LabelError, match=r"column 'own' \(specificity.labels\): 4 categories of at most 1 images"
    ):
        check_columns(mixed, labels=["kind", "own"], **asked)
