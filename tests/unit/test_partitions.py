"""Truths about the variance partitions of a study, and their figure."""

import numpy as np
import pandas as pd
import pytest

from isoprune.figures.variance import variance_parts
from isoprune.folds import Fold
from isoprune.foldsets import FoldSets
from isoprune.isomorphism import similarity
from isoprune.labelled import RDM, Embedding
from isoprune.partitions import PARTITION_COLUMNS, unit_partitions
from isoprune.variance import partition_variance

LABELS = tuple(f"img_{i:02}" for i in range(24))
HELD_OUT = np.arange(24)[None] % 3 == np.arange(3)[:, None]
RETAINED = (np.arange(6), np.arange(2, 9), np.array([5, 1, 11]))
SETS = FoldSets(LABELS, np.ones(3, dtype=int), np.arange(1, 4), RETAINED, HELD_OUT, HELD_OUT)
FINAL = np.array([3, 1, 4, 0])


def rdm_of(values, labels=LABELS, target="x"):
    return RDM(1 - similarity(values) + 0, labels, target=target)


@pytest.fixture(scope="module")
def study():
    X = np.random.default_rng(0).normal(size=(24, 40))
    rng = np.random.default_rng(1)
    target = rdm_of(X[:, :12] + 0.3 * rng.normal(size=(24, 12)), target="IT")
    others = {"gabor": rdm_of(rng.normal(size=(24, 9)))}
    return Embedding(X, LABELS, "net"), target, others


def table_of(study, partitions, **settings):
    embedding, target, others = study
    return unit_partitions(embedding, target, SETS, FINAL, partitions, others, n_bootstrap=20, **settings)


def test_held_out_parts_are_of_what_each_fold_retained(study):
    embedding, target, others = study
    table = table_of(study, [["pruned", "gabor"]])
    folds, pruned = [], []
    for number, features in enumerate(RETAINED):
        test = tuple(np.array(LABELS)[HELD_OUT[number]])
        folds.append(Fold(1, number + 1, (), test))
        pruned.append(rdm_of(embedding.values[HELD_OUT[number]][:, features], test))
    expected = partition_variance(target, {"pruned": pruned, **others}, folds=folds, n_bootstrap=20)
    held_out = table[table["scope"] == "held-out images"].reset_index(drop=True)
    pd.testing.assert_frame_equal(held_out[list(expected.columns)], expected)


def test_parts_over_all_images_are_of_the_final_set(study):
    embedding, target, _ = study
    table = table_of(study, [["pruned", "full"]])
    final = {"pruned": rdm_of(embedding.values[:, FINAL]), "full": rdm_of(embedding.values)}
    expected = partition_variance(target, final, n_bootstrap=20)
    of_all = table[table["scope"] == "all images"].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_all[list(expected.columns)], expected)


def test_a_target_is_not_explained_by_itself(study):
    embedding, target, others = study
    others = {**others, "IT": target}
    table = unit_partitions(
        embedding, target, SETS, FINAL, [["pruned", "IT"], ["full", "gabor"]], others, n_bootstrap=20
    )
    assert set(table["partition"]) == {"full + gabor"}
    nothing = unit_partitions(embedding, target, SETS, FINAL, [["pruned", "IT"]], others, n_bootstrap=20)
    assert nothing.empty and list(nothing.columns) == list(PARTITION_COLUMNS)


def test_figure_draws_the_held_out_parts_and_their_intervals(study):
    table = table_of(study, [["pruned", "full"], ["pruned", "full", "gabor"]])
    figure = variance_parts(table)
    shown = table[(table["scope"] == "held-out images") & (table["kind"] != "model")]
    drawn = {
        gid: [line.get_xdata() for line in figure.axes[0].lines if line.get_gid() == gid]
        for gid in ("part", "interval")
    }
    np.testing.assert_array_equal(np.ravel(drawn["part"]), shown["r2"])
    np.testing.assert_array_equal(drawn["interval"], shown[["ci_low", "ci_high"]])
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[:3] == ["pruned alone", "full alone", "pruned ∩ full"]
