"""Truths about the tidy tables."""

import numpy as np
import pandas as pd
import pytest

from examples import random_target, sparse_embedding
from isoprune.crossvalidation import fisher_mean, fisher_z
from isoprune.design import Design
from isoprune.inference import sign_flip
from isoprune.labelled import RDM, Embedding
from isoprune.pruning import procedure_named
from isoprune.results import (
    CONTRAST_COLUMNS,
    FOLD_COLUMNS,
    RETAINED_COLUMNS,
    SUMMARY_COLUMNS,
    contrasts,
    mean_over_subjects,
    summarise,
    with_family_wise_p,
)
from isoprune.units import analyse_unit

LABELS = tuple(f"img_{i}" for i in range(18))
DESIGN = Design(procedure_named("pearson"), n_splits=3, n_repeats=2, n_random=50, n_bootstrap=100)


def unit_of(subject: str, supervision: str) -> dict[str, str]:
    return {
        "network": "net",
        "layer": "penultimate",
        "target": "IT",
        "supervision": supervision,
        "subject": subject,
    }


def analysed(rdm: RDM, unit: dict[str, str]):
    embedding = Embedding(sparse_embedding(18, 40, 0), LABELS, "net")
    return analyse_unit(embedding, rdm, rdm, unit, DESIGN, n_permutations=0)


@pytest.fixture(scope="module")
def units():
    results = [
        analysed(
            RDM(random_target(18, seed), LABELS, "IT", subject),
            unit_of(subject, "own"),
        )
        for seed, subject in enumerate(["01", "02", "03", "04", "05", "06"])
    ]
    group = RDM(random_target(18, 9), LABELS, "IT", "group")
    return [*results, analysed(group, unit_of("group", "group"))]


@pytest.fixture(scope="module")
def folds(units):
    return pd.concat([unit.folds for unit in units], ignore_index=True)


def test_every_fold_and_competitor_has_a_row(folds):
    assert list(folds.columns) == list(FOLD_COLUMNS)
    assert len(folds) == 7 * 3 * 2 * 3
    assert not folds.duplicated(["subject", "supervision", "repeat", "fold", "competitor"]).any()


def test_summary_is_the_fisher_mean_of_the_folds(units, folds):
    table = summarise(folds, [unit.facts for unit in units])
    assert list(table.columns) == [name for name in SUMMARY_COLUMNS if name in table]
    for row in table.itertuples():
        scores = folds[(folds["subject"] == row.subject) & (folds["competitor"] == row.competitor)]
        assert row.r == pytest.approx(fisher_mean(scores["r"]))
        assert row.r2 == pytest.approx(scores["r2"].mean())


def test_isomorphism_over_all_images_stands_in_rows_full_only(units, folds):
    table = summarise(folds, [unit.facts for unit in units])
    assert table.loc[table["competitor"] == "full", "r_all_images"].notna().all()
    assert table.loc[table["competitor"] != "full", "r_all_images"].isna().all()


def test_contrast_of_the_group_is_the_difference_of_its_summary(units, folds):
    summary = summarise(folds, [unit.facts for unit in units])
    of_group = summary[summary["subject"] == "group"].set_index("competitor")["r"]
    table = contrasts(folds, seed=0)
    assert list(table.columns) == list(CONTRAST_COLUMNS)
    row = table[(table["unit"] == "folds") & (table["b"] == "full")].iloc[0]
    assert row["r_diff"] == pytest.approx(of_group["pruned"] - of_group["full"])


def test_contrasts_of_pruned_with_full_and_random_are_always_there(folds):
    pairs = contrasts(folds, seed=0)[["supervision", "a", "b"]].to_records(index=False).tolist()
    assert pairs == [(s, "pruned", b) for s in ("own", "group") for b in ("full", "random")]


def test_interval_excludes_zero_exactly_when_the_t_test_rejects(folds):
    for shift in np.linspace(-0.4, 0.4, 9):
        moved = folds[folds["subject"] == "group"].copy()
        pruned = moved["competitor"] == "pruned"
        moved.loc[pruned, "r"] = np.tanh(np.arctanh(moved.loc[pruned, "r"]) + shift)
        for row in contrasts(moved, seed=0).itertuples():
            assert (row.ci_low > 0 or row.ci_high < 0) == (row.p < 0.05)
            assert row.ci_low <= row.r_diff <= row.ci_high


def test_too_few_subjects_leave_p_empty_and_say_why(folds):
    few = folds[folds["subject"].isin(["01", "02", "03"])]
    table = contrasts(few, seed=0)
    assert table["p"].isna().all()
    assert set(table["test"]) == {"none: 3 subjects"}
    assert table["r_diff"].notna().all()


def test_order_of_subjects_changes_no_contrast(folds):
    reordered = pd.concat(
        [folds[folds["subject"] == subject] for subject in ("05", "01", "group", "03", "02", "06", "04")]
    )
    one, other = contrasts(folds, seed=0), contrasts(reordered, seed=0)
    assert one.equals(other)


def test_retained_table_says_which_features_are_final(units):
    table = units[0].retained
    assert list(table.columns) == list(RETAINED_COLUMNS)
    assert table["in_final"].sum() == units[0].facts["n_retained"]
    assert table["drop"].is_monotonic_decreasing
    assert table["fold_frequency"].between(0, 1).all()


# ---- the mean over subjects ----


