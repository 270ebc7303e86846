"""Truths about the tests that compare competitors."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from isoprune.errors import InferenceError
from isoprune.inference import corrected_resampled_t, sign_flip, subject_interval


def test_without_overlap_of_training_images_it_is_the_ordinary_t_test():
    differences = np.random.default_rng(0).normal(0.2, 1, 20)
    ours, theirs = corrected_resampled_t(differences, n_train=1e12, n_test=1), ttest_1samp(differences, 0)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
    interval = theirs.confidence_interval()
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_correction_widens_by_the_share_of_test_images():
    # Nadeau & Bengio 2003: (1/J + n_test/n_train); 40 folds of 18 of 92 images.
    differences = np.random.default_rng(0).normal(0.2, 1, 40)
    corrected = corrected_resampled_t(differences, n_train=74, n_test=18)
    naive = corrected_resampled_t(differences, n_train=1e12, n_test=0)
    widened = (corrected.high - corrected.low) / (naive.high - naive.low)
    assert widened == pytest.approx(np.sqrt((1 / 40 + 18 / 74) / (1 / 40)))


@pytest.mark.parametrize(("value", "p"), [(0.0, 1.0), (0.3, 0.0)])
def test_equal_differences_have_a_defined_p(value, p):
    assert corrected_resampled_t(np.full(10, value), 74, 18).p == pytest.approx(p, abs=1e-12)


def test_sign_flip_p_is_the_share_of_flips_at_least_as_extreme():
    differences = np.array([0.3, 0.1, 0.4, -0.05, 0.2, 0.25, 0.15])
    flips = [np.dot(signs, differences) for signs in product([1, -1], repeat=7)]
    expected = np.mean([abs(flip) >= differences.sum() - 1e-12 for flip in flips])
    assert sign_flip(differences).p == expected


def test_smallest_sign_flip_p_with_six_subjects():
    assert sign_flip(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])).p == 2 / 2**6


def test_many_subjects_are_flipped_at_random_and_p_is_never_zero():
    result = sign_flip(np.full(40, 0.5) + np.random.default_rng(0).normal(0, 0.01, 40), n_flips=999)
    assert result.p == 1 / 1000


def test_sign_of_the_difference_does_not_matter_for_p():
    differences = np.random.default_rng(0).normal(0.2, 1, 20)
    assert sign_flip(differences, seed=3).p == sign_flip(-differences, seed=3).p


def test_sign_flip_p_is_uniform_under_the_null():
    rng = np.random.default_rng(0)
    p = np.array([sign_flip(rng.normal(size=9), n_bootstrap=2).p for _ in range(400)])
    for level in (0.05, 0.2, 0.5):
        assert abs((p <= level).mean() - level) < 3 * np.sqrt(level * (1 - level) / 400)


def test_interval_over_subjects_covers_the_mean():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        low, high = subject_interval(rng.normal(1, 1, 20), rng, 400)
        hits += low <= 1 <= high
    assert 0.86 <= hits / 200 <= 0.99  # the percentile interval of 20 subjects is a little short


def test_five_subjects_are_refused_by_the_sign_flip_test():
    with pytest.raises(InferenceError, match=r"5 subjects; expected at least 6.*p < .05 cannot be reached"):
        sign_flip(np.ones(5))


def test_a_single_fold_is_refused_by_the_t_test():
    with pytest.raises(InferenceError, match=r"1 fold\(s\) with a defined score; expected at least 2"):
        corrected_resampled_t(np.ones(1), 74, 18)


@pytest.mark.parametrize("test", [sign_flip, lambda one: corrected_resampled_t(one, 20, 5)])
def test_undefined_difference_is_refused_and_never_significant(test):
    with pytest.raises(InferenceError, match="1 of 7 undefined; expected a difference of every pair"):
        test(np.array([0.1, 0.2, np.nan, 0.3, 0.1, 0.2, 0.4]))
