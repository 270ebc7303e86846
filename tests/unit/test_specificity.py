"""Truths about rivals: what else ranks features in the folds of a unit."""

from dataclasses import replace

import numpy as np
import pytest

from examples import random_target, sparse_embedding
from isoprune.bootstrap import joined, read_bootstrap
from isoprune.crossvalidation import fisher_mean, fisher_z, score_folds
from isoprune.design import Design
from isoprune.foldsets import fold_sets
from isoprune.isomorphism import isomorphism, similarity
from isoprune.labelled import RDM, Embedding
from isoprune.matched import MATCHED
from isoprune.nuisances import nuisance_rdm
from isoprune.pruning import procedure_named, prune
from isoprune.relabelling import relabellings
from isoprune.results import FOLD_COLUMNS
from isoprune.specificity import (
    RIVAL_STREAMS,
    VARIANCE_BINS,
    Rivals,
    analyse_rivals,
    matched_in_variance,
    rival_scores,
    write_rivals,
)
from isoprune.units import read_units

LABELS = tuple(f"img_{i:02}" for i in range(24))
KINDS = {label: "abc"[i % 3] for i, label in enumerate(LABELS)}
# Dense features: no image is constant under a small set, unless a test makes it so.
X = np.random.default_rng(0).normal(size=(24, 80)) * np.random.default_rng(1).lognormal(size=80)
T = 0.5 * random_target(24, 1) + 0.5 * (1 - similarity(X[:, :15]))
np.fill_diagonal(T, 0)
OTHER = random_target(24, 2)


def category_rdm(kinds):
    return nuisance_rdm("category", LABELS, categories=dict(zip(LABELS, kinds, strict=True))).values


RIVALS = Rivals({"label": category_rdm(list(KINDS.values())), "other:EVC": OTHER}, 3, 10)
DESIGN = Design(
    procedure_named("pearson"), n_splits=3, n_repeats=2, n_random=50, categories=KINDS, n_bootstrap=100
)
FOLDS = DESIGN.make_folds(LABELS)
UNIT = {"network": "net", "layer": "fc", "target": "IT", "supervision": "own", "subject": "01"}


def sets_of(values=X, supervising=T):
    scores = score_folds(values, supervising, T, LABELS, FOLDS, procedure=DESIGN.procedure, n_random=1)
    return fold_sets(scores, LABELS)


SETS = sets_of()


def scored(values=X, supervising=T, target=T, rivals=RIVALS, sets=SETS, **settings):
    settings = {"procedure": DESIGN.procedure, "controls": DESIGN.controls(T, LABELS), "seed": 0, **settings}
    return rival_scores(values, supervising, target, sets, rivals, **settings)


def analysed(embedding=None, supervising=T, target=T, sets=SETS, design=DESIGN, **settings):
    labels = {"category": KINDS} if "labels" not in settings else settings.pop("labels")
    others = {"EVC": RDM(OTHER, LABELS, "EVC", "01")} if "others" not in settings else settings.pop("others")
    return analyse_rivals(
        embedding or Embedding(X, LABELS, "net"),
        RDM(supervising, LABELS, "IT", "01"),
        RDM(target, LABELS, "IT", "01"),
        sets,
        UNIT,
        design,
        labels=labels,
        others=others,
        **{"n_relabelled": 3, "n_variance": 10, **settings},
    )


def rows_of(fold):
    return [np.array([LABELS.index(label) for label in block]) for block in (fold.train, fold.test)]


def between(target, rows):
    return target[np.ix_(rows, rows)]


# ---- each rung of the ladder, by its definition ----


