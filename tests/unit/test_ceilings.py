"""Truths about noise ceilings."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from examples import sparse_embedding
from isoprune.ceilings import (
    CEILING_COLUMNS,
    GROUP,
    SUBJECTS,
    Ceiling,
    group_ceiling,
    share_of_ceiling,
    spearman_brown,
    subject_ceilings,
    summarise_ceilings,
)
from isoprune.crossvalidation import fisher_mean, score_folds
from isoprune.errors import InferenceError, LabelError
from isoprune.folds import make_folds
from isoprune.foldsets import fold_sets
from isoprune.isomorphism import pairs_of
from isoprune.labelled import RDM
from isoprune.pruning import procedure_named

LABELS = tuple(f"img_{i}" for i in range(30))
FOLDS = make_folds(LABELS, n_splits=3, n_repeats=2)


def matrix(pairs: np.ndarray) -> np.ndarray:
    square = np.zeros((len(LABELS), len(LABELS)))
    square[np.triu_indices(len(LABELS), 1)] = pairs
    return square + square.T


def people(n: int, noise, seed: int = 0, signal: float = 1.0, scale=1.0) -> tuple[np.ndarray, dict[str, RDM]]:
    """A shared geometry (pairs), and RDMs of n subjects who see it with independent noise."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=435)
    noise, scale = np.broadcast_to(noise, n), np.broadcast_to(scale, n)
    rdms = {
        f"{i:02}": RDM(
            matrix(scale[i] * (5 + signal * shared + noise[i] * rng.normal(size=435))),
            LABELS,
            "IT",
            f"{i:02}",
        )
        for i in range(n)
    }
    return shared, rdms


@pytest.mark.parametrize("coefficient", ["pearson", "spearman"])
def test_noiseless_subjects_have_ceilings_of_one(coefficient):
    _, rdms = people(4, 0.0)
    table = subject_ceilings(rdms, FOLDS, coefficient=coefficient)
    np.testing.assert_allclose(table[["lower", "upper"]], 1, atol=1e-12)
    assert group_ceiling(rdms, FOLDS, coefficient=coefficient).high == pytest.approx(1, abs=1e-12)
    assert set(table.columns) == set(CEILING_COLUMNS)


def test_lower_ceiling_is_below_the_upper_and_the_truth_lies_between():
    truth, low, high = [], [], []
    for seed in range(40):
        shared, rdms = people(6, 1.0, seed)
        ceiling = summarise_ceilings(subject_ceilings(rdms))[SUBJECTS]
        low.append(ceiling.low)
        high.append(ceiling.high)
        truth.append(fisher_mean([np.corrcoef(shared, pairs_of(rdm.values))[0, 1] for rdm in rdms.values()]))
    assert all(np.array(low) < np.array(high))
    assert np.mean(low) < np.mean(truth) < np.mean(high)


def test_pure_noise_has_a_lower_ceiling_of_zero():
    lower = [
        summarise_ceilings(subject_ceilings(people(5, 1.0, seed, signal=0.0)[1], FOLDS))[SUBJECTS].low
        for seed in range(40)
    ]
    assert abs(np.mean(lower)) < 3 * np.std(lower, ddof=1) / np.sqrt(40)
    assert abs(np.mean(lower)) < 0.02


@pytest.mark.parametrize("scale", [1.0, np.array([6.0, 1, 1, 1, 1, 1])], ids=["alike", "one dominates"])
def test_ceiling_of_the_group_is_what_a_noiseless_model_reaches_against_the_mean_rdm(scale):
    reached, bound = [], []
    for seed in range(40):
        shared, rdms = people(6, 1.5, seed, scale=scale)
        mean = np.mean([pairs_of(rdm.values) for rdm in rdms.values()], axis=0)
        reached.append(np.corrcoef(shared, mean)[0, 1])
        bound.append(group_ceiling(rdms).high)
    assert np.mean(bound) == pytest.approx(np.mean(reached), abs=0.015)


def test_group_reliability_is_the_spearman_brown_formula():
    _, rdms = people(5, 1.0)
    z = np.array([pairs_of(rdm.values) for rdm in rdms.values()])
    # Scaled alike, so that the effective number of subjects is their number.
    z = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True) + 5
    rdms = {name: RDM(matrix(pairs), LABELS, "IT", name) for name, pairs in zip(rdms, z, strict=True)}
    rho = pairs_of(np.corrcoef(z)).mean()
    ceiling = group_ceiling(rdms)
    assert ceiling.facts["between_subjects_r"] == pytest.approx(rho, abs=1e-12)
    assert ceiling.facts["n_effective_subjects"] == pytest.approx(5, abs=1e-12)
    assert ceiling.high == ceiling.low == pytest.approx(np.sqrt(5 * rho / (1 + 4 * rho)), abs=1e-12)


def test_spearman_brown_doubles_a_test_of_half_reliability_to_two_thirds():
    assert spearman_brown(0.5, 2) == pytest.approx(2 / 3)
    assert spearman_brown(0.4, 1) == pytest.approx(0.4)


def test_group_without_agreement_has_no_ceiling_and_says_why():
    seed = next(seed for seed in range(20) if not group_ceiling(people(3, 1.0, seed, signal=0)[1]).high > 0)
    ceiling = group_ceiling(people(3, 1.0, seed, signal=0)[1])
    assert np.isnan(ceiling.high)
    assert ceiling.facts["undefined"].startswith("subjects do not agree")
    assert np.isnan(share_of_ceiling(0.1, GROUP, ceiling)[1])


