"""Truths about reweighting as a competitor in the folds of units."""

from dataclasses import replace

import numpy as np
import pytest

from examples import random_target
from isoprune.bootstrap import read_bootstrap
from isoprune.crossvalidation import fisher_z, score_folds
from isoprune.design import Design
from isoprune.errors import ReweightingError
from isoprune.foldsets import fold_sets
from isoprune.isomorphism import isomorphism, pairs_of, similarity
from isoprune.labelled import RDM, Embedding
from isoprune.nuisances import nuisance_rdm
from isoprune.pruning import procedure_named
from isoprune.results import FOLD_COLUMNS
from isoprune.reweighting import KINDS, Reweighting, inner_folds, load_weights
from isoprune.reweighting.folds import spaces_of_weights, weights_of_units, write_fold_weights
from isoprune.reweighting.study import units_of_job, write_reweighted
from isoprune.reweighting.units import ReweightedUnit, analyse_reweightings
from isoprune.specificity import without_score

LABELS = tuple(f"img_{i:02}" for i in range(24))
X = np.random.default_rng(0).normal(size=(24, 80)) * np.random.default_rng(1).lognormal(size=80)
EMBEDDING = Embedding(X, LABELS, "net")
T = 0.5 * random_target(24, 1) + 0.5 * (1 - similarity(X[:, :15]))
np.fill_diagonal(T, 0)
OTHER = random_target(24, 2)
DESIGN = Design(procedure_named("pearson"), n_splits=3, n_repeats=2, n_bootstrap=100)
FOLDS = DESIGN.make_folds(LABELS)
PENALTIES = (10.0, 1.0)


def sets_of(labels=LABELS, design=DESIGN):
    rows = [LABELS.index(label) for label in labels]
    folds = design.make_folds(labels)
    scores = score_folds(
        X[rows],
        T[np.ix_(rows, rows)],
        T[np.ix_(rows, rows)],
        labels,
        folds,
        procedure=design.procedure,
        n_random=1,
    )
    return fold_sets(scores, labels)


SETS = sets_of()


def unit(
    target=T, supervising=None, subject="01", sets=SETS, design=DESIGN, kinds=tuple(KINDS), labels=LABELS
):
    names = {"network": "net", "layer": "fc", "target": "IT", "supervision": "own", "subject": subject}
    ranked = target if supervising is None else supervising
    rdms = (RDM(one, labels, "IT", subject) for one in (ranked, target))
    return ReweightedUnit(names, *rdms, sets, design, kinds)


def analysed(*units, embedding=EMBEDDING, **settings):
    return analyse_reweightings(embedding, units, penalties=PENALTIES, n_inner=3, **settings)


(RESULT,) = analysed(unit())


@pytest.mark.parametrize("kind", KINDS)
def test_score_of_a_fold_is_that_of_weights_fitted_to_its_training_images(kind):
    table = RESULT[0].folds.set_index(["competitor", "repeat", "fold"])["r"]
    for fold in FOLDS:
        train, test = (np.array([LABELS.index(label) for label in part]) for part in (fold.train, fold.test))
        inner = inner_folds(list(fold.train), n_inner=3, place=(fold.repeat, fold.fold))
        (one,) = Reweighting(X, kind, DESIGN.procedure, [10]).fit(
            train, T[None][:, train][:, :, train], inner, PENALTIES
        )
        predicted, given = pairs_of(one(X[test])), pairs_of(T[np.ix_(test, test)])
        assert table[kind, fold.repeat, fold.fold] == pytest.approx(-np.corrcoef(predicted, given)[0, 1])


def test_rows_are_a_fold_and_kind_and_bootstrap_means_are_those_of_the_folds():
    table, bootstrap = RESULT[0].folds, RESULT[0].bootstrap
    assert list(table.columns) == list(FOLD_COLUMNS)
    assert len(table) == 6 * len(KINDS)
    for kind, rows in table.groupby("competitor"):
        assert bootstrap.observed[kind] == pytest.approx(fisher_z(rows["r"]).mean(), abs=1e-12)
        assert rows["n_retained"].between(1, 80).all()
    assert (table.loc[table["competitor"] == "ridge", "n_retained"] == 80).all()


def test_final_weights_are_fitted_on_all_images_and_know_of_what_they_are():
    weights = RESULT[1]
    inner = inner_folds(LABELS, n_inner=3)
    for kind, one in weights.items():
        (expected,) = Reweighting(X, kind, DESIGN.procedure, [10]).fit(
            np.arange(24), T[None], inner, PENALTIES
        )
        np.testing.assert_allclose(one.weights, expected.weights, rtol=1e-9, atol=1e-15)
        assert (one.penalty, one.network, one.subject, one.images) == (expected.penalty, "net", "01", LABELS)
    assert list(weights) == list(KINDS)