@pytest.mark.parametrize(("name", "ranks"), [("label", RIVALS.rdms["label"]), ("other:EVC", OTHER)])
def test_rdm_that_ranks_gives_what_pruning_on_its_training_block_reaches_on_the_target(name, ranks):
    for fold, found in zip(FOLDS, scored(), strict=True):
        train, test = rows_of(fold)
        retained = prune(X[train], between(ranks, train)).retained
        np.testing.assert_array_equal(found[name].sets[0], retained)
        expected = isomorphism(X[np.ix_(test, retained)], between(T, test))
        assert found[name].scores["r"] == pytest.approx([expected], abs=1e-12)


def test_relabelled_targets_are_the_training_block_with_its_images_exchanged():
    for fold, found in zip(FOLDS, scored(), strict=True):
        train, test = rows_of(fold)
        rng = np.random.default_rng([0, fold.repeat, fold.fold, RIVAL_STREAMS["relabelled"]])
        moved = [rng.permutation(train) for _ in range(3)]
        retained = [prune(X[train], between(T, rows)).retained for rows in moved]
        expected = [isomorphism(X[np.ix_(test, one)], between(T, test)) for one in retained]
        np.testing.assert_allclose(found["relabelled"].scores["r"], expected, rtol=0, atol=1e-12)


def test_random_sets_of_matched_variance_have_as_many_features_of_each_bin_as_the_retained_set():
    for number, found in enumerate(scored()):
        train = ~SETS.held_out[number]
        order = np.argsort(X[train].var(axis=0), kind="stable")
        bins = np.array_split(order, VARIANCE_BINS)
        counts = [np.isin(members, SETS.retained[number]).sum() for members in bins]
        for features in found["variance"].sets:
            assert len(set(features)) == len(SETS.retained[number])
            assert [np.isin(members, features).sum() for members in bins] == counts


def test_random_sets_of_matched_variance_are_drawn_evenly_from_each_bin():
    # 40 features in 20 bins of two; the retained set holds one of each of the first ten.
    values = sparse_embedding(12, 40, 3)
    bins = np.array_split(np.argsort(values.var(axis=0), kind="stable"), VARIANCE_BINS)
    draw = matched_in_variance(values, np.array([one[0] for one in bins[:10]]), np.random.default_rng(0))
    counts = np.bincount(np.concatenate([draw() for _ in range(2000)]), minlength=40)
    for members in bins[:10]:
        assert np.abs(counts[members] - 1000).max() < 120  # 5 standard deviations of a fair coin
    assert counts[np.concatenate(bins[10:])].sum() == 0


def test_embedding_of_fewer_features_than_bins_can_be_matched():
    draw = matched_in_variance(X[:, :5], np.array([0, 3]), np.random.default_rng(0))
    assert sorted(draw()) == [0, 3]


def test_what_is_drawn_follows_from_seed_repeat_and_fold_alone():
    everything, other_seed = scored(), scored(seed=1)
    for number in (1, 4):
        alone = replace(
            SETS,
            repeat=SETS.repeat[[number]],
            fold=SETS.fold[[number]],
            retained=(SETS.retained[number],),
            held_out=SETS.held_out[[number]],
            tested=SETS.tested[[number]],
        )
        (found,) = scored(sets=alone, rivals=Rivals({}, 2, 4))
        for name, n in (("variance", 4), ("relabelled", 2)):
            for one, other in zip(found[name].sets, everything[number][name].sets[:n], strict=True):
                np.testing.assert_array_equal(one, other)
            assert any(
                set(one) != set(other)
                for one, other in zip(
                    everything[number][name].sets, other_seed[number][name].sets, strict=True
                )
            )


# ---- no leakage ----


def test_no_rival_sees_a_held_out_image_of_what_ranks():
    clean = scored()
    for number, fold in enumerate(FOLDS):
        train, _ = rows_of(fold)

        def only_training(target, train=train):
            poisoned = np.full_like(target, np.nan)
            poisoned[np.ix_(train, train)] = between(target, train)
            return poisoned

        blind = scored(
            supervising=only_training(T),
            rivals=replace(RIVALS, rdms={name: only_training(rdm) for name, rdm in RIVALS.rdms.items()}),
        )[number]
        for name, score in clean[number].items():
            for one, other in zip(score.sets, blind[name].sets, strict=True):
                np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(score.scores["r"], blind[name].scores["r"])


