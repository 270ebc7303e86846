"""Truths about the tidy tables."""

import numpy as np
import pandas as pd
import pytest

from examples import random_target, sparse_embedding
from isoprune.crossvalidation import fisher_mean
from isoprune.labelled import RDM, Embedding
from isoprune.results import (
    CONTRAST_COLUMNS,
    FOLD_COLUMNS,
    RETAINED_COLUMNS,
    SUMMARY_COLUMNS,
    contrasts,
    summarise,
)
from isoprune.units import analyse_unit, read_units, write_unit

LABELS = tuple(f"img_{i}" for i in range(18))
SETTINGS = {
    "criterion": "pearson",
    "folds": "random",
    "n_splits": 3,
    "n_repeats": 2,
    "n_random": 50,
    "seed": 0,
}


def unit_of(subject: str, supervision: str) -> dict[str, str]:
    return {
        "network": "net",
        "layer": "penultimate",
        "target": "IT",
        "supervision": supervision,
        "subject": subject,
    }


@pytest.fixture(scope="module")
def units():
    embedding = Embedding(sparse_embedding(18, 40, 0), LABELS, "net")
    results = [
        analyse_unit(
            embedding,
            RDM(random_target(18, seed), LABELS, "IT", subject),
            unit_of(subject, "own"),
            **SETTINGS,
        )
        for seed, subject in enumerate(["01", "02", "03", "04", "05", "06"])
    ]
    group = RDM(random_target(18, 9), LABELS, "IT", "group")
    return [*results, analyse_unit(embedding, group, unit_of("group", "group"), **SETTINGS)]


@pytest.fixture(scope="module")
def folds(units):
    return pd.concat([unit.folds for unit in units], ignore_index=True)


def test_every_fold_and_competitor_has_a_row(folds):
    assert list(folds.columns) == list(FOLD_COLUMNS)
    assert len(folds) == 7 * 3 * 2 * 3
    assert not folds.duplicated(["subject", "supervision", "repeat", "fold", "competitor"]).any()


def test_summary_is_the_fisher_mean_of_the_folds(units, folds):
    table = summarise(folds, [unit.facts for unit in units])
    assert list(table.columns) == list(SUMMARY_COLUMNS)
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


def test_rows_of_the_embedding_may_be_shuffled_without_a_bit_of_difference(units):
    order = np.random.default_rng(0).permutation(18)
    X = sparse_embedding(18, 40, 0)
    embedding = Embedding(X[order], tuple(LABELS[i] for i in order), "net")
    again = analyse_unit(
        embedding, RDM(random_target(18, 0), LABELS, "IT", "01"), unit_of("01", "own"), **SETTINGS
    )
    assert again.folds.equals(units[0].folds)
    assert again.retained.equals(units[0].retained)


def test_units_survive_their_files_bit_for_bit(units, tmp_path):
    names = ("folds", "retained", "curve", "facts")
    paths = {name: str(tmp_path / f"unit_{name}.{'json' if name == 'facts' else 'tsv'}") for name in names}
    write_unit(units[0], paths, {"seed": 0}, {})
    folds, facts = read_units([paths["folds"]], [paths["facts"]])
    pd.testing.assert_frame_equal(folds, units[0].folds, check_exact=True)
    assert facts[0]["r_all_images"] == units[0].facts["r_all_images"]
    assert facts[0]["provenance"]["settings"] == {"seed": 0}
