"""Ratings of pairs and odd-one-out choices become the right dissimilarities, or an error that names the row."""

import random

import numpy as np
import pytest
from scipy.stats import spearmanr

from isoprune.errors import JudgmentError, LabelError, UnknownNameError, UnreadableFileError
from isoprune.io.judgments import hash_of_rater
from isoprune.judgments import judged_rdm, read_ratings, read_triplets
from isoprune.judgments.pairs import images_of_pairs, pairs_of_images
from judged import IMAGES, known_space, rating_rows, triplet_rows, write_rows

RATINGS, TRIPLETS = "rater stimulus_1 stimulus_2 rating", "rater stimulus_1 stimulus_2 stimulus_3 odd"
FRUIT = ("apple", "pear", "plum")
ONCE = {"columns": {"first": "stimulus_1", "second": "stimulus_2", "rating": "rating", "rater": None}}
GOOD = [("A", "apple", "pear", 6), ("A", "apple", "plum", 3), ("A", "plum", "pear", 2)]


@pytest.fixture
def rated(tmp_path):
    """Reads ratings of the fruit from rows."""

    def read(rows, header=RATINGS, **settings):
        table = write_rows(tmp_path / "ratings.tsv", header, rows)
        return read_ratings(table, FRUIT, **{"scale": (1, 7), "similarity": True, **settings})

    return read


@pytest.fixture
def chosen(tmp_path):
    """Reads odd-one-out choices from rows."""

    def read(rows, labels=FRUIT, header=TRIPLETS, **settings):
        return read_triplets(write_rows(tmp_path / "triplets.tsv", header, rows), labels, **settings)

    return read


def upper(rdm):
    return rdm.values[np.triu_indices(len(rdm.labels), 1)]


def test_pairs_are_numbered_as_the_upper_triangle():
    i, j = np.triu_indices(7, 1)
    np.testing.assert_array_equal(pairs_of_images(7, j, i), np.arange(21))
    np.testing.assert_array_equal(images_of_pairs(7, np.arange(21)), (i, j))


def test_ratings_are_places_on_their_scale(rated):
    np.testing.assert_allclose(upper(rated(GOOD).rdm()), [1 / 6, 4 / 6, 5 / 6])
    np.testing.assert_allclose(upper(rated(GOOD, similarity=False).rdm()), [5 / 6, 2 / 6, 1 / 6])


def test_the_pool_is_the_mean_over_raters_and_not_over_rows(rated):
    twice = [*GOOD, ("A", "pear", "apple", 4), ("B", "apple", "pear", 1)]
    judgments = rated(twice, repeats="average")
    # A's ratings 6 and 4 are one judgment, 5; with B's 1 the mean is 3.
    assert upper(judgments.rdm())[0] == pytest.approx((7 - 3) / 6)
    np.testing.assert_array_equal(judgments.counts(), [2, 1, 1])
    assert upper(judgments.of_raters(["A"]).rdm())[0] == pytest.approx((7 - 5) / 6)


def test_means_equal_a_plain_loop(tmp_path):
    rows = rating_rows(IMAGES, known_space(), ["A", "B", "C", "D"], share=0.7)
    judgments = read_ratings(
        write_rows(tmp_path / "r.tsv", RATINGS, rows), IMAGES, scale=(1, 7), similarity=True
    )
    said = {}
    for _, one, other, rating in rows:
        said.setdefault(frozenset((one, other)), []).append((7 - rating) / 6)
    i, j = np.triu_indices(len(IMAGES), 1)
    expected = [said.get(frozenset((IMAGES[a], IMAGES[b])), []) for a, b in zip(i, j, strict=True)]
    np.testing.assert_array_equal(judgments.counts(), [len(one) for one in expected])
    means = [np.mean(one) if one else np.nan for one in expected]
    np.testing.assert_allclose(judgments.means(), means, rtol=0, atol=1e-15)


def test_similarity_is_the_share_of_triplets_in_which_the_third_was_odd(tmp_path):
    rows = triplet_rows(IMAGES, known_space(), ["A", "B"])
    judgments = read_triplets(write_rows(tmp_path / "t.tsv", TRIPLETS, rows), IMAGES)
    values = judgments.rdm().values
    for a, one in enumerate(IMAGES):
        for b, other in enumerate(IMAGES[:a]):
            together = [row for row in rows if {one, other} <= set(row[1:4])]
            assert len(together) == 2 * 10
            share = np.mean([row[4] not in (one, other) for row in together])
            assert values[a, b] == pytest.approx(1 - share, abs=1e-15)


