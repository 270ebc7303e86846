"""Truths about relabelled targets and the p-values that come from them."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, pearsonr, spearmanr

from examples import random_target, sparse_embedding
from isoprune.adjustment import benjamini_hochberg, max_t, p_value
from isoprune.crossvalidation import fisher_z, score_folds
from isoprune.errors import InferenceError, MissingFileError, UnreadableFileError
from isoprune.folds import make_folds
from isoprune.isomorphism import pairs_of, partial_isomorphism, second_order, similarity
from isoprune.nulls import read_nulls, write_nulls
from isoprune.permutation import _Unit, unit_null, unit_nulls
from isoprune.pruning import CRITERIA, procedure_named, prune_arrays
from isoprune.relabelling import relabellings
from isoprune.scoring import controls_of

LABELS = [f"img_{i}" for i in range(18)]
KINDS = {label: "abc"[i % 3] for i, label in enumerate(LABELS)}
FOLDS = make_folds(LABELS, n_splits=3, n_repeats=1)
PEARSON = procedure_named("pearson")
X, T = sparse_embedding(18, 40, 0), random_target(18, 1)


def null_of(
    X, supervising, scored=None, labels=LABELS, n=7, procedure=PEARSON, seed=0, folds=FOLDS, **options
):
    scored = supervising if scored is None else scored
    drawn = relabellings(labels, n, seed=seed)
    return unit_null(
        X, supervising, scored, labels, folds, procedure=procedure, relabellings=drawn, seed=seed, **options
    )


# --- relabellings ---


def test_every_row_is_a_permutation_and_the_first_do_not_depend_on_the_number():
    drawn = relabellings(LABELS, 50, seed=0)
    assert (np.sort(drawn, axis=1) == np.arange(18)).all()
    assert np.array_equal(drawn[:20], relabellings(LABELS, 20, seed=0))
    assert len(np.unique(drawn, axis=0)) == 50


def test_an_image_receives_the_same_image_whatever_the_order_of_rows():
    order = np.random.default_rng(3).permutation(18)
    shuffled = [LABELS[i] for i in order]
    for within in (None, KINDS):
        one, other = (relabellings(names, 5, seed=2, within=within) for names in (LABELS, shuffled))
        for b in range(5):
            sources = {LABELS[i]: LABELS[one[b, i]] for i in range(18)}
            assert sources == {shuffled[i]: shuffled[other[b, i]] for i in range(18)}


def test_relabellings_are_uniform_with_the_identity_among_them():
    drawn = relabellings(["a", "b", "c"], 6000, seed=0)
    counts = [(drawn == one).all(axis=1).sum() for one in permutations(range(3))]
    assert binom.cdf(min(counts), 6000, 1 / 6) > 1e-4
    assert binom.sf(max(counts), 6000, 1 / 6) > 1e-4


def test_another_seed_draws_others_and_relabellings_are_not_the_deal_of_the_folds():
    assert not np.array_equal(relabellings(LABELS, 3, seed=0), relabellings(LABELS, 3, seed=1))
    dealt = np.random.default_rng([0, 1]).permutation(18)
    assert (
        not (np.argsort(LABELS)[dealt] == relabellings(LABELS, 3, seed=0)[:, np.argsort(LABELS)]).all(1).any()
    )


def test_images_stay_within_their_category_and_its_name_does_not_matter():
    drawn = relabellings(LABELS, 30, seed=0, within=KINDS)
    kinds = np.array([KINDS[label] for label in LABELS])
    assert (kinds[drawn] == kinds).all()
    renamed = {label: {"a": "z", "b": "y", "c": "x"}[kind] for label, kind in KINDS.items()}
    assert np.array_equal(drawn, relabellings(LABELS, 30, seed=0, within=renamed))


def test_missing_and_single_categories_are_refused():
    with pytest.raises(
        InferenceError, match=r"no category for 1 image\(s\): img_3; expected a category for every"
    ):
        relabellings(LABELS, 2, seed=0, within={**KINDS, "img_3": ""})
    with pytest.raises(InferenceError, match="18 categories of one image each"):
        relabellings(LABELS, 2, seed=0, within={label: label for label in LABELS})


# --- the null of a unit ---


@pytest.mark.parametrize("name", CRITERIA)
def test_each_row_is_the_whole_procedure_on_a_relabelled_target(name):
    procedure, supervising = procedure_named(name), random_target(18, 2)
    null = null_of(X, supervising, T, n=3, procedure=procedure)
    drawn = relabellings(LABELS, 3, seed=0)
    for row, full, pruned in [
        (np.arange(18), null.observed["full"], null.observed["pruned"]),
        *zip(drawn, null.relabelled["full"], null.relabelled["pruned"], strict=True),
    ]:
        moved = [target[np.ix_(row, row)] for target in (supervising, T)]
        scores = score_folds(X, *moved, LABELS, FOLDS, procedure=procedure, n_random=1)
        assert full == pytest.approx(np.mean([fisher_z(one.r["full"]) for one in scores]), abs=1e-12)
        assert pruned == pytest.approx(np.mean([fisher_z(one.r["pruned"]) for one in scores]), abs=1e-12)


def test_relabelling_target_and_labels_together_changes_nothing():
    order = np.random.default_rng(5).permutation(18)
    one = null_of(X, T)
    other = null_of(X[order], T[np.ix_(order, order)], labels=[LABELS[i] for i in order])
    np.testing.assert_allclose(other.relabelled["pruned"], one.relabelled["pruned"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(other.relabelled["full"], one.relabelled["full"], rtol=0, atol=1e-12)
    assert other.fingerprint == one.fingerprint


def test_two_targets_are_relabelled_alike_and_other_images_are_told_apart():
    one, other = null_of(X, T), null_of(X, random_target(18, 9))
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != null_of(X, T, seed=1).fingerprint
    assert one.fingerprint != null_of(X, T, labels=[f"x{label}" for label in LABELS], folds=make_folds(
        [f"x{label}" for label in LABELS], n_splits=3, n_repeats=1)).fingerprint  # fmt: skip


def test_a_target_and_its_own_relabelling_have_the_same_set_of_arrangements():
    # A group of permutations: a relabelled target has the same null, in another order.
    labels = LABELS[:9]
    folds = make_folds(labels, n_splits=3, n_repeats=1)
    everyone = np.array(
        [[*a, *(4 + np.array(b))] for a in permutations(range(4)) for b in [range(5), (1, 0, 2, 3, 4)]]
    )
    x, t = X[:9], T[:9, :9]
    moved = t[np.ix_(everyone[7], everyone[7])]
    nulls = [
        unit_null(x, one, one, labels, folds, procedure=PEARSON, relabellings=everyone, seed=0)
        for one in (t, moved)
    ]
    np.testing.assert_allclose(
        np.sort(nulls[0].relabelled["pruned"]), np.sort(nulls[1].relabelled["pruned"]), rtol=0, atol=1e-12
    )
    assert abs(nulls[0].observed["pruned"] - nulls[1].observed["pruned"]) > 1e-6


def test_selection_ignores_the_held_out_part_of_a_relabelled_target():
    drawn = relabellings(LABELS, 4, seed=0)
    rows = {label: i for i, label in enumerate(LABELS)}
    train, test = (np.array([rows[label] for label in block]) for block in (FOLDS[0].train, FOLDS[0].test))
    nothing = controls_of(LABELS)
    for row in drawn:
        poisoned = [np.full_like(T, np.nan) for _ in range(2)]
        for block, target in zip((train, test), poisoned, strict=True):
            kept = np.ix_(row[block], row[block])
            target[kept] = T[kept]
        for rules in (("max",), ("one-se", 5)):
            clean, (sets, *_) = _Unit(X, T, T, PEARSON, rules, nothing).on_fold(row[None], train, test)
            blind, (blind_sets, *_) = _Unit(X, *poisoned, PEARSON, rules, nothing).on_fold(
                row[None], train, test
            )
            assert np.isfinite(clean["r"]).all()
            assert np.array_equal(clean["r"], blind["r"])
            np.testing.assert_equal(sets, blind_sets)


def test_several_rules_at_once_give_what_each_alone_gives():
    drawn = relabellings(LABELS, 5, seed=0)
    given = {"relabellings": drawn, "seed": 0}
    rules = ("one-se", "max", 9)
    together = unit_nulls(X, T, T, LABELS, FOLDS, procedure=PEARSON, n_rules=rules, **given)
    for rule, found in zip(rules, together, strict=True):
        alone = unit_null(X, T, T, LABELS, FOLDS, procedure=procedure_named(n_rule=rule), **given)
        assert found.null.observed == alone.observed
        assert np.array_equal(found.null.relabelled["pruned"], alone.relabelled["pruned"])
    assert together[2].n_retained >= 9 and together[0].n_retained <= together[1].n_retained


def test_threads_and_chunks_change_no_bit(monkeypatch):
    one = null_of(X, T)
    monkeypatch.setattr("isoprune.permutation.ENTRIES_AT_ONCE", 3 * 18**2)
    other = null_of(X, T, threads=2)
    assert np.array_equal(one.relabelled["pruned"], other.relabelled["pruned"])
    assert np.array_equal(one.relabelled["full"], other.relabelled["full"])


def test_progress_ends_at_its_total():
    seen = []
    null_of(X, T, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 24), (16, 24), (24, 24)]


def test_a_held_out_image_that_is_constant_under_the_retained_set_leaves_both_scores():
    x = X.copy()
    retained = score_folds(x, T, T, LABELS, FOLDS[:1], procedure=PEARSON, n_random=1)[0].retained
    x[LABELS.index(FOLDS[0].test[0]), retained] = 1.0
    null = null_of(x, T, folds=FOLDS[:1])
    (score,) = score_folds(x, T, T, LABELS, FOLDS[:1], procedure=PEARSON, n_random=1)
    assert score.n_constant == 1
    assert null.observed["pruned"] == pytest.approx(fisher_z(score.r["pruned"]), abs=1e-12)
    assert null.observed["full"] == pytest.approx(fisher_z(score.r["full"]), abs=1e-12)


def test_a_fold_that_the_pruned_embedding_cannot_be_scored_on_is_left_out_for_both_and_counted():
    x = X.copy()
    retained = score_folds(x, T, T, LABELS, FOLDS[:1], procedure=PEARSON, n_random=1)[0].retained
    for label in FOLDS[0].test[2:]:
        x[LABELS.index(label), retained] = 1.0
    others = null_of(x, T, folds=FOLDS[1:]).observed
    null = null_of(x, T)
    assert null.observed_n_undefined == 1
    assert [null.observed["full"], null.observed["pruned"]] == pytest.approx(
        [others["full"], others["pruned"]], abs=1e-12
    )
    alone = null_of(x, T, folds=FOLDS[:1])
    assert np.isnan([alone.observed["full"], alone.observed["pruned"]]).all()


def test_a_relabelled_training_block_without_geometry_leaves_the_fold():
    # One image differs from all others: where it is held out, the training block is constant.
    t = np.zeros((18, 18))
    t[0, 1:] = t[1:, 0] = 1.0
    null = null_of(X, t)
    assert null.observed_n_undefined == 3
    assert (null.n_undefined == 3).all()
    assert np.isnan(null.relabelled["pruned"]).all()


# --- the sets that relabelled targets keep ---


def sets_of(X, target, n_sets=5, n=5):
    (found,) = unit_nulls(
        *(X, target, target, LABELS, FOLDS),
        procedure=PEARSON,
        n_rules=("max",),
        relabellings=relabellings(LABELS, n, seed=0),
        seed=0,
        n_sets=n_sets,
    )
    return found.sets


def test_sets_are_kept_of_the_first_relabelled_targets_whatever_their_number_and_the_chunks(monkeypatch):
    x = X[:, :37]  # no whole number of bytes
    sets = sets_of(x, T)
    assert sets.n_relabelled == 5 and sets.of_fold(0).shape == (6, 37)
    monkeypatch.setattr("isoprune.permutation.ENTRIES_AT_ONCE", 2 * 18**2)
    fewer = sets_of(x, T, n_sets=2)
    for fold in range(3):
        assert np.array_equal(fewer.of_fold(fold), sets.of_fold(fold)[:3])
    assert np.array_equal(sets_of(x, T).packed, sets.packed)
    assert fewer.fingerprint == sets_of(x, T, n_sets=2, n=9).fingerprint != sets.fingerprint
    assert len(sets_of(x, T, n_sets=0).packed) == 0


def test_a_relabelled_training_block_without_geometry_keeps_nothing():
    t = np.zeros((18, 18))
    t[0, 1:] = t[1:, 0] = 1.0
    sets, drawn = sets_of(X, t), relabellings(LABELS, 5, seed=0)
    for fold, held_out in enumerate(sets.held_out):
        for features, row in zip(sets.of_fold(fold), [np.arange(18), *drawn], strict=True):
            if held_out[np.flatnonzero(row == 0)].all():  # the image that differs is held out
                assert not features.any()
                continue
            train = np.flatnonzero(~held_out)
            expected = prune_arrays(X[train], t[np.ix_(row[train], row[train])], PEARSON, 1).retained
            assert np.flatnonzero(features).tolist() == sorted(expected.tolist())


def test_relabellings_of_other_images_are_refused():
    with pytest.raises(InferenceError, match=r"shape \(2, 9\) whose rows are not all permutations; expected"):
        unit_null(
            X,
            T,
            T,
            LABELS,
            FOLDS,
            procedure=PEARSON,
            relabellings=relabellings(LABELS[:9], 2, seed=0),
            seed=0,
        )


def test_the_nuisance_stays_with_the_images():
    # Removing the target's own categories: the relabelled target is reduced by what did not move.
    z = (np.array(list(KINDS.values()))[:, None] != np.array(list(KINDS.values()))).astype(float)
    null = null_of(X, T, n=2, controls=controls_of(LABELS, [z]))
    row = relabellings(LABELS, 2, seed=0)[1]
    moved = T[np.ix_(row, row)]
    again = unit_null(
        X,
        moved,
        moved,
        LABELS,
        FOLDS,
        procedure=PEARSON,
        relabellings=row[None],
        seed=0,
        controls=controls_of(LABELS, [z]),
    )
    assert again.observed["full_partial"] == pytest.approx(null.relabelled["full_partial"][1], abs=1e-12)
    assert null.relabelled["full_partial"][1] != pytest.approx(
        null_of(X, T, n=2).relabelled["full"][1], abs=1e-3
    )


# --- partial isomorphism ---


@pytest.mark.parametrize("coefficient", ["pearson", "spearman"])
def test_partial_isomorphism_is_the_correlation_of_residuals(coefficient):
    from scipy.stats import rankdata

    s, t = pairs_of(similarity(X)), pairs_of(T)
    z = pairs_of(np.array([random_target(18, seed) + T for seed in (5, 6)]))
    prepare = rankdata if coefficient == "spearman" else np.asarray
    design = np.column_stack([np.ones(len(s)), *(prepare(one) for one in z)])
    left = [prepare(one) - design @ np.linalg.lstsq(design, prepare(one))[0] for one in (-s, t)]
    assert partial_isomorphism(s, t, z, coefficient) == pytest.approx(pearsonr(*left)[0], abs=1e-12)


def test_partial_isomorphism_without_nuisance_is_the_isomorphism():
    s, t = pairs_of(similarity(X)), pairs_of(T)
    for z in (np.empty((0, len(t))), np.ones((1, len(t)))):
        assert partial_isomorphism(s, t, z) == pytest.approx(second_order(s, t), abs=1e-14)
        assert partial_isomorphism(s, t, z, "spearman") == pytest.approx(spearmanr(-s, t)[0], abs=1e-12)


def test_nothing_is_left_of_a_side_that_the_nuisances_explain():
    s, t = pairs_of(similarity(X)), pairs_of(T)
    assert np.isnan(partial_isomorphism(s, t, t[None] * 3 + 1))
    assert np.isnan(partial_isomorphism(s, t, s[None]))
    assert np.isnan(partial_isomorphism(np.ones_like(s), t, random_target(18, 3)[None, 0, :1] + 0 * s))


# --- p-values ---


def test_p_counts_the_target_itself_and_what_is_undefined():
    assert p_value(2.0, np.array([1.0, 2.0, 3.0])) == 3 / 4
    assert p_value(9.0, np.zeros(99)) == 1 / 100
    assert p_value(2.0, np.array([1.0, np.nan, 0.0])) == 2 / 4
    assert p_value(0.3, np.array([0.1 + 0.2 - 1e-16, 0.0])) == 2 / 3
    assert np.isnan(p_value(np.nan, np.zeros(3)))
    with pytest.raises(
        InferenceError, match=r"shape \(0,\); expected one statistic for each of at least one"
    ):
        p_value(1.0, np.array([]))


def step_down_by_force(statistics):
    """Adjusted p of each row by the definition: (unit × arrangement), column 0 observed."""
    z = (statistics - statistics.mean(1, keepdims=True)) / statistics.std(1, keepdims=True)
    remaining, adjusted, last = list(range(len(z))), {}, 0.0
    while remaining:
        unit = max(remaining, key=lambda row: z[row, 0])
        # With a single relabelling all statistics are ±1 but for rounding: those are ties.
        bar = z[unit, 0] - 1e-12 * abs(z[unit, 0])
        beaten = sum(max(z[row, b] for row in remaining) >= bar for b in range(z.shape[1]))
        adjusted[unit] = last = max(last, beaten / z.shape[1])
        remaining.remove(unit)
    return adjusted


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 30))
def test_max_t_is_the_step_down_procedure_by_definition(seed, n_units, n_relabellings):
    rng = np.random.default_rng(seed)
    statistics = rng.normal(size=(n_units, n_relabellings + 1)) * rng.uniform(0.1, 9, size=(n_units, 1))
    statistics[:, 0] += rng.normal(size=n_units)
    found = max_t(dict(enumerate(statistics[:, 0])), dict(enumerate(statistics[:, 1:])), family="all")
    expected = step_down_by_force(statistics)
    assert found.p == pytest.approx(expected, abs=1e-15)
    assert list(found.p) == list(range(n_units))


def test_max_t_does_not_depend_on_units_of_measurement_and_is_never_smaller_than_p():
    rng = np.random.default_rng(0)
    nulls = dict(zip("abc", rng.normal(size=(3, 199)), strict=True))
    observed = {"a": 2.5, "b": 1.0, "c": -0.5}
    found = max_t(observed, nulls, family="f").p
    scaled = max_t({**observed, "b": 1005.0}, {**nulls, "b": 1000 + 5 * nulls["b"]}, family="f").p
    assert scaled == pytest.approx(found, abs=1e-15)
    for unit, p in found.items():
        assert p >= p_value(observed[unit], nulls[unit])
    assert max_t({"a": 2.5}, {"a": nulls["a"]}, family="f").p["a"] == p_value(2.5, nulls["a"])


def test_units_that_depend_on_each_other_pay_less_than_independent_ones():
    rng = np.random.default_rng(1)
    null = rng.normal(size=999)
    observed = dict.fromkeys(range(6), 2.5)
    equal = max_t(observed, dict.fromkeys(range(6), null), family="f").p[0]
    apart = max_t(observed, dict(enumerate(rng.normal(size=(6, 999)))), family="f").p[0]
    assert equal == p_value(2.5, null)
    assert apart > 3 * equal


def test_other_image_sets_share_the_level_and_give_up_their_share_when_empty():
    # p of .01, .02 on one set; .015 on another; .4 on a third, which is alone at the end.
    def null(p):
        return np.where(np.arange(1999) < round(2000 * p) - 1, 2.0, 0.0) + np.linspace(0, 0.1, 1999)[::-1]

    nulls = {"a": null(0.01), "b": null(0.015), "c": null(0.4)}
    adjusted = max_t(dict.fromkeys(nulls, 1.0), nulls, family="f", image_sets={"a": 1, "b": 2, "c": 3})
    assert adjusted.p == pytest.approx({"a": 0.03, "b": 0.03, "c": 0.4})
    assert adjusted.method == "max-T, step-down, Holm over image sets"


def test_a_share_is_not_given_up_while_a_unit_of_the_set_waits():
    rng = np.random.default_rng(2)
    nulls = {unit: rng.normal(size=1999) for unit in ("strong1", "null1", "strong2", "null2")}
    observed = {"strong1": 9.0, "strong2": 9.0, "null1": 1.9, "null2": 1.8}
    sets = {unit: unit[-1] for unit in nulls}
    p = max_t(observed, nulls, family="f", image_sets=sets).p
    assert p["null1"] == pytest.approx(2 * p_value(1.9, nulls["null1"]))


def test_units_without_a_statistic_keep_none_and_undefined_relabellings_count_against():
    null = np.random.default_rng(0).normal(size=99)
    holes = null.copy()
    holes[np.argsort(null)[:10]] = np.nan
    found = max_t({"a": np.nan, "b": 5.0}, {"a": null, "b": holes}, family="EVC and IT")
    assert np.isnan(found.p["a"])
    assert found.p["b"] == 11 / 100
    assert (found.family, found.method) == ("EVC and IT", "max-T, step-down")


def test_families_that_do_not_match_are_refused():
    with pytest.raises(
        InferenceError, match="2 observed units and 1 nulls, not the same: b; expected a null for"
    ):
        max_t({"a": 1.0, "b": 1.0}, {"a": np.zeros(3)}, family="f")
    with pytest.raises(InferenceError, match="nulls of 3, 4 relabellings on the same images"):
        max_t({"a": 1.0, "b": 1.0}, {"a": np.zeros(3), "b": np.zeros(4)}, family="f")


def test_false_discovery_rate_by_hand():
    found = benjamini_hochberg({"a": 0.01, "b": np.nan, "c": 0.04, "d": 0.03}, family="f")
    assert {unit: found.p[unit] for unit in "acd"} == pytest.approx({"a": 0.03, "c": 0.04, "d": 0.04})
    assert np.isnan(found.p["b"])
    assert (found.family, found.method) == ("f", "Benjamini-Hochberg")
    assert np.isnan(benjamini_hochberg({"a": np.nan}, family="f").p["a"])


# --- files ---


def test_a_null_comes_back_from_its_file_and_equal_nulls_give_equal_bytes(tmp_path, monkeypatch):
    null = null_of(X, T)
    write_nulls(tmp_path / "one.npz", {"images": null, "within:kind": null})
    monkeypatch.setattr("time.localtime", lambda *_: (2031, 1, 1, 0, 0, 0, 0, 0, 0))
    write_nulls(tmp_path / "other.npz", {"images": null, "within:kind": null})
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()
    back = read_nulls(tmp_path / "one.npz")["within:kind"]
    for name, value in vars(null).items():
        assert type(getattr(back, name)) is type(value)
        np.testing.assert_equal(getattr(back, name), value)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one.npz", "other.npz"]


@pytest.mark.parametrize("content", ["text", "array", "other", "truncated", "pickle"])
def test_a_file_that_is_no_null_is_named(tmp_path, content):
    path = tmp_path / "null.npz"
    write_nulls(path, {"images": null_of(X, T)})
    if content == "text":
        path.write_text("nothing")
    elif content == "truncated":
        path.write_bytes(path.read_bytes()[:400])
    else:
        value = {"array": np.zeros(3), "pickle": np.array([{}]), "other": np.zeros(2)}[content]
        with path.open("wb") as file:
            np.savez(file, a=value) if content == "other" else np.save(file, value, allow_pickle=True)
    with pytest.raises(
        UnreadableFileError, match=r"null.npz: it does not hold the permutation nulls of a unit \("
    ):
        read_nulls(path)
    with pytest.raises(MissingFileError, match="is not a file"):
        read_nulls(tmp_path / "absent.npz")
