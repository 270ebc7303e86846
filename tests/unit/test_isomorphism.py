"""Similarities and RDMs of embeddings, against SciPy's distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from examples import sparse_embedding
from isoprune.isomorphism import MEASURES, dissimilarity, matrix_of, pairs_of, similarity

X = sparse_embedding(12, 30, 0)


@pytest.mark.parametrize("measure", MEASURES)
def test_rdm_is_the_distance_that_the_measure_names(measure):
    expected = cdist(X, X, {"euclidean": "sqeuclidean"}.get(measure, measure))
    if measure == "euclidean":
        expected /= pairs_of(expected).mean()
    rdm = dissimilarity(X, measure)
    np.testing.assert_allclose(rdm, expected, rtol=0, atol=1e-12)
    assert not np.diag(rdm).any()


@pytest.mark.parametrize("measure", MEASURES)
def test_similar_images_have_a_low_dissimilarity(measure):
    of_both = pairs_of(similarity(X, measure)), pairs_of(dissimilarity(X, measure))
    assert np.corrcoef(*of_both)[0, 1] == pytest.approx(-1, abs=1e-12)


def test_an_image_without_similarity_is_undefined_in_its_rows_and_nowhere_else():
    values = X.copy()
    values[3] = 1.0
    undefined = np.isnan(dissimilarity(values))
    expected = np.zeros((12, 12), dtype=bool)
    expected[3], expected[:, 3] = True, True
    np.fill_diagonal(expected, False)
    assert np.array_equal(undefined, expected)
    assert not np.isnan(dissimilarity(values, "cosine")).any()


def test_a_matrix_of_pairs_has_these_pairs():
    pairs = np.random.default_rng(0).normal(size=66)
    matrix = matrix_of(pairs)
    assert matrix.shape == (12, 12) and np.array_equal(matrix, matrix.T) and not np.diag(matrix).any()
    assert np.array_equal(pairs_of(matrix), pairs)
