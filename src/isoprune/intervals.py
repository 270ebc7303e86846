"""Intervals of held-out scores: over subjects, over images, and over both at once.

Images are resampled inside each held-out block while the selected features stay: intervals over images are
conditional on the selection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isoprune.crossvalidation import fisher_z
from isoprune.errors import InferenceError
from isoprune.inference import CONFIDENCE, subject_interval
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.isomorphism import pairs_of, ranks_of_similarities
from isoprune.labels import choose
from isoprune.pruning import Procedure
from isoprune.scoring import Features, similarities_of

WEIGHTS_AT_ONCE = 2_000_000
"""Pair weights that are held at once (16 MB)."""

LEAST_SPREAD = 1e-14
"""A variable is constant in a sample when its weighted variance is at most this share of its largest square.

Below, the difference of two sums that it is computed from has no digit left.
"""


@dataclass(frozen=True)
class ImageBootstrap:
    """Held-out scores of a unit under resampled images: all that a unit needs to store.

    Attributes
    ----------
    labels : tuple of str
        Sorted labels of the images that were resampled.
    seed : int
    observed : dict of str to float
        Fisher z of each competitor, mean over blocks; NaN if no block has a score.
    samples : dict of str to ndarray of shape (n_bootstrap,)
        The same for each resample; resample b has the same images in every unit with these labels and seed.
    n_undefined : int
        Blocks × resamples without a score, left out of every competitor's mean.
    """

    labels: tuple[str, ...]
    seed: int
    observed: dict[str, float]
    samples: dict[str, np.ndarray]
    n_undefined: int


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
        return tuple(self._r(z) for z in (self.estimate, self.low, self.high))

    def _r(self, z: float) -> float:
        if self.middle is None:
            return float(np.tanh(z))
        return float(np.tanh(self.middle + z / 2) - np.tanh(self.middle - z / 2))


def bootstrap_images(
    values: np.ndarray,
    target: np.ndarray,
    labels: Sequence[str],
    tested: Sequence[Sequence[str]],
    sets: Mapping[str, Sequence[Sequence[Features]]],
    *,
    procedure: Procedure,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> ImageBootstrap:
    """Score resampled images inside each held-out block, with the features that were selected.

    A resample draws all images with replacement once; an image counts in its block of every repeat as often
    as it was drawn, because the repeats are about the same images. Pairs of an image with itself are dropped.
    Noise that is independent from pair to pair counts about three times, because a pair's weight is the product of
    two counts (as on resampled conditions in Schütt et al. 2023, eLife 12:e82566). Intervals over images are
    therefore wide: simulated with 30 images their variance is 1.6 times the true one without measurement noise
    and 4 times with much of it.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
    target : ndarray of shape (n_images, n_images), float64
        Target that was scored.
    labels : sequence of str
        Stimulus label of each row.
    tested : sequence of sequence of str
        Labels of the images that were scored in each block; empty for a block without a score.
    sets : mapping of str to sequence of sequence of (ndarray or callable)
        For each competitor and each block one or more sets of features, of whose scores the Fisher-z mean is taken; or
        other ways to see them, as in `isoprune.scoring.similarities_of`.
    procedure : Procedure
        As scored.
    n_bootstrap, seed : int
        Resamples follow from (seed, sorted labels) alone.

    Returns
    -------
    ImageBootstrap
    """
    order = sorted(labels)
    counts = image_counts(len(order), n_bootstrap, seed)
    row_of, column_of = ({label: i for i, label in enumerate(names)} for names in (labels, order))
    blocks: list[dict[str, np.ndarray]] = []
    for number, images in enumerate(tested):
        if not len(images):
            continue
        rows, columns = (np.array([of[label] for label in images]) for of in (row_of, column_of))
        block = pairs_of(target[np.ix_(rows, rows)])
        blocks.append(
            {
                name: _resampled_z(values[rows], of_blocks[number], block, counts[:, columns], procedure)
                for name, of_blocks in sets.items()
            }
        )
    return _mean_over_blocks(blocks, tuple(sets), tuple(order), seed, n_bootstrap)


def write_bootstrap(path: str | Path, bootstrap: ImageBootstrap) -> None:
    """Write a unit's resampled scores as npz, in one step; a row of ``samples`` is a competitor."""
    write_arrays(
        path,
        competitors=np.array(list(bootstrap.observed)),
        observed=np.array(list(bootstrap.observed.values())),
        samples=np.array(list(bootstrap.samples.values())),
        labels=np.array(bootstrap.labels),
        seed=np.array(bootstrap.seed),
        n_undefined=np.array(bootstrap.n_undefined),
    )


