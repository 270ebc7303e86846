"""A study that chooses the best of several layers inside its training images."""

import numpy as np
import pandas as pd
import pytest

from examples import sparse_embedding
from workflow_study import LABELS, make_study


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A run of a study whose only target is made of every other feature of `deep`."""
    study = make_study(tmp_path_factory.mktemp("layers"))
    values = {"deep": sparse_embedding(15, 40, 1), "early": sparse_embedding(15, 30, 2)}
    for name, features in values.items():
        np.savez(study.folder / f"{name}.npz", X=features, labels=np.array(LABELS))
    planted = 1 - np.corrcoef(values["deep"][:, ::2])
    np.savez(study.folder / "IT.npz", rdm=planted)
    study.settings(
        networks=[
            *({"name": name, "file": f"{name}.npz", "key": "X"} for name in ("early", "deep")),
            {"name": "someBest", "best_of": ["early", "deep"]},
        ],
        targets=[{"name": "IT", "subjects": [], "rdms": {"file": "IT.npz", "labels": "order.txt"}}],
        supervision=["group"],
    )
    study.snakemake("--", "results/tiny/figures/layers.svg", "results/tiny/findings.html")
    return study


def test_the_layer_that_the_target_is_made_of_is_chosen_in_every_fold(swept):
    table = pd.read_csv(swept.results / "layers.tsv", sep="\t").query("competitor == 'pruned'")
    table = table.set_index("network")
    assert list(table.index) == ["early", "deep", "someBest"]
    assert list(table["n_chosen"]) == [0, 3, 3]
    assert table.loc["someBest", "r"] == table.loc["deep", "r"]
    assert (swept.results / "figures" / "layers.svg").stat().st_size > 1000


def test_the_best_has_rivals_tests_and_a_place_in_the_family(swept):
    summary = pd.read_csv(swept.results / "summary.tsv", sep="\t")
    best = summary[summary["network"] == "someBest"].set_index("competitor")
    assert {"full", "pruned", "random", "variance", "relabelled"} <= set(best.index)
    assert best.loc["full", "n_retained"] == 40 and (best["layer"] == "best").all()
    assert best.loc["pruned", "family"].endswith("targets × networks: 3")
    contrasts = pd.read_csv(swept.results / "contrasts.tsv", sep="\t").query("compared == 'networks'")
    assert {"early", "deep", "someBest"} == {*contrasts["a"], *contrasts["b"]}


def test_the_findings_say_what_was_chosen(swept):
    page = (swept.results / "findings.html").read_text()
    assert "The best of 2 layers, chosen by training images alone" in page
    assert "in 3 of 3 folds" in page