@pytest.mark.parametrize(("read", "rows", "header"), [
    (lambda path: read_ratings(path, IMAGES, scale=(1, 7), similarity=True), rating_rows, RATINGS),
    (lambda path: read_triplets(path, IMAGES), triplet_rows, TRIPLETS),
], ids=["ratings", "triplets"])  # fmt: skip
def test_a_planted_space_is_recovered_whatever_the_order_of_rows(tmp_path, read, rows, header):
    space = known_space()
    table = rows(IMAGES, space, [f"r{i}" for i in range(8)])
    rdm = read(write_rows(tmp_path / "a.tsv", header, table)).rdm()
    # In order: the share of triplets is a function of distance, but no line.
    assert spearmanr(upper(rdm), space[np.triu_indices(len(space), 1)]).statistic > 0.9
    random.Random(1).shuffle(table)
    np.testing.assert_array_equal(
        read(write_rows(tmp_path / "b.tsv", header, table)).rdm().values, rdm.values
    )


def test_a_rater_who_judged_every_pair_has_an_rdm_and_another_has_none(rated):
    judgments = rated([*GOOD, ("B", "apple", "pear", 7)])
    assert judgments.complete_raters() == ["A"]
    np.testing.assert_array_equal(upper(judgments.rdm(subject="A")), upper(rated(GOOD).rdm()))
    with pytest.raises(JudgmentError) as problem:
        judgments.rdm(target="fruit", subject="B")
    assert "target 'fruit' of subject 'B'" in str(problem.value)
    assert "2 of 3 pairs of images have fewer than 1 judgment(s): (apple, plum), (pear, plum)" in str(
        problem.value
    )
    assert "images with most of them: plum (2), apple (1), pear (1)" in str(problem.value)
    assert "`subjects: []`" in problem.value.remedy
    with pytest.raises(UnknownNameError, match=r"no rater 'BB'.*Did you mean 'B'"):
        judgments.rdm(subject="BB")


def test_pairs_with_too_few_judgments_are_refused_and_named(rated, tmp_path):
    rows = [*GOOD, ("B", "apple", "pear", 7)]
    with pytest.raises(
        JudgmentError, match=r"2 of 3 pairs of images have fewer than 2 .*Or lower `min_judgments`"
    ):
        rated(rows).rdm(least=2)
    settings = {
        "ratings": {"scale": (1, 7), "similarity": True, "repeats": "refuse", "min_judgments": 2, **ONCE}
    }
    path = write_rows(tmp_path / "all.tsv", RATINGS, rows)
    assert judged_rdm(path, FRUIT, settings, target="fruit", subject="A").subject == "A"
    with pytest.raises(JudgmentError, match="fewer than 2"):
        judged_rdm(path, FRUIT, settings, target="fruit")


@pytest.mark.parametrize(("row", "message"), [
    (("A", "pear", "apple", 5), "row 4: rater 'A' rated (pear, apple) 5, but row 1 says otherwise: "
     "rater 'A' rated (apple, pear) 6"),
    (("B", "apple", "pear", 8), "row 4: rating 8 in column 'rating'; expected 1 to 7, as `scale` says"),
    (("B", "apple", "pear", 0.5), "row 4: rating 0.5"),
    (("B", "apple", "pear", ""), "row 4: '' in column 'rating' is no rating; expected a number from 1 to 7"),
    (("B", "apple", "pear", "nan"), "row 4: 'nan' in column 'rating' is no rating"),
    (("B", "apple", "pear", "3,5"), "row 4: '3,5' in column 'rating' is no rating"),
    (("B", "pear", "pear", 7), "row 4: 'pear' is rated with itself"),
    (("", "apple", "pear", 7), "row 4: no rater in column 'rater'"),
])  # fmt: skip
def test_a_rating_that_cannot_be_is_refused_with_its_row(rated, row, message):
    with pytest.raises(JudgmentError) as problem:
        rated([*GOOD, row])
    assert message in str(problem.value)


