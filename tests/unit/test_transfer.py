"""Truths about transfer between targets, people and stimulus sets."""

import numpy as np
import pytest

import isoprune
from examples import random_target, sparse_embedding
from isoprune.crossvalidation import fold_table, score_folds
from isoprune.errors import EmbeddingError, InferenceError, LabelError, UnknownNameError
from isoprune.folds import make_folds
from isoprune.isomorphism import isomorphism, similarity
from isoprune.labelled import RDM, Embedding
from isoprune.pruning import procedure_named
from isoprune.transfer import (
    DIRECTION_COLUMNS,
    mean_of_others,
    transfer_on_held_out,
    transfer_to_other_images,
)

LABELS = tuple(f"img_{i:02}" for i in range(36))
FOLDS = make_folds(LABELS, n_splits=3, n_repeats=1)
X = sparse_embedding(36, 60, 0)
EMBEDDING = Embedding(X, LABELS, "net")


def rdm(features, subject: str = "group", target: str = "IT", images=slice(None), labels=LABELS) -> RDM:
    T = 1 - similarity(X[images][:, features])
    np.fill_diagonal(T, 0)
    return RDM(T, labels, target, subject)


def shuffled(thing, seed: int):
    order = np.random.default_rng(seed).permutation(len(thing.labels))
    return thing.select(tuple(thing.labels[i] for i in order))


def test_transfer_to_the_same_target_is_the_ordinary_score():
    IT = rdm(range(12))
    table = transfer_on_held_out(EMBEDDING, IT, IT, FOLDS)
    ordinary = isoprune.cross_validate(EMBEDDING, IT, n_splits=3, n_repeats=1)
    assert table.drop(columns=list(DIRECTION_COLUMNS)).equals(ordinary)


def test_features_are_ranked_on_one_target_and_scored_on_the_other():
    IT, EVC = rdm(range(12)), rdm(range(8, 20), target="EVC")
    table = transfer_on_held_out(EMBEDDING, IT, EVC, FOLDS, n_random=5)
    scores = score_folds(
        X, IT.values, EVC.values, LABELS, FOLDS, procedure=procedure_named("pearson"), n_random=5
    )
    assert table.drop(columns=list(DIRECTION_COLUMNS)).equals(fold_table(scores, 60))
    assert set(zip(*(table[column] for column in DIRECTION_COLUMNS), strict=True)) == {
        ("IT", "group", "EVC", "group")
    }
    pruned = table[table["competitor"] == "pruned"]
    alone = transfer_on_held_out(EMBEDDING, IT, IT, FOLDS, n_random=5)
    assert pruned["n_retained"].tolist() == alone[alone["competitor"] == "pruned"]["n_retained"].tolist()


def test_order_of_images_changes_no_bit():
    IT, EVC = rdm(range(12)), rdm(range(8, 20), target="EVC")
    one = transfer_on_held_out(EMBEDDING, IT, EVC, FOLDS, n_random=5)
    other = transfer_on_held_out(
        shuffled(EMBEDDING, 1),
        shuffled(IT, 2),
        shuffled(EVC, 3),
        make_folds(LABELS[::-1], n_splits=3, n_repeats=1),
        n_random=5,
    )
    assert one.equals(other)


FIRST, LAST = slice(0, 20), slice(20, 36)


def two_sets(features_a=range(12), features_b=range(12), labels_b=LABELS[20:]):
    a = Embedding(X[FIRST], LABELS[:20], "net"), rdm(features_a, images=FIRST, labels=LABELS[:20])
    b = Embedding(X[LAST], labels_b, "net"), rdm(features_b, target="FFA", images=LAST, labels=labels_b)
    return a, b


