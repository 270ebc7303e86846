"""Truths about intervals of held-out scores."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from examples import sparse_embedding
from isoprune.bootstrap import ImageBootstrap, bootstrap_images
from isoprune.crossvalidation import FoldScore, fisher_mean, fisher_z, score_folds
from isoprune.errors import InferenceError, UnknownNameError
from isoprune.folds import Fold, make_folds
from isoprune.intervals import Interval, dual_interval, dual_variance, image_interval, subjects_interval
from isoprune.isomorphism import isomorphism, similarity
from isoprune.pruning import procedure_named
from isoprune.units import competitor_sets
from isoprune.weighted import weighted_r

LABELS = tuple(f"img_{i:02}" for i in range(30))
FOLDS = make_folds(LABELS, n_splits=3, n_repeats=2)
RETAINED = np.arange(10)
PEARSON = procedure_named("pearson")


def bootstrap_of(X, T, labels, scores, sets=None, procedure=PEARSON, **settings):
    tested, own = competitor_sets(scores)
    own = {name: of_folds for name, of_folds in own.items() if name != "random" or all(of_folds)}
    return bootstrap_images(X, T, labels, tested, {**own, **(sets or {})}, procedure=procedure, **settings)


def target_of(X: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    T = 1 - similarity(X) + noise * np.triu(rng.normal(size=(len(X), len(X))), 1)
    T = np.triu(T, 1)
    return T + T.T


@pytest.fixture(scope="module")
def unit():
    X = sparse_embedding(30, 60, 0)
    T = target_of(X[:, :25], 0.1, np.random.default_rng(1))
    scores = score_folds(X, T, T, LABELS, FOLDS, procedure=procedure_named("pearson"), n_random=2)
    return X, T, scores


@pytest.mark.parametrize(("coefficient", "theirs"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_weights_are_repetitions(coefficient, theirs):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=20).round(1), rng.normal(size=20).round(1)
    weights = rng.integers(0, 4, size=(5, 20)).astype(float)
    expected = [theirs(np.repeat(x, w.astype(int)), np.repeat(y, w.astype(int))).statistic for w in weights]
    np.testing.assert_allclose(weighted_r(x, y, weights, coefficient), expected, atol=1e-12)


@pytest.mark.parametrize("coefficient", ["pearson", "spearman"])
def test_sample_in_which_nothing_varies_is_undefined(coefficient):
    x, y = np.array([1.0, 1.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    weights = np.array([[1, 1, 2, 0, 0], [1, 0, 0, 5, 0], [1, 1, 1, 1, 1]], dtype=float)
    assert np.isnan(weighted_r(x, y, weights, coefficient)).tolist() == [True, True, False]


@pytest.mark.parametrize("criterion", ["pearson", "spearman"])
def test_images_as_they_are_give_the_held_out_score(unit, criterion):
    X, T, _ = unit
    scores = score_folds(X, T, T, LABELS, FOLDS, procedure=procedure_named(criterion), n_random=2)
    boot = bootstrap_of(X, T, LABELS, scores, procedure=procedure_named(criterion), n_bootstrap=3)
    for name in ("full", "pruned"):
        expected = np.mean([fisher_z(score.r[name]) for score in scores])
        assert boot.observed[name] == pytest.approx(expected, abs=1e-12)
        estimate = image_interval(boot, name).in_r()[0]
        assert estimate == pytest.approx(fisher_mean([score.r[name] for score in scores]), abs=1e-12)


def test_resample_is_the_score_of_repeated_images_without_pairs_of_an_image_with_itself(unit):
    X, T, scores = unit
    boot = bootstrap_of(X, T, LABELS, scores[:1], n_bootstrap=1, seed=4)
    counts = np.random.default_rng([4, 30]).multinomial(30, np.full(30, 1 / 30), size=1)[0]
    rows = [LABELS.index(label) for label in scores[0].fold.test]
    drawn = np.repeat(rows, counts[rows])
    first, second = np.triu_indices(len(drawn), 1)
    distinct = drawn[first] != drawn[second]
    C = similarity(X)[drawn[first[distinct]], drawn[second[distinct]]]
    expected = np.corrcoef(1 - C, T[drawn[first[distinct]], drawn[second[distinct]]])[0, 1]
    assert np.tanh(boot.samples["full"][0]) == pytest.approx(expected, abs=1e-12)


def test_repeats_of_the_same_folds_do_not_narrow_the_interval(unit):
    # The repeats are about the same images: resampled apart, two of them would shrink the variance by half.
    X, T, scores = unit
    once = scores[:3]
    twice = once + [replace(score, fold=replace(score.fold, repeat=2)) for score in once]
    one, two = (
        image_interval(bootstrap_of(X, T, LABELS, s, n_bootstrap=50), "pruned") for s in (once, twice)
    )
    assert two.variance == pytest.approx(one.variance, rel=1e-12)


def test_order_of_images_changes_no_bit(unit):
    X, T, scores = unit
    order = np.random.default_rng(2).permutation(30)
    shuffled = tuple(LABELS[i] for i in order)
    one = bootstrap_of(X, T, LABELS, scores, n_bootstrap=20)
    other = bootstrap_of(X[order], T[np.ix_(order, order)], shuffled, scores, n_bootstrap=20)
    assert one.labels == other.labels
    for name in one.samples:
        assert np.array_equal(one.samples[name], other.samples[name])


def test_further_competitors_are_means_over_their_sets(unit):
    X, T, scores = unit
    sets = {"others": [[np.arange(5, 25), np.arange(30, 50)] for _ in scores]}
    boot = bootstrap_of(X, T, LABELS, scores, sets=sets, n_bootstrap=5)
    z = []
    for fold in FOLDS:
        rows = [LABELS.index(label) for label in fold.test]
        z += [fisher_z(isomorphism(X[np.ix_(rows, s)], T[np.ix_(rows, rows)])) for s in sets["others"][0]]
    assert boot.observed["others"] == pytest.approx(np.mean(z), abs=1e-12)


def test_folds_without_a_score_are_left_out(unit):
    X, T, scores = unit
    broken = [replace(scores[0], undefined="broken"), *scores[1:]]
    assert bootstrap_of(X, T, LABELS, broken, n_bootstrap=2).observed == pytest.approx(
        bootstrap_of(X, T, LABELS, scores[1:], n_bootstrap=2).observed
    )
    nothing = bootstrap_of(X, T, LABELS, [replace(s, undefined="broken") for s in scores], n_bootstrap=2)
    assert np.isnan(image_interval(nothing, "full").in_r()).all()


def test_difference_in_r_is_the_difference_of_correlations(unit):
    boot = bootstrap_of(*unit[:2], LABELS, unit[2], n_bootstrap=100)
    interval = image_interval(boot, "pruned", "full")
    difference, low, high = interval.in_r()
    assert difference == pytest.approx(np.tanh(boot.observed["pruned"]) - np.tanh(boot.observed["full"]))
    assert low < difference < high
    assert (low > 0) == (interval.low > 0)


def experiment(
    seed: int, n_subjects: int, spread: float = 0.0
) -> tuple[np.ndarray, list[np.ndarray], list[FoldScore]]:
    """New images, and people who differ by ``spread``; the first 10 features carry the geometry; fixed sets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 30))
    # People differ in what else they see, and each is measured with noise.
    targets = []
    for _ in range(n_subjects):
        own = rng.normal(size=(30, 3)) * rng.uniform(0.8 - spread, 0.8 + spread)
        targets.append(target_of(np.hstack([X[:, :10], own]), 0.15, rng))
    scores = [
        FoldScore(fold, RETAINED, {}, (), np.empty(0), np.arange(30), fold.test, 0, 0) for fold in FOLDS[:3]
    ]
    return X, targets, scores