def test_no_rival_sees_held_out_images_of_the_embedding():
    fold = FOLDS[0]
    _, test = rows_of(fold)
    moved = X.copy()
    moved[test] = np.random.default_rng(9).normal(size=(len(test), 80))
    for name, score in scored(values=moved)[0].items():
        for one, other in zip(score.sets, scored()[0][name].sets, strict=True):
            np.testing.assert_array_equal(one, other)


def test_competitors_of_matched_number_know_the_training_images_and_nothing_else():
    _, test = rows_of(FOLDS[0])
    moved = X.copy()
    moved[test] = np.random.default_rng(9).normal(size=(len(test), 80))
    usual, other = (
        scored(**changed, rivals=Rivals({}, 0, 10, MATCHED))[0]
        for changed in ({}, {"values": moved, "supervising": OTHER, "target": OTHER})
    )
    for name in ("variable", "active"):
        np.testing.assert_array_equal(usual[name].sets[0], other[name].sets[0])
    np.testing.assert_array_equal(usual["components"].sets[0].axes, other["components"].sets[0].axes)
    np.testing.assert_array_equal(usual["components"].sets[0].mean, other["components"].sets[0].mean)
    for name in MATCHED:
        size = min(len(SETS.retained[0]), 15 if name == "components" else 80)  # 16 images span no more
        assert len(usual[name].sets[0]) == size
        assert usual[name].scores["r"] != other[name].scores["r"]


def test_labels_of_held_out_images_change_no_set_that_the_label_retains():
    fold = FOLDS[0]
    changed = {label: "a" if label in fold.test else kind for label, kind in KINDS.items()}
    one, other = (
        scored(rivals=Rivals({"label": category_rdm([kinds[i] for i in LABELS])}, 0, 10))[0]["label"]
        for kinds in (KINDS, changed)
    )
    np.testing.assert_array_equal(one.sets[0], other.sets[0])


def test_rivals_are_scored_on_the_held_out_block_alone():
    fold = FOLDS[0]
    _, test = rows_of(fold)
    poisoned = np.full_like(T, np.nan)
    poisoned[np.ix_(test, test)] = between(T, test)
    for name, score in scored(target=poisoned)[0].items():
        np.testing.assert_array_equal(score.scores["r"], scored()[0][name].scores["r"])


# ---- a rival without a score ----


def test_label_that_is_the_same_for_all_training_images_has_no_score_and_the_others_keep_theirs():
    fold = FOLDS[1]
    alone = {label: "b" if label in fold.test else "a" for label in LABELS}
    found = analysed(labels={"kind": alone, "category": KINDS}).folds
    usual = analysed().folds
    of_fold = found[(found["repeat"] == fold.repeat) & (found["fold"] == fold.fold)].set_index("competitor")
    assert np.isnan(of_fold.loc["label:kind", ["r", "r2", "n_retained"]].astype(float)).all()
    assert of_fold.loc["label:kind", "undefined"] == "all pairs of training images are alike"
    for ours, theirs in (("label:category", "label"), *[(name,) * 2 for name in ("variance", "relabelled")]):
        one, other = (
            table[table["competitor"] == name]
            .drop(columns=["competitor", "undefined"])
            .reset_index(drop=True)
            for table, name in ((found, ours), (usual, theirs))
        )
        assert one.equals(other)


def test_rival_without_a_score_in_a_fold_has_no_interval_and_leaves_the_intervals_of_others_alone():
    alone = {label: "b" if label in FOLDS[1].test else "a" for label in LABELS}
    found, usual = analysed(labels={"kind": alone}).bootstrap, analysed(labels={}).bootstrap
    assert list(found.observed) == ["variance", "relabelled", "other:EVC"]
    for name, samples in usual.samples.items():
        np.testing.assert_array_equal(found.samples[name], samples)


