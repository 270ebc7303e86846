"""Truths about pruning for what nuisances leave of a target."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

import isoprune
from examples import random_target, sparse_embedding
from isoprune.errors import LabelError, RDMError
from isoprune.isomorphism import isomorphism, pairs_of, partial_isomorphism, similarity
from isoprune.labelled import RDM, Embedding
from isoprune.pruning import CRITERIA, backends, procedure_named, prune, prune_arrays, select_many
from isoprune.pruning.criteria import criterion_named
from isoprune.pruning.partial import removing
from isoprune.pruning.torch_device import TorchPrepared

N, M = 16, 40
X, T = sparse_embedding(N, M, 0), random_target(N, 1)
LABELS = tuple(f"img_{i}" for i in range(N))
NUISANCES = np.array([random_target(N, 2) + 0.5 * T, random_target(N, 3) - 2 * similarity(X)])
NUISANCES[:, range(N), range(N)] = 0

BACKENDS = {
    "reference": backends.backend_named("reference"),
    "cpu": backends.backend_named("cpu"),
    "numpy": backends.backend_named("numpy"),
    "torch": backends.Backend("torch", lambda v, m: TorchPrepared(v, m, device=torch.device("cpu"))),
}


def residual_correlation(similarities, target, nuisances, coefficient):
    """The definition, by least squares on pair values or on their ranks."""
    ready = rankdata if coefficient == "spearman" else np.asarray
    network = -ready(np.round(similarities, 12) if coefficient == "spearman" else similarities)
    design = np.column_stack([np.ones(len(target)), *(ready(one) for one in nuisances)])
    left = [one - design @ np.linalg.lstsq(design, one)[0] for one in (network, ready(target))]
    return np.corrcoef(*left)[0, 1]


def of_features(features, target, nuisances, coefficient, measure="correlation", X=X):
    return residual_correlation(
        pairs_of(similarity(X[:, features], measure)), pairs_of(target), pairs_of(nuisances), coefficient
    )


@pytest.mark.parametrize("coefficient", ["pearson", "spearman"])
@pytest.mark.parametrize("measure", ["correlation", "cosine", "euclidean"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_gives_the_correlation_of_residuals(backend, measure, coefficient):
    targets = np.array([T, random_target(N, 7), random_target(N, 8)])
    prepared = removing(BACKENDS[backend], NUISANCES).prepare(X, measure)
    whole = prepared.isomorphism_with_all(targets, coefficient)
    rankings = np.array([np.random.default_rng(seed).permutation(M) for seed in range(3)])
    curves = prepared.insertion_curves(targets, rankings, criterion_named(coefficient))
    for batched in (False, True):
        without = prepared.isomorphism_without_each(targets, coefficient, batched)
        for number, target in enumerate(targets):
            given = target, NUISANCES, coefficient, measure
            assert whole[number] == pytest.approx(of_features(np.arange(M), *given), abs=1e-10)
            expected = [of_features(np.delete(np.arange(M), k), *given) for k in range(M)]
            np.testing.assert_allclose(without[number], expected, rtol=0, atol=1e-10)
            for m in np.flatnonzero(~np.isnan(curves[number])):
                expected = of_features(rankings[number, :m], *given)
                assert curves[number, m] == pytest.approx(expected, abs=1e-10)
    assert (~np.isnan(curves)).sum() > M


@settings(max_examples=40, deadline=None)
@given(
    n_images=st.integers(6, 20),
    n_features=st.integers(4, 60),
    n_nuisances=st.integers(1, 4),
    seed=st.integers(0, 2**16),
    coefficient=st.sampled_from(["pearson", "spearman"]),
)
def test_any_shapes_give_the_correlation_of_residuals(n_images, n_features, n_nuisances, seed, coefficient):
    X = np.random.default_rng(seed).normal(size=(n_images, n_features))
    target = random_target(n_images, seed + 1)
    nuisances = np.array([random_target(n_images, seed + 2 + i) for i in range(n_nuisances)])
    result = prune(X, target, nuisances=nuisances, criterion=coefficient)
    for m in range(4, n_features + 1):
        expected = of_features(result.ranking[:m], target, nuisances, coefficient, X=X)
        assert result.curve[m] == pytest.approx(expected, abs=1e-10)
    whole = of_features(np.arange(n_features), target, nuisances, coefficient, X=X)
    without = of_features(np.delete(np.arange(n_features), 2), target, nuisances, coefficient, X=X)
    assert result.drop[2] == pytest.approx(whole - without, abs=1e-10)
    assert result.n_nuisances == n_nuisances


@pytest.mark.parametrize(("coefficient", "noise"), [("pearson", 1e-5), ("spearman", 4e-3)])
def test_it_is_exact_where_a_nuisance_explains_nearly_all_of_the_embedding(coefficient, noise):
    # The nuisance is the embedding's own RDM and a little noise: 1 − Σ r² has few digits left.
    X = sparse_embedding(N, 3000, 5)
    nuisances = (1 - similarity(X) + noise * random_target(N, 4))[None] * (1 - np.eye(N))
    assert 1 - isomorphism(X, nuisances[0], coefficient) ** 2 < 1e-3
    result = prune(X, T, nuisances=nuisances, criterion=coefficient)
    given, everything = (T, nuisances, coefficient, "correlation", X), np.arange(3000)
    for m in (100, 3000):
        expected = of_features(result.ranking[:m], *given)
        assert result.curve[m] == pytest.approx(expected, abs=1e-10)
    whole = of_features(everything, *given)
    expected = [whole - of_features(np.delete(everything, k), *given) for k in range(20)]
    np.testing.assert_allclose(result.drop[:20], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("coefficient", ["pearson", "spearman"])
def test_a_prefix_that_is_the_nuisance_itself_is_undefined(coefficient):
    # The correlation over two features is 1 or −1.
    two = X[:, :2] + np.linspace(0, 1, N)[:, None] * [[0.1, 0]]
    nuisances = np.round(1 - similarity(two))[None]
    ranking, ours, published = np.arange(M)[None], criterion_named(coefficient), criterion_named("published")
    for backend in BACKENDS.values():
        prepared = removing(backend, nuisances).prepare(np.hstack([two, X[:, 2:]]), "correlation")
        assert np.isnan(prepared.insertion_curves(T[None], ranking, ours)[0, 2])
        assert prepared.insertion_curves(T[None], ranking, published)[0, 2] == 0


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("method", ["one-pass", "greedy"])
def test_fast_backends_equal_the_reference(criterion, method):
    features = slice(0, 40 if method == "one-pass" else 12)
    given = {"nuisances": NUISANCES, "criterion": criterion, "method": method}
    slow = prune(X[:, features] + 0.1 * X[:, features] ** 2 + 0.01, T, backend="reference", **given)
    for backend in ("cpu", "numpy"):
        fast = prune(X[:, features] + 0.1 * X[:, features] ** 2 + 0.01, T, backend=backend, **given)
        np.testing.assert_allclose(fast.drop, slow.drop, rtol=0, atol=1e-10)
        np.testing.assert_allclose(fast.curve, slow.curve, rtol=0, atol=1e-10)
        assert np.array_equal(fast.ranking, slow.ranking)
        assert fast.n_retained == slow.n_retained


@pytest.mark.parametrize("nuisances", [None, NUISANCES], ids=["plain", "partial"])
@pytest.mark.parametrize("criterion", CRITERIA)
def test_many_targets_select_as_one_does_whatever_the_others_and_the_threads(criterion, nuisances):
    procedure = procedure_named(criterion)
    targets = np.array([random_target(N, seed) for seed in range(10, 45)])

    def selected(some, threads=1):
        given = {"nuisances": nuisances, "threads": threads, "keep_results": True}
        return select_many(X, some, procedure, **given).results

    together, threaded, (alone,) = selected(targets), selected(targets, 2), selected(targets[5:6])
    for target, one, other in zip(targets, together, threaded, strict=True):
        single = prune_arrays(X, target, procedure, nuisances=nuisances)
        np.testing.assert_allclose(one.drop, single.drop, rtol=0, atol=1e-10)
        np.testing.assert_allclose(one.curve, single.curve, rtol=0, atol=1e-10)
        assert np.array_equal(one.drop, other.drop)
        assert np.array_equal(one.curve, other.curve, equal_nan=True)
    assert np.array_equal(together[5].drop, alone.drop)
    assert np.array_equal(together[5].curve, alone.curve, equal_nan=True)


def test_the_retained_set_maximises_the_partial_isomorphism_and_not_the_plain_one():
    # The nuisance makes most of the target: the plain set follows it, the partial one what else there is.
    own, other = sparse_embedding(30, 60, 0), sparse_embedding(30, 60, 1)
    both = np.hstack([own, other])
    rest, nuisance = ((1 - similarity(part[:, :20])) * (1 - np.eye(30)) for part in (own, other))
    target = rest + 2 * nuisance
    scores = []
    for removed in ((), [nuisance]):
        result = prune(both, target, nuisances=removed)
        kept = pairs_of(similarity(both[:, result.retained]))
        scores.append(partial_isomorphism(kept, pairs_of(target), pairs_of(nuisance[None])))
    assert scores[1] > scores[0] + 0.1
    assert result.curve[result.n_retained] == pytest.approx(scores[1], abs=1e-10)


def test_selection_ignores_held_out_images():
    train = np.random.default_rng(0).permutation(N)[:11]
    kept = np.ix_(train, train)
    clean, poisoned = (T, NUISANCES), (np.full_like(T, np.nan), np.full_like(NUISANCES, np.nan))
    poisoned[0][kept] = T[kept]
    for one, whole in zip(poisoned[1], NUISANCES, strict=True):
        one[kept] = whole[kept]
    results = [
        prune_arrays(X[train], target[kept], procedure_named(), nuisances=nuisances[:, train][:, :, train])
        for target, nuisances in (clean, poisoned)
    ]
    assert np.array_equal(results[0].drop, results[1].drop)
    assert np.array_equal(results[0].retained, results[1].retained)


def test_no_nuisance_a_constant_one_and_one_twice_change_nothing_more():
    plain = prune(X, T)
    for nothing in ((), [1 - np.eye(N)]):
        same = prune(X, T, nuisances=nothing)
        np.testing.assert_allclose(same.drop, plain.drop, rtol=0, atol=1e-12)
        np.testing.assert_allclose(same.curve, plain.curve, rtol=0, atol=1e-12)
    for criterion in ("pearson", "spearman"):
        once = prune(X, T, nuisances=NUISANCES, criterion=criterion)
        more = [1 - np.eye(N), *NUISANCES, 3 * NUISANCES[0]]
        twice = prune(X, T, nuisances=more, criterion=criterion)
        np.testing.assert_allclose(twice.drop, once.drop, rtol=0, atol=1e-10)


def test_nuisances_are_joined_by_label():
    order = np.random.default_rng(0).permutation(N)
    labels = tuple(LABELS[i] for i in order)
    shuffled = [
        RDM(one[np.ix_(order, order)], labels, target=name) for name, one in zip("ab", NUISANCES, strict=True)
    ]
    expected = prune(X, T, nuisances=NUISANCES)
    found = isoprune.prune(Embedding(X, LABELS), RDM(T, LABELS), nuisances=shuffled)
    assert np.array_equal(found.drop, expected.drop)
    with pytest.raises(LabelError, match=r"nuisance 'b': lacks 16 label\(s\) of the target: 0, 1"):
        prune(X, T, nuisances={"b": shuffled[1]})


@pytest.mark.parametrize(
    ("criterion", "change", "ranks"),
    [("pearson", lambda t: 3 * t, ""), ("spearman", np.square, "the ranks of ")],
)
def test_a_nuisance_that_equals_the_target_is_named(criterion, change, ranks):
    equal = {"brightness": NUISANCES[0], "copy": change(T).astype(np.float32)}
    message = (
        f"target: nuisance 'copy' equals it, up to a linear change of {ranks}its dissimilarities; expected"
    )
    with pytest.raises(RDMError, match=message):
        prune(X, T, nuisances=equal, criterion=criterion)


def test_a_nuisance_that_equals_one_of_many_targets_is_refused():
    with pytest.raises(RDMError, match="target: nuisance '2' equals it"):
        select_many(X, np.array([T, NUISANCES[1]]), procedure_named(), nuisances=NUISANCES)


def test_nuisances_that_together_explain_a_target_are_named():
    parts = {"a": NUISANCES[0], "b": T - NUISANCES[0]}
    with pytest.raises(RDMError, match="target: nuisances a, b together explain all its dissimilarities"):
        prune(X, T, nuisances=parts)


def test_a_nuisance_that_equals_the_embedding_is_refused():
    own = 1 - similarity(X)
    np.fill_diagonal(own, 0)
    with pytest.raises(RDMError, match="RDM of the embedding: nuisance '2' equals it"):
        prune(X, T, nuisances=[NUISANCES[0], own])


def test_a_nuisance_over_other_images_is_refused():
    with pytest.raises(
        RDMError, match="nuisance '1': it relates 9 images; expected the 16 images of the target"
    ):
        prune(X, T, nuisances=[random_target(9, 0)])
