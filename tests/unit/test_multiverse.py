"""Truths about specifications: the study's own among them, one null, no leakage, a p that means what it says."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from examples import random_target, sparse_embedding
from isoprune.config import load
from isoprune.config.crossvalidation import CrossValidation
from isoprune.config.multiverse import Multiverse
from isoprune.config.pruning import Pruning
from isoprune.design import Design
from isoprune.errors import ConfigError, EmbeddingError, FoldError, InferenceError, UnknownNameError
from isoprune.figures.multiverse import choices_that_vary, specification_curves
from isoprune.io.tables import read_table
from isoprune.isomorphism import similarity
from isoprune.labelled import RDM, Embedding
from isoprune.layers import side_by_side
from isoprune.multiverse import (
    CHOICES,
    Outcomes,
    Specification,
    own_specification,
    read_outcomes,
    run_specifications,
    specifications,
    write_outcomes,
)
from isoprune.multiverse_tables import (
    joint_test,
    multiverse_finding,
    multiverse_table,
    read_multiverse,
    write_multiverse,
)
from isoprune.pruning import procedure_named
from isoprune.units import analyse_unit

LABELS = tuple(f"img_{i}" for i in range(18))
KINDS = {label: "ab"[i % 2] for i, label in enumerate(LABELS)}
X = sparse_embedding(18, 30, 0)
EMBEDDING = Embedding(X, LABELS, "net")
DESIGN = Design(procedure_named(), n_splits=3, n_repeats=1, n_random=50, categories=KINDS, n_bootstrap=100)
CHOSEN = {
    "criterion": ["pearson"],
    "measure": ["correlation", "cosine"],
    "method": ["one-pass"],
    "n_rule": ["max", "one-se", 12],
    "folds": ["random", "stratified"],
}


def rdm(seed, values=None):
    return RDM(random_target(18, seed) if values is None else values, LABELS, "IT", "group")


def run(target=None, chosen=CHOSEN, design=DESIGN, embedding=EMBEDDING, **settings):
    given = {"layer": "fc", "n_permutations": 19, "groups": KINDS, **settings}
    return run_specifications(embedding, target or rdm(1), specifications(chosen), design, **given)


OUTCOMES = run()


# ---- what is run ----


def test_every_combination_is_run_once():
    assert len(OUTCOMES.specifications) == len(set(OUTCOMES.specifications)) == 2 * 3 * 2
    assert OUTCOMES.observed.shape == (12, 2) and OUTCOMES.relabelled.shape == (12, 19)


def test_the_study_s_own_specification_has_the_score_and_the_null_of_the_study():
    unit = {"network": "net", "layer": "fc", "target": "IT", "supervision": "group", "subject": "group"}
    study = analyse_unit(EMBEDDING, rdm(1), rdm(1), unit, DESIGN, n_permutations=19)
    number = OUTCOMES.specifications.index(own_specification(CHOSEN))
    null = study.nulls["images"]
    assert OUTCOMES.observed[number].tolist() == [null.observed["full"], null.observed["pruned"]]
    np.testing.assert_array_equal(OUTCOMES.relabelled[number], null.relabelled["pruned"])
    pruned = study.folds[study.folds["competitor"] == "pruned"]
    assert np.arctanh(pruned["r"]).mean() == pytest.approx(OUTCOMES.observed[number, 1], abs=1e-12)
    assert pruned["n_retained"].mean() == OUTCOMES.n_retained[number]


@pytest.mark.parametrize("number", range(12))
def test_a_specification_is_the_study_with_these_settings(number):
    one = OUTCOMES.specifications[number]
    design = replace(
        DESIGN,
        procedure=procedure_named(one.criterion, one.measure, one.method, n_rule=one.n_rule),
        folds=one.folds,
        groups=None if one.folds == "random" else KINDS,
    )
    unit = {"network": "net", "layer": "fc", "target": "IT", "supervision": "group", "subject": "group"}
    null = analyse_unit(EMBEDDING, rdm(1), rdm(1), unit, design, n_permutations=3).nulls["images"]
    assert OUTCOMES.observed[number, 1] == pytest.approx(null.observed["pruned"], abs=1e-12)
    np.testing.assert_allclose(OUTCOMES.relabelled[number, :3], null.relabelled["pruned"], rtol=0, atol=1e-12)


def test_the_best_of_several_layers_is_chosen_in_every_specification():
    layers = [
        Embedding(sparse_embedding(18, size, seed), LABELS, f"net{seed}") for seed, size in ((4, 20), (5, 30))
    ]
    best = side_by_side(layers, "netBest")
    unit = {"network": "netBest", "layer": "best", "target": "IT", "supervision": "group", "subject": "group"}
    null = analyse_unit(best, rdm(1), rdm(1), unit, DESIGN, n_permutations=5).nulls["images"]
    found = run(
        chosen={name: values[:1] for name, values in CHOSEN.items()}, embedding=best, n_permutations=5
    )
    assert found.observed[0].tolist() == [null.observed["full"], null.observed["pruned"]]
    np.testing.assert_array_equal(found.relabelled[0], null.relabelled["pruned"])


def test_order_of_images_and_of_choices_changes_no_bit():
    order = np.random.default_rng(0).permutation(18)
    labels = tuple(LABELS[i] for i in order)
    turned = {name: values[::-1] for name, values in CHOSEN.items()}
    moved = run(chosen=turned, embedding=EMBEDDING.select(labels))
    for number, one in enumerate(OUTCOMES.specifications):
        other = moved.specifications.index(one)
        assert np.array_equal(moved.relabelled[other], OUTCOMES.relabelled[number])
        assert np.array_equal(moved.observed[other], OUTCOMES.observed[number])


def test_no_specification_sees_a_pair_that_joins_training_and_test_images():
    # Folds are the two groups of images: pairs across them are replaced, and nothing changes.
    chosen = {**CHOSEN, "folds": ["grouped"]}
    design = replace(DESIGN, n_splits=2)
    target, across = random_target(18, 1), np.array([KINDS[label] for label in LABELS])
    torn = np.where(across[:, None] != across, random_target(18, 99), target)
    clean, blind = (
        run(rdm(1, values), chosen, design, n_permutations=0).observed for values in (target, torn)
    )
    assert np.isfinite(clean).all() and np.array_equal(clean, blind)


def test_exchange_within_categories_is_that_of_the_study():
    unit = {"network": "net", "layer": "fc", "target": "IT", "supervision": "group", "subject": "group"}
    null = analyse_unit(EMBEDDING, rdm(1), rdm(1), unit, DESIGN, n_permutations=5).nulls["within:category"]
    chosen = {name: values[:1] for name, values in CHOSEN.items()}
    found = run(chosen=chosen, exchange="within", n_permutations=5)
    np.testing.assert_array_equal(found.relabelled[0], null.relabelled["pruned"])
    assert found.fingerprint == null.fingerprint


def test_a_specification_that_cannot_be_run_is_named():
    with pytest.raises(EmbeddingError, match=r"multiverse, net with criterion pearson, .*asks for 31"):
        run(chosen={**CHOSEN, "n_rule": ["max", 31]})
    with pytest.raises(FoldError, match=r"multiverse, net with .*folds stratified.*no group for 18 image"):
        run(groups=None)


def test_what_is_written_is_what_is_read(tmp_path):
    write_outcomes(tmp_path / "one.npz", OUTCOMES)
    again = read_outcomes(tmp_path / "one.npz")
    assert [str(one.n_rule) for one in again.specifications] == [
        str(one.n_rule) for one in OUTCOMES.specifications
    ]
    assert np.array_equal(again.relabelled, OUTCOMES.relabelled)
    assert (again.network, again.target, again.n_features, again.n_images) == ("net", "IT", 30, 18)


# ---- one test of all ----


def outcomes_of(observed, relabelled, fingerprint="f", target="IT"):
    n = len(observed)
    some = tuple(Specification(n_rule=m) for m in range(2, n + 2))
    scores = np.column_stack([np.zeros(n), observed])
    ones = np.ones(n, dtype=int)
    return Outcomes(
        "net", "fc", target, some, scores, relabelled, ones * 4.0, ones, ones * 0, 9, 18, fingerprint
    )


def test_joint_p_is_that_of_the_largest_standardised_score():
    null = np.array([[0.0, 1.0, 2.0, 3.0], [0.0, 0.1, 0.2, 0.3]])
    found = joint_test([outcomes_of([1.5, 0.6], null)])
    z = [(row - row.mean()) / row.std() for row in (np.array([1.5, *null[0]]), np.array([0.6, *null[1]]))]
    largest, middle = np.max(z, axis=0), np.median(z, axis=0)
    assert found["p_max"] == (1 + (largest[1:] >= largest[0] - 1e-9).sum()) / 5
    assert found["p_median"] == (1 + (middle[1:] >= middle[0] - 1e-9).sum()) / 5
    assert (found["n_specifications"], found["n_above_full"]) == (2, 2)


def test_smallest_adjusted_p_is_the_joint_one():
    table, joint = multiverse_table([OUTCOMES], own_specification(CHOSEN))
    assert table["p_fwe"].min() == joint["IT"]["p_max"]
    assert (table["p_fwe"] >= table["p"]).all()
    assert table["own"].sum() == 1
    own = table[table["own"] == 1].iloc[0]
    assert {name: own[name] for name in CHOICES} == {name: str(CHOSEN[name][0]) for name in CHOICES}
    assert table["r"].is_monotonic_decreasing


def test_joint_p_of_noise_is_calibrated():
    # Correlated specifications of targets that have nothing to do with the network: p at most .2 in about a fifth.
    chosen = {**CHOSEN, "measure": ["correlation"], "folds": ["random"], "n_rule": ["max", 12]}
    p = []
    for seed in range(25):
        outcomes = run(rdm(100 + seed), chosen, design=replace(DESIGN, seed=seed, categories=None))
        p.append([joint_test([outcomes])[name] for name in ("p_max", "p_median")])
    rejected = (np.array(p) <= 0.2).mean(axis=0)
    assert (rejected < 0.2 + 3 * np.sqrt(0.16 / 25)).all(), rejected
    assert np.mean(p, axis=0) == pytest.approx(0.5, abs=0.18)


def test_best_of_many_specifications_of_noise_is_no_finding():
    # Twenty independent specifications: the smallest single p is nearly always small, the joint p is not.
    rng = np.random.default_rng(0)
    single, joint = [], []
    for _ in range(60):
        drawn = rng.normal(size=(20, 100))
        found = joint_test([outcomes_of(drawn[:, 0], drawn[:, 1:])])
        single.append(min((1 + (row[1:] >= row[0]).sum()) / 100 for row in drawn))
        joint.append(found["p_max"])
    assert np.mean(np.array(single) <= 0.05) > 0.5
    assert np.mean(np.array(joint) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_a_relation_is_found():
    values = 1 - similarity(X[:, :10])
    np.fill_diagonal(values, 0)
    outcomes = run(rdm(1, values))
    _, joint = multiverse_table([outcomes], own_specification(CHOSEN))
    assert joint["IT"]["p_max"] == joint["IT"]["p_median"] == 1 / 20
    verdict, rest = multiverse_finding("IT", joint["IT"])
    assert "12 specifications" in verdict and "is not established" in verdict  # p = .05 is not below .05
    assert "joint p = 0.050" in verdict and f"in {joint['IT']['n_above_full']} of 12" in rest


def test_specifications_of_other_images_are_not_tested_together():
    null = np.random.default_rng(0).normal(size=(2, 9))
    with pytest.raises(InferenceError, match="different images"):
        joint_test([outcomes_of([0, 1], null), outcomes_of([0, 1], null, "g")])


def test_a_specification_without_a_score_is_counted_and_takes_no_part():
    null = np.random.default_rng(0).normal(size=(3, 9))
    found = joint_test([outcomes_of([1.0, np.nan, 0.2], null)])
    alone = joint_test([outcomes_of([1.0, 0.2], null[[0, 2]])])
    assert found == {**alone, "n_without_score": 1}
    with pytest.raises(InferenceError, match="no specification has a score"):
        joint_test([outcomes_of([np.nan], null[:1])])
    assert "1 specification had no score" in multiverse_finding("IT", found)[1]


def test_table_and_joint_test_are_read_as_written(tmp_path):
    table, joint = multiverse_table([OUTCOMES], own_specification(CHOSEN))
    write_multiverse(tmp_path / "multiverse.tsv", table, joint)
    again, tests = read_multiverse(tmp_path / "multiverse.tsv")
    pd.testing.assert_frame_equal(again, table, check_dtype=False)
    assert tests == joint
    assert read_table(tmp_path / "multiverse.tsv", where="x")["n_rule"].tolist() == table["n_rule"].tolist()


# ---- the figure ----


def test_curve_shows_every_specification_with_its_choices():
    table, joint = multiverse_table([OUTCOMES], own_specification(CHOSEN))
    figure = specification_curves(table, joint)
    scores, choices = figure.axes
    assert scores.get_title(loc="left") == "IT"
    drawn = {line.get_gid(): line for line in itertools.chain(scores.lines, choices.lines)}
    assert len(drawn["pruned"].get_xdata()) + len(drawn["own"].get_xdata()) == 12
    np.testing.assert_allclose(drawn["own"].get_ydata(), table.loc[table["own"] == 1, "r"])
    chosen = drawn["n_rule=one-se"].get_xdata()
    assert table["n_rule"].iloc[chosen].eq("one-se").all() and len(chosen) == 4
    assert [row for row in choices_that_vary(table) if row[0] == "n_rule"] == [
        ("n_rule", "max"),
        ("n_rule", "one-se"),
        ("n_rule", "12"),
    ]
    assert not [row for row in choices_that_vary(table) if row[0] in ("network", "method")]


# ---- settings ----


def study(**changes):
    return load(
        {
            "study": "mine",
            "stimuli": {"table": "stimuli.tsv"},
            "networks": [{"name": name, "file": "features.npz"} for name in ("one", "two")],
            "targets": [{"name": "IT", "rdms": {"file": "IT.npz"}}],
            "supervision": ["group"],
            **changes,
        }
    )


def test_the_study_s_own_choice_always_takes_part_and_comes_first():
    found = Multiverse(measure=["cosine", "euclidean"], n_rule=[50, "max"]).choices(
        Pruning(n_rule="one-se"), CrossValidation()
    )
    assert found["measure"] == ("correlation", "cosine", "euclidean")
    assert found["n_rule"] == ("one-se", 50, "max")
    assert found["folds"] == ("random",)
    assert set(found) == set(CHOICES)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"multiverse": {"folds": ["stratified"]}}, r"multiverse.column.*folds are stratified"),
        ({"multiverse": {"n_rule": ["one-se"], "column": "category"}}, "all folds are random"),
        ({"multiverse": {"networks": ["one"]}}, "only one combination"),
        ({"multiverse": {"n_rule": [1]}}, "a whole number from 2"),
        ({"multiverse": {}, "networks": []}, "no network"),
        ({"multiverse": {}, "subjects": ["01"], "supervision": ["own"]}, "not ranked by the group's RDM"),
        ({"multiverse": {"n_rule": ["max", "max"]}}, "max is named twice"),
        ({"multiverse": {"n_rule": [50, 50]}}, "50 is named twice"),
    ],
)
def test_a_multiverse_that_cannot_be_is_refused(changes, part):
    with pytest.raises(ConfigError, match=part):
        study(**changes)


def test_unknown_keys_and_names_are_told_with_the_nearest():
    with pytest.raises(ConfigError, match=r"multiverse\.measures.*did you mean.*measure"):
        study(multiverse={"measures": ["cosine"]})
    with pytest.raises(UnknownNameError, match=r"multiverse.networks.*Did you mean 'one'"):
        study(multiverse={"networks": ["onee"], "n_rule": [5]})
    with pytest.raises(UnknownNameError, match=r"multiverse\.targets"):
        study(multiverse={"targets": ["V1"], "n_rule": [5]})
    with pytest.raises(ConfigError, match="cosine"):
        study(multiverse={"measure": ["cosin"]})


def test_numbers_of_the_command_line_are_numbers():
    found = study(multiverse={"n_rule": ["max", "100", "0.25"]}).multiverse.n_rule
    assert found == ("max", 100, 0.25)