def test_mean_over_subjects_is_the_fisher_mean_of_their_scores(units, folds):
    table = summarise(folds, [unit.facts for unit in units])
    mean = mean_over_subjects(table).set_index("competitor")
    assert set(mean["subject"]) == {"subjects"}
    assert set(mean["supervision"]) == {"own"}
    own = table[table["supervision"] == "own"]
    for competitor, row in mean.iterrows():
        scores = own[own["competitor"] == competitor]
        assert row["r"] == fisher_mean(scores["r"])
        assert row["r2"] == pytest.approx(scores["r2"].mean())
        assert (row["n_subjects"], row["n_folds"], row["n_undefined"]) == (6, 36, 0)


def test_subject_without_a_score_is_not_counted_in_the_mean(units, folds):
    lacking = folds.copy()
    lacking.loc[lacking["subject"] == "03", ["r", "r2"]] = np.nan
    mean = mean_over_subjects(summarise(lacking, [unit.facts for unit in units]))
    assert set(mean["n_subjects"]) == {5}
    assert set(mean["n_undefined"]) == {6}
    assert mean["r"].notna().all()


def test_group_alone_has_no_mean_over_subjects(units, folds):
    of_group = folds[folds["subject"] == "group"]
    assert mean_over_subjects(summarise(of_group, [unit.facts for unit in units])).empty


# ---- contrasts ----


def with_rival(folds, seed=5):
    """The folds with one more competitor, whose scores are those of the full embedding moved by chance."""
    rival = folds[folds["competitor"] == "full"].assign(competitor="label")
    rival["r"] = np.tanh(np.arctanh(rival["r"]) + np.random.default_rng(seed).normal(0, 0.2, len(rival)))
    return pd.concat([folds, rival], ignore_index=True)


def test_every_competitor_is_compared_with_pruned(folds):
    table = contrasts(with_rival(folds), seed=0)
    assert list(zip(table["supervision"], table["a"], table["b"], strict=True)) == [
        (supervision, "pruned", b) for supervision in ("own", "group") for b in ("full", "random", "label")
    ]


def test_test_across_subjects_is_of_the_means_of_their_paired_folds(folds):
    # A fold that the rival has no score in counts for neither side.
    table = with_rival(folds)
    undefined = (table["competitor"] == "label") & (table["subject"] == "02") & (table["fold"] == 1)
    table.loc[undefined, "r"] = np.nan
    row = contrasts(table, seed=0).set_index(["supervision", "b"]).loc[("own", "label")]
    means = []
    for subject in ("01", "02", "03", "04", "05", "06"):
        own = table[table["subject"] == subject]
        if subject == "02":
            own = own[own["fold"] != 1]
        pruned, label = (
            fisher_z(own["r"][own["competitor"] == name].to_numpy()) for name in ("pruned", "label")
        )
        means.append((pruned.mean(), label.mean()))
    of_pruned, of_label = np.array(means).T
    assert row["p"] == sign_flip(of_pruned - of_label).p
    assert row["r_diff"] == pytest.approx(np.tanh(of_pruned.mean()) - np.tanh(of_label.mean()), abs=1e-12)


def test_rival_without_two_folds_is_left_without_a_test_that_says_why(folds):
    table = with_rival(folds)
    rival = (table["competitor"] == "label") & (table["subject"] == "group")
    for n_left in (1, 0):
        table.loc[table.index[rival][n_left:], "r"] = np.nan
        row = contrasts(table, seed=0).set_index(["supervision", "b"]).loc[("group", "label")]
        assert row["test"] == f"none: {n_left} fold(s) with a defined score"
        assert np.isnan(row["p"]) and np.isnan(row["p_fwe"])
        assert np.isnan(row["r_diff"]) == (n_left == 0)


def several_targets(p):
    rows = [
        {"network": "n", "layer": "l", "target": f"t{i}", "supervision": "own", "a": "pruned", "b": "full"}
        | {"p": one, "unit": "subjects"}
        for i, one in enumerate(p)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seed", range(5))
def test_family_wise_p_of_contrasts_is_holm_by_its_definition(seed):
    p = np.random.default_rng(seed).uniform(0, 0.2, 6)
    p[1] = p[4]
    found = with_family_wise_p(several_targets([*p, np.nan]))
    for i, one in enumerate(p):
        # Smallest level at which the step-down procedure rejects it.
        order = sorted(p)
        steps = [min(1, (6 - k) * order[k]) for k in range(order.index(one) + 1)]
        assert found["p_fwe"][i] == pytest.approx(max(steps))
    assert np.isnan(found["p_fwe"][6])
    assert set(found["family"]) == {"pruned − full, own supervision, over subjects: 6 targets × networks"}


def test_families_of_contrasts_are_apart_by_pair_supervision_and_unit():
    one = several_targets([0.01, 0.02])
    others = [one.assign(b="random"), one.assign(supervision="loso"), one.assign(unit="folds")]
    found = with_family_wise_p(pd.concat([one, *others], ignore_index=True))
    assert found["family"].nunique() == 4
    np.testing.assert_allclose(found["p_fwe"], [0.02, 0.02] * 4)


def test_rank_among_random_sets_stands_beside_random_of_the_group_only(units, folds):
    facts = [unit.facts for unit in units]
    table = contrasts(with_rival(folds), facts, seed=0).set_index(["supervision", "b"])
    of_group = next(one for one in facts if one["subject"] == "group")
    assert table.loc[("group", "random"), "p_random"] == of_group["p_random"]
    assert table["p_random"].notna().sum() == 1