def test_set_fitted_on_all_images_of_one_study_is_scored_on_all_of_another():
    a, b = two_sets()
    table = transfer_to_other_images(a, b).set_index("competitor")
    fitted = isoprune.prune(*a)
    assert table.loc["pruned", "r"] == pytest.approx(
        isomorphism(b[0].values[:, fitted.retained], b[1].values), abs=1e-12
    )
    assert table.loc["full", "r"] == pytest.approx(isomorphism(*b), abs=1e-12)
    assert (
        table.loc["pruned", ["n_train_images", "n_test_images", "n_retained"]] == [20, 16, fitted.n_retained]
    ).all()
    assert table.loc["pruned", "r"] > table.loc["full", "r"]
    assert table.loc["pruned", list(DIRECTION_COLUMNS)].tolist() == ["IT", "group", "FFA", "group"]


def test_scored_study_does_not_touch_the_selection():
    a, b = two_sets()
    other = (b[0], RDM(random_target(16, 0), b[0].labels, "FFA"))
    kept = [transfer_to_other_images(a, scored)["n_retained"].tolist() for scored in (b, other)]
    assert kept[0] == kept[1]


def test_studies_may_use_the_same_labels_for_other_images():
    a, b = two_sets()
    one, other = transfer_to_other_images(a, b), transfer_to_other_images(*two_sets(labels_b=LABELS[:16]))
    assert one.equals(other)


def test_order_of_images_of_either_study_changes_no_bit():
    a, b = two_sets()
    turned = [(shuffled(embedding, 1), shuffled(target, 2)) for embedding, target in (a, b)]
    assert transfer_to_other_images(a, b).equals(transfer_to_other_images(*turned))


def test_image_in_both_studies_is_refused_whatever_its_label():
    a, b = two_sets()
    values = b[0].values.copy()
    values[3] = (a[0].values[7] * (1 + 1e-7)).astype(np.float32)
    with pytest.raises(
        LabelError, match=r"1 image\(s\) in both sets: img_07 = img_23; expected no image in both"
    ):
        transfer_to_other_images(a, (Embedding(values, b[0].labels, "net"), b[1]))


def test_other_networks_are_refused():
    a, b = two_sets()
    with pytest.raises(
        EmbeddingError, match="60 features of 'net' and 60 of 'other'; expected the same features"
    ):
        transfer_to_other_images(a, (Embedding(b[0].values, b[0].labels, "other"), b[1]))
    with pytest.raises(EmbeddingError, match="60 features of 'net' and 59 of 'net'"):
        transfer_to_other_images(a, (Embedding(b[0].values[:, :59], b[0].labels, "net"), b[1]))


def people() -> dict[str, RDM]:
    return {f"{i:02}": rdm(range(i, i + 14), f"{i:02}") for i in range(4)}


def test_mean_of_others_is_the_mean_of_all_others_joined_by_label():
    rdms = people()
    expected = np.mean([rdms[name].values for name in ("00", "02", "03")], axis=0)
    turned = {name: shuffled(one, i) for i, (name, one) in enumerate(reversed(rdms.items()))}
    for subjects in (rdms, turned):
        mean = mean_of_others(subjects, "01")
        assert (mean.labels, mean.target, mean.subject) == (LABELS, "IT", "group")
        np.testing.assert_array_equal(mean.values, expected)


def test_overwriting_the_left_out_person_changes_no_retained_feature():
    settings = {"procedure": procedure_named("pearson"), "n_random": 2}

    def retained(rdms: dict[str, RDM]) -> list[list[int]]:
        supervising = mean_of_others(rdms, "02").values
        scores = score_folds(X, supervising, rdms["02"].values, LABELS, FOLDS, **settings)
        return [score.retained.tolist() for score in scores]

    rdms = people()
    clean = retained(rdms)
    rdms["02"].values[:] = np.nan
    assert retained(rdms) == clean


def test_leaving_out_someone_who_is_not_there_is_refused():
    with pytest.raises(UnknownNameError, match="no subject '04'"):
        mean_of_others(people(), "04")


def test_leaving_out_the_only_person_is_refused():
    with pytest.raises(InferenceError, match="subject '00' alone; expected at least 2 subjects"):
        mean_of_others({"00": rdm(range(9), "00")}, "00")
