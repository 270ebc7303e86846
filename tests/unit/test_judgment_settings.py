"""Settings of ratings and triplets: what is taken, and what is refused in which words."""

import pytest

from isoprune.config import load
from isoprune.errors import ConfigError

RATED = {"file": "ratings.tsv", "scale": [1, 7], "similarity": True}


def study(**target):
    return load(
        {
            "study": "judged",
            "stimuli": {"table": "stimuli.tsv"},
            "subjects": ["A", "B"],
            "targets": [{"name": "animals", "kind": "judgment", **target}],
        }
    )


def refused(**target):
    with pytest.raises(ConfigError) as problem:
        study(**target)
    return str(problem.value)


def test_settings_of_ratings_are_those_of_the_library():
    target = study(ratings={**RATED, "columns": {"rater": "who"}}).target("animals")
    assert target.judgments == {
        "ratings": {
            "scale": [1.0, 7.0],
            "similarity": True,
            "columns": {"first": "stimulus_1", "second": "stimulus_2", "rating": "rating", "rater": "who"},
            "repeats": "refuse",
            "min_judgments": 1,
        }
    }
    assert target.judgment_file == "ratings.tsv" and target.region is None


def test_triplets_need_a_file_only():
    target = study(triplets={"file": "triplets.csv"}, subjects=[]).target("animals")
    assert list(target.judgments) == ["triplets"] and target.judgment_file == "triplets.csv"


@pytest.mark.parametrize(("target", "words"), [
    ({"ratings": {**RATED, "scale": [7, 1]}}, "'targets[animals].ratings.scale': [7, 1]; expected two numbers, the "
     "lower one first"),
    ({"ratings": {"file": "r.tsv", "scale": [1, 7]}}, "'targets[animals].ratings.similarity': it is missing"),
    ({"ratings": {**RATED, "min_judgments": 0}}, "1 or more"),
    ({"ratings": {**RATED, "repeats": "mean"}}, "'refuse', 'average'"),
    ({"ratings": {**RATED, "columns": {"rating": "a", "rater": "a"}}}, "the column 'a' is named twice"),
    ({"ratings": {**RATED, "column": {}}}, "did you mean 'targets[animals].ratings.columns'"),
    ({"ratings": RATED, "kind": "roi"}, "people's judgments are called a brain area; expected kind: judgment"),
    ({"ratings": RATED, "triplets": {"file": "t.tsv"}}, "both 'ratings' and 'triplets' are given"),
])  # fmt: skip
def test_settings_that_cannot_be_meant_are_refused(target, words):
    assert words in refused(**target)
