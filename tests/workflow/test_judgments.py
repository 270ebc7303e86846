"""A study of single judgments: ratings of people who are its subjects, and choices of people who are pooled."""

import numpy as np
import pandas as pd
import pytest
import yaml

from isoprune.io.rdms import read_rdm
from isoprune.judgments import read_ratings, read_triplets
from judged import rating_rows, triplet_rows, write_rows
from workflow_study import Study

RATERS = ["A", "B", "C"]
IMAGES = [f"img_{i}" for i in range(24)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("judgments")
    # A fifth of the features carry the space that people judge, the others do not.
    features = np.random.default_rng(1).normal(size=(len(IMAGES), 100))
    space = 1 - np.corrcoef(features[:, :20])
    space /= space.max()
    np.savez(folder / "features.npz", X=features, labels=np.array(IMAGES))
    write_rows(folder / "stimuli.tsv", "stimulus", [[label] for label in IMAGES])
    rated = rating_rows(IMAGES, space, RATERS)
    write_rows(folder / "ratings.tsv", "rater stimulus_1 stimulus_2 rating", rated)
    triplets = triplet_rows(IMAGES, space, [f"worker {i}" for i in range(4)])
    write_rows(folder / "triplets.tsv", "who stimulus_1 stimulus_2 stimulus_3 choice", triplets)
    judgment = {"kind": "judgment"}
    settings = {
        "study": "judged",
        "stimuli": {"table": "stimuli.tsv"},
        "subjects": RATERS,
        "networks": [{"name": "mine", "file": "features.npz", "key": "X"}],
        "targets": [
            {"name": "rated", **judgment, "ratings": {"file": "ratings.tsv", "scale": [1, 7], "similarity": True}},
            {
                "name": "odd", **judgment, "subjects": [],
                "triplets": {"file": "triplets.tsv", "columns": {"rater": "who", "odd": "choice"}},
            },
        ],
        "supervision": ["group"],
        "crossvalidation": {"n_splits": 3, "n_repeats": 1, "n_random": 50},
        "inference": {"n_permutations": 19, "n_bootstrap": 200, "n_bootstrap_images": 100},
        "specificity": {"n_relabelled": 1, "n_variance": 10},
    }  # fmt: skip
    (folder / "study.yaml").write_text(yaml.safe_dump(settings))
    study = Study(folder, "judged")
    made = ("summary.tsv", "qc/judgments.tsv", "figures/reliability.svg")
    study.snakemake("--", *(f"results/judged/{name}" for name in made))
    return study


def read(finished, name):
    return pd.read_csv(finished.results / name, sep="\t")


def test_raters_who_are_subjects_have_rdms_and_the_group_is_their_mean(finished):
    judgments = read_ratings(finished.folder / "ratings.tsv", IMAGES, scale=(1, 7), similarity=True)
    rdms = [read_rdm(finished.results / f"rdms/sub-{one}_judgment-rated_rdm.h5") for one in RATERS]
    for rdm, rater in zip(rdms, RATERS, strict=True):
        np.testing.assert_array_equal(rdm.values, judgments.rdm(subject=rater).values)
    group = read_rdm(finished.results / "rdms/sub-group_judgment-rated_rdm.h5")
    np.testing.assert_allclose(group.values, judgments.rdm().values, atol=1e-15)


def test_raters_who_are_no_subjects_are_pooled(finished):
    columns = dict(zip(("first", "second", "third"), (f"stimulus_{i}" for i in (1, 2, 3)), strict=True))
    table = finished.folder / "triplets.tsv"
    judgments = read_triplets(table, IMAGES, columns={**columns, "odd": "choice", "rater": "who"})
    group = read_rdm(finished.results / "rdms/sub-group_judgment-odd_rdm.h5")
    np.testing.assert_array_equal(group.values, judgments.rdm().values)
    assert not list(finished.results.glob("rdms/sub-A_judgment-odd_rdm.h5"))


def test_pruning_finds_the_space_that_was_judged(finished):
    summary = read(finished, "summary.tsv").set_index(["target", "competitor"])["r"]
    for target in ("rated", "odd"):
        assert summary[target, "pruned"] > summary[target, "full"] + 0.1


def test_quality_tells_counts_and_reliability(finished):
    table = read(finished, "qc/judgments.tsv").set_index("target")
    assert table["kind"].to_dict() == {"rated": "ratings", "odd": "triplets"}
    assert table["least"].to_dict() == {"rated": 3, "odd": 4 * 22}
    assert table["complete"]["rated"] == "A, B, C" and table["n_complete"]["odd"] == 4
    assert (table["reliability"].between(0.8, 1)).all() and (table["ceiling"] > table["reliability"]).all()
    pairs = read(finished, "qc/target-odd_pairs.tsv")
    group = read_rdm(finished.results / "rdms/sub-group_judgment-odd_rdm.h5")
    np.testing.assert_allclose(pairs["dissimilarity"], group.values[np.triu_indices(len(IMAGES), 1)])
    drawn = (finished.results / "figures/reliability.svg").read_text()
    assert "RDM, halves of raters" in drawn and "4 raters" in drawn


def test_another_answer_of_one_rater_computes_that_rater_again(finished):
    table = finished.folder / "ratings.tsv"
    before = table.read_text()
    row = next(line for line in before.splitlines() if line.startswith("B"))
    changed = row[:-1] + ("2" if row[-1] != "2" else "3")
    try:
        table.write_text(before.replace(row, changed))
        planned = [
            line for line in finished.planned("--", "results/judged/summary.tsv") if "judgments of" in line
        ]
    finally:
        table.write_text(before)
    assert planned == ["Make the RDM of rated from the judgments of B"]


def test_an_answer_that_cannot_be_stops_the_run_with_its_row(finished):
    table = finished.folder / "ratings.tsv"
    before = table.read_text()
    try:
        table.write_text(before + "C\timg_1\timg_2\t9\n")
        said = finished.snakemake("--", "results/judged/summary.tsv", check=False)
    finally:
        table.write_text(before)
    last = len(before.splitlines())  # the header is no row
    assert f"row {last}: rating 9 in column 'rating'; expected 1 to 7" in said