def test_variance_that_no_other_set_has_leaves_this_rival_without_a_score_and_not_the_others(monkeypatch):
    # The test images vary under two of the features that the label retains: most sets of three lack both.
    monkeypatch.setattr("isoprune.specificity.MAX_REDRAWS", 1)
    label = scored()[0]["label"]
    _, test = rows_of(FOLDS[0])
    values = X.copy()
    values[np.ix_(test, np.setdiff1d(np.arange(80), label.sets[0][:2]))] = 1.0
    few = replace(SETS, retained=(SETS.retained[0][:3], *SETS.retained[1:]))
    found = scored(values=values, sets=few)[0]
    assert found["variance"].undefined == "a set of this size and variance leaves test images constant"
    assert (len(found["variance"].sets), found["variance"].n_redrawn > 0) == (0, True)
    np.testing.assert_array_equal(found["label"].sets[0], label.sets[0])
    assert np.isfinite(found["label"].scores["r"]).all()


def test_fold_without_a_score_of_pruning_has_none_of_a_rival_and_keeps_its_row():
    tested = SETS.tested.copy()
    tested[2] = False
    result = analysed(sets=replace(SETS, tested=tested))
    assert len(result.folds) == 6 * 4
    undefined = result.folds[result.folds["undefined"].notna()]
    assert set(undefined["undefined"]) == {"the fold has no score of the pruned embedding"}
    assert list(undefined["competitor"]) == ["variance", "relabelled", "label", "other:EVC"]
    assert all(np.isfinite(value) for value in result.bootstrap.observed.values())


def test_unit_without_any_score_still_has_its_rows_and_files(tmp_path):
    result = analysed(sets=replace(SETS, tested=np.zeros_like(SETS.tested)))
    assert result.folds["r"].isna().all()
    write_rivals(result, tmp_path / "folds.tsv", tmp_path / "bootstrap.npz")
    assert list(read_bootstrap(tmp_path / "bootstrap.npz").observed) == list(result.bootstrap.observed)


def test_bootstrap_of_no_rival_can_be_joined_with_that_of_its_unit():
    nothing = {label: "b" if label in FOLDS[1].test else "a" for label in LABELS}
    empty = replace(analysed(labels={"kind": nothing}, others={}).bootstrap, observed={}, samples={})
    own = analysed().bootstrap
    assert joined(own, empty).observed == own.observed


def test_relabelled_targets_that_cannot_be_scored_are_left_out_and_counted():
    # One image differs from all others: relabelled targets vary wherever it goes, the label never does.
    label = scored()[0]["relabelled"]
    values = X.copy()
    only = np.setdiff1d(label.sets[0], label.sets[1])
    assert len(only)
    _, test = rows_of(FOLDS[0])
    values[test[0]] = 1.0
    values[test[0], only] = np.arange(len(only)) + 2.0
    keeps = [len(np.intersect1d(one, only)) > 0 for one in label.sets]
    found = scored(values=values)[0]["relabelled"]
    assert len(found.sets) == sum(keeps) < 3
    assert found.n_redrawn == 3 - sum(keeps)
    assert np.isfinite(found.scores["r"]).all()


# ---- what is asked for ----


def test_no_relabelled_targets_no_labels_and_no_others_leave_matched_variance_alone():
    tested = SETS.tested.copy()
    tested[2] = False
    result = analysed(labels={}, others={}, n_relabelled=0, sets=replace(SETS, tested=tested))
    assert len(result.folds) == 6
    assert set(result.folds["competitor"]) == {"variance"}
    assert list(result.bootstrap.observed) == ["variance"]


def test_one_label_is_called_so_and_several_are_told_apart():
    assert "label" in set(analysed().folds["competitor"])
    two = analysed(labels={"category": KINDS, "kind": KINDS}).folds["competitor"]
    assert {"label:category", "label:kind"} <= set(two)


