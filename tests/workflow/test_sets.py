"""Two targets of different images in one study, each one RDM of nobody in particular."""

import numpy as np
import pandas as pd
import pytest
import yaml

import isoprune
from examples import random_target, sparse_embedding
from workflow_study import Study

ANIMALS, FRUITS = ([f"{name}{i}" for i in range(12)] for name in ("animal", "fruit"))
FEATURES = sparse_embedding(24, 20, 3)


def write_table(path, labels, similarities):
    rows = [[label, *map(repr, map(float, row))] for label, row in zip(labels, similarities, strict=True)]
    path.write_text("\n".join("\t".join(row) for row in [["stimulus", *labels], *rows]) + "\n")


def similarities(seed):
    values = 1 - random_target(12, seed)
    np.fill_diagonal(values, 1)
    return values


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("sets")
    labels = [label for pair in zip(ANIMALS, FRUITS, strict=True) for label in pair]
    rows = [f"{label}\t{label.rstrip('0123456789')}s" for label in labels]
    (folder / "stimuli.tsv").write_text("\n".join(["stimulus\tset", *rows]) + "\n")
    np.savez(folder / "features.npz", X=FEATURES, labels=np.array([*ANIMALS, *FRUITS]))
    for seed, (name, own) in enumerate((("animals", ANIMALS), ("fruits", FRUITS))):
        write_table(folder / f"{name}.tsv", own, similarities(seed))
    settings = {
        "study": "judged",
        "stimuli": {"table": "stimuli.tsv"},
        "networks": [{"name": "mine", "file": "features.npz", "key": "X"}],
        "targets": [
            {
                "name": name,
                "kind": "judgment",
                "set": name,
                "rdms": {"file": f"{name}.tsv", "similarity": True},
            }
            for name in ("animals", "fruits")
        ],
        "supervision": ["group"],
        "crossvalidation": {"n_splits": 3, "n_repeats": 2, "n_random": 50},
        "inference": {
            "n_permutations": 19,
            "n_permutations_subjects": 9,
            "n_bootstrap": 200,
            "n_bootstrap_images": 100,
        },
        "specificity": {"n_relabelled": 1, "n_variance": 10},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(settings))
    study = Study(folder, "judged")
    made = ("summary.tsv", "overlap.tsv", "findings.html", "figures/rdms.svg")
    study.snakemake("--", *(f"results/judged/{name}" for name in made))
    return study


def read(finished, name):
    return pd.read_csv(finished.results / name, sep="\t")


def test_each_target_is_scored_as_in_a_study_of_its_own_images(finished):
    folds = read(finished, "folds.tsv")
    for seed, (name, own, features) in enumerate(
        (("animals", ANIMALS, FEATURES[:12]), ("fruits", FRUITS, FEATURES[12:]))
    ):
        alone = isoprune.cross_validate(
            isoprune.Embedding(features, tuple(own)),
            isoprune.RDM(1 - similarities(seed), tuple(own)),
            n_splits=3,
            n_repeats=2,
            n_random=50,
            threads=1,
        )
        ours = folds[(folds["target"] == name) & folds["competitor"].isin(["full", "pruned", "random"])]
        np.testing.assert_allclose(ours["r"], alone["r"], rtol=0, atol=1e-12)
        np.testing.assert_array_equal(ours["n_retained"], alone["n_retained"])


def test_no_rival_is_ranked_on_other_images_and_nothing_is_said_about_people(finished):
    summary = read(finished, "summary.tsv")
    assert set(summary["competitor"]) == {
        *("full", "pruned", "random", "variance", "relabelled"),
        *("components", "variable", "active"),
    }
    assert set(summary["subject"]) == {"group"} and (summary["n_images"] == 12).all()
    assert summary[["ceiling_low", "ceiling_high"]].isna().all(axis=None)
    assert summary.loc[summary["competitor"] == "pruned", "p"].notna().all()
    assert set(read(finished, "contrasts.tsv")["unit"]) == {"folds"}
    findings = (finished.results / "findings.html").read_text()
    assert "one RDM cannot tell noise from what is shared" in findings and "the mean RDM of" not in findings


def test_retained_sets_of_different_images_are_compared_over_features(finished):
    (overlap,) = read(finished, "overlap.tsv").to_dict(orient="records")
    assert {overlap["a"], overlap["b"]} == {"animals", "fruits"}
    assert (0 < overlap["p"] <= 1 and overlap["n_null"] == 9 * 9) or overlap["n_null"] == 9


def test_a_run_has_no_page_about_subjects(finished):
    planned = finished.planned()
    assert {"Draw the group's RDMs as maps", "Draw the held-out isomorphism"} <= set(planned)
    assert not [line for line in planned if "subject" in line or "reliabilities" in line]
