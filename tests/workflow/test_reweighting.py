"""Reweighting as a stage of a study."""

import shutil

import pandas as pd
import pytest

from isoprune.errors import MissingFileError
from isoprune.io.wordnet import load_wordnet
from isoprune.reweighting import KINDS, load_weights
from workflow_study import SUBJECTS, Study

SUMMARY = ("--", "results/tiny/summary.tsv")


@pytest.fixture(scope="module")
def reweighted(finished, tmp_path_factory) -> Study:
    study = Study(tmp_path_factory.mktemp("reweighted") / "study")
    shutil.copytree(finished.folder, study.folder)
    study.settings(reweighting={"kinds_subjects": ["ridge"], "penalties": [10, 1], "n_inner": 3})
    study.plan = study.planned(*SUMMARY)
    study.snakemake(*SUMMARY)
    return study


def test_asking_for_weights_reruns_nothing_but_what_joins_the_results(reweighted):
    assert reweighted.plan == ["Reweight mine for EVC", "Reweight mine for IT", "Summarise the study"]
    assert reweighted.planned(*SUMMARY) == []


def test_weights_compete_in_the_tables_of_everybody_they_were_fitted_to(reweighted):
    summary = pd.read_csv(reweighted.results / "summary.tsv", sep="\t")
    contrasts = pd.read_csv(reweighted.results / "contrasts.tsv", sep="\t")
    for supervision in ("own", "group", "loso"):
        expected = list(KINDS) if supervision == "group" else ["ridge"]
        who = {"group"} if supervision == "group" else {*SUBJECTS, "subjects"}
        rows = summary[(summary["supervision"] == supervision) & summary["competitor"].isin(KINDS)]
        assert set(rows["competitor"]) == set(expected) and set(rows["subject"]) == who
        assert rows["r"].notna().all() and rows["ci_low"].notna().all()
        tested = contrasts[(contrasts["supervision"] == supervision) & contrasts["b"].isin(KINDS)]
        assert tested["b"].tolist() == 2 * expected and set(tested["a"]) == {"pruned"}


def test_final_weights_of_every_unit_lie_beside_its_scores(reweighted):
    for target in ("EVC", "IT"):
        unit = f"net-mine_target-{target}_sub-group_sup-group"
        for kind in KINDS:
            weights = load_weights(reweighted.results / f"reweighting/{unit}_desc-{kind}_weights.tsv")
            assert (weights.kind, weights.network, weights.target) == (kind, "mine", target)
            assert len(weights.weights) == 30 and len(weights.images) == 15
        lists = sorted(path.name for path in (reweighted.results / "reweighting").glob(f"*{target}*loso*tsv"))
        assert lists == [
            f"net-mine_target-{target}_sub-{subject}_sup-loso_{ending}.tsv"
            for subject in SUBJECTS
            for ending in ("desc-ridge_weights", "folds")
        ]


def test_weighed_spaces_are_compared_with_wordnet_too_but_the_best_of_several_has_none(reweighted):
    try:
        load_wordnet()
    except MissingFileError as problem:
        pytest.skip(str(problem))
    networks = reweighted.read()["networks"]
    networks = [{"name": "best", "best_of": ["mine", "same"]}, *networks, {**networks[0], "name": "same"}]
    reweighted.settings(wordnet={"measures": ["path"]}, networks=networks)
    reweighted.snakemake("--", "results/tiny/wordnet.tsv")
    table = pd.read_csv(reweighted.results / "wordnet.tsv", sep="\t")
    of_all = table[(table["scope"] == "all images") & (table["coefficient"] == "spearman")]
    for (network, _), here in of_all.groupby(["network", "target"]):
        weighed = set() if network == "best" else set(KINDS)
        assert {"human", "full", "pruned", "random", *weighed} == set(here["a"])
        assert weighed <= set(here["b"].dropna())
    assert set(of_all["network"]) == {"best", "mine", "same"}
