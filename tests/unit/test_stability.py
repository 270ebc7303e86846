"""Truths about the stability of retained sets."""

from itertools import combinations

import numpy as np
import pytest

from examples import sparse_embedding
from isoprune.errors import EmbeddingError, InferenceError, LabelError
from isoprune.isomorphism import similarity
from isoprune.labelled import Embedding
from isoprune.stability import (
    AGREEMENT_COLUMNS,
    OVERLAP_COLUMNS,
    SHARING_COLUMNS,
    STABILITY_COLUMNS,
    jaccard,
    nogueira,
    overlap_table,
    rdm_agreement,
    rdm_correlation,
    sharing_table,
    stability_row,
)


def random_sets(n_sets: int, size: int, n_features: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.permutation(n_features)[:size] for _ in range(n_sets)]


def biased_sets(n_sets: int, n_features: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Each feature is in a set with a probability of its own."""
    p = np.linspace(0.02, 0.7, n_features)
    return [np.flatnonzero(rng.uniform(size=n_features) < p) for _ in range(n_sets)]


def by_the_paper(Z: np.ndarray) -> tuple[float, float]:
    """Index and variance element by element, as the paper states them."""
    M, d = Z.shape
    p, k = Z.sum(axis=0) / M, Z.sum(axis=1)
    k_mean = k.sum() / M
    s2 = [M / (M - 1) * p[f] * (1 - p[f]) for f in range(d)]
    denominator = k_mean / d * (1 - k_mean / d)
    index = 1 - (sum(s2) / d) / denominator
    phi = []
    for i in range(M):
        shared = sum(Z[i, f] * p[f] for f in range(d)) / d
        correction = index / 2 * (2 * k_mean * k[i] / d**2 - k[i] / d - k_mean / d + 1)
        phi.append((shared - k[i] * k_mean / d**2 + correction) / denominator)
    return index, 4 / M**2 * sum((one - sum(phi) / M) ** 2 for one in phi)


def test_identical_sets_are_perfectly_stable():
    stability = nogueira([[3, 1, 4]] * 5, 10)
    assert (stability.index, stability.low, stability.high) == pytest.approx((1, 1, 1))


def test_random_sets_have_a_stability_of_zero():
    indices = [nogueira(random_sets(10, 20, 100, seed), 100).index for seed in range(200)]
    assert abs(np.mean(indices)) < 3 * np.std(indices, ddof=1) / np.sqrt(200)
    assert abs(np.mean(indices)) < 0.005


def test_disjoint_halves_have_a_stability_of_minus_one():
    assert nogueira([range(5), range(5, 10)], 10).index == pytest.approx(-1)


def test_index_and_variance_are_the_paper_s():
    sets = biased_sets(8, 30, np.random.default_rng(0))
    Z = np.array([[feature in one for feature in range(30)] for one in sets], dtype=float)
    index, variance = by_the_paper(Z)
    stability = nogueira(sets, 30)
    assert (stability.index, stability.variance) == pytest.approx((index, variance), abs=1e-13)
    assert stability.high - stability.index == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)


def test_for_sets_of_one_size_it_is_the_mean_of_kuncheva_s_pairwise_index():
    # Kuncheva 2007: (r d − k²)/(k(d − k)), r the number shared.
    sets = random_sets(6, 12, 40, 3)
    pairs = [
        (len(set(a) & set(b)) * 40 - 12**2) / (12 * 28)
        for a, b in combinations([s.tolist() for s in sets], 2)
    ]
    assert nogueira(sets, 40).index == pytest.approx(np.mean(pairs), abs=1e-13)


def test_interval_of_stability_covers():
    rng = np.random.default_rng(0)
    truth = nogueira(biased_sets(4000, 50, rng), 50).index
    intervals = [nogueira(biased_sets(40, 50, rng), 50) for _ in range(200)]
    coverage = np.mean([one.low <= truth <= one.high for one in intervals])
    assert 0.88 <= coverage <= 0.99


def test_sets_of_every_feature_have_no_stability():
    assert np.isnan(nogueira([range(10), range(10)], 10).index)


def test_order_of_sets_and_of_their_features_does_not_matter():
    sets = random_sets(5, 12, 40, 0)
    values = sparse_embedding(20, 40, 0)
    turned = [np.flip(one) for one in reversed(sets)]
    one, other = stability_row("folds", sets, values), stability_row("folds", turned, values)
    assert set(one) == set(STABILITY_COLUMNS)
    assert {k: v for k, v in one.items() if k != "over"} == pytest.approx(
        {k: v for k, v in other.items() if k != "over"}, abs=1e-13
    )


def test_jaccard():
    assert jaccard([1, 2, 3], [3, 2, 5, 6]) == 2 / 5
    assert np.isnan(jaccard([], []))


def test_overlap_of_two_sets_is_nogueira_s_index():
    sets = {"IT": [0, 1, 2, 3], "EVC": [2, 3, 4, 5, 6, 7]}
    table = overlap_table(sets, 20)
    row = table.iloc[0]
    assert list(table.columns) == list(OVERLAP_COLUMNS)
    assert (row["a"], row["b"], row["n_a"], row["n_b"], row["n_shared"]) == ("EVC", "IT", 6, 4, 2)
    assert row["overlap"] == pytest.approx(nogueira(list(sets.values()), 20).index, abs=1e-13)
    assert (row["jaccard"], row["n_expected"]) == pytest.approx((2 / 8, 6 * 4 / 20))
    assert row["n_null"] == 0
    assert np.isnan(row["p"])


def favoured(n_sets: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Sets of 20 of 100 features that favour the same ones whatever the target."""
    weight = np.linspace(0.1, 3, 100) ** 2
    return [rng.choice(100, 20, replace=False, p=weight / weight.sum()) for _ in range(n_sets)]


def test_features_that_are_always_favoured_overlap_beyond_hypergeometric_but_not_beyond_relabelled_sets():
    rng = np.random.default_rng(0)
    tables = []
    for _ in range(60):
        (a, b), null = favoured(2, rng), {"a": favoured(99, rng), "b": favoured(99, rng)}
        tables.append(overlap_table({"a": a, "b": b}, 100, null).iloc[0])
    assert np.mean([row["n_shared"] for row in tables]) > 1.3 * tables[0]["n_expected"]
    p = np.array([row["p"] for row in tables])
    assert np.mean(p <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    assert 0.35 < p.mean() < 0.7


def test_shared_features_exceed_relabelled_sets():
    rng = np.random.default_rng(0)
    null = {"a": favoured(99, rng), "b": favoured(99, rng)}
    row = overlap_table({"a": range(20), "b": range(4, 24)}, 100, null).iloc[0]
    assert row["p"] == 1 / 100
    assert row["n_null"] == 99


def test_relabelled_sets_of_the_two_targets_are_of_different_relabellings():
    # The same relabelling of two like targets gives the same set: taken as chance it would hide every overlap.
    sets = random_sets(50, 20, 100, 0)
    row = overlap_table({"a": range(20), "b": range(20)}, 100, {"a": sets, "b": sets}).iloc[0]
    assert row["null_jaccard"] < 0.3
    assert row["p"] == 1 / 51


def test_relabelled_sets_must_be_equally_many():
    with pytest.raises(
        InferenceError, match=r"2 relabelled set\(s\) of 'a', 3 .* of 'b'; expected equally many"
    ):
        overlap_table({"a": [1], "b": [2]}, 5, {"a": [[1]] * 2, "b": [[1]] * 3})


def test_features_are_shared_partly_shared_or_private():
    table = sharing_table({"IT": [5, 1], "EVC": [1, 7], "FFA": [7, 1]}, 10)
    assert list(table.columns) == list(SHARING_COLUMNS)
    assert table.to_numpy().tolist() == [
        [1, "shared", 3, "EVC FFA IT"],
        [5, "private", 1, "IT"],
        [7, "partly", 2, "EVC FFA"],
    ]


def test_redundant_features_give_like_rdms_from_disjoint_sets():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(15, 20))
    values = np.hstack([half, half + 0.05 * rng.normal(size=half.shape)])
    row = stability_row("targets", [range(20), range(20, 40)], values)
    assert row["jaccard"] == 0
    assert row["rdm_r"] > 0.95


def test_rdm_correlation_is_over_pairs_of_images():
    values = sparse_embedding(12, 40, 0)
    a, b = np.arange(20), np.arange(10, 40)
    pairs = np.triu_indices(12, 1)
    expected = np.corrcoef((1 - similarity(values[:, a]))[pairs], (1 - similarity(values[:, b]))[pairs])[0, 1]
    assert rdm_correlation(values, a, b) == pytest.approx(expected, abs=1e-12)


def test_networks_are_compared_by_their_rdms_joined_by_label():
    labels = tuple(f"img_{i}" for i in range(12))
    one, other = (
        Embedding(sparse_embedding(12, 40, 0), labels, "x"),
        Embedding(sparse_embedding(12, 90, 0), labels, "y"),
    )
    order = np.random.default_rng(0).permutation(12)
    shuffled = Embedding(other.values[order], tuple(labels[i] for i in order), "y")
    table = rdm_agreement({"x": (one, [1, 2, 3, 4]), "y": (other, range(50))})
    assert list(table.columns) == list(AGREEMENT_COLUMNS)
    assert table.equals(rdm_agreement({"y": (shuffled, range(50)), "x": (one, [4, 2, 3, 1])}))
    assert rdm_agreement({"x": (one, range(9)), "z": (one, range(9))})["rdm_r"].item() == pytest.approx(1)


def test_networks_of_other_images_are_not_compared():
    one = Embedding(sparse_embedding(12, 40, 0), tuple("abcdefghijkl"), "x")
    other = Embedding(sparse_embedding(12, 40, 0), tuple("abcdefghijkm"), "y")
    with pytest.raises(LabelError, match="embedding 'y': lacks 1 label"):
        rdm_agreement({"x": (one, range(9)), "y": (other, range(9))})


def test_one_set_has_no_stability():
    with pytest.raises(InferenceError, match=r"1 set\(s\); expected at least 2"):
        nogueira([[1, 2]], 5)


def test_feature_that_does_not_exist_is_named():
    with pytest.raises(
        EmbeddingError, match="feature 5 of an embedding of 5 features; expected features 0 … 4"
    ):
        nogueira([[1], [5]], 5)