def joined(one: ImageBootstrap, other: ImageBootstrap) -> ImageBootstrap:
    """Competitors of two bootstraps of the same images and resamples.

    Raises
    ------
    InferenceError
        If images, seed or number of resamples differ.
    """
    _check_same_resamples({"one": one, "other": other})
    observed, samples = {**one.observed, **other.observed}, {**one.samples, **other.samples}
    return ImageBootstrap(one.labels, one.seed, observed, samples, one.n_undefined + other.n_undefined)


def read_bootstrap(path: str | Path) -> ImageBootstrap:
    """The resampled scores that `write_bootstrap` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    names = ("competitors", "observed", "samples", "labels", "seed", "n_undefined")
    arrays = read_arrays(path, names, what="the resampled scores of a unit")
    competitors = [str(name) for name in arrays["competitors"]]
    return ImageBootstrap(
        tuple(str(label) for label in arrays["labels"]),
        int(arrays["seed"]),
        dict(zip(competitors, map(float, arrays["observed"]), strict=True)),
        dict(zip(competitors, arrays["samples"], strict=True)),
        int(arrays["n_undefined"]),
    )


def image_counts(n_images: int, n_bootstrap: int, seed: int) -> np.ndarray:
    """How often each image occurs in each resample, after the images as they are.

    Returns
    -------
    ndarray of shape (1 + n_bootstrap, n_images), int
        Columns are images in the sorted order of their labels, so that a resample is the same for everything on
        the same images. The first row is ones.
    """
    rng = np.random.default_rng([seed, n_images])
    drawn = rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=n_bootstrap)
    return np.vstack([np.ones(n_images, dtype=drawn.dtype), drawn])


def _mean_over_blocks(
    blocks: Sequence[Mapping[str, np.ndarray]],
    names: Sequence[str],
    labels: tuple[str, ...],
    seed: int,
    n_bootstrap: int,
) -> ImageBootstrap:
    if not blocks or not names:
        nothing = np.full(n_bootstrap, np.nan)
        return ImageBootstrap(labels, seed, dict.fromkeys(names, np.nan), dict.fromkeys(names, nothing), 0)
    z = np.array([[block[name] for block in blocks] for name in names])
    # Competitors stay paired: a block that one cannot be scored on counts for none.
    undefined = np.isnan(z).any(axis=0)
    mean = np.ma.array(z, mask=np.broadcast_to(undefined, z.shape)).mean(axis=1).filled(np.nan)
    observed = {name: float(row[0]) for name, row in zip(names, mean, strict=True)}
    samples = {name: row[1:] for name, row in zip(names, mean, strict=True)}
    return ImageBootstrap(labels, seed, observed, samples, int(undefined[:, 1:].sum()))


def _resampled_z(
    values: np.ndarray,
    sets: Sequence[Features],
    target: np.ndarray,
    counts: np.ndarray,
    procedure: Procedure,
) -> np.ndarray:
    """Fisher z of a block, mean over sets of features, for each row of image counts; shape (n_counts,)."""
    first, second = np.triu_indices(len(values), 1)
    similarities = pairs_of(similarities_of(values, sets, procedure))
    step = max(1, WEIGHTS_AT_ONCE // len(first))
    parts = []
    for start in range(0, len(counts), step):
        some = counts[start : start + step].astype(np.float64)
        weights = some[:, first] * some[:, second]
        r = weighted_r(similarities, target, weights, procedure.criterion.curve)
        parts.append(fisher_z(-r).mean(axis=0))
    return np.concatenate(parts)


def weighted_r(x: np.ndarray, y: np.ndarray, weights: np.ndarray, coefficient: str = "pearson") -> np.ndarray:
    """Correlation of variables with another, observations occurring as often as the weights say.

    Parameters
    ----------
    x : ndarray of shape (n_variables, n_pairs) or (n_pairs,)
    y : ndarray of shape (n_pairs,)
    weights : ndarray of shape (n_samples, n_pairs)
        Whole numbers, 0 where an observation does not occur.
    coefficient : {"pearson", "spearman"}
        ``spearman`` ranks anew in every sample, ties sharing their mean rank.

    Returns
    -------
    ndarray of shape (n_variables, n_samples) or (n_samples,), float64
        Dimensionless; NaN where either variable is constant in the sample.
    """
    if x.ndim == 1:
        return weighted_r(x[None], y, weights, coefficient)[0]
    if coefficient == "spearman":
        ranks = weighted_ranks(y, weights)
        return np.array([weighted_correlation(weighted_ranks(one, weights), ranks, weights) for one in x])
    # Sums of products less products of sums: taken from means over pairs, little of the digits cancels.
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        total = weights.sum(axis=1)
        sum_x, sum_y = x @ weights.T, weights @ y
        xx = x**2 @ weights.T - sum_x**2 / total
        yy = weights @ y**2 - sum_y**2 / total
        r = ((x * y) @ weights.T - sum_x * sum_y / total) / np.sqrt(xx * yy)
    vary = (xx > LEAST_SPREAD * total * np.square(x).max(axis=1, keepdims=True)) & (
        yy > LEAST_SPREAD * total * np.square(y).max()
    )
    return np.where(vary & _several(weights), r, np.nan)


def weighted_correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Correlation of the rows of two arrays, observations occurring as often as the weights say.

    Parameters
    ----------
    x, y, weights : ndarray of shape (n_samples, n_pairs)

    Returns
    -------
    ndarray of shape (n_samples,), float64
        NaN where either is constant, or fewer than three observations occur.
    """
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = (v - (weights * v).sum(axis=1, keepdims=True) / total for v in (x, y))
        xx, yy, xy = ((weights * product).sum(axis=1) for product in (x * x, y * y, x * y))
        r = xy / np.sqrt(xx * yy)
    return np.where((xx > 0) & (yy > 0) & _several(weights), r, np.nan)


