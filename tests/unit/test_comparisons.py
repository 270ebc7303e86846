"""Truths about comparisons of networks, targets and supervisions: paired, on the same images, in the same people."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from isoprune.comparisons import comparisons
from isoprune.crossvalidation import fisher_mean, fisher_z
from isoprune.inference import corrected_resampled_t, sign_flip
from isoprune.results import CONTRAST_COLUMNS, FOLD_COLUMNS, UNIT

PEOPLE = tuple(f"{i:02}" for i in range(1, 8))
N_FOLDS = 10


def unit_of(network="net", target="IT", supervision="own", subject="01"):
    return dict(network=network, layer="fc", target=target, supervision=supervision, subject=subject)


def study(networks=("net",), targets=("EVC", "IT"), supervisions=("own", "group", "loso"), people=PEOPLE):
    """Fold scores of a study in which every number is another one."""
    rng = np.random.default_rng(3)
    tables = []
    for network, target, supervision in product(networks, targets, supervisions):
        for subject in ["group"] if supervision == "group" else people:
            for competitor, level in (("full", 0.1), ("pruned", 0.3), ("random", 0.0)):
                r = np.clip(level + rng.normal(0, 0.15, N_FOLDS), -0.9, 0.9)
                numbers = dict(repeat=np.arange(N_FOLDS) // 5 + 1, fold=np.arange(N_FOLDS) % 5 + 1, r=r)
                sizes = dict(n_train_images=74, n_test_images=18, competitor=competitor)
                table = pd.DataFrame({**numbers, **sizes, **unit_of(network, target, supervision, subject)})
                tables.append(table)
    return pd.concat(tables, ignore_index=True).reindex(columns=list(FOLD_COLUMNS))


def images_of(folds, **other):
    """The same images for every unit, but for subjects in ``other``: (target, subject) by their images."""
    units = folds[UNIT].drop_duplicates().itertuples(index=False, name=None)
    return {unit: other.get(f"{unit[2]}_{unit[4]}", "same") for unit in units}


def compared(folds, images=None, **settings):
    return comparisons(
        folds, images_of(folds) if images is None else images, seed=0, n_bootstrap=200, **settings
    )


def only(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


def z_of(folds, competitor, **unit):
    """Fisher z of a unit's folds, in their order."""
    for column, value in {**unit_of(**unit), "competitor": competitor}.items():
        folds = folds[folds[column] == value]
    return fisher_z(folds.sort_values(["repeat", "fold"])["r"].to_numpy())


def means_of(folds, competitor, people=PEOPLE, **unit):
    return np.array([z_of(folds, competitor, subject=who, **unit).mean() for who in people])


def test_what_is_compared_stands_in_a_and_b_and_everything_else_in_its_column():
    table = compared(study(networks=("one", "two")))
    assert list(table.columns) == list(CONTRAST_COLUMNS)
    for kind, missing in (("networks", ["network", "layer"]), ("targets", ["target"])):
        rows = table[table["compared"] == kind]
        assert rows[missing].isna().all(axis=None)
        rest = [name for name in ("network", "layer", "target", "supervision") if name not in missing]
        assert rows[rest].notna().all(axis=None)
    pairs = table.groupby("compared", sort=False)[["a", "b"]].agg(lambda names: set(names))
    assert pairs.to_dict("index") == {
        "networks": {"a": {"one"}, "b": {"two"}},
        "targets": {"a": {"EVC"}, "b": {"IT"}},
        "supervisions": {"a": {"own"}, "b": {"loso"}},
    }


def test_targets_are_compared_across_subjects_by_sign_flips_of_their_paired_means():
    folds = study()
    row = only(compared(folds), compared="targets", supervision="own", score="pruned")
    one, other = (means_of(folds, "pruned", target=target) for target in ("EVC", "IT"))
    assert row["p"] == sign_flip(one - other).p
    assert row["r_diff"] == pytest.approx(np.tanh(one.mean()) - np.tanh(other.mean()), abs=1e-12)
    assert (row["n_subjects"], row["unit"]) == (7, "subjects")


def test_only_subjects_who_have_both_are_compared():
    folds = study()
    lacking = folds[~((folds["target"] == "EVC") & (folds["subject"] == "03"))]
    row = only(compared(lacking), compared="targets", supervision="own", score="pruned")
    both = [who for who in PEOPLE if who != "03"]
    one, other = (means_of(folds, "pruned", both, target=target) for target in ("EVC", "IT"))
    assert row["n_subjects"] == 6
    assert row["p"] == sign_flip(one - other).p


def test_mean_rdms_are_compared_over_the_same_folds():
    folds = study()
    row = only(compared(folds), compared="targets", supervision="group", score="full")
    group = dict(supervision="group", subject="group")
    one, other = (z_of(folds, "full", target=target, **group) for target in ("EVC", "IT"))
    assert row["p"] == corrected_resampled_t(one - other, 74, 18).p
    assert row["unit"] == "folds"
    r = [fisher_mean(np.tanh(z)) for z in (one, other)]
    assert row["r_diff"] == pytest.approx(r[0] - r[1], abs=1e-12)


def test_gain_is_compared_as_the_difference_of_differences():
    folds = study(networks=("one", "two"))
    row = only(compared(folds), compared="networks", target="IT", supervision="own", score="pruned − full")
    one, other = (
        means_of(folds, "pruned", network=name) - means_of(folds, "full", network=name)
        for name in ("one", "two")
    )
    assert row["p"] == sign_flip(one - other).p
    assert np.sign(row["r_diff"]) == np.sign((one - other).mean())


