"""Greedy elimination ranks what is left again after every removal."""

import numpy as np
import pytest

from examples import random_target, sparse_embedding
from isoprune.isomorphism import MEASURES, isomorphism, pairs_of, second_order, similarity, undefined_images
from isoprune.pruning import CRITERIA, procedure_named, prune, select_many
from isoprune.pruning.criteria import criterion_named
from isoprune.pruning.ranking import TIE_DECIMALS


def naive_elimination(X, T, criterion, measure):
    """Drops and ranking, by leaving each remaining feature out of what remains; the later of equal ones goes first."""

    def fit(features):
        if undefined_images(X[:, features], measure).any():
            return np.nan
        r = second_order(pairs_of(similarity(X[:, features], measure)), pairs_of(T), criterion.ranking)
        return criterion.value(r)

    left, removed = list(range(X.shape[1])), []
    drop = np.full(X.shape[1], np.inf)
    while len(left) > 2:
        losses = [fit(left) - fit([one for one in left if one != feature]) for feature in left]
        losses = np.where(np.isnan(losses), np.inf, losses)
        least = np.flatnonzero(np.round(losses, TIE_DECIMALS) == np.round(losses, TIE_DECIMALS).min())[-1]
        if np.isinf(losses[least]):
            break
        drop[left[least]] = losses[least]
        removed.append(left.pop(least))
    return drop, np.array(left + removed[::-1])


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("backend", ["cpu", "numpy", "reference"])
def test_greedy_is_elimination_with_a_new_ranking_after_every_removal(measure, criterion, backend):
    for seed in range(2):
        X, T = sparse_embedding(11, 14, seed), random_target(11, seed + 10)
        X[:, 5] = 0.0
        result = prune(X, T, criterion=criterion, measure=measure, method="greedy", backend=backend)
        drop, ranking = naive_elimination(X, T, criterion_named(criterion), measure)
        assert np.array_equal(result.ranking, ranking)
        np.testing.assert_allclose(result.drop, drop, rtol=0, atol=1e-10)


def test_greedy_ranks_otherwise_than_one_pass_and_reaches_at_least_as_much_here():
    # Two copies of an informative feature: one-pass ranking sees that each can be spared and passes over both.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(25, 30))
    T = 1 - np.corrcoef(X[:, :5])
    np.fill_diagonal(T, 0)
    X = np.c_[X, X[:, :5]]
    one_pass, greedy = (prune(X, T, method=method) for method in ("one-pass", "greedy"))
    assert not np.array_equal(one_pass.ranking, greedy.ranking)
    assert greedy.curve[greedy.n_retained] >= one_pass.curve[one_pass.n_retained]


def test_curve_of_greedy_inserts_in_the_order_of_elimination():
    X, T = sparse_embedding(12, 15, 4), random_target(12, 5)
    result = prune(X, T, method="greedy")
    for m in (5, 10, 15):
        assert result.curve[m] == pytest.approx(isomorphism(X[:, result.ranking[:m]], T), abs=1e-12)
    # What a removal cost is the step of the curve at its place.
    steps, drops = np.diff(result.curve)[2:], result.drop[result.ranking[2:]]
    could_go = np.isfinite(drops)
    assert could_go.sum() > 8
    np.testing.assert_allclose(steps[could_go], drops[could_go], rtol=0, atol=1e-10)


def test_features_that_an_image_needs_are_never_eliminated():
    X = sparse_embedding(10, 12, 0)
    X[0] = 0.0
    X[0, 4] = 3.0
    result = prune(X, random_target(10, 1), method="greedy")
    kept = np.flatnonzero(np.isinf(result.drop))
    assert 4 in kept
    assert set(result.ranking[: len(kept)]) == set(kept)


@pytest.mark.parametrize("threads", [1, 3])
def test_many_targets_are_eliminated_each_on_its_own(threads):
    X, procedure = sparse_embedding(10, 12, 0), procedure_named(method="greedy")
    targets = np.array([random_target(10, seed) for seed in range(4)])
    together = select_many(X, targets, procedure, threads=threads, keep_results=True).results
    for target, one in zip(targets, together, strict=True):
        alone = prune(X, target, method="greedy")
        assert np.array_equal(one.ranking, alone.ranking)
        assert np.array_equal(one.drop, alone.drop)
        assert one.method == "greedy"


def test_an_unknown_method_names_the_nearest(small):
    with pytest.raises(ValueError, match=r"no method 'gredy'.* Did you mean 'greedy'?"):
        prune(small.X, small.T, method="gredy")
