"""Accuracy that is left as part of a study, from labelled images to figure, on an untrained network."""

import json

import pandas as pd
import pytest
import yaml

from labelled_pictures import make_classified_study
from workflow_study import Study

WANTED = ("accuracy.tsv", "figures/accuracy.svg", "findings.html")


@pytest.fixture(scope="module")
def classified(tmp_path_factory) -> Study:
    study = make_classified_study(tmp_path_factory.mktemp("classified"))
    study.snakemake("--", *(f"results/tiny/{file}" for file in WANTED))
    return study


def test_a_study_ends_with_the_accuracy_of_every_competitor(classified):
    table = pd.read_csv(classified.results / "accuracy.tsv", sep="\t")
    own = table[table["b"].isna()]
    assert set(own["a"]) == {"full", "pruned", "random", "variance"} and set(own["target"]) == {"IT"}
    assert set(own.loc[own["images"] == "domain", "n_images"]) == {4}
    (retained,) = (classified.results / "retained").glob("*_retained.tsv")
    final = own[(own["a"] == "pruned") & own["final"]]
    assert set(final["number"]) == {pd.read_csv(retained, sep="\t")["in_final"].sum()}
    # All features are the intact network, rescaled or not.
    of_all = own[(own["number"] == 512) & (own["images"] == "all classes")]
    assert of_all["top5"].nunique() == 1 and set(of_all["a"]) >= {"full", "pruned", "random"}
    described = json.loads((classified.results / "accuracy.json").read_text())
    assert described["accuracy"]["squeezenet"]["activations"]["n_images"] == 8
    assert (classified.results / "figures/accuracy.svg").stat().st_size > 10_000
    assert "Classification accuracy that is left" in (classified.results / "findings.html").read_text()


def test_images_pass_through_the_network_once(classified):
    wanted = [f"results/tiny/{file}" for file in WANTED]
    assert classified.planned("--", *wanted) == []
    accuracy = yaml.safe_load((classified.folder / "study.yaml").read_text())["accuracy"]
    changed = json.dumps({**accuracy, "numbers": [8]})
    assert classified.planned("--config", f"accuracy={changed}", "--", *wanted) == [
        "Classify images with some of the features of squeezenet",
        "Draw the accuracy that is left",
        "Join the accuracies of all networks",
        "Write the findings in words",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n01440765_a.png", "no class of ImageNet 'n01440765'"),
        ("tench.png", r"no class in the name of 1 of 9 image(s): tench.png"),
    ],
)
def test_images_without_a_class_stop_the_run_before_any_job(tmp_path, name, message):
    study = make_classified_study(tmp_path)
    (study.folder / "labelled" / name).touch()
    assert message in study.snakemake("--dry-run", check=False)
