"""The best of several layers and a target unrelated to the network: p is uniform, because the null chooses too.

The layer that is best on the test images themselves, taken with its own p, is declared far too often.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from examples import random_target, sparse_embedding
from isoprune.adjustment import p_value
from isoprune.folds import make_folds
from isoprune.permutation import unit_null
from isoprune.pruning import procedure_named
from isoprune.relabelling import relabellings

N_EXPERIMENTS, N_RELABELLINGS = 60, 19
LABELS = [f"img_{i:02}" for i in range(21)]
FOLDS = make_folds(LABELS, n_splits=3, n_repeats=1)
SIZES = (30, 60, 40, 50)
ONE = procedure_named("pearson")


def p_of(values, target, seed, procedure):
    drawn = relabellings(LABELS, N_RELABELLINGS, seed=seed)
    given = values, target, target, LABELS, FOLDS
    null = unit_null(*given, procedure=procedure, relabellings=drawn, seed=seed)
    return null.observed["pruned"], p_value(null.observed["pruned"], null.relabelled["pruned"])


@pytest.fixture(scope="module")
def p_values():
    """By experiment: p of the layer chosen in training, and of the best layer in hindsight."""
    found = []
    for seed in range(N_EXPERIMENTS):
        layers = [sparse_embedding(21, size, 1000 * seed + size) for size in SIZES]
        target = random_target(21, seed)
        _, honest = p_of(np.hstack(layers), target, seed, replace(ONE, layer_sizes=SIZES))
        _, hindsight = max(p_of(values, target, seed, ONE) for values in layers)
        found.append((honest, hindsight))
    return np.array(found).T


def test_the_layer_chosen_in_training_is_declared_as_often_as_it_should_be(p_values):
    n_declared = (p_values[0] <= 0.1).sum()
    assert binom.sf(n_declared - 1, N_EXPERIMENTS, 0.1) > 0.01
    assert abs(p_values[0].mean() - 0.525) < 3 * 0.29 / np.sqrt(N_EXPERIMENTS)


def test_the_best_layer_in_hindsight_is_declared_too_often(p_values):
    assert binom.sf((p_values[1] <= 0.1).sum() - 1, N_EXPERIMENTS, 0.1) < 0.001
