"""Truths about scores of a block of images: plain, with nuisances removed, and within categories."""

import numpy as np
import pytest
from scipy.stats import pearsonr, rankdata

from examples import random_target, sparse_embedding
from isoprune.isomorphism import isomorphism, pairs_of
from isoprune.pruning import procedure_named
from isoprune.scoring import MIN_WITHIN, controls_of, defined_images, held_out_scores, similarities_of

N = 16
LABELS = [f"img_{i}" for i in range(N)]
KINDS = ["abc"[i % 3] for i in range(N)]
X, T = sparse_embedding(N, 40, 0), random_target(N, 1)
SETS = [np.arange(40), np.arange(5, 20), np.arange(12)]
NUISANCES = [random_target(N, seed) + 0.3 * T for seed in (2, 3)]
COEFFICIENTS = {"pearson": np.asarray, "spearman": rankdata}


def scores_of(sets=SETS, target=T, coefficient="pearson", measure="correlation", **controls):
    similarities = similarities_of(X, sets, procedure_named("pearson", measure))
    return held_out_scores(similarities, target, controls_of(LABELS, **controls), coefficient)


def network_pairs(features):
    """Dissimilarities of all pairs of images, rounded as ties are."""
    return np.round(pairs_of(1 - np.corrcoef(X[:, features])), 12)


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_plain_score_is_the_isomorphism(coefficient):
    expected = [isomorphism(X[:, features], T, coefficient=coefficient) for features in SETS]
    np.testing.assert_allclose(scores_of(coefficient=coefficient)["r"], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_score_within_categories_is_the_correlation_of_residuals_about_each_category_s_mean(coefficient):
    first, second = np.triu_indices(N, 1)
    own = np.array([KINDS[i] if KINDS[i] == KINDS[j] else "" for i, j in zip(first, second, strict=True)])
    inside = own != ""

    def residuals(values):
        left = COEFFICIENTS[coefficient](values[inside]).astype(float)
        for kind in "abc":
            of_kind = own[inside] == kind
            left[of_kind] -= left[of_kind].mean()
        return left

    found = scores_of(coefficient=coefficient, categories=KINDS)["r_within"]
    expected = [pearsonr(residuals(network_pairs(one)), residuals(pairs_of(T)))[0] for one in SETS]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_partial_score_is_the_correlation_of_what_a_fit_of_the_nuisances_leaves(coefficient):
    prepare = COEFFICIENTS[coefficient]
    columns = [prepare(pairs_of(one)) for one in NUISANCES]
    design = np.column_stack([np.ones(N * (N - 1) // 2), *columns])

    def residuals(values):
        values = prepare(values)
        return values - design @ np.linalg.lstsq(design, values)[0]

    found = scores_of(coefficient=coefficient, nuisances=NUISANCES)["r_partial"]
    expected = [pearsonr(residuals(network_pairs(one)), residuals(pairs_of(T)))[0] for one in SETS]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_differences_between_categories_have_no_part_in_the_score_within_them():
    # Every pair across categories, and the level of every category, may be anything.
    moved = T.copy()
    for i in range(N):
        for j in range(N):
            moved[i, j] = 50.0 * (i + j) if KINDS[i] != KINDS[j] else moved[i, j] + 7 * "abc".index(KINDS[i])
    np.fill_diagonal(moved, 0)
    one, other = (scores_of(target=target, categories=KINDS) for target in (T, moved))
    np.testing.assert_allclose(one["r_within"], other["r_within"], rtol=0, atol=1e-10)
    assert abs(one["r"] - other["r"]).min() > 0.01


def test_names_of_categories_and_the_order_of_images_change_no_score():
    order = np.random.default_rng(0).permutation(N)
    renamed = [{"a": "zebra", "b": "1", "c": "é"}[kind] for kind in KINDS]
    similarities = similarities_of(X[order], SETS, procedure_named("pearson"))
    controls = controls_of(
        [LABELS[i] for i in order],
        [one[np.ix_(order, order)] for one in NUISANCES],
        [renamed[i] for i in order],
    )
    moved = held_out_scores(similarities, T[np.ix_(order, order)], controls, "pearson")
    for kind, values in scores_of(nuisances=NUISANCES, categories=KINDS).items():
        np.testing.assert_allclose(moved[kind], values, rtol=0, atol=1e-12)


def test_controls_of_some_images_are_theirs():
    rows = np.array([3, 9, 1, 12, 6, 0, 4, 7])
    controls = controls_of(LABELS, NUISANCES, KINDS).of(rows)
    alone = controls_of(
        [LABELS[i] for i in rows], [one[np.ix_(rows, rows)] for one in NUISANCES], [KINDS[i] for i in rows]
    )
    np.testing.assert_array_equal(controls.nuisances, alone.nuisances)
    same = controls.categories[:, None] == controls.categories
    np.testing.assert_array_equal(same, alone.categories[:, None] == alone.categories)


@pytest.mark.parametrize(("sizes", "beyond"), [((4,), 5), ((3, 3), 4), ((3, 3, 2), 4), ((3, 3, 3), 6)])
def test_too_few_pairs_within_categories_give_no_score(sizes, beyond):
    # Each category gives its mean away: what counts is the number of pairs beyond one for each.
    kinds = [f"shared_{k}" for k, size in enumerate(sizes) for _ in range(size)]
    kinds += [f"alone_{i}" for i in range(N - len(kinds))]
    found = scores_of(categories=kinds)["r_within"]
    assert np.isfinite(found).all() if beyond >= MIN_WITHIN else np.isnan(found).all()


def test_only_what_can_be_controlled_for_is_scored():
    assert list(scores_of()) == ["r"]
    assert list(scores_of(categories=KINDS)) == ["r", "r_within"]
    assert list(scores_of(nuisances=NUISANCES)) == ["r", "r_partial"]


def test_each_set_may_have_a_target_of_its_own():
    targets = np.array([random_target(N, seed) for seed in (4, 5, 6)])
    together = scores_of(target=targets, nuisances=NUISANCES, categories=KINDS)
    for number, target in enumerate(targets):
        alone = scores_of([SETS[number]], target, nuisances=NUISANCES, categories=KINDS)
        for kind, values in alone.items():
            assert together[kind][number] == pytest.approx(values[0], abs=1e-12)


def test_set_under_which_an_image_is_constant_has_no_score_and_the_others_keep_theirs():
    values = X.copy()
    values[4, SETS[1]] = 1.0
    similarities = similarities_of(values, SETS, procedure_named("pearson"))
    assert (~defined_images(similarities)).nonzero()[0].tolist() == [1]
    found = held_out_scores(similarities, T, controls_of(LABELS, NUISANCES), "pearson")
    for of_kind in found.values():
        assert np.isnan(of_kind).tolist() == [False, True, False]


@pytest.mark.parametrize("measure", ["cosine", "euclidean"])
def test_score_follows_the_measure_of_the_procedure(measure):
    expected = [isomorphism(X[:, features], T, measure=measure) for features in SETS]
    np.testing.assert_allclose(scores_of(measure=measure)["r"], expected, rtol=0, atol=1e-12)
