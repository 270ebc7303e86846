"""Truths about ranking, insertion curve and retained set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isoprune
from examples import random_target, sparse_embedding
from isoprune.errors import ConstantImageError, EmbeddingError, LabelError, RDMError, UnknownNameError
from isoprune.isomorphism import isomorphism, pairs_of, similarity
from isoprune.labelled import RDM, Embedding
from isoprune.pruning import closed_form, curve, kernels, procedure_named, prune, prune_arrays, reference
from isoprune.pruning.criteria import criterion_named


@settings(max_examples=60, deadline=None)
@given(
    n_images=st.integers(4, 24),
    n_features=st.integers(3, 70),
    seed=st.integers(0, 2**16),
    exponent=st.sampled_from([-8, -3, 0, 6]),
    offset=st.sampled_from([0.0, 1.0, 100.0]),
    measure=st.sampled_from(["pearson", "spearman"]),
)
def test_leave_one_out_equals_leaving_out(n_images, n_features, seed, exponent, offset, measure):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n_images, n_features)) + offset * rng.normal(size=n_features)) * 10.0**exponent
    T = random_target(n_images, seed + 1)
    fast = closed_form.LeaveOneOut(X).isomorphism(T[None], measure)[0]
    slow = reference.isomorphism_without_each(X, T, measure)
    # With a common pattern 100 times the images' own, similarities are .9999…; six digits are gone before we start.
    tolerance = 1e-10 if offset < 100 else 1e-8
    if measure == "pearson":
        np.testing.assert_allclose(fast, slow, rtol=0, atol=tolerance)
    else:  # a rounding difference may break a tie of ranks
        step = 12 / (n_images * (n_images - 1) / 2) ** 2
        np.testing.assert_allclose(fast, slow, rtol=0, atol=max(tolerance, step if offset == 100 else 0))


@pytest.mark.parametrize(("noise", "tolerance"), [(1e-2, 1e-10), (1e-4, 1e-6)])
def test_leave_one_out_stays_exact_where_similarities_are_nearly_one(noise, tolerance):
    # Untrained networks: every image is almost the same pattern. With noise of 1e-4 similarities differ by 1e-8,
    # of which float64 keeps eight digits whoever computes; sums of squares would keep none.
    rng = np.random.default_rng(3)
    X = rng.normal(size=(12, 200)) * noise + rng.normal(size=200)
    T = random_target(12, 4)
    assert pairs_of(similarity(X)).min() > 1 - 10 * noise**2
    fast = closed_form.LeaveOneOut(X).isomorphism(T[None])[0]
    np.testing.assert_allclose(
        fast, reference.isomorphism_without_each(X, T, "pearson"), rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("use_compiled", [True, False])
def test_curve_stays_exact_where_similarities_are_nearly_one(use_compiled):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(12, 40)) * 1e-4 + rng.normal(size=40)
    T, ranking, criterion = random_target(12, 4), rng.permutation(40), criterion_named("pearson")
    fast = curve.insertion_curve(X, T, ranking, criterion, use_compiled=use_compiled)
    slow = reference.insertion_curve(X, T, ranking, criterion)
    # A few features still differ between images by more than rounding; with all of them eight digits are left.
    np.testing.assert_allclose(fast[10:], slow[10:], rtol=0, atol=1e-6)


def test_feature_that_carries_nearly_all_of_an_image_is_left_out_exactly():
    X, T = sparse_embedding(12, 60, 0), random_target(12, 1)
    X[0, 3] = 1e6
    fast = closed_form.LeaveOneOut(X).isomorphism(T[None])[0]
    np.testing.assert_allclose(fast, reference.isomorphism_without_each(X, T, "pearson"), rtol=0, atol=1e-10)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads):
    X, T = sparse_embedding(40, 1200, 5), random_target(40, 6)
    one, several = prune(X, T, threads=1), prune(X, T, threads=threads)
    assert np.array_equal(one.drop, several.drop)
    assert np.array_equal(one.curve, several.curve, equal_nan=True)


def test_many_targets_at_once_equal_one_at_a_time(small):
    targets = np.array([random_target(14, seed) for seed in range(5)])
    prepared = closed_form.LeaveOneOut(small.X)
    together = prepared.isomorphism(targets)
    for target, row in zip(targets, together, strict=True):
        np.testing.assert_array_equal(row, prepared.isomorphism(target[None])[0])


def test_scaling_and_shifting_an_image_changes_nothing(small):
    rng = np.random.default_rng(0)
    moved = small.X * rng.uniform(0.5, 3, size=(14, 1)) + rng.normal(size=(14, 1))
    one, other = prune(small.X, small.T), prune(moved, small.T)
    np.testing.assert_allclose(one.drop, other.drop, atol=1e-12)
    assert np.array_equal(one.retained, other.retained)


def test_order_of_images_changes_nothing(small):
    order = np.random.default_rng(0).permutation(14)
    one, other = prune(small.X, small.T), prune(small.X[order], small.T[np.ix_(order, order)])
    np.testing.assert_allclose(one.drop, other.drop, atol=1e-12)
    assert np.array_equal(one.retained, other.retained)


def test_order_of_features_only_renames_them(small):
    order = np.random.default_rng(0).permutation(60)
    one, other = prune(small.X, small.T), prune(small.X[:, order], small.T)
    assert np.array_equal(one.retained, order[other.retained])


def test_planted_features_are_found():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 200))
    planted = rng.choice(200, 10, replace=False)
    T = 1 - np.corrcoef(X[:, planted])
    result = prune(X, T)
    assert set(planted) <= set(result.ranking[:15])
    assert result.curve[result.n_retained] > 0.95


def test_last_value_of_the_curve_is_the_full_embedding(small):
    assert prune(small.X, small.T).curve[-1] == pytest.approx(isomorphism(small.X, small.T), abs=1e-13)


def test_drop_is_what_leaving_the_feature_out_costs(small):
    result = prune(small.X, small.T)
    for feature in (0, 17, 59):
        without = isomorphism(np.delete(small.X, feature, axis=1), small.T)
        assert result.drop[feature] == pytest.approx(isomorphism(small.X, small.T) - without, abs=1e-13)


def test_full_set_is_a_candidate_but_not_of_the_published_criteria():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 8))
    T = 1 - np.corrcoef(X)
    assert prune(X, T).n_retained == 8
    assert prune(X, T, criterion="published").n_retained < 8


def test_published_curve_counts_undefined_prefixes_as_zero_and_ours_as_undefined():
    X = sparse_embedding(12, 40, 2)
    X[0, :] = 0
    X[0, 3] = 5.0  # constant under every prefix without feature 3
    T = random_target(12, 3)
    ours, published = prune(X, T), prune(X, T, criterion="published")
    assert np.isnan(ours.curve[:2]).all()
    assert (published.curve[:2] == 0).all()
    assert np.isfinite(published.curve).all()


def test_feature_without_which_an_image_is_constant_ranks_first():
    X = sparse_embedding(12, 40, 2)
    X[0, :] = 0
    X[0, 3] = 5.0
    T = random_target(12, 3)
    for backend in ("cpu", "numpy", "reference"):
        result = prune(X, T, backend=backend)
        assert result.ranking[0] == 3
        assert np.isinf(result.drop[3])
        assert np.isfinite(np.delete(result.drop, 3)).all()


def test_prefixes_with_a_constant_image_are_never_retained():
    X = sparse_embedding(15, 80, 4)
    X[0, :] = 0
    X[0, 70:] = np.arange(10) * 1e-3  # image 0 differs from zero in few, unimportant features
    result = prune(X, random_target(15, 5))
    defined = np.flatnonzero(np.isfinite(result.curve))
    assert defined[0] > 2
    assert result.n_retained in defined


def test_dead_features_tie_in_their_own_order():
    X = np.c_[sparse_embedding(10, 20, 0), np.zeros((10, 4))]
    ranking = list(prune(X, random_target(10, 1), backend="reference").ranking)
    places = [ranking.index(feature) for feature in range(20, 24)]
    assert places == sorted(places)


def test_triangle_and_square_targets_are_the_same(small):
    assert np.array_equal(prune(small.X, small.T).drop, prune(small.X, pairs_of(small.T)).drop)


def test_labelled_inputs_are_joined_by_label(small):
    labels = [f"img_{i}" for i in range(14)]  # img_10 sorts before img_2
    order = np.argsort(labels)
    embedding = Embedding(small.X, tuple(labels))
    rdm = RDM(small.T[np.ix_(order, order)], tuple(labels[i] for i in order))
    assert np.array_equal(prune(embedding, rdm).ranking, prune(small.X, small.T).ranking)


def test_rsatoolbox_objects_are_joined_by_label(small):
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import RDMs

    labels = [f"img_{i}" for i in range(14)]
    order = np.random.default_rng(0).permutation(14)
    dataset = Dataset(small.X, obs_descriptors={"stimulus": labels})
    shuffled = pairs_of(small.T[np.ix_(order, order)])[None]
    rdms = RDMs(shuffled, pattern_descriptors={"stimulus": [labels[i] for i in order]})
    assert np.array_equal(prune(dataset, rdms).ranking, prune(small.X, small.T).ranking)


def test_float32_features_are_ranked_in_float64(small):
    single = small.X.astype(np.float32)
    result = prune(single, small.T)
    assert result.drop.dtype == np.float64
    assert np.array_equal(result.drop, prune(single.astype(np.float64), small.T).drop)


def test_numpy_is_used_and_named_where_numba_is_missing(small, monkeypatch):
    monkeypatch.setattr(kernels, "is_compiled", lambda: False)
    assert prune(small.X, small.T).backend == "cpu-numpy"


def test_spearman_sees_only_ranks_of_the_target(small):
    one, other = (prune(small.X, target, criterion="spearman") for target in (small.T, small.T**3))
    assert np.array_equal(one.drop, other.drop)


def test_selector_keeps_the_retained_features(small):
    selector = isoprune.IsomorphismPruner().fit(small.X, small.T)
    result = prune(small.X, small.T)
    assert np.array_equal(np.flatnonzero(selector.get_support()), np.sort(result.retained))
    assert np.array_equal(selector.transform(small.X), small.X[:, np.sort(result.retained)])
    assert np.array_equal(selector.ranking_, result.ranking)


def test_selector_takes_what_prune_takes(small):
    settings = {
        "criterion": "spearman",
        "measure": "cosine",
        "method": "greedy",
        "backend": "numpy",
        "n_rule": 5,
    }
    selector = isoprune.IsomorphismPruner(**settings).fit(small.X[:, :12], small.T)
    result = prune(small.X[:, :12], small.T, **settings)
    assert selector.get_params() == settings
    assert np.array_equal(selector.ranking_, result.ranking)
    assert np.array_equal(selector.curve_, result.curve, equal_nan=True)


# ── bad input ──────────────────────────────────────────────────────────────────────────────────


def test_target_of_impossible_length_is_refused(small):
    with pytest.raises(RDMError, match=r"a vector of 90 values; expected n\(n−1\)/2 values .* 78, 91 or 105"):
        prune(small.X, np.ones(90))


def test_target_with_rows_cut_is_refused_with_the_reason(small):
    with pytest.raises(RDMError, match=r"cutting only its rows .* Use isoprune.cross_validate"):
        prune(small.X[:8], small.T[:8])


def test_target_of_another_number_of_images_is_refused(small):
    with pytest.raises(RDMError, match="it relates 13 images; expected the 14 images of the embedding"):
        prune(small.X, small.T[1:, 1:])


def test_different_labels_are_refused(small):
    embedding = Embedding(small.X, tuple(f"cat_{i}" for i in range(14)))
    rdm = RDM(small.T, (*(f"cat_{i}" for i in range(13)), "cat_133"))
    with pytest.raises(LabelError, match=r"lacks 1 label\(s\) of the embedding: cat_13 .*Is 'cat_133' meant"):
        prune(embedding, rdm)


def test_constant_image_is_refused_by_name(small):
    small.X[4] = 2.5
    with pytest.raises(ConstantImageError, match="image 4 has the same value in all 60 features"):
        prune(small.X, small.T)


@pytest.mark.parametrize(
    ("measure", "found"), [("correlation", "constant"), ("cosine", "zero in every feature")]
)
def test_an_image_without_a_dissimilarity_is_refused_by_its_row_and_by_why(small, measure, found):
    small.X[4] = 0.0
    with pytest.raises(
        ConstantImageError, match=f"the images in row 4 are {found}; expected images that {measure}"
    ):
        prune_arrays(small.X, small.T, procedure_named(measure=measure))


def test_three_features_are_enough_and_two_are_not(small):
    X = np.random.default_rng(0).normal(size=(14, 3))
    assert len(prune_arrays(X, small.T, procedure_named()).ranking) == 3
    with pytest.raises(EmbeddingError, match="2 features; expected at least 3"):
        prune_arrays(X[:, :2], small.T, procedure_named())


def test_constant_target_is_refused(small):
    with pytest.raises(RDMError, match="all pairs of its 14 images have the same dissimilarity"):
        prune(small.X, 1 - np.eye(14))


def test_undefined_feature_is_refused(small):
    small.X[3, 7] = np.nan
    with pytest.raises(EmbeddingError, match="NaN or infinite features in row 3"):
        prune(small.X, small.T)


def test_undefined_dissimilarity_is_refused(small):
    small.T[2, 5] = small.T[5, 2] = np.nan
    with pytest.raises(RDMError, match=r"2 undefined entries, the first at \(2, 5\)"):
        prune(small.X, small.T)


def test_asymmetric_target_is_refused(small):
    small.T[2, 5] += 0.5
    with pytest.raises(RDMError, match=r"not symmetric: \(2, 5\) is .*, \(5, 2\) is"):
        prune(small.X, small.T)


def test_similarities_are_refused_as_dissimilarities(small):
    with pytest.raises(RDMError, match="dissimilarity of 0 with itself is 1; expected 0 on the diagonal"):
        prune(small.X, 1 - small.T)


def test_unknown_criterion_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no criterion 'spearmann'.* Did you mean 'spearman'?"):
        criterion_named("spearmann")


def test_two_features_cannot_be_pruned(small):
    with pytest.raises(EmbeddingError, match="2 features; expected at least 3"):
        prune(np.random.default_rng(0).normal(size=(14, 2)), small.T)


def test_several_rsatoolbox_rdms_are_refused(small):
    from rsatoolbox.rdm import RDMs

    rdms = RDMs(np.array([pairs_of(small.T)] * 2), pattern_descriptors={"stimulus": list("abcdefghijklmn")})
    with pytest.raises(RDMError, match="an rsatoolbox object with 2 RDMs; expected one RDM"):
        prune(small.X, rdms)


def test_table_of_a_pruning_has_a_row_a_feature_and_ranks_from_one(small):
    result = prune(small.X, small.T)
    table = result.to_frame()
    assert table["rank"].tolist() == list(range(1, small.X.shape[1] + 1))
    assert table["feature"].tolist() == result.ranking.tolist()
    assert table["retained"].sum() == result.n_retained and table["retained"][: result.n_retained].all()
    assert np.array_equal(table["drop"], result.drop[result.ranking])
    assert table["curve"][result.n_retained - 1] == result.fit