def test_table_gives_the_mean_over_the_sets_of_a_rival():
    table = analysed().folds
    assert list(table.columns) == list(FOLD_COLUMNS)
    for number, found in enumerate(scored()):
        rows = table[(table["repeat"] == SETS.repeat[number]) & (table["fold"] == SETS.fold[number])]
        for name, score in found.items():
            (row,) = rows[rows["competitor"] == name].to_dict("records")
            assert row["r"] == fisher_mean(score.scores["r"])
            assert row["r2"] == pytest.approx(np.mean(score.scores["r"] ** 2))
            assert row["r_within"] == pytest.approx(fisher_mean(score.scores["r_within"]), nan_ok=True)
            assert row["n_retained"] == np.mean([len(features) for features in score.sets])


def test_bootstrap_of_the_images_as_they_are_is_the_mean_of_the_folds():
    observed = analysed().bootstrap.observed
    for name in ("variance", "relabelled", "label", "other:EVC"):
        means = [fisher_z(of_fold[name].scores["r"]).mean() for of_fold in scored()]
        assert observed[name] == pytest.approx(np.mean(means), abs=1e-12)


def test_a_target_that_ranks_itself_reaches_what_pruning_reaches():
    own = scored(rivals=Rivals({"other:IT": T}, 0, 10))
    for number, found in enumerate(own):
        np.testing.assert_array_equal(found["other:IT"].sets[0], SETS.retained[number])


def test_label_reaches_a_target_of_categories_and_relabelled_targets_do_not():
    categories = category_rdm(list(KINDS.values()))
    values = X.copy()
    for i, label in enumerate(LABELS):
        values[i, :10] += 4 * ("abc".index(KINDS[label]) == np.arange(10) % 3)
    target = categories + 0.2 * random_target(24, 5)
    found = scored(values, target, target, sets=sets_of(values, target))
    means = {name: fisher_mean([fisher_mean(one[name].scores["r"]) for one in found]) for name in found[0]}
    assert means["label"] > means["relabelled"] + 0.2
    assert means["label"] > means["other:EVC"] + 0.2


# ---- order, threads, files ----


def test_threads_and_the_order_of_rows_change_no_bit():
    order = np.random.default_rng(4).permutation(24)
    shuffled = Embedding(X[order], tuple(LABELS[i] for i in order), "net")
    one, other = analysed(), analysed(shuffled, threads=2)
    assert one.folds.equals(other.folds)
    for name, samples in one.bootstrap.samples.items():
        np.testing.assert_array_equal(samples, other.bootstrap.samples[name])


def test_rivals_survive_their_files_bit_for_bit(tmp_path):
    result = analysed()
    write_rivals(result, tmp_path / "folds.tsv", tmp_path / "bootstrap.npz")
    folds, _ = read_units([tmp_path / "folds.tsv"], [])
    assert folds[["r", "r2", "r_within"]].equals(result.folds[["r", "r2", "r_within"]])
    back = read_bootstrap(tmp_path / "bootstrap.npz")
    assert back.observed == result.bootstrap.observed
    for name, samples in result.bootstrap.samples.items():
        np.testing.assert_array_equal(samples, back.samples[name])


def test_progress_counts_the_folds():
    seen = []
    analysed(progress=lambda *counted: seen.append(counted))
    assert seen == [("folds", done, 6) for done in range(1, 7)]


def test_relabellings_of_rivals_are_not_those_of_the_null():
    drawn = relabellings(LABELS, 3, seed=0)
    train, _ = rows_of(FOLDS[0])
    rng = np.random.default_rng([0, 1, 1, RIVAL_STREAMS["relabelled"]])
    assert not any(np.array_equal(rng.permutation(train), rows[train]) for rows in drawn)


# ---- labels as an RDM ----