def test_an_unknown_image_is_refused_with_the_nearest(rated, chosen):
    rows = [*GOOD, ("A", "aple", "pear", 6), ("A", "plum", "xyz", 6), ("A", "", "pear", 6)]
    with pytest.raises(LabelError) as problem:
        rated(rows)
    assert "row 4: column 'stimulus_1' has 'aple', which is no image of the target" in str(problem.value)
    assert "as 1 more row(s): 6" in str(problem.value) and "Did you mean 'apple'?" in str(problem.value)
    with pytest.raises(LabelError, match="row 1: column 'stimulus_3' has 'plums'"):
        chosen([("A", "apple", "pear", "plums", "apple")])


@pytest.mark.parametrize(("row", "message"), [
    (("A", "apple", "pear", "plum", "cherry"), "row 2: the odd one 'cherry' (column 'odd') is not in the triplet "
     "(apple, pear, plum)"),
    (("A", "apple", "pear", "plum", ""), "row 2: the odd one ''"),
    (("A", "apple", "pear", "apple", "pear"), "row 2: an image occurs twice in the triplet (apple, pear, apple)"),
    (("A", "plum", "pear", "apple", "pear"), "row 2: rater 'A' chose pear among (plum, pear, apple), but row 1 says "
     "otherwise: rater 'A' chose plum among (apple, pear, plum)"),
])  # fmt: skip
def test_a_choice_that_cannot_be_is_refused_with_its_row(chosen, row, message):
    with pytest.raises(JudgmentError) as problem:
        chosen([("A", "apple", "pear", "plum", "plum"), row])
    assert message in str(problem.value)


def test_repeated_choices_count_as_often_as_they_were_made(chosen):
    again = [("A", "apple", "pear", "plum", odd) for odd in ("plum", "plum", "pear", "plum")]
    np.testing.assert_allclose(upper(chosen(again, repeats="average").rdm()), [0.25, 0.75, 1])
    np.testing.assert_allclose(upper(chosen(again[:2]).rdm()), [0, 1, 1])


def test_images_that_were_never_seen_together_are_refused(chosen):
    labels = [*FRUIT, "fig"]
    rows = [("A", "apple", "pear", "plum", "plum"), ("A", "apple", "pear", "fig", "fig")]
    with pytest.raises(JudgmentError, match=r"1 of 6 pairs .*\(plum, fig\)"):
        chosen(rows, labels).rdm()


def test_rows_without_raters_are_people_of_their_own(rated):
    rows = [row[1:] for row in [*GOOD, ("", "pear", "apple", 2)]]
    judgments = rated(rows, "stimulus_1 stimulus_2 rating")
    assert judgments.raters == () and judgments.complete_raters() == []
    assert upper(judgments.rdm())[0] == pytest.approx((7 - 4) / 6)
    with pytest.raises(UnknownNameError, match="no rater 'A'"):
        judgments.rdm(subject="A")


def test_columns_may_have_other_names_and_have_to_be_there(rated):
    columns = {"first": "a", "second": "b", "rating": "how", "rater": "who"}
    np.testing.assert_array_equal(rated(GOOD, "who a b how", columns=columns).means(), rated(GOOD).means())
    with pytest.raises(UnknownNameError, match=r"no column 'ratings'.*Did you mean 'rating'"):
        rated(GOOD, columns={**ONCE["columns"], "rating": "ratings"})
    with pytest.raises(UnknownNameError, match="no column 'who'"):
        rated(GOOD, columns={**ONCE["columns"], "rater": "who"})
    with pytest.raises(UnreadableFileError, match="row 4: 2 cell"):
        rated([*GOOD, ("A", "apple")])


def test_only_what_a_rater_said_changes_the_hash_of_that_rater(tmp_path):
    path = tmp_path / "r.tsv"
    rows = [*GOOD, ("B", "apple", "pear", 7)]
    columns = ONCE["columns"]
    hashes = [
        (hash_of_rater(write_rows(path, RATINGS, made), columns, "A"), hash_of_rater(path, columns, "B"))
        for made in (rows, rows[::-1], [*rows, ("B", "apple", "plum", 7)])
    ]
    assert hashes[0] == hashes[1] and hashes[0][0] == hashes[2][0] and hashes[0][1] != hashes[2][1]