def test_score_against_the_mean_exceeds_single_subjects_ceilings_but_not_its_own():
    shared, rdms = people(12, 3.0)
    mean = np.mean([pairs_of(rdm.values) for rdm in rdms.values()], axis=0)
    r = np.corrcoef(shared, mean)[0, 1]
    assert r > summarise_ceilings(subject_ceilings(rdms))[SUBJECTS].high
    assert r < group_ceiling(rdms).high + 0.03


@pytest.mark.parametrize(("ours", "theirs"), [("pearson", "corr"), ("spearman", "spearman")])
def test_whole_rdms_have_the_ceilings_of_rsatoolbox(ours, theirs):
    # Theirs is the arithmetic mean over subjects, ours of Fisher z: compared subject by subject.
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs

    _, rdms = people(5, 1.0)
    lower, upper = boot_noise_ceiling(
        RDMs(np.array([pairs_of(rdm.values) for rdm in rdms.values()])), method=theirs
    )
    table = subject_ceilings(rdms, coefficient=ours)
    assert table["lower"].mean() == pytest.approx(lower, abs=1e-12)
    assert table["upper"].mean() == pytest.approx(upper, abs=1e-12)


def test_blocks_are_the_held_out_images():
    _, rdms = people(3, 1.0)
    table = subject_ceilings(rdms, FOLDS)
    fold = FOLDS[4]
    rows = [LABELS.index(label) for label in fold.test]
    block = {name: pairs_of(rdm.values[np.ix_(rows, rows)]) for name, rdm in rdms.items()}
    others = sum((block[name] - block[name].mean()) / block[name].std() for name in ("01", "02"))
    row = table[(table["repeat"] == fold.repeat) & (table["fold"] == fold.fold) & (table["subject"] == "00")]
    assert row["lower"].item() == pytest.approx(np.corrcoef(block["00"], others)[0, 1], abs=1e-12)
    assert row["n_test_images"].item() == 10


def test_plain_mean_is_of_dissimilarities_as_they_are():
    _, rdms = people(4, 1.0, scale=np.array([5.0, 1, 1, 1]))
    pairs = np.array([pairs_of(rdm.values) for rdm in rdms.values()])
    table = subject_ceilings(rdms, coefficient="spearman", pooling="plain")
    expected = [spearmanr(one, pairs.mean(axis=0)).statistic for one in pairs]
    np.testing.assert_allclose(table["upper"], expected, atol=1e-12)


def test_order_of_subjects_and_images_changes_no_bit():
    _, rdms = people(5, 1.0)
    order = np.random.default_rng(1).permutation(30)
    shuffled = {
        name: RDM(rdm.values[np.ix_(order, order)], tuple(LABELS[i] for i in order), "IT", name)
        for name, rdm in reversed(rdms.items())
    }
    assert subject_ceilings(shuffled, FOLDS).equals(subject_ceilings(rdms, FOLDS))
    assert group_ceiling(shuffled, FOLDS) == group_ceiling(rdms, FOLDS)


def test_block_that_is_constant_in_one_subject_has_a_ceiling_for_none():
    _, rdms = people(3, 1.0)
    rows = [LABELS.index(label) for label in FOLDS[0].test]
    values = rdms["01"].values.copy()
    values[np.ix_(rows, rows)] = 1 - np.eye(len(rows))
    table = subject_ceilings({**rdms, "01": RDM(values, LABELS, "IT", "01")}, FOLDS)
    first = table[(table["repeat"] == 1) & (table["fold"] == 1)]
    assert first[["lower", "upper"]].isna().all(axis=None)
    assert set(first["undefined"]) == {"block is constant in subject 01"}
    assert summarise_ceilings(table)["00"].facts == {"n_folds": 5, "n_undefined": 1}
    assert group_ceiling({**rdms, "01": RDM(values, LABELS, "IT", "01")}, FOLDS).facts["n_undefined"] == 1


def test_ceilings_are_of_the_blocks_that_were_scored():
    values = sparse_embedding(30, 60, 0)
    _, rdms = people(2, 1.0)
    target, settings = rdms["00"].values, {"procedure": procedure_named("pearson"), "n_random": 2}
    retained = score_folds(values, target, target, LABELS, FOLDS[:1], **settings)[0].retained
    values[LABELS.index(FOLDS[0].test[0]), retained] = 1.0
    scores = score_folds(values, target, target, LABELS, FOLDS[:2], **settings)
    assert [len(fold.test) for fold in fold_sets(scores, LABELS).scored_blocks()] == [
        s.n_test_images for s in scores
    ]
    assert FOLDS[0].test[0] not in fold_sets(scores, LABELS).scored_blocks()[0].test


def test_share_is_of_the_score_s_own_ceiling():
    assert share_of_ceiling(0.2, SUBJECTS, Ceiling(0.4, 0.5, SUBJECTS)) == pytest.approx((0.5, 0.4))


@pytest.mark.parametrize(
    ("scored", "of"), [(GROUP, SUBJECTS), (SUBJECTS, GROUP), ("01", GROUP), (GROUP, "01")]
)
def test_group_and_single_subjects_are_never_divided_by_each_other(scored, of):
    with pytest.raises(InferenceError, match=f"score of '{scored}' and the ceiling of '{of}'.*of the same"):
        share_of_ceiling(0.2, scored, Ceiling(0.4, 0.5, of))


def test_one_subject_has_no_ceiling():
    with pytest.raises(InferenceError, match=r"noise ceiling: 1 subject\(s\); expected at least 2"):
        subject_ceilings(people(1, 1.0)[1], FOLDS)


def test_mean_rdm_among_subjects_is_refused():
    rdms = people(2, 1.0)[1]
    with pytest.raises(LabelError, match=r"a mean RDM .* among the subjects"):
        group_ceiling({**rdms, "group": rdms["00"]})
