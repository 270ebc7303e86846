"""Truths about folds and held-out scores."""

import numpy as np
import pytest

import isoprune
from examples import random_target, sparse_embedding
from isoprune.crossvalidation import Block, _score, fisher_mean, score_folds
from isoprune.errors import FoldError, TooFewImagesError
from isoprune.folds import SCHEMES, make_folds
from isoprune.isomorphism import isomorphism
from isoprune.pruning import procedure_named
from isoprune.scoring import controls_of

LABELS = [f"img_{i}" for i in range(40)]
GROUPS = {label: "abcdefgh"[i % 8] for i, label in enumerate(LABELS)}


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 150))
    T = 1 - np.corrcoef(X[:, :12]) + 0
    np.fill_diagonal(T, 0)
    return X, T


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_image_is_held_out_once_a_repeat(scheme):
    folds = make_folds(LABELS, folds=scheme, n_splits=4, n_repeats=3, groups=GROUPS)
    for repeat in {fold.repeat for fold in folds}:
        held_out = [label for fold in folds if fold.repeat == repeat for label in fold.test]
        assert sorted(held_out) == sorted(LABELS)
    assert all(set(fold.train) | set(fold.test) == set(LABELS) for fold in folds)
    assert not any(set(fold.train) & set(fold.test) for fold in folds)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_folds_do_not_depend_on_the_order_of_labels(scheme):
    shuffled = list(np.random.default_rng(1).permutation(LABELS))
    assert make_folds(LABELS, folds=scheme, groups=GROUPS) == make_folds(
        shuffled, folds=scheme, groups=GROUPS
    )


def test_another_seed_or_repeat_gives_other_folds():
    folds = make_folds(LABELS, n_repeats=2)
    assert folds[0].test != folds[5].test
    assert folds[0].test != make_folds(LABELS, n_repeats=2, seed=1)[0].test


def test_stratified_folds_hold_every_group_in_proportion():
    for fold in make_folds(LABELS, folds="stratified", groups=GROUPS, n_splits=5):
        counts = [sum(GROUPS[label] == group for label in fold.test) for group in "abcdefgh"]
        assert set(counts) == {1}


def test_grouped_folds_keep_groups_together():
    for scheme in ("grouped", "leave-one-group-out"):
        for fold in make_folds(LABELS, folds=scheme, groups=GROUPS, n_splits=4):
            assert not {GROUPS[label] for label in fold.train} & {GROUPS[label] for label in fold.test}


def test_selection_ignores_held_out_images(planted):
    # Everything outside the training block is NaN: the same features must be selected.
    X, T = planted
    labels = [f"{i:02}" for i in range(60)]
    procedure = procedure_named("pearson")
    for fold in make_folds(labels, n_splits=3, n_repeats=1):
        rows = [labels.index(label) for label in fold.train]
        poisoned = np.full_like(T, np.nan)
        poisoned[np.ix_(rows, rows)] = T[np.ix_(rows, rows)]
        clean = score_folds(X, T, T, labels, [fold], procedure=procedure, n_random=50)[0]
        blind = score_folds(X, poisoned, T, labels, [fold], procedure=procedure, n_random=50)[0]
        assert np.array_equal(clean.retained, blind.retained)
        assert clean.r == blind.r


def test_scores_ignore_pairs_that_join_the_blocks(planted):
    X, T = planted
    labels = [f"{i:02}" for i in range(60)]
    (fold, *_) = make_folds(labels, n_splits=3, n_repeats=1)
    rows = [labels.index(label) for label in fold.test]
    poisoned = np.full_like(T, np.nan)
    poisoned[np.ix_(rows, rows)] = T[np.ix_(rows, rows)]
    settings = {"procedure": procedure_named("pearson"), "n_random": 50}
    assert (
        score_folds(X, T, poisoned, labels, [fold], **settings)[0].r
        == score_folds(X, T, T, labels, [fold], **settings)[0].r
    )


def test_planted_geometry_gains_held_out(planted):
    means = isoprune.cross_validate(*planted, n_repeats=1).groupby("competitor")["r"].agg(fisher_mean)
    assert means["pruned"] > means["full"] + 0.3
    assert means["random"] < means["full"] + 0.05


def test_noise_gains_nothing_held_out():
    gains = []
    for seed in range(12):
        scores = isoprune.cross_validate(
            sparse_embedding(30, 80, seed), random_target(30, 100 + seed), n_repeats=1, n_splits=3
        )
        means = scores.groupby("competitor")["r"].agg(fisher_mean)
        gains.append(means["pruned"] - means["full"])
    gains = np.array(gains)
    assert abs(gains.mean()) < 3 * gains.std(ddof=1) / np.sqrt(len(gains))


def test_shuffled_rows_give_the_same_bits(planted):
    from isoprune.labelled import RDM, Embedding

    X, T = planted
    labels = tuple(f"img_{i}" for i in range(60))
    order = np.random.default_rng(2).permutation(60)
    shuffled = tuple(labels[i] for i in order)
    one = isoprune.cross_validate(Embedding(X, labels), RDM(T, labels), n_repeats=1)
    other = isoprune.cross_validate(
        Embedding(X[order], shuffled), RDM(T[np.ix_(order, order)], shuffled), n_repeats=1
    )
    assert one.equals(other)