def test_units_fitted_together_have_the_results_that_each_has_alone():
    units = unit(), unit(OTHER, subject="02"), unit(T, OTHER, subject="03", kinds=("ridge",))
    for together, one in zip(analysed(*units), units, strict=True):
        ((alone, _),) = analysed(one)
        np.testing.assert_allclose(together[0].folds["r"], alone.folds["r"], rtol=0, atol=1e-10)
        assert list(together[0].folds["competitor"]) == list(alone.folds["competitor"])


def test_nothing_of_the_held_out_part_of_the_supervising_target_changes_a_score():
    usual = RESULT[0].folds
    for number in (0, 4):
        train = ~SETS.held_out[number]
        moved = random_target(24, 7)
        moved[np.ix_(train, train)] = T[np.ix_(train, train)]
        ((result, _),) = analysed(unit(T, moved))
        same, other = (
            table.iloc[3 * number : 3 * number + 3]["r"].tolist() for table in (result.folds, usual)
        )
        assert same == other
        assert result.folds["r"].tolist() != usual["r"].tolist()


def test_threads_and_the_order_of_rows_change_no_bit():
    order = np.random.default_rng(4).permutation(24)
    shuffled = Embedding(X[order], tuple(LABELS[i] for i in order), "net")
    ((other, weights),) = analysed(unit(), embedding=shuffled, threads=2)
    assert other.folds.equals(RESULT[0].folds)
    for kind, one in weights.items():
        np.testing.assert_array_equal(one.weights, RESULT[1][kind].weights)


def test_units_on_other_images_are_fitted_in_their_own_folds():
    some = LABELS[:20]
    sets = sets_of(some)
    few = unit(T[:20, :20], sets=sets, labels=some, subject="02")
    both = analysed(unit(), few)
    np.testing.assert_array_equal(both[0][0].folds["r"], RESULT[0].folds["r"])
    assert both[1][1]["ridge"].images == some


def test_folds_without_a_score_of_pruning_have_none_of_a_reweighting():
    tested = SETS.tested.copy()
    tested[2] = False
    ((result, _),) = analysed(unit(sets=replace(SETS, tested=tested)))
    undefined = result.folds[result.folds["undefined"].notna()]
    assert set(undefined["undefined"]) == {"the fold has no score of the pruned embedding"}
    assert len(undefined) == len(KINDS)


def test_training_images_too_few_to_be_divided_again_leave_rows_that_say_so():
    few = LABELS[:12]
    sets = sets_of(few, design := replace(DESIGN, n_repeats=1))
    ((result, weights),) = analysed(unit(T[:12, :12], sets=sets, labels=few, design=design))
    assert result.folds["r"].isna().all()
    assert result.folds["undefined"].str.startswith("training images cannot be divided again: 8 images").all()
    assert list(weights) == list(KINDS)  # all 12 images can be
    assert result.bootstrap.observed == {}


def test_target_without_geometry_in_training_images_is_said_to_have_none():
    ((result, _),) = analysed(unit(T, 1 - np.eye(24), kinds=("ridge",)))
    assert set(result.folds["undefined"]) == {"all pairs of training images are alike"}


def test_a_partial_procedure_fits_weights_to_what_nuisances_leave():
    kinds = {label: "abc"[i % 3] for i, label in enumerate(LABELS)}
    category = nuisance_rdm("category", LABELS, categories=kinds)
    partial = replace(DESIGN, procedure=procedure_named("pearson", partial=True), nuisances=(category,))
    target = T + category.values
    ((controlled, _),) = analysed(unit(target, design=partial, kinds=("ridge",)))
    ((plain, _),) = analysed(
        unit(target, design=replace(partial, procedure=DESIGN.procedure), kinds=("ridge",))
    )
    assert controlled.folds["r_partial"].mean() != plain.folds["r_partial"].mean()
    fold = FOLDS[0]
    train, test = (np.array([LABELS.index(label) for label in part]) for part in (fold.train, fold.test))
    inner = inner_folds(list(fold.train), n_inner=3, place=(1, 1))
    removed = category.values[None][:, train][:, :, train]
    (one,) = Reweighting(X, "ridge", partial.procedure, [10]).fit(
        train, target[None][:, train][:, :, train], inner, PENALTIES, removed
    )
    similar = pairs_of(one(X[test]))
    given = pairs_of(target[np.ix_(test, test)])
    assert controlled.folds["r"].iloc[0] == pytest.approx(-np.corrcoef(similar, given)[0, 1])


def test_progress_counts_folds_and_final_fits_of_each_kind():
    seen = []
    analysed(unit(), progress=lambda *counted: seen.append(counted))
    assert seen == [("folds", done, 21) for done in range(1, 22)]


