"""The demo's experiment over many seeds, without the detour through files of betas."""

from types import SimpleNamespace

import numpy as np
import pytest

from isoprune.crossvalidation import fisher_mean, score_folds
from isoprune.embeddings import embed
from isoprune.folds import make_folds
from isoprune.networks import build
from isoprune.pruning import procedure_named, prune_arrays
from isoprune.simulation import candidate_features, draw_stimuli, planted_sets, recovery, voxel_patterns

SEEDS = range(10)
ROIS = ("ventral", "dorsal", "noise")
PROCEDURE = procedure_named("pearson")


def group_rdm(features: np.ndarray, seed: int, roi: int) -> np.ndarray:
    """Mean correlation distance over eight subjects."""
    rdms = []
    for subject in range(8):
        rng = np.random.default_rng([seed, roi, subject])
        patterns = voxel_patterns(features, n_voxels=100, noise=2.5, n_runs=4, rng=rng).mean(axis=0)
        rdms.append(1 - np.corrcoef(patterns))
    rdm = np.mean(rdms, axis=0)
    np.fill_diagonal(rdm, 0)
    return (rdm + rdm.T) / 2


def experiment(network, folder, seed: int) -> dict[str, SimpleNamespace]:
    """What pruning finds and gains in each region of one simulated experiment."""
    stimuli = draw_stimuli(folder, n_per_category=12, seed=seed)
    labels = list(stimuli["stimulus"])
    X = embed(
        network, "classifier.2", [folder / file for file in stimuli["file"]], labels, name="alexnet"
    ).values
    X = X.astype(np.float64)
    planted = planted_sets(X, ROIS, ROIS[:2], n_planted=25, seed=seed)
    folds = make_folds(labels, n_splits=5, n_repeats=1, seed=seed)
    found = {}
    for number, roi in enumerate(ROIS):
        rdm = group_rdm(X[:, planted[roi]], seed, number)
        scores = score_folds(
            X, rdm, rdm, labels, folds, procedure=PROCEDURE, n_random=50, seed=seed, threads=2
        )
        r = {name: fisher_mean([score.r[name] for score in scores]) for name in ("full", "pruned")}
        retained = prune_arrays(X, rdm, PROCEDURE).retained
        others = np.concatenate([planted[other] for other in ROIS if other != roi])
        pool = np.setdiff1d(candidate_features(X), others)
        overlap = recovery(retained, planted[roi], X.shape[1], candidates=pool) if len(planted[roi]) else None
        found[roi] = SimpleNamespace(gain=r["pruned"] - r["full"], overlap=overlap)
    return found


@pytest.fixture(scope="module")
def experiments(tmp_path_factory):
    network = build("alexnet", "random", seed=0)
    return [experiment(network, tmp_path_factory.mktemp(f"seed{seed}"), seed) for seed in SEEDS]


@pytest.mark.parametrize("roi", ["ventral", "dorsal"])
def test_planted_features_are_found_above_chance(experiments, roi):
    p = np.array([found[roi].overlap["p_candidates"] for found in experiments])
    assert (p < 0.05).sum() >= 9
    assert np.median(p) < 0.01


@pytest.mark.parametrize("roi", ["ventral", "dorsal"])
def test_held_out_isomorphism_is_gained_where_features_were_planted(experiments, roi):
    gains = np.array([found[roi].gain for found in experiments])
    assert (gains > 0).sum() >= 9
    assert gains.mean() > 3 * gains.std(ddof=1) / np.sqrt(len(gains))


def test_nothing_is_gained_in_noise(experiments):
    gains = np.array([found["noise"].gain for found in experiments])
    assert gains.mean() < 2 * gains.std(ddof=1) / np.sqrt(len(gains))
    assert abs(gains.mean()) < 0.05
