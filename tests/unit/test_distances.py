"""Distances: what plain NumPy and SciPy compute, in our order, with noise that is noise."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from rsatoolbox.data.noise import prec_from_residuals
from scipy.spatial.distance import cdist, pdist, squareform

from isoprune.distances import dissimilarities, noise_precision, noise_source, run_means
from isoprune.errors import BetasError, LabelError, UnknownNameError
from isoprune.labelled import Patterns, Residuals
from isoprune.patterns import mean_patterns

LABELS = ("img_10", "img_2", "zebra", "Zebra", "img_1", "ähre")
RUNS = ("b", "a", "10", "2")


def random_patterns(n_voxels=15, n_times=1, seed=0, residuals=False, labels=LABELS, runs=RUNS):
    """Every condition ``n_times`` in every run, each run in another order."""
    generator = np.random.default_rng(seed)
    conditions = [name for _ in runs for name in generator.permutation(labels * n_times)]
    per_run = len(labels) * n_times
    values = generator.normal(2, 3, (len(conditions), n_voxels))
    rest = None
    if residuals:
        mixing = generator.normal(size=(n_voxels, n_voxels))
        rest = Residuals(
            generator.normal(size=(60, n_voxels)) @ mixing,
            tuple(np.repeat(runs, 60 // len(runs))),
            dict.fromkeys(runs, 9),
        )
    return Patterns(values, tuple(conditions), tuple(np.repeat(runs, per_run)), "IT", "03", residuals=rest)


def plain_crossnobis(means, precision):
    """Leave one run out: difference in the run × precision × difference in the mean of the other runs."""
    n_runs, n, n_voxels = means.shape
    values = np.zeros((n, n))
    for i, j in combinations(range(n), 2):
        folds = []
        for run in range(n_runs):
            others = [other for other in range(n_runs) if other != run]
            here = means[run, i] - means[run, j]
            there = np.mean([means[other, i] - means[other, j] for other in others], axis=0)
            folds.append(here @ precision(i, j) @ there / n_voxels)
        values[i, j] = values[j, i] = np.mean(folds)
    return values


def plain_run_means(patterns):
    values = patterns.values
    return np.array(
        [
            [
                np.mean(
                    [
                        row
                        for row, name, of in zip(values, patterns.conditions, patterns.runs, strict=True)
                        if (name, of) == (label, run)
                    ],
                    axis=0,
                )
                for label in LABELS
            ]
            for run in dict.fromkeys(patterns.runs)
        ]
    )


def test_correlation_and_euclidean_are_scipys():
    patterns = random_patterns()
    means = mean_patterns(patterns, LABELS)
    values, name, facts = dissimilarities(patterns, LABELS, "correlation")
    np.testing.assert_allclose(values, squareform(pdist(means, "correlation")), rtol=0, atol=1e-10)
    assert (name, facts) == ("correlation", {})
    values, name, facts = dissimilarities(patterns, LABELS, "euclidean")
    np.testing.assert_allclose(values, squareform(pdist(means, "sqeuclidean") / 15), rtol=0, atol=1e-10)
    assert (name, facts) == ("squared euclidean", {})


def test_mahalanobis_is_scipys():
    patterns = random_patterns(residuals=True)
    means = mean_patterns(patterns, LABELS)
    precision = noise_precision(patterns, "residuals")
    values, name, facts = dissimilarities(patterns, LABELS, "mahalanobis")
    expected = cdist(means, means, "mahalanobis", VI=precision) ** 2 / 15
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-10)
    assert (name, facts) == ("squared mahalanobis", {"noise": "residuals", "shrinkage": "diagonal"})


@pytest.mark.parametrize("n_times", [1, 3])
@pytest.mark.parametrize("noise", ["identity", "residuals"])
def test_crossnobis_is_leaving_one_run_out(n_times, noise):
    patterns = random_patterns(n_times=n_times, residuals=True)
    precision = noise_precision(patterns, noise)
    values, name, _ = dissimilarities(patterns, LABELS, "crossnobis", noise=noise)
    expected = plain_crossnobis(plain_run_means(patterns), lambda i, j: precision)
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-10)
    assert name == "crossnobis"


def test_crossnobis_weighs_each_pair_by_the_noise_of_other_conditions():
    patterns = random_patterns()
    values, _, facts = dissimilarities(patterns, LABELS, "crossnobis")
    assert facts == {"noise": "repetitions over runs", "shrinkage": "diagonal"}
    means = plain_run_means(patterns)
    # Six conditions in five folds by sorted label: the first and the last sorted one share a fold.
    fold = np.array([sorted(LABELS).index(label) for label in LABELS]) % 5

    def precision(i, j):
        used = means[:, [k for k in range(6) if fold[k] not in (fold[i], fold[j])]]
        used = used - used.mean(axis=1, keepdims=True)
        rows = (used - used.mean(axis=0)).reshape(-1, 15)
        return prec_from_residuals(rows, dof=3 * (used.shape[1] - 1))

    np.testing.assert_allclose(values, plain_crossnobis(means, precision), rtol=0, atol=1e-10)


@pytest.mark.parametrize("measure", ["correlation", "euclidean", "mahalanobis", "crossnobis"])
@pytest.mark.parametrize("residuals", [False, True])
def test_neither_order_of_labels_nor_of_observations_matters(measure, residuals):
    patterns = random_patterns(residuals=residuals)
    before = dissimilarities(patterns, LABELS, measure)[0]
    order = np.random.default_rng(1).permutation(6)
    labels = tuple(LABELS[place] for place in order)
    permuted = patterns.select_rows(np.random.default_rng(2).permutation(24))
    after = dissimilarities(permuted, labels, measure)[0]
    np.testing.assert_allclose(after, before[np.ix_(order, order)], rtol=0, atol=1e-10)


@pytest.mark.parametrize("measure", ["mahalanobis", "crossnobis"])
def test_a_linear_mixing_of_voxels_and_noise_changes_no_distance(measure):
    patterns = random_patterns(residuals=True)
    mixing = np.random.default_rng(3).normal(size=(15, 15))
    residuals = Residuals(patterns.residuals.values @ mixing, patterns.residuals.runs, patterns.residuals.df)
    mixed = Patterns(patterns.values @ mixing, patterns.conditions, patterns.runs, residuals=residuals)
    before, after = (dissimilarities(one, LABELS, measure, shrinkage="none")[0] for one in (patterns, mixed))
    np.testing.assert_allclose(after, before, rtol=1e-7)


@pytest.mark.parametrize(("noise", "n_times"), [("repetitions", 1), ("repetitions", 2), ("residuals", 1)])
def test_crossnobis_of_conditions_alike_is_0_on_average(noise, n_times):
    labels = tuple("abcdefgh")
    mixing = np.random.default_rng(0).normal(size=(40, 40)) + 3 * np.eye(40)
    means = []
    for seed in range(40):
        patterns = random_patterns(40, n_times, seed, True, labels)
        rest = Residuals(patterns.residuals.values[:, :40], patterns.residuals.runs, patterns.residuals.df)
        noisy = np.random.default_rng(seed + 100).normal(size=patterns.values.shape) @ mixing
        of_noise = Patterns(noisy, patterns.conditions, patterns.runs, residuals=rest)
        values = dissimilarities(of_noise, labels, "crossnobis", noise=noise)[0]
        means.append(values[np.triu_indices(8, 1)].mean())
    assert abs(np.mean(means)) < 3 * np.std(means, ddof=1) / np.sqrt(len(means))


def test_noise_from_repetitions_of_seen_conditions_would_make_crossnobis_positive():
    labels, means = tuple("abcdefgh"), []
    for seed in range(40):
        patterns = random_patterns(40, 1, seed, labels=labels)
        precision = noise_precision(patterns, "repetitions over runs")
        per_run = run_means(patterns, labels)
        values = plain_crossnobis(per_run, lambda i, j, precision=precision: precision)
        means.append(values[np.triu_indices(8, 1)].mean())
    assert np.mean(means) > 5 * np.std(means, ddof=1) / np.sqrt(len(means))


# ── what noise is estimated from ──


def test_noise_is_taken_from_what_is_there():
    assert noise_source(random_patterns(residuals=True), "auto") == "residuals"
    assert noise_source(random_patterns(), "auto") == "repetitions over runs"
    assert noise_source(random_patterns(n_times=2), "auto") == "repetitions within runs"
    assert noise_source(random_patterns(residuals=True), "repetitions") == "repetitions over runs"
    assert noise_source(random_patterns(residuals=True), "identity") == "identity"
    with pytest.raises(
        BetasError, match=r"without the residuals of their model; .*`rdm\.noise: repetitions`"
    ):
        noise_source(random_patterns(), "residuals")


def test_precision_is_rsatoolboxs_of_our_residuals():
    patterns = random_patterns(n_times=2, residuals=True)
    rest = patterns.residuals.values.reshape(4, 15, 15)
    rows = (rest - rest.mean(axis=1, keepdims=True)).reshape(60, 15)
    for ours, theirs in (
        ("diagonal", "shrinkage_diag"),
        ("identity", "shrinkage_eye"),
        ("variances", "diag"),
    ):
        expected = prec_from_residuals(rows, dof=36, method=theirs)
        found = noise_precision(patterns, "residuals", ours)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(
        noise_precision(patterns, "residuals", "none"), np.linalg.inv(rows.T @ rows / 36), rtol=1e-8
    )
    per_run = plain_run_means(patterns)
    index = [
        RUNS.index(run) * 6 + LABELS.index(name)
        for name, run in zip(patterns.conditions, patterns.runs, strict=True)
    ]
    rows = patterns.values - per_run.reshape(24, 15)[index]
    np.testing.assert_allclose(
        noise_precision(patterns, "repetitions within runs"),
        prec_from_residuals(rows, dof=24),
        rtol=1e-8,
        atol=1e-10,
    )


def test_repetitions_recover_the_noise_whatever_conditions_and_runs_add():
    generator = np.random.default_rng(0)
    labels, runs = tuple("abcdefghijkl"), tuple(str(run) for run in range(40))
    patterns = random_patterns(3, 1, 0, labels=labels, runs=runs)
    mixing = np.array([[2.0, 0, 0], [1, 1, 0], [0, 0.5, 3]])
    values = generator.normal(size=patterns.values.shape) @ mixing
    of_condition, of_run = generator.normal(0, 20, (12, 3)), generator.normal(0, 20, (40, 3))
    values += of_condition[[labels.index(name) for name in patterns.conditions]]
    values += of_run[[int(run) for run in patterns.runs]]
    noisy = Patterns(values, patterns.conditions, patterns.runs)
    covariance = np.linalg.inv(noise_precision(noisy, "repetitions over runs", "none"))
    np.testing.assert_allclose(covariance, mixing.T @ mixing, atol=1.2)


# ── what cannot be done ──


def test_one_run_has_no_crossnobis():
    with pytest.raises(
        BetasError,
        match=r"ROI 'IT' of subject '03': one run only \('b'\); expected at least two .*`mahalanobis`",
    ):
        dissimilarities(random_patterns(runs=("b",)), LABELS, "crossnobis")


def test_a_condition_missing_in_a_run_has_no_crossnobis():
    patterns = random_patterns()
    rows = [
        (name, run) != ("zebra", "10") for name, run in zip(patterns.conditions, patterns.runs, strict=True)
    ]
    lacking = patterns.select_rows(np.array(rows))
    with pytest.raises(
        BetasError, match=r"run '10' lacks 1 of 6 conditions: zebra; expected every condition in every run"
    ):
        dissimilarities(lacking, LABELS, "crossnobis")
    assert dissimilarities(lacking, LABELS, "mahalanobis")[0].min() == 0


def test_too_few_degrees_of_freedom_are_named():
    once = random_patterns(runs=("b",))
    found = r"0 residual degrees of freedom \(repetitions over runs\) for the noise of 15 voxels"
    with pytest.raises(BetasError, match=found + "; expected at least 2 for the shrinkage 'diagonal'"):
        dissimilarities(once, LABELS, "mahalanobis")
    with pytest.raises(
        BetasError, match=r"14 residual degrees .*expected at least 15 for the shrinkage 'none'"
    ):
        noise_precision(
            random_patterns(labels=LABELS[:3], runs=tuple("12345678")), "repetitions over runs", "none"
        )
    pair = random_patterns(labels=LABELS[:2])
    with pytest.raises(BetasError, match="0 residual degrees of freedom"):
        dissimilarities(pair, LABELS[:2], "crossnobis")


def test_noise_that_cannot_be_inverted_is_named():
    patterns = random_patterns(residuals=True)
    values = patterns.residuals.values.copy()
    values[:, 3] = 0
    broken = Residuals(values, patterns.residuals.runs, patterns.residuals.df)
    flat = Patterns(patterns.values, patterns.conditions, patterns.runs, "IT", "03", residuals=broken)
    for shrinkage in ("diagonal", "variances", "none"):
        with pytest.raises(BetasError, match="covariance of 15 voxels that cannot be inverted"):
            dissimilarities(flat, LABELS, "mahalanobis", shrinkage=shrinkage)


def test_unknown_words_and_labels_are_named():
    patterns = random_patterns()
    with pytest.raises(UnknownNameError, match=r"no measure 'crosnobis'; .*Did you mean 'crossnobis'"):
        dissimilarities(patterns, LABELS, "crosnobis")
    with pytest.raises(UnknownNameError, match="no noise 'residual'"):
        dissimilarities(patterns, LABELS, "crossnobis", noise="residual")
    with pytest.raises(UnknownNameError, match="no shrinkage 'diag'"):
        dissimilarities(patterns, LABELS, "mahalanobis", shrinkage="diag")
    for measure in ("mahalanobis", "crossnobis"):
        with pytest.raises(LabelError, match=r"lacks 1 label\(s\) of the labels wanted: lion"):
            dissimilarities(patterns, (*LABELS, "lion"), measure)