def on_average(spread: float) -> np.ndarray:
    """Scores of the experiments on average, in z: pruned, and pruned minus full."""
    z = []
    for seed in range(10_000, 10_600):
        X, (T,), scores = experiment(seed, 1, spread)
        boot = bootstrap_of(X, T, LABELS, scores, n_bootstrap=1)
        z.append([boot.observed["pruned"], boot.observed["pruned"] - boot.observed["full"]])
    return np.mean(z, axis=0)


def coverage_of(intervals: list[list[Interval]], truth: np.ndarray) -> np.ndarray:
    return np.mean(
        [[i.low <= true <= i.high for i, true in zip(two, truth, strict=True)] for two in intervals], axis=0
    )


def test_intervals_over_images_cover():
    intervals = []
    for seed in range(200):
        X, (T,), scores = experiment(seed, 1)
        boot = bootstrap_of(X, T, LABELS, scores, n_bootstrap=150)
        intervals.append([image_interval(boot, "pruned"), image_interval(boot, "pruned", "full")])
    coverage = coverage_of(intervals, on_average(0.0))
    # Independent noise of pairs is counted more than once: wide rather than narrow.
    assert (coverage >= 0.9).all(), coverage


def test_intervals_over_subjects_and_images_cover():
    intervals = []
    for seed in range(120):
        X, targets, scores = experiment(seed, 6, spread=0.7)
        boots = {str(i): bootstrap_of(X, T, LABELS, scores, n_bootstrap=150) for i, T in enumerate(targets)}
        intervals.append([dual_interval(boots, "pruned"), dual_interval(boots, "pruned", "full")])
    coverage = coverage_of(intervals, on_average(0.7))
    assert (coverage >= 0.9).all(), coverage


