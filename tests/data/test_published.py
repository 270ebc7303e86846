"""Equality with the published procedure, on inputs for which its exact output is known."""

import numpy as np
import pytest

from isoprune.pruning import prune

DOMAINS = ("birds", "furniture", "fruit", "vehicles")


def word_vectors(data_dir, domain):
    content = np.load(data_dir / "glove" / f"{domain}.npz")
    dissimilarity = content["similarity"].max() - content["similarity"]
    np.fill_diagonal(dissimilarity, 0)
    return content["features"], dissimilarity, content


@pytest.mark.parametrize("domain", DOMAINS)
def test_ranking_of_word_vectors_is_the_published_one(data_dir, domain):
    features, target, published = word_vectors(data_dir, domain)
    result = prune(features, target, criterion="published")
    assert np.array_equal(result.ranking, published["ranking"])
    np.testing.assert_allclose(result.drop, published["drop"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("domain", DOMAINS)
def test_pearson_curve_and_count_of_word_vectors_are_the_published_ones(data_dir, domain):
    features, target, published = word_vectors(data_dir, domain)
    result = prune(features, target, criterion="published")
    np.testing.assert_allclose(result.curve, published["curve_pearson"], rtol=0, atol=1e-10)
    assert result.n_retained == published["n_retained_pearson"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_spearman_curve_and_count_of_word_vectors_are_the_published_ones(data_dir, domain):
    features, target, published = word_vectors(data_dir, domain)
    result = prune(features, target, criterion="published-spearman")
    # Two features give correlations of exactly ±1: the published curve ranks their rounding errors, we tie them.
    differs = np.flatnonzero(np.abs(result.curve - published["curve_spearman"]) > 1e-10)
    assert set(differs) <= {2}
    assert result.n_retained == published["n_retained_spearman"]


@pytest.fixture(scope="module")
def king(data_dir):
    features = np.load(data_dir / "king2019" / "set2_repr_classifier_3.npy")
    published = np.load(data_dir / "king2019" / "parity.npz")
    return features, published, prune(features, published["target"], criterion="published")


def test_curve_of_a_real_embedding_is_the_published_one(king):
    _, published, result = king
    assert result.n_retained == published["n_retained"]
    np.testing.assert_allclose(
        result.curve[: len(published["curve"])], published["curve"], rtol=0, atol=1e-10
    )


def test_ranking_of_a_real_embedding_differs_at_most_among_dead_features(king):
    features, published, result = king
    dead = (features == 0).all(axis=0)
    differs = result.ranking != published["ranking"]
    assert dead[result.ranking[differs]].all()
    assert dead[published["ranking"][differs]].all()
