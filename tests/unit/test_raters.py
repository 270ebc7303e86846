"""Counts of judgments, and the reliability of raters, against what is known about them."""

import numpy as np
import pytest

from isoprune.errors import UnknownNameError
from isoprune.judgments import PairJudgments, read_ratings, read_triplets
from isoprune.raters import JUDGMENT_COLUMNS, judgment_row, judgment_table, pair_table, split_reliability
from judged import IMAGES, known_space, rating_rows, triplet_rows, write_rows


def judged_by(answers, raters=None):
    """Judgments of every rater (rows) on every pair (columns)."""
    n_raters, n_pairs = answers.shape
    n_images = round((1 + np.sqrt(1 + 8 * n_pairs)) / 2)
    rater, pair = np.indices(answers.shape).reshape(2, -1)
    names = raters or tuple(f"r{i:02d}" for i in range(n_raters))
    labels = tuple(f"i{i}" for i in range(n_images))
    return PairJudgments(labels, pair, answers.ravel(), rater, tuple(names), "ratings", "a table")


def test_reliability_is_that_of_the_variances_it_was_made_of():
    # True scores of variance 1, noise of variance 4 in each of 16 raters: the mean has 1 / (1 + 4 / 16) = .8.
    rng = np.random.default_rng(0)
    answers = rng.normal(size=3003) + 2 * rng.normal(size=(16, 3003))
    numbers, reason = split_reliability(judged_by(answers))
    assert reason == "" and numbers["n_splits"] == 100 and numbers["n_pairs_halves"] == 3003
    assert numbers["reliability"] == pytest.approx(0.8, abs=0.02)
    assert numbers["ceiling"] == pytest.approx(np.sqrt(numbers["reliability"]))
    assert numbers["r_low"] < numbers["r_halves"] < numbers["r_high"]


def test_two_raters_have_the_reliability_of_their_correlation():
    answers = np.random.default_rng(1).uniform(size=(2, 45)) + np.linspace(0, 2, 45)
    r = np.corrcoef(answers)[0, 1]
    numbers, _ = split_reliability(judged_by(answers))
    np.testing.assert_allclose(
        [numbers["r_halves"], numbers["reliability"]], [r, 2 * r / (1 + r)], atol=1e-12
    )


def test_whole_raters_are_split():
    # Two raters who repeat themselves exactly and share nothing: by rows they would look reliable.
    answers = np.random.default_rng(2).uniform(size=(2, 300))
    judgments = judged_by(np.vstack([answers, answers]))
    by_person = PairJudgments(
        judgments.labels,
        judgments.pair,
        judgments.dissimilarity,
        judgments.rater % 2,
        ("a", "b"),
        "ratings",
        "",
    )
    assert abs(split_reliability(by_person)[0]["r_halves"]) < 0.15


def test_the_same_seed_gives_the_same_splits_whatever_the_order():
    judgments = judged_by(np.random.default_rng(3).uniform(size=(6, 28)))
    order = np.random.default_rng(4).permutation(len(judgments.pair))
    shuffled = PairJudgments(
        judgments.labels, *(getattr(judgments, name)[order] for name in ("pair", "dissimilarity", "rater")),
        judgments.raters, "ratings", "",
    )  # fmt: skip
    one, other, of_other_seed = (
        split_reliability(made, seed=seed)[0]["r_halves"]
        for made, seed in ((judgments, 5), (shuffled, 5), (judgments, 6))
    )
    assert one == other != of_other_seed


@pytest.mark.parametrize(("answers", "reason"), [
    (np.ones((1, 6)), "there is one rater only"),
    (np.ones((4, 6)) / 3, "two halves of the raters share fewer than 3 pairs, or find them all alike"),
    (np.array([[0.0, 0.5, 1], [1, 0.5, 0]]), "halves of the raters do not correlate above 0"),
], ids=["one", "alike", "opposed"])  # fmt: skip
def test_a_reliability_that_cannot_be_is_missing_with_its_reason(answers, reason):
    numbers, said = split_reliability(judged_by(answers))
    assert said == reason and np.isnan(numbers["reliability"]) and np.isnan(numbers["ceiling"])


def test_counts_of_incomplete_ratings(tmp_path):
    rows = [
        *rating_rows(IMAGES, known_space(), ["A"]),
        *rating_rows(IMAGES, known_space(), ["B", "C"], share=0.5),
    ]
    table = write_rows(tmp_path / "r.tsv", "rater stimulus_1 stimulus_2 rating", rows)
    judgments = read_ratings(table, IMAGES, scale=(1, 7), similarity=True)
    row = judgment_row(judgments, "t")
    assert list(row) == list(JUDGMENT_COLUMNS)
    assert (row["n_raters"], row["complete"], row["n_complete"], row["n_left_out"]) == (3, "A", 1, 0)
    assert (row["n_judgments"], row["n_pairs"], row["n_pairs_judged"]) == (len(rows), 66, 66)
    assert row["least"] == 1 and row["most"] == 3 and row["n_pairs_halves"] < 66
    of_one = judgment_row(judgments, "t", ("A",))
    assert (of_one["n_raters"], of_one["n_left_out"], of_one["most"]) == (1, 2, 1)
    with pytest.raises(UnknownNameError, match="no rater 'D'"):
        judgment_row(judgments, "t", ("D",))


def test_triplets_without_raters_are_counted_and_have_no_reliability(tmp_path):
    rows = [row[1:] for row in triplet_rows(IMAGES, known_space(), ["x"])]
    table = write_rows(tmp_path / "t.tsv", "stimulus_1 stimulus_2 stimulus_3 odd", rows)
    row = judgment_row(read_triplets(table, IMAGES), "t")
    assert (row["least"], row["most"], row["n_judgments"]) == (10, 10, 3 * 220)
    assert row["n_raters"] is None and row["reason"] == "the table does not say who answered"
    assert judgment_table([row])["n_raters"].isna().all()


def test_every_pair_is_listed_with_its_mean_and_spread():
    answers = np.array([[0.1, 0.2, 0.9], [0.3, 0.2, 0.5]])
    table = pair_table(judged_by(answers))
    assert list(zip(table["stimulus_1"], table["stimulus_2"], strict=True)) == [
        ("i0", "i1"),
        ("i0", "i2"),
        ("i1", "i2"),
    ]
    np.testing.assert_allclose(table["dissimilarity"], answers.mean(axis=0))
    np.testing.assert_allclose(table["sd"], answers.std(axis=0, ddof=1), atol=1e-15)
    assert pair_table(judged_by(answers[:1]))["sd"].isna().all()