def test_fold_without_a_score_on_one_side_counts_for_neither():
    folds = study()
    lacking = (folds["target"] == "EVC") & (folds["subject"] == "group") & (folds["fold"] == 2)
    folds.loc[lacking, "r"] = np.nan
    row = only(compared(folds), compared="targets", supervision="group", score="pruned")
    group = dict(supervision="group", subject="group")
    kept = np.arange(N_FOLDS) % 5 != 1
    one, other = (z_of(folds, "pruned", target=target, **group)[kept] for target in ("EVC", "IT"))
    assert row["p"] == corrected_resampled_t(one - other, 74, 18).p


def test_order_of_the_targets_turns_the_sign_and_nothing_else():
    there, back = study(), study()
    back = pd.concat([back[back["target"] == target] for target in ("IT", "EVC")], ignore_index=True)
    one, other = (
        table[table["compared"] == "targets"].sort_values(["supervision", "score"])
        for table in (compared(there), compared(back))
    )
    np.testing.assert_allclose(one["r_diff"], -other["r_diff"].to_numpy(), atol=1e-12)
    np.testing.assert_allclose(one["p"], other["p"].to_numpy(), atol=1e-12)
    np.testing.assert_array_equal(one["a"], other["b"])


def test_order_of_subjects_and_folds_changes_no_bit():
    folds = study()
    shuffled = folds.sample(frac=1, random_state=0)
    order = {name: i for i, name in enumerate(("own", "group", "loso"))}
    shuffled = shuffled.sort_values(
        ["target", "supervision"], key=lambda column: column.map(order).fillna(0), kind="stable"
    ).sort_values("target", kind="stable")
    pd.testing.assert_frame_equal(compared(folds), compared(shuffled), check_exact=True)


# ---- what is never compared ----


def test_single_subjects_are_never_compared_with_the_mean_rdm():
    folds = study()
    table = compared(folds)
    supervisions = table[table["compared"] == "supervisions"]
    assert set(supervisions["a"]) | set(supervisions["b"]) == {"own", "loso"}
    assert set(supervisions["unit"]) == {"subjects"}
    poisoned = folds.copy()
    poisoned.loc[poisoned["subject"] == "group", "r"] = 0.9
    of_people = compared(poisoned)
    people = table["unit"] == "subjects"
    pd.testing.assert_frame_equal(table[people], of_people[people], check_exact=True)


def test_full_embedding_is_the_same_under_all_supervisions_and_not_compared_between_them():
    table = compared(study())
    assert set(table.loc[table["compared"] == "supervisions", "score"]) == {"pruned"}


def test_scores_of_other_images_are_not_compared_and_the_reason_is_given():
    folds = study()
    row = only(
        compared(folds, images_of(folds, EVC_group="other")),
        compared="targets",
        supervision="group",
        score="pruned",
    )
    assert row["test"] == "none: the folds are of other images"
    assert np.isnan(row["p"]) and np.isnan(row["r_diff"]) and np.isnan(row["p_fwe"])
    partly = compared(folds, images_of(folds, EVC_02="other"))
    assert only(partly, compared="targets", supervision="own", score="pruned")["n_subjects"] == 6
    nobody = compared(folds, images_of(folds, **{f"EVC_{who}": "other" for who in PEOPLE}))
    row = only(nobody, compared="targets", supervision="own", score="pruned")
    assert row["test"] == "none: no subject was scored on the same images in both"
    assert row["n_subjects"] == 0


def test_too_few_subjects_leave_a_difference_without_a_test():
    table = compared(study(people=("01", "02", "03")))
    people = table[table["unit"] == "subjects"]
    assert people["p"].isna().all() and people["r_diff"].notna().all()
    assert set(people["test"]) == {"none: 3 subjects"}


def test_one_network_and_one_target_leave_supervisions_only():
    table = compared(study(targets=("IT",)))
    assert table["compared"].tolist() == ["supervisions"]
    alone = compared(study(targets=("IT",), supervisions=("group",)))
    assert alone.empty and list(alone.columns) == list(CONTRAST_COLUMNS)


def test_only_the_networks_that_are_asked_for_are_compared():
    folds = study(networks=("one", "two", "three"), supervisions=("group",))
    pairs = compared(folds, networks=("one", "three"))
    pairs = pairs[pairs["compared"] == "networks"]
    assert set(zip(pairs["a"], pairs["b"], strict=True)) == {("one", "three")}


# ---- families ----


def test_families_hold_all_pairs_of_a_score_a_supervision_and_a_unit():
    folds = study(networks=("one", "two"), targets=("A", "B", "C"))
    table = compared(folds)
    sizes = table.groupby("family").size()
    assert all(family.endswith(f": {size} pairs") for family, size in sizes.items())
    name = "pruned, targets compared in all networks, own supervision, over subjects: 6 pairs"
    rows = table[table["family"] == name]
    assert set(rows["network"]) == {"one", "two"} and len(rows) == 6
    assert (rows["p_fwe"] >= rows["p"]).all()
    assert rows["p_fwe"].min() == min(1, 6 * rows["p"].min())
    assert "pruned, supervisions compared in all networks × targets, over subjects: 6 pairs" in sizes
