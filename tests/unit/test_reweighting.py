"""Truths about reweighting: closed forms, regressions, and where the penalty comes from."""

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.linear_model import Ridge as DirectRidge

from examples import random_target, sparse_embedding
from isoprune.errors import TooFewImagesError, UnknownNameError
from isoprune.isomorphism import isomorphism, pairs_of, similarity, standardised_pairs
from isoprune.pruning import procedure_named
from isoprune.reweighting import KINDS, Reweighting, Weighing, inner_folds
from isoprune.reweighting.fitting import patterns
from isoprune.reweighting.predictors import Differences, Products, matrices_of, similarity_of_pairs
from isoprune.reweighting.solvers import NonNegative, Ridge

N = 20
LABELS = [f"img_{i:02}" for i in range(N)]
PEARSON = procedure_named("pearson")
PENALTIES = (30.0, 1.0, 0.1)
FIRST, SECOND = np.triu_indices(N, 1)


def explicit(values, differences=False):
    """The matrix of pairs × features that the closed forms never write down."""
    first, second = np.triu_indices(len(values), 1)
    return (values[first] - values[second]) ** 2 if differences else values[first] * values[second]


def embedding(n_features, seed=0):
    return sparse_embedding(N, n_features, seed)


TARGETS = np.array([random_target(N, seed) for seed in (1, 2)])
PAIRS = 1 - pairs_of(TARGETS)
ALL = np.arange(N)


# ---- closed forms ----


@pytest.mark.parametrize("predictors", [Products, Differences])
def test_sums_over_pairs_are_those_of_the_explicit_matrix(predictors):
    values = np.random.default_rng(0).normal(1, 2, size=(N, 15))
    closed, z = predictors(values), explicit(values, predictors is Differences)
    some = np.array([3, 0, 7])
    np.testing.assert_allclose(closed.gram(some), z[:, some].T @ z[:, some], rtol=1e-12)
    np.testing.assert_allclose(closed.squares(), (z**2).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(closed.along(TARGETS), pairs_of(TARGETS) @ z, rtol=1e-12, atol=1e-11)
    weights = np.random.default_rng(1).normal(size=(2, 15))
    np.testing.assert_allclose(pairs_of(closed.weighted(weights)), weights @ z.T, rtol=1e-12, atol=1e-11)


def test_similarity_of_pairs_is_summed_over_all_features(monkeypatch):
    monkeypatch.setattr("isoprune.reweighting.predictors.FEATURES_AT_ONCE", 7)
    values = embedding(25)
    np.testing.assert_allclose(similarity_of_pairs(values), explicit(values) @ explicit(values).T, rtol=1e-12)


def test_matrices_of_pairs_undo_pairs_of_matrices():
    np.testing.assert_array_equal(matrices_of(pairs_of(TARGETS), N), TARGETS)


# ---- regressions ----


@pytest.mark.parametrize(("n_features", "between_pairs"), [(40, False), (400, True)])
def test_ridge_equals_a_direct_fit_on_the_explicit_products(n_features, between_pairs):
    values, rows = embedding(n_features), np.arange(N)[3:]
    pairs = 1 - pairs_of(TARGETS[:, 3:, 3:])
    solver = Ridge(values, [len(rows)])
    assert solver.between_pairs == between_pairs
    z = explicit(values[rows])
    for penalty, of_penalty in zip(PENALTIES, solver.weights(rows, pairs, PENALTIES, None), strict=True):
        for weights, one in zip(of_penalty, pairs, strict=True):
            direct = DirectRidge(alpha=penalty * z.var(axis=0).sum()).fit(z, one)
            np.testing.assert_allclose(weights, direct.coef_, rtol=0, atol=1e-8 * np.abs(direct.coef_).max())


def augmented(z, pairs, raised, beside=()):
    """Rows of a least-squares problem that has a ridge penalty, and columns without one."""
    columns = np.column_stack([*beside, np.ones(len(z))])
    basis = np.linalg.qr(columns)[0]
    left, y = (one - basis @ (basis.T @ one) for one in (z, pairs))
    return np.vstack([left, np.sqrt(raised) * np.eye(z.shape[1])]), np.append(y, np.zeros(z.shape[1]))


@pytest.mark.parametrize("n_features", [12, 60, 300])
def test_non_negative_weights_are_those_of_non_negative_least_squares(n_features):
    values = embedding(n_features)
    found = NonNegative(values, differences=False).weights(ALL, PAIRS, PENALTIES, None)
    z = explicit(values)
    for penalty, of_penalty in zip(PENALTIES, found, strict=True):
        for weights, one in zip(of_penalty, PAIRS, strict=True):
            expected, _ = nnls(*augmented(z, one, penalty * z.var(axis=0).sum()))
            np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-8 * expected.max())
            assert 0 < np.count_nonzero(weights) < n_features


