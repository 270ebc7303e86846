"""Dissimilarities of activity patterns, and the noise precision that some of them weigh voxels by.

The arithmetic is rsatoolbox's. What is decided here is what it is given: which residuals stand for noise,
patterns of one condition and run, and an order of conditions that is ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from isoprune.errors import BetasError, RDMError
from isoprune.labelled import Patterns, constant_images
from isoprune.labels import check_labels, choose, listing, positions
from isoprune.patterns import mean_patterns

MEASURES = ("correlation", "euclidean", "mahalanobis", "crossnobis")
NOISE = ("auto", "residuals", "repetitions", "identity")
SHRINKAGE = {"diagonal": "shrinkage_diag", "identity": "shrinkage_eye", "variances": "diag", "none": "full"}
"""Estimators of the noise covariance, and what rsatoolbox calls them."""

_N_FOLDS = 5
# A Ledoit-Wolf or Schäfer-Strimmer estimate from one degree of freedom is not shrunk, hence singular.
_LEAST_DF = {"diagonal": 2, "identity": 2, "variances": 1}


def dissimilarities(
    patterns: Patterns,
    labels: Sequence[str],
    measure: str = "correlation",
    *,
    noise: str = "auto",
    shrinkage: str = "diagonal",
) -> tuple[np.ndarray, str, dict[str, Any]]:
    """Dissimilarities between conditions.

    Parameters
    ----------
    patterns : Patterns
        Observations × voxels.
    labels : sequence of str
        Conditions, in the order wanted: exactly those that the patterns have.
    measure : {'correlation', 'euclidean', 'mahalanobis', 'crossnobis'}
        With mean patterns x, y of two conditions over V voxels: ``correlation`` is 1 − Pearson r over
        voxels (0 to 2, dimensionless); ``euclidean`` is ‖x − y‖² / V (squared units of the betas);
        ``mahalanobis`` is (x − y)ᵀ P (x − y) / V with the noise precision P. ``crossnobis`` is the
        mean over runs of (x − y)ᵀ P (x′ − y′) / V, where x, y are of one run and x′, y′ means over the other
        runs, each run counting alike (Walther et al. 2016, NeuroImage 137:188); it is 0 on average
        where two conditions do not differ, so that single negative values belong to it.
    noise : {'auto', 'residuals', 'repetitions', 'identity'}
        What P is estimated from; as in ``noise_precision``.
    shrinkage : {'diagonal', 'identity', 'variances', 'none'}
        How; as in ``noise_precision``.

    Returns
    -------
    values : ndarray of shape (n_conditions, n_conditions), float64
        Rows and columns in the order of ``labels``.
    name : str
        rsatoolbox's name of the measure.
    facts : dict
        What the noise precision came from; empty for measures without.

    Raises
    ------
    UnknownNameError
        If there is no such measure, noise or shrinkage.
    LabelError
        If ``labels`` are not exactly the conditions of the patterns.
    RDMError
        If a condition's pattern is constant over voxels, so that its correlation is undefined.
    BetasError
        If the noise cannot be estimated, or patterns cannot be cross-validated over runs.
    """
    choose(measure, MEASURES, what="measure", where=patterns.where)
    labels = check_labels(labels, "the labels wanted")
    if measure in ("correlation", "euclidean"):
        means = mean_patterns(patterns, labels)
        if measure == "correlation":
            _refuse_constant(means, labels, patterns.where)
        return *_computed(means, labels, measure), {}
    if measure == "mahalanobis":
        means = mean_patterns(patterns, labels)
        source = noise_source(patterns, noise)
        precision = noise_precision(patterns, source, shrinkage)
        return *_computed(means, labels, measure, precision), _facts(source, shrinkage)
    means = run_means(patterns, labels)
    source = noise_source(patterns, noise)
    if source == "repetitions over runs":
        values, name = _crossfitted(means, labels, patterns, shrinkage)
    else:
        values, name = _computed(means, labels, measure, noise_precision(patterns, source, shrinkage))
    return values, name, _facts(source, shrinkage)


def noise_source(patterns: Patterns, noise: str) -> str:
    """What the noise of some patterns is estimated from.

    Parameters
    ----------
    patterns : Patterns
    noise : {'auto', 'residuals', 'repetitions', 'identity'}
        ``auto`` takes residuals where there are some, else repetitions.

    Returns
    -------
    {'residuals', 'repetitions within runs', 'repetitions over runs', 'identity'}
        Repetitions of a condition within runs are preferred where every condition has some: they tell
        about the noise independently of the mean patterns of runs.

    Raises
    ------
    UnknownNameError
        If there is no such noise.
    BetasError
        If residuals are asked for and there are none.
    """
    choose(noise, NOISE, what="noise", where=patterns.where)
    if noise == "identity" or (noise == "auto" and patterns.residuals is not None):
        return "identity" if noise == "identity" else "residuals"
    if noise == "residuals":
        if patterns.residuals is None:
            raise BetasError(
                patterns.where,
                "betas without the residuals of their model",
                "residuals, because the noise is to be estimated from them",
                "Give the residuals, or set `rdm.noise: repetitions`.",
            )
        return "residuals"
    shown = Counter(zip(patterns.conditions, patterns.runs, strict=True))
    repeated = {condition for (condition, _), times in shown.items() if times > 1}
    return "repetitions within runs" if repeated == set(patterns.conditions) else "repetitions over runs"


def noise_precision(
    patterns: Patterns, source: str, shrinkage: str = "diagonal", *, without: Collection[str] = ()
) -> np.ndarray:
    """Inverse of the noise covariance between voxels.

    Parameters
    ----------
    patterns : Patterns
    source : {'residuals', 'repetitions within runs', 'repetitions over runs', 'identity'}
        Residuals of the runs' models, with their degrees of freedom; or deviations of repetitions from
        their mean in the condition and run, or (less the mean of the run where every run shows every
        condition alike) from their mean in the condition; or no weighing of voxels at all.
    shrinkage : {'diagonal', 'identity', 'variances', 'none'}
        Estimate of the covariance: shrunk towards its diagonal (Schäfer & Strimmer 2005, Stat Appl Genet
        Mol Biol 4:32), or towards a multiple of the identity (Ledoit & Wolf 2004, J Multivar Anal 88:365),
        by an amount that the data decide; only the variances of voxels; or as it is.
    without : collection of str
        Conditions whose repetitions are not used.

    Returns
    -------
    ndarray of shape (n_voxels, n_voxels), float64
        In inverse squared units of the residuals.

    Raises
    ------
    UnknownNameError
        If there is no such shrinkage.
    BetasError
        If there are fewer residual degrees of freedom than the estimate needs, or it cannot be inverted.
    """
    from rsatoolbox.data.noise import cov_from_residuals

    choose(shrinkage, SHRINKAGE, what="shrinkage", where=patterns.where)
    n_voxels = patterns.values.shape[1]
    if source == "identity":
        return np.eye(n_voxels)
    deviations, df = _deviations(patterns, source, without)
    least = _LEAST_DF.get(shrinkage, n_voxels)
    if df < least:
        raise BetasError(
            patterns.where,
            f"{df} residual degrees of freedom ({source}) for the noise of {n_voxels} voxels",
            f"at least {least} for the shrinkage '{shrinkage}'",
            "Give more runs or repetitions, or the residuals of the model, or set `rdm.noise: identity`.",
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = cov_from_residuals(deviations, dof=df, method=SHRINKAGE[shrinkage])
    spread = np.linalg.eigvalsh(covariance) if np.isfinite(covariance).all() else np.zeros(1)
    if spread[0] <= 1e-13 * spread[-1]:
        raise BetasError(
            patterns.where,
            f"a noise covariance of {n_voxels} voxels that cannot be inverted ({source}, {df} degrees of freedom, "
            f"shrinkage '{shrinkage}')",
            "noise in every voxel, and no voxel that repeats another",
            "Use the shrinkage `diagonal` or `identity`, and check for copied or empty voxels.",
        )
    return np.linalg.inv(covariance)


def run_means(patterns: Patterns, labels: Sequence[str]) -> np.ndarray:
    """Mean pattern of each condition in each run.

    Parameters
    ----------
    patterns : Patterns
        Observations × voxels.
    labels : sequence of str
        Conditions, in the order wanted.

    Returns
    -------
    ndarray of shape (n_runs, n_conditions, n_voxels), float64
        In the units of the betas; runs in the order of the patterns.

    Raises
    ------
    LabelError
        If ``labels`` are not exactly the conditions of the patterns.
    BetasError
        If there is one run only, or a condition is missing in a run.
    """
    runs = list(dict.fromkeys(patterns.runs))
    if len(runs) < 2:
        raise BetasError(
            patterns.where,
            f"one run only ('{runs[0]}')",
            "at least two runs, because crossnobis multiplies patterns of different runs",
            "Give betas of single runs, or use the measure `mahalanobis`.",
        )
    means = []
    for run in runs:
        of_run = patterns.select_rows(np.array(patterns.runs) == run)
        missing = [label for label in labels if label not in set(of_run.conditions)]
        if missing and not set(labels) - set(patterns.conditions):
            raise BetasError(
                patterns.where,
                f"run '{run}' lacks {len(missing)} of {len(labels)} conditions: {listing(missing)}",
                "every condition in every run, because crossnobis compares them run by run",
                "Leave this run or these conditions out, or use the measure `mahalanobis`.",
            )
        means.append(mean_patterns(of_run, labels))
    return np.array(means)


def _deviations(patterns: Patterns, source: str, without: Collection[str]) -> tuple[np.ndarray, int]:
    """Rows (n_rows, n_voxels) that are noise alone, and their degrees of freedom."""
    if source == "residuals":
        residuals = patterns.residuals
        lengths = Counter(residuals.runs)
        df = sum(residuals.df[run] or n_rows - 1 for run, n_rows in lengths.items())
        return _around_means(residuals.values, residuals.runs)[0], df
    used = patterns.select_rows(np.array([name not in without for name in patterns.conditions], dtype=bool))
    pairs = list(zip(used.conditions, used.runs, strict=True))
    if source == "repetitions within runs":
        return _around_means(used.values, pairs)
    deviations, df = _around_means(used.values, used.conditions)
    n_runs, n_conditions = len(set(used.runs)), len(set(used.conditions))
    is_balanced = len(Counter(pairs)) == n_runs * n_conditions and len(set(Counter(pairs).values())) == 1
    if is_balanced and n_conditions > 2:
        # What a run adds to all its conditions alike is not noise of their differences.
        centred = _around_means(used.values, used.runs, in_place=True)[0]
        return _around_means(centred, used.conditions)[0], df - (n_runs - 1)
    return deviations, df


def _around_means(
    values: np.ndarray, groups: Sequence[Any], *, in_place: bool = False
) -> tuple[np.ndarray, int]:
    """Rows less the mean of their group; and the number of rows less that of groups.

    Rows that are alone in their group say nothing and are left out, unless rows must keep their places.
    """
    members: dict[Any, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    deviations = values.copy()
    for rows in members.values():
        deviations[rows] -= values[rows].mean(axis=0)
    several = np.array([len(members[group]) > 1 for group in groups], dtype=bool)
    df = len(groups) - len(members)
    return (deviations if in_place else deviations[several]), df


def _facts(source: str, shrinkage: str) -> dict[str, Any]:
    return {"noise": source} if source == "identity" else {"noise": source, "shrinkage": shrinkage}


def _computed(
    means: np.ndarray, labels: Sequence[str], measure: str, precision: np.ndarray | None = None
) -> tuple[np.ndarray, str]:
    """What rsatoolbox makes of patterns (n_conditions, n_voxels), or of these in each run."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    descriptors: dict[str, list[Any]] = {"condition": list(labels)}
    if means.ndim == 3:
        descriptors = {
            "condition": list(labels) * len(means),
            "run": [run for run in range(len(means)) for _ in labels],
        }
    computed: Any = calc_rdm(
        Dataset(means.reshape(-1, means.shape[-1]), obs_descriptors=descriptors),
        method=measure,
        descriptor="condition",
        noise=precision,
        cv_descriptor="run" if means.ndim == 3 else None,
    )
    # rsatoolbox sorts conditions by their text; the order wanted is ours.
    names = tuple(str(name) for name in computed.pattern_descriptors["condition"])
    order = positions(labels, names, wanted_in="the labels wanted", present_in="rsatoolbox's RDM")
    return computed.get_matrices()[0][np.ix_(order, order)], str(computed.dissimilarity_measure)