def _several(weights: np.ndarray) -> np.ndarray:
    # Two distinct pairs always correlate by ±1, which says nothing.
    return (weights > 0).sum(axis=1) > 2


def weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ranks of observations that occur as often as the weights say, from 1 on; ties share their mean rank.

    Parameters
    ----------
    values : ndarray of shape (n_pairs,)
    weights : ndarray of shape (n_samples, n_pairs)

    Returns
    -------
    ndarray of shape (n_samples, n_pairs), float64
    """
    _, tied = np.unique(ranks_of_similarities(values), return_inverse=True)
    order = np.argsort(tied, kind="stable")
    starts = np.flatnonzero(np.diff(tied[order], prepend=-1))
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    return (np.cumsum(counts, axis=1) - counts / 2 + 0.5)[:, tied]


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
    _check_same_resamples(bootstraps)
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
    variances = [_variance(one) for one in (over_both, observed[chosen].mean(axis=1), samples.mean(axis=0))]
    n_images = len(bootstraps[subjects[0]].labels)
    variance = dual_variance(*variances, n_subjects, n_images)
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


def _check_same_resamples(bootstraps: Mapping[str, ImageBootstrap]) -> None:
    images = {(one.labels, one.seed) for one in bootstraps.values()}
    sizes = {len(samples) for one in bootstraps.values() for samples in one.samples.values()}
    if len(images) > 1 or len(sizes) > 1:
        raise InferenceError(
            "interval over subjects and images",
            "subjects whose images, seed or number of resamples differ",
            "the same resampled images in every subject",
            "Compute all subjects' image bootstraps with the same settings on the same stimuli.",
        )