def test_weights_of_differences_are_penalised_as_if_each_difference_had_unit_variance():
    values = embedding(60)
    values[:, 5] = 2.0  # differs between no images
    found = NonNegative(values, differences=True).weights(ALL, pairs_of(TARGETS), PENALTIES, None)
    z = explicit(values, differences=True)
    deviation = z.std(axis=0)
    alive = deviation > 0
    standard = z[:, alive] / deviation[alive]
    for penalty, of_penalty in zip(PENALTIES, found, strict=True):
        for weights, one in zip(of_penalty, pairs_of(TARGETS), strict=True):
            expected, _ = nnls(*augmented(standard, one, penalty * alive.sum()))
            np.testing.assert_allclose(
                weights[alive] * deviation[alive], expected, atol=1e-8 * expected.max()
            )
            assert weights[5] == 0


@pytest.mark.parametrize("n_features", [40, 400])
def test_nuisances_are_fitted_beside_the_features_without_penalty(n_features):
    values, nuisance = embedding(n_features), random_target(N, 7)
    beside = standardised_pairs(pairs_of(nuisance[None]))
    z = explicit(values)
    rows, y = augmented(z, PAIRS[0], z.var(axis=0).sum(), beside=[beside[0]])
    # The unit of the penalty is the variance that is left of the predictors.
    rows[-n_features:] *= np.sqrt((rows[:-n_features] ** 2).sum() / len(z) / z.var(axis=0).sum())
    expected = np.linalg.lstsq(rows, y, rcond=None)[0]
    found = Ridge(values, [N]).weights(ALL, PAIRS[:1], [1.0], pairs_of(nuisance[None]))[0, 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * np.abs(expected).max())
    found = NonNegative(values, differences=False).weights(ALL, PAIRS[:1], [1.0], pairs_of(nuisance[None]))
    expected, _ = nnls(rows, y)
    np.testing.assert_allclose(found[0, 0], expected, rtol=0, atol=1e-8 * expected.max())


def test_exchanges_that_make_no_progress_come_to_the_same_end_one_by_one(monkeypatch):
    solver = NonNegative(embedding(60), differences=False)
    usual = solver.weights(ALL, PAIRS, PENALTIES, None)
    monkeypatch.setattr("isoprune.reweighting.exchange.PATIENCE", 0)
    np.testing.assert_allclose(solver.weights(ALL, PAIRS, PENALTIES, None), usual, rtol=0, atol=1e-9)


# ---- what is chosen, and on what ----


def fitted(kind, values, rows=ALL, targets=TARGETS, procedure=PEARSON, **settings):
    inner = inner_folds([LABELS[row] for row in rows], seed=1)
    reweighting = Reweighting(values, kind, procedure, [len(rows)])
    between = targets[:, rows][:, :, rows]
    return reweighting.fit(rows, between, inner, PENALTIES, **settings)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_features", [60, 400])
def test_no_held_out_image_enters_a_weight_or_the_choice_of_its_penalty(kind, n_features):
    values, rows = embedding(n_features), ALL[4:]
    poisoned, targets = values.copy(), TARGETS.copy()
    poisoned[:4] = np.nan
    targets[:, :4] = targets[:, :, :4] = np.nan
    for clean, blind in zip(fitted(kind, values, rows), fitted(kind, poisoned, rows, targets), strict=True):
        np.testing.assert_array_equal(clean.weights, blind.weights)
        assert clean.penalty == blind.penalty
        assert np.isfinite(blind.weights).all()


@pytest.mark.parametrize("kind", KINDS)
def test_penalty_is_the_one_whose_weights_meet_the_inner_test_images_best(kind):
    values = embedding(60)
    reweighting, inner = Reweighting(values, kind, PEARSON, [16]), inner_folds(LABELS, seed=1)
    found = reweighting.fit(ALL, TARGETS[:1], inner, PENALTIES)[0]
    scores = []
    for penalty in PENALTIES:
        z = []
        for fit, judge in inner:
            (one,) = reweighting.fit(
                fit, TARGETS[:1, fit][:, :, fit], inner_folds(LABELS[: len(fit)]), [penalty]
            )
            predicted = pairs_of(one(values[judge]))
            z.append(np.arctanh(-np.corrcoef(predicted, pairs_of(TARGETS[0][np.ix_(judge, judge)]))[0, 1]))
        scores.append(np.mean(z))
    assert found.penalty == PENALTIES[int(np.argmax(scores))]


