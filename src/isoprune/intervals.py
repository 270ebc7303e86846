"""Intervals of held-out scores: over subjects, over images, and over both at once.

Images are resampled while the selected features stay: intervals over images are conditional on the selection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from isoprune.bootstrap import ImageBootstrap, check_same_resamples
from isoprune.crossvalidation import fisher_z
from isoprune.errors import InferenceError
from isoprune.inference import CONFIDENCE, subject_interval
from isoprune.labels import choose


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, in Fisher z, of a competitor's score or of a difference of two.

    Attributes
    ----------
    estimate, low, high : float
    variance : float
        Of the estimate.
    over : str
        What was resampled.
    middle : float, optional
        Mean Fisher z of the two competitors of a difference; None for a single score.
    """

    estimate: float
    low: float
    high: float
    variance: float
    over: str
    middle: float | None = None

    def in_r(self) -> tuple[float, float, float]:
        """Estimate, low and high as (differences of) correlations.

        A difference d is shown as ``tanh(middle + d/2) − tanh(middle − d/2)``, monotone in d: exactly the
        difference of the two correlations, and an interval that excludes 0 does so in either scale.
        """
        return self._r(self.estimate), self._r(self.low), self._r(self.high)

    def _r(self, z: float) -> float:
        if self.middle is None:
            return float(np.tanh(z))
        return float(np.tanh(self.middle + z / 2) - np.tanh(self.middle - z / 2))


def image_interval(bootstrap: ImageBootstrap, a: str, b: str | None = None) -> Interval:
    """95 % interval over images of a competitor's score, or of a minus b; conditional on the selection.

    The estimate ± Student's t (number of images − 1 degrees of freedom) times its bootstrap standard error, the
    variance corrected by n/(n − 1) as rsatoolbox does (Schütt et al. 2023).

    Parameters
    ----------
    bootstrap : ImageBootstrap
    a, b : str
        Competitors.

    Returns
    -------
    Interval
        NaN where no block has a score.

    Raises
    ------
    UnknownNameError
        If a competitor was not resampled.
    """
    observed, samples, middle = _contrast(bootstrap, a, b)
    return interval_over_images(observed, samples, len(bootstrap.labels), middle)


def interval_over_images(
    estimate: float, samples: np.ndarray, n_images: int, middle: float | None = None
) -> Interval:
    """95 % interval over images of any statistic that was computed on their resamples; as `image_interval`.

    Parameters
    ----------
    estimate : float
    samples : ndarray of shape (n_bootstrap,)
        The statistic of each resample; undefined ones are left out.
    n_images : int
    middle : float, optional
        As in `Interval`.
    """
    variance = n_images / (n_images - 1) * _variance(samples)
    return _around(estimate, variance, n_images - 1, "images", middle)


def subjects_interval(
    a: Mapping[str, float], b: Mapping[str, float] | None = None, *, seed: int = 0, n_bootstrap: int = 10_000
) -> Interval:
    """95 % percentile interval over subjects of a mean score, or of a minus b.

    Parameters
    ----------
    a, b : mapping of str to float
        Held-out signed r of each subject; with b, subjects that both have a score of.
    seed, n_bootstrap : int

    Returns
    -------
    Interval

    Raises
    ------
    InferenceError
        If fewer than two subjects have a score.
    """
    sides = (a,) if b is None else (a, b)
    subjects = sorted(set.intersection(*({s for s, r in side.items() if np.isfinite(r)} for side in sides)))
    _check_subjects(len(subjects))
    z = fisher_z([[side[subject] for subject in subjects] for side in sides])
    values = z[0] if b is None else z[0] - z[1]
    low, high = subject_interval(values, np.random.default_rng([seed, len(values)]), n_bootstrap)
    variance = float(values.var(ddof=1) / len(values))
    middle = None if b is None else float(z.mean())
    return Interval(float(values.mean()), low, high, variance, "subjects", middle)