def test_random_sets_fall_short_of_weights_fitted_to_a_target_of_a_few_features():
    target = 1 - similarity(X[:, :8])
    np.fill_diagonal(target, 0)
    ((result, _),) = analysed(unit(target))
    full = np.mean([isomorphism(X[test], target[np.ix_(test, test)]) for test in SETS.held_out])
    assert (result.folds.groupby("competitor")["r"].mean() > full).all()


# ---- a job of a study ----


def job(rdms, kinds=("ridge",)):
    names = {"network": "net", "layer": "fc", "target": "IT"}
    units = [
        {**names, "supervision": how, "subject": who}
        for how, who in (("own", "02"), ("group", "group"), ("loso", "02"))
    ]
    return units_of_job(units, rdms, [SETS] * 3, [kinds] * 3, lambda labels: DESIGN)


PEOPLE = {"01": T, "02": OTHER, "03": random_target(24, 5)}


def rdms_of(people):
    group = np.mean(list(PEOPLE.values()), axis=0)
    rdms = [RDM(one, LABELS, "IT", who) for who, one in {**people, "group": group}.items()]
    return {(rdm.target, rdm.subject): ("a file", rdm) for rdm in rdms}


def test_units_of_a_job_are_weighed_for_whom_their_supervision_says():
    own, group, left_out = job(rdms_of(PEOPLE))
    np.testing.assert_array_equal(own.supervising.values, OTHER)
    np.testing.assert_array_equal(group.supervising.values, group.scored.values)
    np.testing.assert_allclose(left_out.supervising.values, (T + PEOPLE["03"]) / 2, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(left_out.scored.values, OTHER)


def test_nothing_of_a_person_left_out_enters_the_weights_they_are_predicted_with():
    changed = rdms_of({**PEOPLE, "02": random_target(24, 8)})
    (_, usual), (_, other) = (analysed(job(rdms)[2])[0] for rdms in (rdms_of(PEOPLE), changed))
    np.testing.assert_array_equal(usual["ridge"].weights, other["ridge"].weights)


def test_files_of_a_unit_hold_its_scores_and_weights(tmp_path):
    result, weights = RESULT
    paths = {kind: tmp_path / f"{kind}_weights.tsv" for kind in KINDS}
    files = [tmp_path / name for name in ("folds.tsv", "bootstrap.npz", "weights.npz")]
    write_reweighted(result, weights, *files, paths)
    assert (tmp_path / "folds.tsv").is_file()
    assert read_bootstrap(tmp_path / "bootstrap.npz").observed == result.bootstrap.observed
    for kind, path in paths.items():
        np.testing.assert_array_equal(load_weights(path).weights, weights[kind].weights)


def test_a_kind_without_weights_on_all_images_is_an_error_that_says_what_to_do(tmp_path):
    files = [tmp_path / name for name in ("folds.tsv", "bootstrap.npz", "weights.npz")]
    with pytest.raises(ReweightingError, match=r"'ridge'.*cannot be fitted.*Lower `reweighting.n_inner`"):
        write_reweighted(RESULT[0], {}, *files, {"ridge": tmp_path / "weights.tsv"})


def test_spaces_of_blocks_are_seen_through_their_own_folds_weights(tmp_path):
    result, weights = RESULT
    write_fold_weights(tmp_path / "weights.npz", result.scores, weights)
    spaces = spaces_of_weights(tmp_path / "weights.npz", EMBEDDING, SETS, "correlation")
    r = result.folds.set_index("competitor")["r"]
    for kind, (of_all, blocks) in spaces.items():
        assert of_all.labels == LABELS
        for expected, block in zip(r[kind], blocks, strict=True):
            rows = [LABELS.index(label) for label in block.labels]
            given = pairs_of(T[np.ix_(rows, rows)])
            assert np.corrcoef(pairs_of(block.values), given)[0, 1] == pytest.approx(expected, abs=1e-12)
    assert list(spaces) == list(KINDS)


def test_a_kind_without_weights_in_a_scored_fold_has_no_space(tmp_path):
    result, weights = RESULT
    scores = [dict(of_fold) for of_fold in result.scores]
    scores[3]["ridge"] = without_score("none")
    write_fold_weights(tmp_path / "weights.npz", scores, weights)
    spaces = spaces_of_weights(tmp_path / "weights.npz", EMBEDDING, SETS, "correlation")
    assert "ridge" not in spaces and "dissimilarity" in spaces


def test_weights_go_to_the_unit_they_were_fitted_for():
    sets = [f"pruning/net-{name}_target-IT_sets.npz" for name in ("one", "best", "two")]
    weights = [f"reweighting/net-{name}_target-IT_weights.npz" for name in ("two", "one")]
    assert weights_of_units(sets, weights) == [weights[1], None, weights[0]]
    assert weights_of_units(sets, []) == [None] * 3