def test_variance_over_both_factors_is_that_of_rsatoolbox():
    from rsatoolbox.util.inference_util import extract_variances

    rng = np.random.default_rng(0)
    for _ in range(20):
        both, subjects, images = np.sort(rng.uniform(size=3))[::-1]
        stack = np.array([both, subjects, images])[:, None, None]
        theirs = extract_variances(stack, nc_included=False, n_rdm=7, n_pattern=20)[0]
        assert dual_variance(both, subjects, images, 7, 20) == pytest.approx(theirs.item(), abs=1e-14)


def test_order_of_subjects_does_not_matter(unit):
    X, _, scores = unit
    rng = np.random.default_rng(0)
    boots = {name: bootstrap_of(X, target_of(X, 0.2, rng), LABELS, scores, n_bootstrap=30) for name in "abc"}
    assert dual_interval(boots, "full") == dual_interval(dict(reversed(boots.items())), "full")


def test_interval_over_subjects_is_of_those_with_both_scores():
    a, b = {"x": 0.5, "y": 0.3, "z": np.nan, "w": 0.4}, {"x": 0.2, "y": 0.2, "z": 0.1, "v": 0.0}
    interval = subjects_interval(a, b)
    expected = np.mean([np.arctanh(0.5) - np.arctanh(0.2), np.arctanh(0.3) - np.arctanh(0.2)])
    assert interval.estimate == pytest.approx(expected)
    assert interval.low <= interval.estimate <= interval.high


def test_one_subject_has_no_interval_over_subjects():
    with pytest.raises(InferenceError, match=r"1 subject\(s\) with a score; expected at least 2"):
        subjects_interval({"x": 0.5})


def test_unknown_competitor_is_named(unit):
    boot = bootstrap_of(*unit[:2], LABELS, unit[2], n_bootstrap=2)
    with pytest.raises(UnknownNameError, match=r"no competitor 'prunde'.*Did you mean 'pruned'"):
        image_interval(boot, "prunde")


def test_subjects_with_other_resamples_are_not_combined():
    boots = {
        name: ImageBootstrap(LABELS, seed, {"full": 0.1}, {"full": np.zeros(3)}, 0)
        for seed, name in enumerate("ab")
    }
    with pytest.raises(InferenceError, match="images, seed or number of resamples differ"):
        dual_interval(boots, "full")


def test_subject_without_a_score_is_named():
    boots = {
        name: ImageBootstrap(LABELS, 0, {"full": z}, {"full": np.zeros(3)}, 0)
        for name, z in (("a", 0.1), ("b", np.nan))
    }
    with pytest.raises(InferenceError, match="no held-out score of subject b"):
        dual_interval(boots, "full")


def test_resamples_that_leave_too_few_images_are_counted_not_guessed(unit):
    X, T, scores = unit
    fold = Fold(1, 1, scores[0].fold.train, scores[0].fold.test[:4])
    boot = bootstrap_of(
        X,
        T,
        LABELS,
        [replace(scores[0], fold=fold, tested=fold.test, retained=np.arange(40), random_sets=())],
        procedure=PEARSON,
        n_bootstrap=200,
    )
    # A block of four images often loses all but two of them.
    undefined = np.isnan(boot.samples["full"])
    assert boot.n_undefined == undefined.sum() > 0
    assert np.array_equal(undefined, np.isnan(boot.samples["pruned"]))
    assert np.isfinite(image_interval(boot, "full").high)
