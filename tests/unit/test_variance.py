"""Truths about the division of a target's variance between RDMs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import random_target
from isoprune.bootstrap import image_counts
from isoprune.errors import FoldError, InferenceError, LabelError, RDMError, TooFewImagesError
from isoprune.folds import make_folds
from isoprune.intervals import interval_over_images
from isoprune.isomorphism import pairs_of
from isoprune.labelled import RDM
from isoprune.variance import VARIANCE_COLUMNS, partition_variance, parts_of, r2_of_models, subsets

N = 20
LABELS = tuple(f"img_{i}" for i in range(N))
A, B, C = (random_target(N, seed) for seed in (1, 2, 3))
TARGET = A + 0.5 * B + random_target(N, 4)
FOLDS = make_folds(LABELS, n_splits=3, n_repeats=2)


def rdm(values, labels=LABELS, name="target"):
    return RDM(values, labels, target=name)


def least_squares(target, predictors):
    design = np.column_stack([np.ones(len(target)), *predictors])
    left = target - design @ np.linalg.lstsq(design, target)[0]
    return 1 - (left**2).sum() / ((target - target.mean()) ** 2).sum()


def by_kind(table, kind):
    return table[table["kind"] == kind].set_index("predictors")["r2"]


@pytest.mark.parametrize("n_predictors", [2, 3])
def test_r2_is_that_of_least_squares_on_repeated_images_without_pairs_of_an_image_with_itself(n_predictors):
    predictors = [A + B, B + 0.3 * C, C][:n_predictors]
    counts = np.random.default_rng(0).multinomial(N, np.full(N, 1 / N), size=8)
    found = r2_of_models(pairs_of(TARGET), pairs_of(np.array(predictors)), counts)
    for sample, count in enumerate(counts):
        drawn = np.repeat(np.arange(N), count)
        first, second = np.triu_indices(N, 1)
        first, second = drawn[first], drawn[second]
        apart = first != second
        pairs = [one[first[apart], second[apart]] for one in (TARGET, *predictors)]
        for model, members in enumerate(subsets(n_predictors)):
            expected = least_squares(pairs[0], [pairs[1 + one] for one in members])
            assert found[model, sample] == pytest.approx(expected, abs=1e-12)


def test_parts_of_two_predictors_are_the_textbook_ones():
    one, other, both = 0.3, 0.25, 0.4
    assert parts_of(np.array([one, other, both])) == pytest.approx(
        [both - other, both - one, one + other - both]
    )


def test_parts_of_three_predictors_are_the_textbook_ones():
    r = dict(
        zip(["1", "2", "3", "12", "13", "23", "123"], [0.3, 0.2, 0.15, 0.41, 0.37, 0.3, 0.47], strict=True)
    )
    expected = [
        r["123"] - r["23"],
        r["123"] - r["13"],
        r["123"] - r["12"],
        r["13"] + r["23"] - r["3"] - r["123"],
        r["12"] + r["23"] - r["2"] - r["123"],
        r["12"] + r["13"] - r["1"] - r["123"],
        r["1"] + r["2"] + r["3"] - r["12"] - r["13"] - r["23"] + r["123"],
    ]
    assert parts_of(np.array(list(r.values()))) == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(n_predictors=st.integers(2, 3), held_out=st.booleans(), seed=st.integers(0, 2**16))
def test_parts_sum_to_the_joint_r2(n_predictors, held_out, seed):
    rng = np.random.default_rng(seed)
    sources = np.array([random_target(N, seed + i) for i in range(4)])
    mixed = np.einsum("ps,sij->pij", rng.normal(size=(n_predictors, 4)), sources)
    predictors = {f"p{i}": rdm(one) for i, one in enumerate(mixed)}
    folds = FOLDS if held_out else None
    table = partition_variance(rdm(TARGET), predictors, folds=folds, n_bootstrap=2)
    parts = table[table["kind"] != "model"]["r2"].sum()
    assert parts == pytest.approx(by_kind(table, "model")[" + ".join(predictors)], abs=1e-10)
    alone = parts_with(table, "p0")
    assert alone == pytest.approx(by_kind(table, "model")["p0"], abs=1e-10)


def parts_with(table, name):
    parts = table[table["kind"] != "model"]
    return parts[[name in one.split(" + ") for one in parts["predictors"]]]["r2"].sum()


def test_all_images_are_one_fit_and_held_out_images_the_mean_over_blocks():
    predictors = {"a": rdm(A), "b": rdm(B)}
    table = partition_variance(rdm(TARGET), predictors, n_bootstrap=20)
    assert list(table.columns) == list(VARIANCE_COLUMNS)
    assert list(table["kind"]) == ["unique", "unique", "shared", "model", "model", "model"]
    expected = least_squares(pairs_of(TARGET), pairs_of(np.array([A, B])))
    assert by_kind(table, "model")["a + b"] == pytest.approx(expected, abs=1e-12)
    assert (table["ci_low"] < table["r2"]).all() and (table["r2"] < table["ci_high"]).all()
    assert set(table["scope"]) == {"all images"}

    table = partition_variance(rdm(TARGET), predictors, folds=FOLDS, n_bootstrap=20)
    blocks = [np.array([LABELS.index(label) for label in fold.test]) for fold in FOLDS]
    between = [[pairs_of(one[np.ix_(rows, rows)]) for one in (TARGET, A, B)] for rows in blocks]
    expected = np.mean([least_squares(own, others) for own, *others in between])
    assert by_kind(table, "model")["a + b"] == pytest.approx(expected, abs=1e-12)
    assert set(table["scope"]) == {"held-out images"}
    assert set(table["n_blocks"]) == {6}


def test_a_predictor_of_each_fold_needs_its_test_images_only():
    whole = partition_variance(rdm(TARGET), {"a": rdm(A), "b": rdm(B)}, folds=FOLDS, n_bootstrap=5)
    of_folds = []
    for fold in FOLDS:
        rows = np.array([LABELS.index(label) for label in fold.test])
        of_folds.append(rdm(A[np.ix_(rows, rows)], fold.test))
    apart = partition_variance(rdm(TARGET), {"a": of_folds, "b": rdm(B)}, folds=FOLDS, n_bootstrap=5)
    assert apart.equals(whole)


def test_an_image_is_drawn_as_often_in_every_block_and_for_every_target():
    # Columns of the counts are the sorted labels; what is not in the block is drawn too.
    (fold,) = FOLDS[1:2]
    table = partition_variance(rdm(TARGET), {"a": rdm(A), "b": rdm(B)}, folds=[fold], n_bootstrap=30, seed=3)
    block = sorted(fold.test)
    rows = np.array([LABELS.index(label) for label in block])
    counts = image_counts(N, 30, 3)[:, [sorted(LABELS).index(label) for label in block]]
    own, *others = (pairs_of(one[np.ix_(rows, rows)]) for one in (TARGET, A, B))
    joint = r2_of_models(own, np.array(others), counts)[-1]
    expected = interval_over_images(joint[0], joint[1:], N)
    found = table[table["kind"] == "model"].iloc[-1]
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_pairs_that_join_blocks_change_nothing():
    folds = [fold for fold in FOLDS if fold.repeat == FOLDS[0].repeat]
    other = np.array([TARGET, A, B])
    together = np.zeros((N, N), dtype=bool)
    for fold in folds:
        rows = np.array([LABELS.index(label) for label in fold.test])
        together[np.ix_(rows, rows)] = True
    other[:, ~together] = 7.0
    one, changed = (
        partition_variance(rdm(t), {"a": rdm(a), "b": rdm(b)}, folds=folds, n_bootstrap=5)
        for t, a, b in ((TARGET, A, B), other)
    )
    assert one.equals(changed)


def test_order_of_images_changes_no_bit_and_order_of_predictors_only_names():
    order = np.random.default_rng(0).permutation(N)
    labels = tuple(LABELS[i] for i in order)
    moved = [rdm(one[np.ix_(order, order)], labels) for one in (TARGET, A, B)]
    for folds in (None, FOLDS):
        given = {"folds": folds, "n_bootstrap": 5}
        table = partition_variance(rdm(TARGET), {"a": rdm(A), "b": rdm(B)}, **given)
        assert partition_variance(moved[0], {"a": moved[1], "b": moved[2]}, **given).equals(table)
        turned = partition_variance(rdm(TARGET), {"b": rdm(B), "a": rdm(A)}, **given)
        assert by_kind(turned, "unique")["a"] == pytest.approx(by_kind(table, "unique")["a"], abs=1e-12)


def test_suppression_is_shown_as_a_negative_part():
    # B says nothing of the target, but takes from A + B what is not of the target.
    target = rdm(A)
    table = partition_variance(target, {"both": rdm(A + B), "b": rdm(B)}, n_bootstrap=50)
    shared = table[table["kind"] == "shared"].iloc[0]
    assert shared["r2"] < -0.2
    assert shared["ci_low"] < shared["r2"] < shared["ci_high"] < 0


def test_the_same_predictor_twice_shares_everything_and_a_constant_one_explains_nothing():
    table = partition_variance(rdm(TARGET), {"a": rdm(A), "again": rdm(2 * A)}, n_bootstrap=5)
    assert by_kind(table, "unique").to_list() == pytest.approx([0, 0], abs=1e-12)
    assert by_kind(table, "shared").to_list() == pytest.approx([by_kind(table, "model")["a"]], abs=1e-12)
    three = {"a": rdm(A), "b": rdm(B), "sum": rdm(A + B)}
    found = by_kind(partition_variance(rdm(TARGET), three, n_bootstrap=5), "model")
    assert found["a + b + sum"] == pytest.approx(found["a + b"], abs=1e-12)
    table = partition_variance(rdm(TARGET), {"a": rdm(A), "flat": rdm(1 - np.eye(N))}, n_bootstrap=5)
    assert by_kind(table, "model")["flat"] == 0
    assert by_kind(table, "unique")["a"] == pytest.approx(by_kind(table, "model")["a"], abs=1e-12)


def test_resamples_of_too_few_different_pairs_are_undefined():
    counts = np.zeros((2, N), dtype=int)
    counts[0, :3] = 5  # three pairs for an intercept and two predictors
    counts[1, :4] = 5
    found = r2_of_models(pairs_of(TARGET), pairs_of(np.array([A, B])), counts)
    assert np.isnan(found[:, 0]).all() and not np.isnan(found[:, 1]).any()


def test_bad_input_is_told():
    target, predictors = rdm(TARGET), {"a": rdm(A), "b": rdm(B)}
    with pytest.raises(
        InferenceError, match=r"variance partitioning: 1 predictors \(a\); expected two or three"
    ):
        partition_variance(target, {"a": rdm(A)})
    with pytest.raises(RDMError, match="target 'target' of subject 'group': predictor 'copy' equals it"):
        partition_variance(target, {"a": rdm(A), "copy": rdm(3 * TARGET)})
    with pytest.raises(RDMError, match="all pairs of its 20 images have the same dissimilarity"):
        partition_variance(rdm(1 - np.eye(N)), predictors)
    with pytest.raises(
        LabelError, match=r"predictor 'b': it lacks 1 image\(s\): img_19; expected all images"
    ):
        partition_variance(target, {"a": rdm(A), "b": rdm(B[:-1, :-1], LABELS[:-1])})
    with pytest.raises(
        FoldError, match="predictor 'a': 2 RDMs; expected one RDM, or one for each of 6 blocks"
    ):
        partition_variance(target, {**predictors, "a": [rdm(A)] * 2}, folds=FOLDS)
    with pytest.raises(TooFewImagesError, match="a block of 3 images; expected at least 4"):
        partition_variance(target, predictors, folds=make_folds(LABELS, n_splits=6, n_repeats=1))
