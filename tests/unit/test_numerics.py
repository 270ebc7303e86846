"""Numbers stay right where float64 is strained, and neither threads nor batches have a say in them."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import naive
from examples import random_target, sparse_embedding
from isoprune.bootstrap import bootstrap_images
from isoprune.ceilings import group_ceiling, subject_ceilings
from isoprune.crossvalidation import cross_validate
from isoprune.embeddings import embed
from isoprune.errors import ConstantImageError, EmbeddingError, RDMError, TooFewImagesError
from isoprune.isomorphism import MEASURES, isomorphism
from isoprune.labelled import RDM, Embedding
from isoprune.networks import Network
from isoprune.permutation import permutation_test
from isoprune.pruning import CRITERIA, procedure_named, prune

SCALES = [1e-12, 1e-6, 1e6, 1e12]
BACKENDS = ["cpu", "numpy", "reference"]


def assert_same_pruning(one, other, within=1e-11):
    np.testing.assert_allclose(one.drop, other.drop, rtol=0, atol=within)
    np.testing.assert_allclose(one.curve, other.curve, rtol=0, atol=within)
    assert np.array_equal(one.ranking, other.ranking)
    assert one.n_retained == other.n_retained


# ---- scale ----


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("measure", MEASURES)
def test_units_of_features_and_dissimilarities_change_nothing(small, measure, scale):
    for criterion in CRITERIA:
        one = prune(small.X, small.T, criterion=criterion, measure=measure)
        assert_same_pruning(one, prune(small.X * scale, small.T, criterion=criterion, measure=measure))
        assert_same_pruning(one, prune(small.X, small.T * scale, criterion=criterion, measure=measure))
    for coefficient in ("pearson", "spearman"):
        r = isomorphism(small.X, small.T, coefficient, measure)
        assert isomorphism(small.X * scale, small.T / scale, coefficient, measure) == pytest.approx(
            r, abs=1e-12
        )


@pytest.mark.parametrize("scale", SCALES)
def test_units_change_no_held_out_score_and_no_p(small, scale):
    asked = {"n_splits": 3, "n_repeats": 2, "threads": 1}
    one = cross_validate(small.X, small.T, n_random=5, **asked)
    other = cross_validate(small.X * scale, small.T * scale, n_random=5, **asked)
    # Random sets of two features correlate images by ±1 but for rounding, of which Fisher's z makes 1e-10.
    np.testing.assert_allclose(one["r"], other["r"], rtol=0, atol=1e-9)
    assert one["n_retained"].equals(other["n_retained"])
    p = [permutation_test(small.X * by, small.T * by, n_permutations=9, **asked).p for by in (1, scale)]
    assert p[0] == p[1]


def test_a_power_of_two_changes_no_bit(small):
    for measure in MEASURES:
        one = prune(small.X, small.T, measure=measure)
        assert_same_pruning(one, prune(small.X * 2.0**40, small.T * 2.0**-40, measure=measure), within=0)


@pytest.mark.parametrize("size", [1e-160, 1e-71, 1e71, 1e160])
def test_numbers_whose_squares_cannot_be_computed_are_refused(small, size):
    word, labels = "large" if size > 1 else "small", tuple(f"img_{row}" for row in range(14))
    small.X[3, 7] = small.T[2, 5] = small.T[5, 2] = size
    expected = f"as {word} as 1e.*expected 0, or magnitudes from 1e-70 to 1e.70"
    for refused in (
        lambda: prune(small.X, random_target(14, 1)),
        lambda: Embedding(small.X, labels),
    ):
        with pytest.raises(EmbeddingError, match=f"features {expected}"):
            refused()
    for refused in (lambda: prune(sparse_embedding(14, 60, 0), small.T), lambda: RDM(small.T, labels)):
        with pytest.raises(RDMError, match=f"dissimilarities {expected}"):
            refused()


def test_an_undefined_feature_of_a_labelled_dataset_is_refused_beside_a_bare_target(small):
    from rsatoolbox.data import Dataset

    small.X[3, 7] = np.nan
    dataset = Dataset(small.X, obs_descriptors={"stimulus": [f"img_{row}" for row in range(14)]})
    with pytest.raises(EmbeddingError, match=r"NaN or infinite features for 1 image\(s\): img_3"):
        isomorphism(dataset, small.T)


# ---- nearly constant images, duplicates, dead features ----


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("spread", "within"), [(1e-3, 1e-11), (1e-4, 1e-10)])
def test_a_nearly_constant_image_keeps_the_digits_that_it_has(small, backend, spread, within):
    small.X[4] = 3 + spread * np.random.default_rng(0).normal(size=60)
    result = prune(small.X, small.T, backend=backend)
    without = [one.r for one in naive.without_each(small.X, small.T)]
    expected = naive.fit(small.X, small.T).r
    np.testing.assert_allclose(result.drop, expected - np.array(without), rtol=0, atol=within)
    curve = [one.r for one in naive.curve(small.X, small.T, result.ranking)]
    np.testing.assert_allclose(result.curve[8:], curve[8:], rtol=0, atol=within)


@pytest.mark.parametrize("backend", BACKENDS)
def test_distances_do_not_see_how_far_features_are_from_zero(backend):
    far = sparse_embedding(30, 60, 0) + 1e7 * np.random.default_rng(1).normal(size=60)
    T = random_target(30, 1)
    expected = prune(far, T, measure="euclidean", backend="reference")
    found = prune(far, T, measure="euclidean", backend=backend)
    np.testing.assert_allclose(found.drop, expected.drop, rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.curve, expected.curve, rtol=0, atol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("measure", MEASURES)
def test_a_nearly_constant_target_keeps_the_digits_that_it_has(backend, measure):
    # Its mean is rounded as coarsely as a ten millionth of what it varies, which similarities near 1 would multiply.
    X = np.random.default_rng(1).normal(size=60) + 0.02 * np.random.default_rng(2).normal(size=(14, 60))
    T = 1 + 1e-9 * random_target(14, 1)
    np.fill_diagonal(T, 0)
    result = prune(X, T, measure=measure, backend=backend)
    without = np.array([one.r for one in naive.without_each(X, T, measure=measure)])
    expected = naive.fit(X, T, measure=measure).r - without
    np.testing.assert_allclose(result.drop, expected, rtol=0, atol=1e-8)


def test_an_image_is_constant_from_a_millionth_of_its_size_on(small):
    noise = np.random.default_rng(0).normal(size=60)
    small.X[4] = 3 + 1e-5 * noise
    assert np.isfinite(isomorphism(small.X, small.T))
    small.X[4] = 3 + 1e-7 * noise
    with pytest.raises(ConstantImageError, match="image 4 has the same value in all 60 features"):
        isomorphism(small.X, small.T)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_features_that_occur_twice_carry_the_same_and_follow_each_other(small, measure, backend):
    # Of five features and their copies, those that come first go first.
    twice = np.c_[small.X, small.X[:, :5]]
    result = prune(twice, small.T, measure=measure, backend=backend)
    place = np.argsort(result.ranking)
    assert np.array_equal(place[60:], place[:5] + 1)
    np.testing.assert_allclose(result.drop[60:], result.drop[:5], rtol=0, atol=1e-14)


@pytest.mark.parametrize("measure", MEASURES)
def test_every_feature_twice_is_the_same_space(small, measure):
    r = isomorphism(small.X, small.T, measure=measure)
    assert isomorphism(np.c_[small.X, small.X], small.T, measure=measure) == pytest.approx(r, abs=1e-13)


@pytest.mark.parametrize("measure", ["cosine", "euclidean"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_dead_features_carry_nothing_and_change_nothing(small, measure, backend):
    alive = prune(small.X, small.T, measure=measure, backend=backend)
    dead = prune(np.c_[small.X, np.zeros((14, 7))], small.T, measure=measure, backend=backend)
    np.testing.assert_allclose(dead.drop, [*alive.drop, *[0.0] * 7], rtol=0, atol=1e-13)
    own = [feature for feature in dead.ranking if feature < 60]
    assert np.array_equal(own, alive.ranking)
    assert [feature for feature in dead.ranking if feature >= 60] == list(range(60, 67))


# ---- as few images as there may be ----


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("backend", BACKENDS)
def test_three_images_and_three_features_are_pruned_by_the_definition(measure, criterion, backend):
    X, T = np.random.default_rng(7).normal(size=(3, 3)), random_target(3, 5)
    if measure == "correlation" and "published" in criterion:
        # Two features correlate every two images by ±1, here all by the same, and the third is no candidate.
        with pytest.raises(EmbeddingError, match="no prefix of the ranked features"):
            prune(X, T, criterion=criterion, measure=measure, backend=backend)
        return
    result = prune(X, T, criterion=criterion, measure=measure, backend=backend)
    coefficient = "spearman" if criterion == "spearman" else "pearson"
    squared = 2 if "published" in criterion else 1
    without = np.array([one.r for one in naive.without_each(X, T, coefficient, measure)]) ** squared
    expected = naive.fit(X, T, coefficient, measure).r ** squared - without
    defined = ~np.isnan(expected)
    np.testing.assert_allclose(result.drop[defined], expected[defined], rtol=0, atol=1e-9)
    assert (result.drop[~defined] == np.inf).all()
    assert result.n_retained in ((2,) if "published" in criterion else (2, 3))


def test_two_images_and_eight_in_folds_are_refused(small):
    with pytest.raises(TooFewImagesError, match=r"2 images; expected at least 3"):
        prune(small.X[:2], small.T[:2, :2])
    assert len(cross_validate(small.X[:9], small.T[:9, :9], n_splits=3, n_repeats=1, n_random=2)) == 9
    with pytest.raises(TooFewImagesError, match=r"8 images; expected at least 9"):
        cross_validate(small.X[:8], small.T[:8, :8], n_splits=2)


# ---- float32 ----


@pytest.mark.parametrize("measure", MEASURES)
def test_rounding_features_to_float32_moves_results_by_its_rounding(measure):
    X, T = sparse_embedding(40, 200, 0), random_target(40, 1)
    one, other = (prune(values, T, measure=measure) for values in (X, X.astype(np.float32)))
    assert 0 < np.abs(one.drop - other.drop).max() < 1e-7
    np.testing.assert_allclose(one.curve, other.curve, rtol=0, atol=1e-6)
    assert len(set(one.retained) & set(other.retained)) >= 0.98 * one.n_retained


# ---- threads and batches ----


def test_threads_change_no_bit_of_scores_and_tests(small):
    asked = {"n_splits": 3, "n_repeats": 2}
    for criterion in ("pearson", "published-spearman"):
        one, two = (
            cross_validate(small.X, small.T, criterion=criterion, n_random=5, threads=threads, **asked)
            for threads in (1, 2)
        )
        assert one.equals(two)
        one, two = (
            permutation_test(
                small.X, small.T, criterion=criterion, n_permutations=40, threads=threads, **asked
            ).null
            for threads in (1, 2)
        )
        assert np.array_equal(one, two)


def test_threads_of_blas_change_no_bit():
    threadpoolctl = pytest.importorskip(
        "threadpoolctl", reason="threadpoolctl is not installed: threads of BLAS are not limited"
    )
    rng, labels = np.random.default_rng(0), tuple(f"img_{row:03}" for row in range(150))
    X, T = sparse_embedding(150, 1500, 0), random_target(150, 1)
    people = {f"{number:02}": RDM(random_target(150, number), labels) for number in range(15)}
    tested = [labels[:75], labels[75:]]
    sets = {"full": [[np.arange(1500)]] * 2, "random": [[rng.permutation(1500)[:40] for _ in range(9)]] * 2}

    def results():
        resampled = bootstrap_images(X, T, labels, tested, sets, procedure=procedure_named(), n_bootstrap=300)
        yield isomorphism(X, T)
        yield [resampled.samples[name] for name in sets]
        yield subject_ceilings(people)[["lower", "upper"]]
        yield group_ceiling(people).low

    def with_threads(number):
        with threadpoolctl.threadpool_limits(number, user_api="blas"):
            return list(results())

    for one, two in zip(with_threads(1), with_threads(2), strict=True):
        assert np.array_equal(one, two, equal_nan=True)


def test_batches_change_features_by_rounding_alone(tmp_path):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(3, 32, 5), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 28 * 28, 50)
        ).eval()
    rng, labels = np.random.default_rng(0), [f"img_{number}" for number in range(12)]
    paths = [tmp_path / f"{label}.png" for label in labels]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    network = Network(
        module,
        "tiny",
        lambda image: torch.tensor(np.asarray(image) / 255.0, dtype=torch.float32).permute(2, 0, 1),
        "random",
        {"model": "tiny"},
    )
    whole, *others = (
        embed(network, "3", paths, labels, name="tiny", batch_size=size).values for size in (32, 1, 5, 12)
    )
    for values in others:
        np.testing.assert_allclose(values, whole, rtol=0, atol=1e-5 * np.abs(whole).max())
    # What is left of it in the isomorphism.
    T = random_target(12, 3)
    for values in others:
        assert isomorphism(values, T) == pytest.approx(isomorphism(whole, T), abs=1e-5)
