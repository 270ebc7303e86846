"""Category selectivity: planted features are found and named, and nothing is found where nothing is."""

import numpy as np
import pytest

from examples import sparse_embedding
from isoprune.errors import LabelError, UnknownNameError
from isoprune.folds import Fold, make_folds
from isoprune.foldsets import FoldSets
from isoprune.permutation import unit_nulls
from isoprune.pruning import procedure_named
from isoprune.relabelled_sets import relabelled_sets
from isoprune.relabelling import relabellings
from isoprune.selectivity import (
    categories_in,
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


def arranged(*retained, fingerprint="alike"):
    """Sets of a target as it is and of relabelled ones: each kept by all six folds, or of each fold its own."""
    sets = fold_sets([range(8)] * 6)
    of_folds = [
        [np.asarray(one[fold] if isinstance(one, tuple) else one, dtype=int) for one in retained]
        for fold in range(6)
    ]
    folds = [Fold(1, k, (), tuple(np.array(LABELS)[out])) for k, out in enumerate(sets.held_out, start=1)]
    return relabelled_sets(of_folds, folds, LABELS, M, fingerprint)


def random_sets(n, size=8, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.permutation(M)[:size] for _ in range(n)]


def held_out_of(retained, *relabelled, values=None, labels=LABELS):
    """The table of sets, by column; 99 random sets."""
    values, sets = selective_values() if values is None else values, [fold_sets([retained] * 6)]
    table = held_out_selectivity(values, labels, COLUMNS, sets, relabelled, n_random=99, seed=0)
    return table.set_index("column")


def test_retained_sets_are_more_selective_than_those_of_relabelled_targets_on_held_out_images():
    found = held_out_of(range(8), arranged(range(8), *random_sets(99)))
    half = found.loc["half"]
    assert half["p_relabelled"] == 0.01 and half["n_relabelled"] == 99
    assert half["epsilon2"] > half["random_high"] > half["epsilon2_all"] > half["random_low"]
    assert half["epsilon2"] > half["relabelled_high"] > half["relabelled_low"]
    assert found.loc["kind", "p_relabelled"] > 0.05
    assert (found["n_features"] == 8).all() and (found["n_images"] == 6).all()
    others = held_out_of(range(20, 28), arranged(range(20, 28), *random_sets(99))).loc["half"]
    assert others["p_relabelled"] > 0.5


def test_what_every_relabelled_target_keeps_as_well_gives_no_small_p():
    found = held_out_of(range(8), arranged(range(8), *([range(8)] * 99))).loc["half"]
    assert found["epsilon2"] > found["random_high"] and found["p_relabelled"] == 1


def test_epsilon2_of_arrangements_is_the_mean_over_folds_of_the_mean_over_a_set():
    """The statistic of the target as it is is that of the table, and of two subjects the mean over all their folds."""
    values = selective_values()
    values[:, 30] = 1.0  # constant: no value, and no part
    kept, other = [0, 1, 30], ([5, 30], [6], [7, 9], [5], [11, 30], [30])  # the last fold has no value
    members = categories_in(COLUMNS, LABELS)

    def by_hand(features):
        of_folds = []
        for fold, out in enumerate(fold_sets([kept] * 6).held_out):
            block = members.of_column("half", out)
            some = features[fold] if isinstance(features, tuple) else features
            some = [feature for feature in some if feature != 30]
            of_folds.append([variance_explained(values[out][:, [k]], block)[0] for k in some])
        return np.mean([np.mean(one) for one in of_folds if one])

    once = held_out_of(kept, arranged(kept, other), values=values).loc["half"]
    assert once["epsilon2"] == once["epsilon2_tested"] == pytest.approx(by_hand(kept), abs=1e-12)
    assert once["relabelled_low"] == once["relabelled_high"] == pytest.approx(by_hand(other), abs=1e-12)
    twice = held_out_of(kept, arranged(kept, other), arranged(other, kept), values=values).loc["half"]
    mean = (6 * by_hand(kept) + 5 * by_hand(other)) / 11  # over folds that have a value
    assert twice["relabelled_low"] == pytest.approx(mean, abs=1e-12) and twice["p_relabelled"] == 1
    assert twice["epsilon2_tested"] == pytest.approx(mean, abs=1e-12)


def test_units_that_were_not_relabelled_alike_give_no_p():
    one, other = (arranged(range(8), *random_sets(9), fingerprint=name) for name in ("one", "other"))
    assert held_out_of(range(8), one).loc["half", "p_relabelled"] == 0.1
    for given in ((one, other), (), (arranged(),)):
        found = held_out_of(range(8), *given)
        assert found["p_relabelled"].isna().all() and found["relabelled_low"].isna().all()
        assert (found["n_relabelled"] == 0).all() and found["epsilon2"].notna().all()


def test_a_relabelled_target_that_keeps_nothing_counts_against_the_target():
    found = held_out_of(range(8), arranged(range(8), [], *random_sets(18))).loc["half"]
    assert found["p_relabelled"] == 0.1


def test_without_columns_there_are_no_rows():
    given = [fold_sets([range(8)] * 6)], [arranged(range(8), *random_sets(9))]
    assert held_out_selectivity(selective_values(), LABELS, {}, *given, n_random=9, seed=0).empty


def test_order_of_images_changes_no_p():
    order = np.random.default_rng(1).permutation(N)
    relabelled = arranged(range(8), *random_sets(19))
    one = held_out_of(range(8), relabelled)
    other = held_out_of(
        range(8), relabelled, values=selective_values()[order], labels=[LABELS[k] for k in order]
    )
    pd.testing.assert_frame_equal(one, other)


def test_p_of_noise_is_calibrated_where_random_sets_mislead():
    """A few features of high variance tell categories apart; selection favours them whatever the target."""
    values = np.random.default_rng(5).normal(size=(N, M))
    values[:18, :6] += 2.5
    values[:, :6] *= 3
    folds = make_folds(LABELS, n_splits=3, n_repeats=1)
    drawn, small = relabellings(LABELS, 19, seed=0), []
    above = []
    for seed in range(200):
        target = np.triu(np.random.default_rng([2, seed]).uniform(size=(N, N)), 1)
        target += target.T
        (found,) = unit_nulls(
            *(values, target, target, LABELS, folds),
            procedure=procedure_named(),
            n_rules=("max",),
            relabellings=drawn,
            seed=0,
            n_sets=19,
        )
        own = tuple(np.flatnonzero(found.sets.of_fold(fold)[0]) for fold in range(3))
        held_out = found.sets.held_out
        sets = FoldSets(LABELS, np.ones(3, dtype=int), np.arange(3), own, held_out, held_out)
        (row,) = held_out_selectivity(
            values, LABELS, {"half": COLUMNS["half"]}, [sets], [found.sets], n_random=99, seed=seed
        ).to_dict(orient="records")
        small.append(row["p_relabelled"] <= 0.05)
        above.append(row["epsilon2"] > row["random_high"])
    assert 0.005 <= np.mean(small) <= 0.1  # 5 % of 200, give or take three standard errors
    assert np.mean(above) > 0.2


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


def test_shown_features_are_descriptive():
    values = selective_values()
    found = shown_selectivity(
        values, LABELS, COLUMNS, range(8), table_of(values), n_random=99, seed=0
    ).set_index("column")
    assert found["p_relabelled"].isna().all() and (found["images"] == "all").all()
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