def _crossfitted(
    means: np.ndarray, labels: Sequence[str], patterns: Patterns, shrinkage: str
) -> tuple[np.ndarray, str]:
    """Crossnobis distances, each weighed by the noise of other conditions than the two compared.

    Deviations of a condition's runs from their mean are the very differences that crossnobis multiplies
    across runs. A precision that has seen them makes products of different runs larger than independent
    noise would, and distances of conditions that do not differ come out above 0.
    """
    places = {label: place for place, label in enumerate(sorted(labels))}
    fold = np.array([places[label] for label in labels]) % min(len(labels), _N_FOLDS)
    values = np.zeros((len(labels), len(labels)))
    for first in range(fold.max() + 1):
        for second in range(first, fold.max() + 1):
            pairs = (fold[:, np.newaxis] == first) & (fold == second)
            pairs = (pairs | pairs.T) & ~np.eye(len(labels), dtype=bool)
            if not pairs.any():
                continue
            left_out = [label for label, part in zip(labels, fold, strict=True) if part in (first, second)]
            precision = noise_precision(patterns, "repetitions over runs", shrinkage, without=left_out)
            weighed, name = _computed(means, labels, "crossnobis", precision)
            values[pairs] = weighed[pairs]
    return values, name


def _refuse_constant(means: np.ndarray, labels: Sequence[str], where: str) -> None:
    constant = constant_images(means)
    if constant.any():
        names = [label for label, bad in zip(labels, constant, strict=True) if bad]
        raise RDMError(
            where,
            f"the pattern of {len(names)} condition(s) is constant over voxels: {listing(names)}",
            "patterns that vary, so that a correlation is defined",
            "Check the betas of these conditions, or use the measure `euclidean`.",
        )
