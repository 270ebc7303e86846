"""Crossnobis distances of eight categories in one slice of a real brain."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import nibabel
import numpy as np
import pytest

from isoprune.distances import dissimilarities, noise_precision
from isoprune.extraction import extract_patterns
from isoprune.io.volumes import BetaRun, Grid, Region
from isoprune.labelled import Patterns
from isoprune.rdms import n_negative, rdm_from_patterns

DATA = Path(__file__).parents[2] / "../shared/data/haxby2001"
LABELS = ("face", "house", "cat", "chair", "bottle", "shoe", "scissors", "scrambledpix")
N_RUNS, N_PER_RUN = 12, 121

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data are not at {DATA}")


def run_of(bold, names, number, grid):
    """Mean volume of each category in a run, after each voxel was detrended and z-scored; with residuals."""
    time = np.linspace(-1, 1, N_PER_RUN)
    trend = np.stack([np.ones(N_PER_RUN), time, time**2], axis=1)
    values = bold.reshape(N_PER_RUN, -1)
    values = values - trend @ np.linalg.lstsq(trend, values, rcond=None)[0]
    spread = values.std(axis=0)
    values = np.divide(values, spread, out=np.full_like(values, np.nan), where=spread > 0)
    means = np.stack([values[names == label].mean(axis=0) for label in LABELS])
    rows = np.concatenate([values[names == label] - values[names == label].mean(axis=0) for label in LABELS])
    betas, residuals = (array.reshape(-1, *grid.shape) for array in (means, rows))
    return BetaRun(
        str(number),
        LABELS,
        grid,
        lambda start, stop: betas[start:stop],
        residuals=lambda start, stop: residuals[start:stop],
        n_residuals=len(rows),
        residual_df=len(rows) - len(LABELS),
    )


@pytest.fixture(scope="module")
def patterns() -> Patterns:
    rows = [line.split() for line in (DATA / "attributes_literal.txt").read_text().splitlines()]
    names, runs = np.array([row[0] for row in rows]), np.array([int(row[1]) for row in rows])
    image, mask = nibabel.load(DATA / "bold.nii.gz"), nibabel.load(DATA / "mask.nii.gz")
    bold = np.moveaxis(np.asarray(image.dataobj, dtype=np.float64), 3, 0)
    grid = Grid(image.shape[:3], image.affine)
    found = [run_of(bold[runs == run], names[runs == run], run + 1, grid) for run in range(N_RUNS)]
    inside = np.asarray(mask.dataobj) != 0
    region = Region("slice", inside, int(inside.sum()))
    return extract_patterns(found, {"slice": region}, labels=LABELS, subject="01")["slice"]


def plain_crossnobis(means, precision):
    n_runs, n, n_voxels = means.shape
    values = np.zeros((n, n))
    for i, j in combinations(range(n), 2):
        differences = means[:, i] - means[:, j]
        folds = [
            differences[run] @ precision @ np.delete(differences, run, axis=0).mean(axis=0)
            for run in range(n_runs)
        ]
        values[i, j] = values[j, i] = np.mean(folds) / n_voxels
    return values


def shuffled(patterns, seed):
    """The same patterns with labels shuffled within each run."""
    generator = np.random.default_rng(seed)
    order = np.concatenate([run * 8 + generator.permutation(8) for run in range(N_RUNS)])
    return replace(patterns, conditions=tuple(patterns.conditions[row] for row in order))


def test_crossnobis_is_plain_numpys(patterns):
    assert patterns.values.shape == (96, 530)
    values, _, facts = dissimilarities(patterns, LABELS, "crossnobis")
    assert facts == {"noise": "residuals", "shrinkage": "diagonal"}
    expected = plain_crossnobis(
        patterns.values.reshape(N_RUNS, 8, -1), noise_precision(patterns, "residuals")
    )
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-10)


def whitened(patterns):
    """Patterns whose squared distances are those weighed by the noise precision of the residuals."""
    root = np.linalg.cholesky(noise_precision(patterns, "residuals"))
    return replace(patterns, values=patterns.values @ root, residuals=None)


def fewer_voxels(patterns):
    # Noise from repetitions is estimated anew for every pair and every shuffle.
    return replace(patterns, values=patterns.values[:, ::4], residuals=None, voxels=None)


@pytest.mark.parametrize(
    ("prepared", "noise", "n_shuffles"),
    [(whitened, "identity", 200), (fewer_voxels, "repetitions", 60)],
    ids=["residuals", "repetitions"],
)
def test_categories_differ_and_shuffled_ones_do_not(patterns, prepared, noise, n_shuffles):
    pairs = np.triu_indices(8, 1)
    measured = prepared(patterns)

    def distances(one):
        return dissimilarities(one, LABELS, "crossnobis", noise=noise)[0][pairs]

    real = distances(measured)
    null = [distances(shuffled(measured, seed)).mean() for seed in range(n_shuffles)]
    error = np.std(null, ddof=1) / np.sqrt(n_shuffles)
    print(
        f"{noise}: mean distance {real.mean():.4g}, {int((real < 0).sum())} of 28 negative; "
        f"shuffled {np.mean(null):.2g} ± {error:.1g} (sd {np.std(null, ddof=1):.2g})"
    )
    assert abs(np.mean(null)) < 3 * error
    assert real.mean() > max(0, *null)


def test_single_negative_distances_of_shuffled_categories_are_kept_and_counted(patterns):
    settings = {"measure": "crossnobis", "target": "slice", "subject": "01", "provenance": {}}
    rdm = rdm_from_patterns(shuffled(patterns, 0), LABELS, **settings)
    assert n_negative(rdm) == (rdm.values[np.triu_indices(8, 1)] < 0).sum() > 5
    assert n_negative(rdm_from_patterns(patterns, LABELS, **settings)) == 0
