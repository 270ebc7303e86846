"""A target that is only a nuisance and noise: nothing is declared once the nuisance is removed.

Network and target both follow the categories of the images, and nothing else in common. Exchanged within category, the
target keeps its nuisance, so that the held-out partial r of the target is one of its null's.
"""

import numpy as np
import pytest
from scipy.stats import binom

from examples import sparse_embedding
from isoprune.adjustment import p_value
from isoprune.crossvalidation import fisher_z
from isoprune.folds import make_folds
from isoprune.nuisances import nuisance_rdm
from isoprune.permutation import unit_null
from isoprune.pruning import procedure_named, select_many
from isoprune.relabelling import relabellings
from isoprune.scoring import controls_of, held_out_scores, similarities_of

N_EXPERIMENTS, N_RELABELLINGS = 100, 19
LABELS = [f"img_{i:02}" for i in range(24)]
CATEGORY = {label: "abcd"[i % 4] for i, label in enumerate(LABELS)}
NUISANCE = nuisance_rdm("category", LABELS, categories=CATEGORY).values
CONTROLS = controls_of(LABELS, [NUISANCE])
FOLDS = make_folds(LABELS, n_splits=3, n_repeats=1, folds="stratified", groups=CATEGORY)
PROCEDURE = procedure_named("pearson")


def experiment(seed):
    """A network whose features differ between categories, and a target of the categories and noise."""
    rng = np.random.default_rng([seed, 7])
    kinds = rng.normal(size=(4, 50)).clip(0)
    values = sparse_embedding(24, 50, seed)
    values += kinds[[list("abcd").index(CATEGORY[one]) for one in LABELS]]
    noise = np.triu(rng.normal(scale=0.4, size=(24, 24)), 1)
    return values, NUISANCE + noise + noise.T


def null_of(values, target, seed, within):
    drawn = relabellings(LABELS, N_RELABELLINGS, seed=seed, within=within)
    given = {"procedure": PROCEDURE, "relabellings": drawn, "seed": seed, "controls": CONTROLS}
    return unit_null(values, target, target, LABELS, FOLDS, **given)


def ranked_by_partial(values, target, seed):
    """The held-out partial r of the target and its relabellings, features ranked by the partial isomorphism too."""
    drawn = relabellings(LABELS, N_RELABELLINGS, seed=seed, within=CATEGORY)
    targets = [target[np.ix_(row, row)] for row in (np.arange(24), *drawn)]
    z = []
    for fold in FOLDS:
        train, test = (np.array([LABELS.index(one) for one in block]) for block in (fold.train, fold.test))
        seen = np.array([one[np.ix_(train, train)] for one in targets])
        removed = CONTROLS.of(train).nuisances
        sets = select_many(values[train], seen, PROCEDURE, nuisances=removed).retained
        hidden = np.array([one[np.ix_(test, test)] for one in targets])
        network = similarities_of(values[test], sets, PROCEDURE)
        z.append(fisher_z(held_out_scores(network, hidden, CONTROLS.of(test), "pearson")["r_partial"]))
    # As in a unit's null: folds in which an image is constant under the retained set are left out.
    return np.nanmean(z, axis=0)


@pytest.fixture(scope="module")
def found():
    """The p-value and the observed Fisher z of every experiment, by statistic, (n_experiments, 2)."""
    found = {"full_partial": [], "pruned_partial": [], "ranked by partial": [], "pruned": []}
    for seed in range(N_EXPERIMENTS):
        values, target = experiment(seed)
        null = null_of(values, target, seed, CATEGORY)
        of_statistic = {name: (null.observed[name], null.relabelled[name]) for name in list(found)[:2]}
        observed, *relabelled = ranked_by_partial(values, target, seed)
        of_statistic["ranked by partial"] = observed, np.array(relabelled)
        null = null_of(values, target, seed, None)
        of_statistic["pruned"] = null.observed["pruned"], null.relabelled["pruned"]
        for name, one in of_statistic.items():
            found[name].append((p_value(*one), one[0]))
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize("statistic", ["full_partial", "pruned_partial", "ranked by partial"])
def test_partial_r_of_a_target_that_is_only_the_nuisance_is_within_its_null(found, statistic):
    p, z = found[statistic].T
    # p is uniform over 1/20 … 20/20: mean .525, variance (20² − 1) / (12 · 20²).
    assert abs(p.mean() - 0.525) < 3.3 * np.sqrt((20**2 - 1) / (12 * 20**2) / N_EXPERIMENTS)
    assert binom.sf((p <= 0.05).sum() - 1, N_EXPERIMENTS, 0.05) > 1e-3
    assert abs(z.mean()) < 3.3 * z.std(ddof=1) / np.sqrt(N_EXPERIMENTS)


def test_the_same_target_is_declared_where_the_nuisance_is_not_removed(found):
    p, z = found["pruned"].T
    assert (p <= 0.05).mean() > 0.8
    assert z.mean() > 5 * z.std(ddof=1) / np.sqrt(N_EXPERIMENTS)