def dual_interval(
    bootstraps: Mapping[str, ImageBootstrap], a: str, b: str | None = None, *, seed: int = 0
) -> Interval:
    """95 % interval of the mean over subjects, over subjects and images at once.

    Resampling both factors counts their interaction (and measurement noise) too often. As in rsatoolbox's dual
    bootstrap (Schütt et al. 2023, eLife 12:e82566), the variances of three bootstraps on the same resamples are
    combined: with ``V_s`` over S subjects, ``V_i`` over N images and ``V_b`` over both, ``s = S/(S − 1)`` and
    ``i = N/(N − 1)``::

        V = s·V_s + i·V_i − s·i·(V_b − V_s − V_i),   at least s·V_s and i·V_i, at most V_b

    The interval is the estimate ± Student's t with min(S, N) − 1 degrees of freedom. Conditional on the selection.

    Parameters
    ----------
    bootstraps : mapping of str to ImageBootstrap
        Of each subject, with the same images, seed and number of resamples.
    a, b : str
        Competitors.
    seed : int
        Of the resampled subjects.

    Returns
    -------
    Interval

    Raises
    ------
    InferenceError
        With fewer than two subjects, one that has no score, or resamples that are not the same.
    """
    subjects = sorted(bootstraps)
    _check_subjects(len(subjects))
    check_same_resamples(bootstraps)
    made = [_contrast(bootstraps[subject], a, b) for subject in subjects]
    observed, samples = np.array([one[0] for one in made]), np.array([one[1] for one in made])
    lacking = [subject for subject, value in zip(subjects, observed, strict=True) if np.isnan(value)]
    if lacking:
        raise InferenceError(
            "interval over subjects and images",
            f"no held-out score of subject {', '.join(lacking)}",
            "a score of every subject",
            "Leave these subjects out, and say so.",
        )
    n_subjects, n_samples = samples.shape
    chosen = np.random.default_rng([seed, n_subjects]).integers(n_subjects, size=(n_samples, n_subjects))
    over_both = samples[chosen, np.arange(n_samples)[:, None]].mean(axis=1)
    of_samples = (over_both, observed[chosen].mean(axis=1), samples.mean(axis=0))
    both, over_subjects, over_images = (_variance(one) for one in of_samples)
    n_images = len(bootstraps[subjects[0]].labels)
    variance = dual_variance(both, over_subjects, over_images, n_subjects, n_images)
    middle = None if b is None else float(np.mean([one[2] for one in made]))
    dof = min(n_subjects, n_images) - 1
    return _around(float(observed.mean()), variance, dof, "subjects and images", middle)


def dual_variance(both: float, subjects: float, images: float, n_subjects: int, n_images: int) -> float:
    """Variance over two factors from three bootstraps; formula and source as in `dual_interval`."""
    s, i = n_subjects / (n_subjects - 1), n_images / (n_images - 1)
    combined = s * subjects + i * images - s * i * (both - subjects - images)
    return float(min(max(combined, s * subjects, i * images), both))


def _contrast(bootstrap: ImageBootstrap, a: str, b: str | None) -> tuple[float, np.ndarray, float | None]:
    for name in (a,) if b is None else (a, b):
        choose(name, bootstrap.samples, what="competitor", where="interval over images")
    if b is None:
        return bootstrap.observed[a], bootstrap.samples[a], None
    middle = (bootstrap.observed[a] + bootstrap.observed[b]) / 2
    return bootstrap.observed[a] - bootstrap.observed[b], bootstrap.samples[a] - bootstrap.samples[b], middle


def _variance(samples: np.ndarray) -> float:
    defined = samples[np.isfinite(samples)]
    return float(defined.var(ddof=1)) if len(defined) > 1 else np.nan


def _around(estimate: float, variance: float, dof: int, over: str, middle: float | None) -> Interval:
    from scipy.stats import t as student_t

    half = float(student_t.ppf(0.5 + CONFIDENCE / 2, dof)) * np.sqrt(variance)
    return Interval(estimate, estimate - half, estimate + half, variance, over, middle)


def _check_subjects(n: int) -> None:
    if n < 2:
        raise InferenceError(
            "interval over subjects",
            f"{n} subject(s) with a score",
            "at least 2",
            "For a single target RDM give the interval over images.",
        )
