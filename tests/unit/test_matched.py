"""Truths about competitors of matched number that no target ranks."""

import numpy as np
import pytest

from examples import sparse_embedding
from isoprune.errors import UnknownNameError
from isoprune.isomorphism import similarity
from isoprune.matched import MATCHED, matched

X = sparse_embedding(20, 60, 1) + 0.01


@pytest.mark.parametrize("measure", ["correlation", "cosine", "euclidean"])
def test_all_components_describe_the_images_they_were_fitted_on_completely(measure):
    components = matched("components", X, 60, measure)
    assert len(components) == 19  # 20 images span no more beside their mean
    np.testing.assert_allclose(components(X), similarity(X, measure), rtol=0, atol=1e-12)


def test_components_are_the_directions_of_most_variance():
    components = matched("components", X, 5)
    other = np.linalg.qr(np.random.default_rng(0).normal(size=(60, 5)))[0].T
    centred = X - X.mean(axis=0)

    def explained(axes):
        return ((centred @ axes.T) ** 2).sum()

    best = (np.linalg.svd(centred, compute_uv=False)[:5] ** 2).sum()
    assert explained(components.axes) == pytest.approx(best)
    assert explained(other) < best


def test_images_that_components_were_not_fitted_on_are_seen_through_them_alone():
    components = matched("components", X[:12], 4)
    beside = np.random.default_rng(2).normal(size=(8, 60))
    beside -= beside @ components.axes.T @ components.axes
    np.testing.assert_allclose(components(X[12:] + beside), components(X[12:]), rtol=0, atol=1e-12)


def test_variable_and_active_features_are_those_of_most_variance_and_activation():
    values = np.zeros((4, 5))
    values[:, 1] = [0, 10, 0, 10]  # varies most
    values[:, 3] = 9.0  # most active, never varies
    values[:, 4] = [1, 2, 1, 2]
    np.testing.assert_array_equal(matched("variable", values, 2), [1, 4])
    np.testing.assert_array_equal(matched("active", values, 2), [3, 1])


@pytest.mark.parametrize("name", MATCHED)
def test_number_is_that_of_the_retained_set(name):
    assert len(matched(name, X, 7)) == 7


def test_unknown_competitor_is_refused_with_those_that_exist():
    with pytest.raises(UnknownNameError, match="components, variable"):
        matched("component", X, 3)