def test_threads_give_the_same_bits(planted):
    one, two = (isoprune.cross_validate(*planted, n_repeats=1, threads=threads) for threads in (1, 2))
    assert one.equals(two)


def test_every_backend_gives_the_same_held_out_scores(planted):
    X, T = planted[0][:, :40], planted[1]
    tables = [
        isoprune.cross_validate(X, T, n_repeats=1, backend=backend)
        for backend in ("cpu", "numpy", "reference")
    ]
    for table in tables[1:]:
        np.testing.assert_allclose(table["r"], tables[0]["r"], rtol=0, atol=1e-12)


def test_random_sets_are_shared_by_targets(planted):
    # The draws follow from (seed, repeat, fold): sets of equal size are the same sets, so targets can be paired.
    X, T = planted
    labels = [f"{i:02}" for i in range(60)]
    folds = make_folds(labels, n_splits=3, n_repeats=1)
    settings = {"procedure": procedure_named("pearson"), "n_random": 50, "seed": 3}
    one = score_folds(X, T, T, labels, folds, **settings)
    again = score_folds(X, T, T, labels, folds, **settings)
    assert [score.r["random"] for score in one] == [score.r["random"] for score in again]


def test_held_out_image_that_is_constant_under_the_retained_set_leaves_every_score(planted):
    X, T = planted[0].copy(), planted[1]
    labels = [f"{i:02}" for i in range(60)]
    (fold, *_) = make_folds(labels, n_splits=3, n_repeats=1)
    settings = {"procedure": procedure_named("pearson"), "n_random": 50}
    retained = score_folds(X, T, T, labels, [fold], **settings)[0].retained
    X[labels.index(fold.test[0]), retained] = 1.0
    score = score_folds(X, T, T, labels, [fold], **settings)[0]
    assert (score.n_constant, score.n_test_images) == (1, len(fold.test) - 1)
    rows = [labels.index(label) for label in fold.test[1:]]
    assert score.r["full"] == pytest.approx(isomorphism(X[rows], T[np.ix_(rows, rows)]), abs=1e-12)


def test_fold_that_one_competitor_cannot_be_scored_on_is_scored_for_none():
    # Two features give correlations of ±1 only: where all test images agree in their order, the RDM is constant.
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(12, 6))
    X[:, 1] += 5
    labels = [f"{i:02}" for i in range(12)]
    (fold, *_) = make_folds(labels, n_splits=3, n_repeats=1)
    block = Block(X[:4], random_target(4, 1), controls_of(labels[:4]), procedure_named("pearson"))
    score = _score(fold, block, np.array([0, 1]), 50, rng)
    assert all(np.isnan(value) for value in score.r.values())
    assert score.undefined == "RDM of the test images is constant: pruned embedding, or target"


def test_undefined_random_sets_are_drawn_again_and_counted():
    rng = np.random.default_rng(0)
    X = np.maximum(rng.normal(size=(30, 40)), 0)
    X[0, :] = 0
    X[0, :3] = [1.0, 2.0, 3.0]  # most small random sets leave image 0 constant
    T = 1 - np.corrcoef(X[:, :6])
    np.fill_diagonal(T, 0)
    table = isoprune.cross_validate(X, T, n_splits=3, n_repeats=1)
    held_out = table[(table["competitor"] == "random")]
    assert held_out["n_redrawn"].sum() > 0
    assert held_out["r"].notna().all()


def test_squares_are_means_of_squares(planted):
    table = isoprune.cross_validate(*planted, n_repeats=1)
    full = table[table["competitor"] == "full"]
    np.testing.assert_allclose(full["r2"], full["r"] ** 2)


def test_fisher_mean_of_equal_correlations_is_that_correlation():
    assert fisher_mean([0.3, 0.3, np.nan]) == pytest.approx(0.3)
    assert np.isnan(fisher_mean([np.nan]))


def test_too_few_images_are_refused():
    with pytest.raises(TooFewImagesError, match="8 images; expected at least 9"):
        make_folds(LABELS[:8], n_splits=2)


def test_folds_of_fewer_than_three_are_refused():
    with pytest.raises(TooFewImagesError, match="5 folds of 12 images; expected 2 to 4 folds"):
        make_folds(LABELS[:12], n_splits=5)


def test_small_groups_are_refused():
    groups = {label: label for label in LABELS}
    with pytest.raises(TooFewImagesError, match="1 test and 39 training images; expected at least 3 of each"):
        make_folds(LABELS, folds="leave-one-group-out", groups=groups)


def test_missing_groups_are_refused():
    with pytest.raises(FoldError, match=r"no group for 1 image\(s\): img_0"):
        make_folds(LABELS, folds="stratified", groups={**GROUPS, "img_0": ""})


def test_fewer_groups_than_folds_are_refused():
    with pytest.raises(FoldError, match=r"9 folds but only 8 groups \(a, b, c"):
        make_folds(LABELS, folds="grouped", groups=GROUPS, n_splits=9)
