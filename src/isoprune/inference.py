"""Which question, which test.

Does pruning gain? Across subjects: a sign-flip test of paired Fisher-z differences. For one target: the
corrected resampled t-test over folds, which never speaks about people.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from isoprune.errors import InferenceError

MIN_SUBJECTS = 6
"""Fewest subjects of a sign-flip test: with five, the smallest two-sided p is .0625."""

EXACT_SUBJECTS = 13
"""Up to this many subjects all 2^n sign flips are enumerated."""

CONFIDENCE = 0.95
"""Coverage of all intervals."""


@dataclass(frozen=True)
class Difference:
    """A mean paired difference with its test, in Fisher z (dimensionless).

    Attributes
    ----------
    mean : float
    low, high : float
        95 % interval.
    p : float
        Two-sided.
    test : str
        What was computed.
    n : int
        Number of paired observations.
    """

    mean: float
    low: float
    high: float
    p: float
    test: str
    n: int


def corrected_resampled_t(differences: np.ndarray, n_train: float, n_test: float) -> Difference:
    """Corrected resampled t-test of fold-wise differences (Nadeau & Bengio 2003).

    Folds share training images, so their differences are not independent: the variance of the mean is taken as
    ``(1/J + n_test/n_train) · s²`` with J − 1 degrees of freedom.

    Parameters
    ----------
    differences : ndarray of shape (n_folds,)
        Difference of each fold × repeat (Fisher z).
    n_train, n_test : float
        Mean number of training and test **images** of a fold. Counted in pairs the test would reject a true
        null twice too often.

    Returns
    -------
    Difference

    Raises
    ------
    InferenceError
        If fewer than two folds are given, or one has no difference.
    """
    differences = _defined(differences)
    n_folds = len(differences)
    if n_folds < 2:
        raise InferenceError(
            "corrected resampled t-test",
            f"{n_folds} fold(s) with a defined score",
            "at least 2",
            "Use more folds or repeats.",
        )
    mean = float(differences.mean())
    error = float(np.sqrt((1 / n_folds + n_test / n_train) * differences.var(ddof=1)))
    from scipy.stats import t as student_t

    half = error * float(student_t.ppf(0.5 + CONFIDENCE / 2, n_folds - 1))
    # Differences that are all equal: t is infinite, or 0/0 where all are 0.
    t = abs(mean) / error if error else np.inf * (mean != 0)
    p = float(2 * student_t.sf(np.nan_to_num(t), n_folds - 1))
    return Difference(mean, mean - half, mean + half, p, "corrected resampled t", n_folds)


def sign_flip(
    differences: np.ndarray, *, seed: int = 0, n_flips: int = 10_000, n_bootstrap: int = 10_000
) -> Difference:
    """Sign-flip test of a mean paired difference across subjects.

    Under the null each subject's difference is as likely to have either sign. Up to 13 subjects all flips are
    enumerated and p is exact; beyond, ``p = (b + 1) / (n_flips + 1)``.

    Parameters
    ----------
    differences : ndarray of shape (n_subjects,)
        Difference of each subject (Fisher z).
    seed : int
    n_flips : int
        Random flips when there are too many to enumerate.
    n_bootstrap : int
        Resamples of subjects for the percentile interval.

    Returns
    -------
    Difference

    Raises
    ------
    InferenceError
        Below 6 subjects, where p < .05 cannot be reached, or if one has no difference.
    """
    differences = _defined(differences)
    n = len(differences)
    if n < MIN_SUBJECTS:
        raise InferenceError(
            "sign-flip test",
            f"{n} subjects",
            f"at least {MIN_SUBJECTS}",
            "With fewer, p < .05 cannot be reached whatever the data; add subjects or report them one by one.",
        )
    rng = np.random.default_rng([seed, n])
    if n <= EXACT_SUBJECTS:
        flips = np.array(list(product([1.0, -1.0], repeat=n)))
        extreme = _at_least(flips @ differences, differences.sum())
        p = float(extreme.mean())
    else:
        flips = rng.choice([1.0, -1.0], size=(n_flips, n))
        extreme = _at_least(flips @ differences, differences.sum())
        p = float((extreme.sum() + 1) / (n_flips + 1))
    low, high = subject_interval(differences, rng, n_bootstrap)
    return Difference(float(differences.mean()), low, high, p, "sign-flip across subjects", n)


def _defined(differences: np.ndarray) -> np.ndarray:
    differences = np.asarray(differences, dtype=np.float64)
    if np.isnan(differences).any():
        raise InferenceError(
            "paired differences",
            f"{int(np.isnan(differences).sum())} of {len(differences)} undefined",
            "a difference of every pair",
            "Leave out pairs of which one has no score, and say so.",
        )
    return differences


def _at_least(flipped: np.ndarray, observed: float) -> np.ndarray:
    # Sums in another order differ by rounding: an equal sum must count as at least as extreme.
    return np.abs(flipped) >= abs(observed) * (1 - 1e-12)


def subject_interval(values: np.ndarray, rng: np.random.Generator, n_bootstrap: int) -> tuple[float, float]:
    """95 % percentile interval of a mean, by resampling subjects.

    Parameters
    ----------
    values : ndarray of shape (n_subjects,)
    rng : Generator
    n_bootstrap : int

    Returns
    -------
    tuple of float
    """
    means = values[rng.integers(len(values), size=(n_bootstrap, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
