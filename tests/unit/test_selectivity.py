"""Category selectivity: planted features are found and named, and nothing is found where nothing is."""

import numpy as np
import pytest

from examples import sparse_embedding
from isoprune.errors import LabelError, UnknownNameError
from isoprune.foldsets import FoldSets
from isoprune.selectivity import (
    held_out_selectivity,
    selectivity_table,
    shown_selectivity,
    standardised_features,
    variance_explained,
    varying_features,
)
from isoprune.stimuli import category_columns, check_category_columns

pd = pytest.importorskip("pandas")

N, M = 36, 40
LABELS = tuple(f"img_{i:02d}" for i in range(N))
KIND = {label: "abc"[i % 3] for i, label in enumerate(LABELS)}
COLUMNS = {"kind": KIND, "half": {label: str(i // 18) for i, label in enumerate(LABELS)}}


def planted(seed=0, feature=7, category="b", size=6.0):
    """Sparse features of which one fires for a category."""
    values = sparse_embedding(N, M, seed)
    values[:, feature] = np.random.default_rng(seed).normal(size=N)
    values[[KIND[label] == category for label in LABELS], feature] += size
    return values


def table_of(values, columns=COLUMNS, n_permutations=99, seed=0):
    return selectivity_table(values, LABELS, columns, n_permutations=n_permutations, seed=seed)


def row_of(table, feature, column):
    return table[(table["feature"] == feature) & (table["column"] == column)].iloc[0]


def test_a_feature_that_fires_for_a_category_is_found_and_named_with_it():
    table = table_of(planted())
    row = row_of(table, 7, "kind")
    assert (row["category"], row["n_in"], row["p_fwe"]) == ("b", 12, 0.01)
    assert row["d"] > 3 and row["epsilon2"] > 0.6
    assert row_of(table, 7, "half")["p_fwe"] > 0.05
    assert (table.loc[table["feature"] != 7, "p_fwe"] > 0.05).all()


def test_a_category_that_silences_a_feature_is_named_with_a_negative_d():
    row = row_of(table_of(planted(size=-6.0)), 7, "kind")
    assert row["category"] == "b" and row["d"] < -3 and row["p_fwe"] == 0.01


def test_of_two_categories_the_one_that_drives_the_feature_more_is_named():
    values = planted(size=0.0)
    values[:18, 7] += 5
    row = row_of(table_of(values), 7, "half")
    assert row["category"] == "0" and row["d"] > 0


def test_d_and_epsilon2_are_those_of_their_formulas():
    values = planted()
    row, x = row_of(table_of(values), 7, "kind"), values[:, 7]
    inside = np.array([KIND[label] == "b" for label in LABELS])
    pooled = (11 * x[inside].var(ddof=1) + 23 * x[~inside].var(ddof=1)) / 34
    assert row["d"] == pytest.approx((x[inside].mean() - x[~inside].mean()) / np.sqrt(pooled), abs=1e-10)
    groups = [x[[KIND[label] == name for label in LABELS]] for name in "abc"]
    within = sum(((group - group.mean()) ** 2).sum() for group in groups)
    mean_square = within / (N - 3)
    # Kelley (1935): (SS between − (k − 1) MS within) / SS total.
    total = ((x - x.mean()) ** 2).sum()
    assert row["epsilon2"] == pytest.approx((total - within - 2 * mean_square) / total, abs=1e-10)


def test_epsilon2_is_0_on_average_where_there_is_no_relation():
    values = np.random.default_rng(0).normal(size=(18, 4000))
    members = np.array([[i % 6 == k for i in range(18)] for k in range(6)], dtype=float)
    assert abs(variance_explained(values, members).mean()) < 0.01


def test_corrected_p_is_calibrated_even_for_features_that_were_selected():
    """The smallest p over all features is below .05 in about 5 % of studies, so that of any selection is at most."""
    smallest = []
    for seed in range(200):
        rng = np.random.default_rng([1, seed])
        values = np.maximum(rng.normal(size=(24, 30)) - 0.5, 0)
        labels = [f"i{k:02d}" for k in range(24)]
        columns = {"kind": dict(zip(labels, rng.permutation([*"abcd"] * 6), strict=True))}
        table = selectivity_table(values, labels, columns, n_permutations=59, seed=seed)
        smallest.append(table["p_fwe"].min())
    share = np.mean(np.array(smallest) <= 0.05)
    assert 0.01 <= share <= 0.095  # 5 % of 200, give or take three standard errors
    assert 0.4 < np.mean(smallest) < 0.6


def test_order_of_images_scale_of_features_and_names_of_categories_change_nothing():
    values = planted()
    one = table_of(values)
    order = np.random.default_rng(1).permutation(N)
    moved = selectivity_table(
        3 * values[order] + 2, [LABELS[row] for row in order], COLUMNS, n_permutations=99, seed=0
    )
    pd.testing.assert_frame_equal(one, moved, rtol=1e-9)
    renamed = {"kind": {label: {"a": "x", "b": "y", "c": "z"}[kind] for label, kind in KIND.items()}}
    only = table_of(values, {"kind": KIND})
    pd.testing.assert_series_equal(only["p_fwe"], table_of(values, renamed)["p_fwe"])


def test_a_constant_feature_is_in_no_row_and_has_no_drive():
    values = planted()
    values[:, 3] = 2.5
    assert varying_features(values).tolist() == [feature != 3 for feature in range(M)]
    assert np.isnan(standardised_features(values)[:, 3]).all()
    assert 3 not in set(table_of(values)["feature"])
    assert np.isnan(variance_explained(values, np.eye(2)[[i % 2 for i in range(N)]].T)[3])


def fold_sets(retained, n_folds=6):
    """Folds of which each holds out images of all kinds and both halves."""
    held_out = np.array([[(i + i // 6) % n_folds == fold for i in range(N)] for fold in range(n_folds)])
    ones = np.ones(n_folds, dtype=int)
    return FoldSets(LABELS, ones, ones.cumsum(), tuple(map(np.asarray, retained)), held_out, held_out)


def selective_values():
    """Normal features of which the first eight know the halves of the images."""
    values = np.random.default_rng(3).normal(size=(N, M))
    values[:18, :8] += 2.5
    return values


def test_retained_sets_are_more_selective_than_random_ones_on_held_out_images():
    found = held_out_selectivity(
        selective_values(), LABELS, COLUMNS, [fold_sets([range(8)] * 6)], n_random=99, seed=0
    ).set_index("column")
    assert found.loc["half", "p_matched"] == 0.01
    assert (
        found.loc["half", "epsilon2"] > found.loc["half", "random_high"] > found.loc["half", "epsilon2_all"]
    )
    assert (found["n_features"] == 8).all() and (found["n_images"] == 6).all()
    others = held_out_selectivity(
        selective_values(), LABELS, COLUMNS, [fold_sets([range(20, 28)] * 6)], n_random=99, seed=0
    ).set_index("column")
    assert others.loc["half", "p_matched"] > 0.5


def test_held_out_selectivity_sees_no_training_image():
    values = selective_values()
    sets = fold_sets([range(8)] * 6)
    held = sets.held_out
    first = FoldSets(LABELS, sets.repeat[:1], sets.fold[:1], sets.retained[:1], held[:1], held[:1])
    poisoned = np.where(held[0][:, None], values, np.nan)
    one, other = (
        held_out_selectivity(given, LABELS, COLUMNS, [first], n_random=9, seed=0)
        for given in (values, poisoned)
    )
    seen = ["epsilon2", "epsilon2_all", "n_varying"]
    pd.testing.assert_frame_equal(one[seen], other[seen])
    assert one["epsilon2"].notna().all()


def test_sets_of_like_variance_tell_a_set_that_is_selective_from_one_of_high_variance():
    """Where features of high variance tell the halves apart, a set of such features is no better than its like."""
    values = np.random.default_rng(4).normal(size=(N, 80))
    values[:18, :40] += 2.5
    values[:, :40] *= 10
    found = held_out_selectivity(
        values, LABELS, {"half": COLUMNS["half"]}, [fold_sets([range(8)] * 6)], n_random=99, seed=0
    ).iloc[0]
    assert found["epsilon2"] > found["random_high"] and found["p_matched"] > 0.05
    assert found["matched_high"] > found["random_high"]


def test_shown_features_are_descriptive():
    values = selective_values()
    found = shown_selectivity(
        values, LABELS, COLUMNS, range(8), table_of(values), n_random=99, seed=0
    ).set_index("column")
    assert found["p_matched"].isna().all() and (found["images"] == "all").all()
    assert found.loc["half", "n_selective"] >= 6 and found.loc["kind", "n_selective_all"] == 0
    assert found.loc["half", "epsilon2"] > found.loc["half", "random_high"]


def test_without_relabellings_there_is_no_p():
    table = table_of(planted(), n_permutations=0)
    assert table["p_fwe"].isna().all() and table["d"].notna().all()


# ------------------------------------------------------------------------------ which columns


STIMULI = pd.DataFrame(
    {
        "stimulus": LABELS,
        "set": ["one"] * 18 + ["two"] * 18,
        "kind": list(KIND.values()),
        "same": "x",
        "own": LABELS,
        "gaps": [None, *list(KIND.values())[1:]],
        "rare": ["x", "x", *["y"] * 34],
        "halves": ["l"] * 9 + ["r"] * 9 + [None] * 18,
    }
)


def test_columns_that_sort_images_into_categories_are_found():
    assert set(category_columns(STIMULI)) == {"kind"}
    assert category_columns(STIMULI, []) == {}
    assert set(category_columns(STIMULI, ["rare"])) == {"rare"}
    assert set(category_columns(STIMULI[:18])) == {"kind", "halves"}


@pytest.mark.parametrize(
    ("column", "error", "words"),
    [
        ("kinds", UnknownNameError, "did you mean|kind"),
        ("same", LabelError, r"column 'same' \(features.columns\): one category for all images"),
        ("own", LabelError, "36 categories of at most 1 images"),
        ("gaps", LabelError, r"no category for 1 image\(s\)"),
    ],
)
def test_a_column_that_cannot_be_tested_is_refused(column, error, words):
    with pytest.raises(error, match=words):
        category_columns(STIMULI, [column])
    with pytest.raises(error, match=words):
        check_category_columns(STIMULI, [column], [None])


def test_a_column_about_one_of_two_stimulus_sets_is_accepted():
    check_category_columns(STIMULI, ["halves"], ["one", "two"])
    assert category_columns(STIMULI[18:], ["halves"], of_set=True) == {}
    with pytest.raises(UnknownNameError):
        category_columns(STIMULI[18:], ["halfs"], of_set=True)
