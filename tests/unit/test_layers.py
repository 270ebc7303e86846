"""Truths about the best of several layers: that it is found, honestly, and that its null looked for it too."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from examples import random_target, sparse_embedding
from isoprune.crossvalidation import score_folds
from isoprune.design import Design
from isoprune.errors import LabelError
from isoprune.figures import layers
from isoprune.folds import make_folds
from isoprune.foldsets import fold_sets
from isoprune.isomorphism import similarity
from isoprune.labelled import RDM, Embedding, whole_layer
from isoprune.layer_findings import layer_findings
from isoprune.layers import LAYER_COLUMNS, layers_table, side_by_side, with_readable_networks
from isoprune.naming import name_at_layer, readable_name
from isoprune.permutation import unit_null
from isoprune.pruning import procedure_named, prune_arrays, select_many
from isoprune.relabelling import relabellings
from isoprune.retained import load_retained, score_retained
from isoprune.scoring import controls_of
from isoprune.specificity import Rivals, rival_scores
from isoprune.units import analyse_unit, write_unit

LABELS = tuple(f"img_{i}" for i in range(24))
SIZES = (12, 20, 16)
STARTS = (0, 12, 32, 48)
LAYERS = [
    Embedding(sparse_embedding(24, size, seed), LABELS, f"net{seed}") for seed, size in enumerate(SIZES)
]
X = np.hstack([layer.values for layer in LAYERS])
FOLDS = make_folds(LABELS, n_splits=4, n_repeats=2)
ONE = procedure_named("pearson")
BEST = replace(ONE, layer_sizes=SIZES)
DESIGN = Design(ONE, n_splits=4, n_repeats=2, n_random=50, n_bootstrap=50)
UNIT = {"network": "netBest", "layer": "best", "target": "T", "supervision": "group", "subject": "group"}
NOISE = random_target(24, 5)


def rdm_of(values: np.ndarray) -> np.ndarray:
    target = 1 - similarity(values)
    np.fill_diagonal(target, 0)
    return target


PLANTED = rdm_of(LAYERS[1].values[:, ::2])


def scored(target, procedure=BEST, values=X, supervising=None):
    ranked = target if supervising is None else supervising
    return score_folds(values, ranked, target, LABELS, FOLDS, procedure=procedure, n_random=50)


def layer_in(features) -> int:
    (number,) = {int(np.searchsorted(STARTS, one, side="right")) - 1 for one in features}
    return number


def null_of(target, procedure, values=X, n=40):
    drawn = relabellings(LABELS, n, seed=1)
    given = values, target, target, LABELS, FOLDS[:4]
    return unit_null(*given, procedure=procedure, relabellings=drawn, seed=1)


# --- the choice ---


def test_a_planted_layer_is_chosen_in_every_fold_and_in_no_other_place():
    scores = scored(PLANTED)
    assert {layer_in(score.retained) for score in scores} == {1}
    by_itself = scored(PLANTED, ONE, LAYERS[1].values)
    for best, own in zip(scores, by_itself, strict=True):
        assert np.array_equal(best.retained - STARTS[1], own.retained)
        assert best.r["pruned"] == own.r["pruned"] and best.r["full"] == own.r["full"]
        assert best.scores["r"]["random"] == own.scores["r"]["random"]


def test_the_layer_chosen_is_that_of_the_largest_training_fit():
    fits = [prune_arrays(layer.values, NOISE, ONE).fit for layer in LAYERS]
    best = prune_arrays(X, NOISE, BEST)
    assert best.fit == max(fits) and layer_in(best.retained) == int(np.argmax(fits))
    assert len(best.curve) == 49  # from no feature to all
    assert np.isnan(best.curve[SIZES[int(np.argmax(fits))] + 1 :]).all()
    assert sorted(best.ranking) == list(range(48))


def test_one_target_or_many_choose_alike():
    targets = [random_target(24, seed) for seed in range(6)]
    many = select_many(X, iter(targets), BEST).retained
    assert len({layer_in(features) for features in many}) > 1
    for target, features in zip(targets, many, strict=True):
        assert np.array_equal(features, prune_arrays(X, target, BEST).retained)


def test_choice_ignores_held_out_images():
    fold = FOLDS[0]
    held_out = np.isin(LABELS, fold.test)
    poisoned = NOISE.copy()
    poisoned[held_out] = poisoned[:, held_out] = np.nan
    assert np.isnan(poisoned).any()
    values = X.copy()
    values[held_out] = np.random.default_rng(0).normal(size=values[held_out].shape) * 100
    (clean,) = score_folds(X, NOISE, NOISE, LABELS, [fold], procedure=BEST, n_random=50)
    (other,) = score_folds(values, poisoned, NOISE, LABELS, [fold], procedure=BEST, n_random=50)
    assert np.array_equal(clean.retained, other.retained)


def test_all_features_and_random_sets_are_of_the_chosen_layer():
    for score in scored(NOISE):
        layer = layer_in(score.retained)
        assert np.array_equal(score.whole, np.arange(STARTS[layer], STARTS[layer + 1]))
        assert {layer_in(features) for features in score.random_sets} == {layer}


def test_rivals_choose_their_own_layer_and_draws_are_of_the_units():
    sets = fold_sets(scored(PLANTED), LABELS)
    order = [LABELS.index(label) for label in sets.labels]
    other = rdm_of(LAYERS[2].values)[np.ix_(order, order)]
    target = PLANTED[np.ix_(order, order)]
    rivals = Rivals({"other:U": other}, n_relabelled=0, n_variance=10, matched=("components", "variable"))
    found = rival_scores(
        X[order], target, target, sets, rivals, procedure=BEST, controls=controls_of(sets.labels), seed=0
    )
    for of_fold in found:
        assert {layer_in(one) for one in of_fold["other:U"].sets} == {2}
        assert {layer_in(one) for one in [*of_fold["variance"].sets, *of_fold["variable"].sets]} == {1}
        assert np.array_equal(of_fold["components"].sets[0].whole, np.arange(12, 32))


# --- the null ---


def test_relabelled_targets_choose_their_layer_too():
    null = null_of(NOISE, BEST, n=6)
    assert null.relabelled["pruned"].shape == (6,)
    drawn = relabellings(LABELS, 6, seed=1)
    for b, rows in enumerate(drawn):
        moved = NOISE[np.ix_(rows, rows)]
        scores = score_folds(X, moved, moved, LABELS, FOLDS[:4], procedure=BEST, n_random=1)
        for name in ("full", "pruned"):
            mean = np.mean([np.arctanh(score.r[name]) for score in scores])
            assert null.relabelled[name][b] == pytest.approx(mean, abs=1e-10)
    chosen = [
        layer_in(select_many(X, [NOISE[np.ix_(rows, rows)]], BEST).retained[0])
        for rows in relabellings(LABELS, 20, seed=1)
    ]
    assert len(set(chosen)) > 1


# --- from units to tables ---


@pytest.fixture(scope="module")
def best_unit():
    target = RDM(PLANTED, LABELS, "T")
    embedding = side_by_side(LAYERS, "netBest")
    return embedding, analyse_unit(embedding, target, target, UNIT, DESIGN, n_permutations=5)


def test_a_unit_says_which_layer_was_chosen(best_unit):
    _, result = best_unit
    assert result.facts["layers_chosen"] == {"net0": 0, "net1": 8, "net2": 0}
    assert result.facts["layer_of_all_images"] == "net1"
    full = result.folds[result.folds["competitor"] == "full"]
    assert (full["n_retained"] == 20).all() and (full["n_features"] == 48).all()
    target = RDM(PLANTED, LABELS, "T")
    alone = analyse_unit(LAYERS[1], target, target, {**UNIT, "network": "net1"}, DESIGN, n_permutations=5)
    assert result.facts["r_all_images"] == alone.facts["r_all_images"]
    assert result.facts["p_random"] == alone.facts["p_random"]
    assert result.bootstrap.observed == alone.bootstrap.observed


def test_the_final_set_is_scored_against_its_own_layer(best_unit, tmp_path):
    embedding, result = best_unit
    kinds = ("folds", "retained", "curve", "facts", "sets", "relabelled", "null", "bootstrap")
    paths = {kind: tmp_path / f"{kind}.tsv" for kind in kinds}
    write_unit(result, paths, {}, {})
    retained = load_retained(paths["retained"])
    table = score_retained(retained, embedding, RDM(NOISE, LABELS, "U"), n_relabellings=5, n_random=30)
    assert table.set_index("competitor").loc["full", "n_retained"] == 20


def test_layers_are_joined_by_label():
    order = np.random.default_rng(2).permutation(24)
    moved = LAYERS[1].select([LABELS[i] for i in order])
    joined = side_by_side([LAYERS[0], moved, LAYERS[2]], "netBest")
    assert np.array_equal(joined.values, X) and joined.layer_sizes == SIZES
    assert np.array_equal(joined.whole([40]), np.arange(32, 48))
    assert np.array_equal(whole_layer([3], (), 7), np.arange(7))
    with pytest.raises(LabelError):
        side_by_side([LAYERS[0], LAYERS[1].subset(LABELS[:20])], "netBest")


def summary_of(scores):
    about = {"target": "T", "supervision": "group", "subject": "group", "ci_low": 0.1, "ci_high": 0.4}
    rows = [
        {**about, "network": network, "layer": layer, "competitor": name, "r": r - 0.1 * (name == "full")}
        for (network, layer), r in scores.items()
        for name in ("full", "pruned", "random")
    ]
    return pd.DataFrame(rows).assign(p=0.01, p_fwe=0.04, ceiling_low=0.5, ceiling_high=0.6)


SUMMARY = summary_of(
    {("netFc", "fc"): 0.2, ("netConv1", "conv1"): 0.3, ("netBest", "best"): 0.25, ("else", "fc"): 0.9}
)
FACTS = [
    {**UNIT, "layers_chosen": {"netConv1": 3, "netFc": 5}, "layer_of_all_images": "netFc"},
    {**UNIT, "subject": "01", "layers_chosen": {"netConv1": 8, "netFc": 0}, "layer_of_all_images": "netFc"},
]


def test_table_of_layers_follows_their_depth_and_counts_choices():
    table = layers_table(SUMMARY, FACTS, {"netBest": ("netConv1", "netFc")})
    assert list(table) == list(LAYER_COLUMNS)
    pruned = table[table["competitor"] == "pruned"]
    assert list(pruned["network"]) == ["netConv1", "netFc", "netBest"]
    assert list(pruned["depth"].astype(object).where(pruned["depth"].notna(), None)) == [1, 2, None]
    assert list(pruned["n_chosen"]) == [3, 5, 8]
    assert list(pruned["chosen_over_all_images"]) == [0, 1, 1]
    assert set(table["competitor"]) == {"full", "pruned"}


def test_findings_tell_the_honest_score_from_hindsight():
    (finding,) = layer_findings(layers_table(SUMMARY, FACTS, {"netBest": ("netConv1", "netFc")}))
    assert "The best of 2 layers" in finding.verdict and "r = 0.250" in finding.verdict
    assert "is established" in finding.verdict
    assert "Chosen: fc in 5 of 8 folds, conv1 in 3 of 8 folds." in finding.rest
    assert "conv1, is known only with hindsight" in finding.rest


def test_figure_marks_what_was_chosen_and_shows_the_numbers_of_the_best():
    table = layers_table(SUMMARY, FACTS, {"netBest": ("netConv1", "netFc")})
    figure = layers(table)
    (panel,) = figure.axes
    ticks = [tick.get_text() for tick in panel.get_xticklabels()]
    assert ticks == ["conv1 (3)", "fc (5)", "best"]
    bold = [tick.get_fontweight() == "bold" for tick in panel.get_xticklabels()]
    assert bold == [False, True, True]
    assert (
        "best layer, chosen in training: r = 0.25 [0.10, 0.40], p = 0.010, family-wise p = 0.040"
        in panel.get_xlabel()
    )
    heights = [one.get_offsets()[0][1] for one in panel.collections if one.get_gid() == "score"]
    assert sorted(heights) == pytest.approx(sorted(table["r"]))


# --- names ---


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("features.3", "netFeatures3"),
        ("layer4.1.conv2", "netLayer4x1Conv2"),
        ("layer41.conv2", "netLayer41Conv2"),
        ("penultimate", "netPenultimate"),
        ("best", "netBest"),
        ("0.proj_in", "net0ProjIn"),
    ],
)
def test_names_are_safe_for_files_and_read_back(layer, name):
    assert name_at_layer("net", layer) == name and name.isalnum()
    assert readable_name(name, layer) == f"net · {layer}"


def test_names_that_say_nothing_of_the_layer_stay():
    assert readable_name("squeezenet", "penultimate") == "squeezenet"
    assert name_at_layer("vgg19", "0") == "vgg19x0" and readable_name("vgg19x0", "0") == "vgg19 · 0"


def test_tables_for_reading_call_networks_by_their_layers():
    contrasts = pd.DataFrame(
        {
            "compared": ["competitors", "networks"],
            "network": ["netFc", None],
            "layer": ["fc", None],
            "a": ["pruned", "netConv1"],
            "b": ["full", "netFc"],
        }
    )
    read = with_readable_networks({"summary": SUMMARY, "contrasts": contrasts})
    assert list(read["contrasts"]["a"]) == ["pruned", "net · conv1"]
    assert read["contrasts"]["network"][0] == "net · fc"
    assert set(read["summary"]["network"]) == {"net · fc", "net · conv1", "net · best", "else"}