def test_inner_folds_share_out_the_fitted_images_alone_and_differ_between_places():
    folds = inner_folds(LABELS[:15], n_inner=3, seed=5, place=(2, 1))
    assert sorted(np.concatenate([judge for _, judge in folds])) == list(range(15))
    assert all(not set(fit) & set(judge) for fit, judge in folds)
    other = inner_folds(LABELS[:15], n_inner=3, seed=5, place=(1, 2))
    assert any(set(one[1]) != set(two[1]) for one, two in zip(folds, other, strict=True))


def test_inner_folds_keep_groups_together_as_the_folds_around_them_do():
    groups = {label: f"group {i // 3}" for i, label in enumerate(LABELS)}
    for fit, judge in inner_folds(LABELS, folds="grouped", groups=groups, n_inner=3):
        assert not {groups[LABELS[i]] for i in fit} & {groups[LABELS[i]] for i in judge}


def test_too_few_training_images_cannot_be_divided_again():
    with pytest.raises(TooFewImagesError, match="8 images"):
        inner_folds(LABELS[:8])


@pytest.mark.parametrize("kind", KINDS)
def test_targets_fitted_together_have_the_weights_that_each_has_alone(kind):
    values = embedding(60)
    together = fitted(kind, values)
    for number, one in enumerate(together):
        (alone,) = fitted(kind, values, targets=TARGETS[[number]])
        np.testing.assert_allclose(one.weights, alone.weights, rtol=0, atol=1e-12 * np.abs(one.weights).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coefficient", ["pearson", "spearman"])
def test_units_of_features_and_of_the_target_do_not_matter(kind, coefficient):
    values, procedure = embedding(60), procedure_named(coefficient)
    usual = fitted(kind, values, procedure=procedure)[0]
    small = 1e-9 * TARGETS + 1e-7 * (1 - np.eye(N))
    other = fitted(kind, 1000 * values, targets=small, procedure=procedure)[0]
    assert other.penalty == usual.penalty
    np.testing.assert_allclose(other(1000 * values), usual(values), rtol=0, atol=1e-9)


def test_equal_weights_of_differences_give_the_space_of_the_full_embedding():
    values = embedding(60)
    for measure in ("correlation", "cosine", "euclidean"):
        equal = pairs_of(Weighing("dissimilarity", np.ones(60), measure)(values))
        full = pairs_of(similarity(values, measure))
        assert np.corrcoef(equal, full)[0, 1] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_planted_weights_are_found_and_noise_gives_nothing(kind):
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 40))
    weights = np.zeros(40)
    weights[:6] = [3, 2, 1, 1, 2, 3]
    planted = -Weighing(kind, weights, "correlation")(values)
    planted += 0.05 * random_target(60, 1)
    planted = planted - planted.min() + 0.1
    np.fill_diagonal(planted, 0)
    train, test = np.arange(45), np.arange(45, 60)
    labels = [f"{i:02}" for i in range(60)]
    reweighting = Reweighting(values, kind, PEARSON, [36])
    targets = np.array([planted, random_target(60, 9)])[:, :45, :45]
    signal, noise = reweighting.fit(train, targets, inner_folds(labels[:45]))
    between = np.ix_(test, test)
    r = -np.corrcoef(pairs_of(signal(values[test])), pairs_of(planted[between]))[0, 1]
    assert r > 0.9 > 0.7 > isomorphism(values[test], planted[between])
    r = -np.corrcoef(pairs_of(noise(values[test])), pairs_of(random_target(60, 9)[between]))[0, 1]
    assert abs(r) < 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_intercept_makes_the_mean_over_pairs_right(kind):
    values = embedding(60)
    reweighting = Reweighting(values, kind, PEARSON, [16])
    (one,) = reweighting.fit(ALL, TARGETS[:1], inner_folds(LABELS), PENALTIES)
    seen = patterns(kind, values, "correlation")
    distance = kind == "dissimilarity"
    z, given = explicit(seen, distance), pairs_of(TARGETS[0])
    predicted = reweighting.intercept(ALL, TARGETS[0], one.weights) + z @ one.weights
    assert np.mean(predicted) == pytest.approx(np.mean(given if distance else 1 - given))
    assert np.corrcoef(predicted, given)[0, 1] * (1 if distance else -1) > 0


def test_a_weighing_counts_the_features_that_have_a_part():
    assert len(Weighing("ridge", np.array([0.0, -1.0, 2.0]), "correlation")) == 2


def test_unknown_kind_is_refused_with_those_that_exist():
    with pytest.raises(UnknownNameError, match="nonnegative"):
        Reweighting(embedding(10), "ridge-nonegative", PEARSON, [10])


@pytest.mark.parametrize("kind", KINDS)
def test_target_that_does_not_vary_inside_the_training_images_has_no_weights(kind):
    flat = 1 - np.eye(N)
    none, some = fitted(kind, embedding(60), targets=np.array([flat, TARGETS[1]]))
    assert none is None
    assert np.count_nonzero(some.weights)
