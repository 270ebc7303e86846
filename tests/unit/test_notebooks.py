"""What users of notebooks meet: results as tables and rsatoolbox objects, a test, and progress."""

import builtins

import numpy as np
import pytest
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import concat

import isoprune
from examples import random_target, sparse_embedding
from isoprune.adjustment import p_value
from isoprune.crossvalidation import fisher_mean
from isoprune.errors import BackendError, FoldError, LabelError, RDMError

LABELS = tuple(f"bild_{i}ä" for i in range(14))


def rdm(seed=1, **about):
    return isoprune.RDM(random_target(14, seed), LABELS, **about)


def test_rdm_comes_back_from_rsatoolbox_as_it_went():
    own = rdm(target="IT", subject="03", measure="correlation")
    there = own.to_rsatoolbox()
    assert there.n_cond == 14 and list(there.pattern_descriptors["stimulus"]) == list(LABELS)
    back = isoprune.RDM.from_rsatoolbox(there)
    assert (back.labels, back.target, back.subject, back.measure) == (LABELS, "IT", "03", "correlation")
    assert np.array_equal(back.values, own.values)


def test_one_of_several_rsatoolbox_rdms_is_taken_and_all_are_refused():
    several = concat([rdm(1).to_rsatoolbox(), rdm(2).to_rsatoolbox()])
    assert np.array_equal(isoprune.RDM.from_rsatoolbox(several[1]).values, rdm(2).values)
    with pytest.raises(RDMError, match="2 RDMs"):
        isoprune.RDM.from_rsatoolbox(several)


def test_embedding_comes_back_from_rsatoolbox_and_is_pruned_alike():
    own = isoprune.Embedding(sparse_embedding(14, 30, 0), LABELS, "net")
    there = own.to_rsatoolbox()
    back = isoprune.Embedding.from_rsatoolbox(there)
    assert back.labels == LABELS and np.array_equal(back.values, own.values)
    target = rdm()
    one, other = isoprune.prune(own, target), isoprune.prune(there, target.to_rsatoolbox())
    assert np.array_equal(one.ranking, other.ranking) and one.n_retained == other.n_retained
    with pytest.raises(LabelError, match="stimulus"):
        isoprune.Embedding.from_rsatoolbox(Dataset(own.values))


def test_tables_hold_labels_and_values():
    assert rdm().to_frame().loc[LABELS[2], LABELS[5]] == rdm().values[2, 5]
    embedding = isoprune.Embedding(sparse_embedding(14, 30, 0), LABELS)
    assert embedding.to_frame().loc[LABELS[3], 7] == embedding.values[3, 7]


def test_table_of_a_pruning_follows_the_ranking(small):
    result = isoprune.prune(small.X, small.T)
    table = result.to_frame()
    assert table["feature"].tolist() == result.ranking.tolist()
    assert table["retained"].sum() == result.n_retained
    assert set(table["feature"][table["retained"]]) == set(result.retained)
    of = table.set_index("feature")
    assert of.loc[9, "drop"] == result.drop[9]
    assert of.loc[result.ranking[0], "curve"] == pytest.approx(result.curve[1], nan_ok=True)
    assert of.loc[result.retained[-1], "curve"] == result.fit


# ----------------------------------------------------------------------------------------------- the test


def test_permutation_test_scores_as_cross_validation_does(small):
    tested = isoprune.permutation_test(small.X, small.T, n_permutations=9, n_splits=4)
    folds = isoprune.cross_validate(small.X, small.T, n_splits=4, n_repeats=1)
    r = fisher_mean(folds[folds["competitor"] == "pruned"]["r"])
    assert tested.r == pytest.approx(r, abs=1e-12)
    assert tested.null.shape == (9,)
    assert tested.p == p_value(np.arctanh(tested.r), np.arctanh(tested.null))


def test_permutation_test_finds_a_relation_and_not_its_absence():
    features = np.random.default_rng(0).normal(size=(30, 50))
    related = 1 - np.corrcoef(features[:, :8])
    assert isoprune.permutation_test(features, related, n_permutations=39).p == 1 / 40
    assert isoprune.permutation_test(features, random_target(30, 5), n_permutations=39).p > 0.05


def test_groups_of_another_number_are_refused(small):
    with pytest.raises(FoldError, match="3 groups"):
        isoprune.permutation_test(small.X, small.T, groups=["a", "b", "c"], folds="grouped")


# ----------------------------------------------------------------------------------------------- progress


@pytest.mark.parametrize(
    ("function", "given", "total"),
    [
        (isoprune.cross_validate, {"n_repeats": 2}, 6),
        (isoprune.permutation_test, {"n_permutations": 4}, 15),
    ],
)
def test_progress_counts_to_its_total_and_changes_no_result(small, function, given, total):
    counts = []
    given = {**given, "n_splits": 3}
    watched = function(small.X, small.T, progress=lambda *both: counts.append(both), **given)
    assert counts == sorted(counts) and counts[-1] == (total, total)
    alone = function(small.X, small.T, **given)
    if function is isoprune.cross_validate:
        assert watched.equals(alone)
    else:
        assert watched.p == alone.p and np.array_equal(watched.null, alone.null)


def test_true_draws_a_bar_and_the_default_draws_none(small, capsys):
    isoprune.cross_validate(small.X, small.T, n_splits=3, n_repeats=1)
    assert capsys.readouterr().err == ""
    isoprune.cross_validate(small.X, small.T, n_splits=3, n_repeats=1, progress=True)
    assert "folds: 100%" in capsys.readouterr().err


def test_bar_without_tqdm_is_a_named_error(small, monkeypatch):
    real = builtins.__import__

    def absent(name, *arguments, **settings):
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real(name, *arguments, **settings)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(BackendError, match="pip install tqdm"):
        isoprune.cross_validate(small.X, small.T, n_splits=3, progress=True)
