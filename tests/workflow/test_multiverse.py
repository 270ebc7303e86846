"""A study whose specifications are run, drawn and tested together."""

import json
import shutil

import pandas as pd
import pytest

from workflow_study import Study


@pytest.fixture(scope="module")
def varied(finished, tmp_path_factory):
    """The finished tiny study, after a run with a multiverse."""
    study = Study(shutil.copytree(finished.folder, tmp_path_factory.mktemp("multiverse") / "study"))
    study.settings(
        multiverse={
            "measure": ["cosine"],
            "n_rule": ["one-se"],
            "folds": ["stratified"],
            "column": "category",
            "n_permutations": 19,
        }
    )
    study.planned_before = study.planned()
    study.snakemake()
    return study


def test_one_job_a_network_and_target_and_what_shows_them(varied):
    assert varied.planned_before == [
        "Draw the specification curves",
        "Run all specifications of mine for EVC",
        "Run all specifications of mine for IT",
        "Test all specifications together",
        "Write the findings in words",
        "Write the methods text and the checklist for reporting",
    ]


def test_the_study_s_own_specification_has_the_score_and_p_of_the_summary(varied):
    table = pd.read_csv(varied.results / "multiverse.tsv", sep="\t")
    assert table.groupby("target").size().to_dict() == {"EVC": 8, "IT": 8}
    summary = pd.read_csv(varied.results / "summary.tsv", sep="\t")
    of_group = summary[(summary["subject"] == "group") & (summary["competitor"] == "pruned")]
    own = table[table["own"] == 1].set_index("target")
    for row in of_group.itertuples():
        found = own.loc[row.target]
        assert found["r"] == pytest.approx(row.r, abs=1e-12)
        assert (found["p"], found["n_retained"]) == (row.p, row.n_retained)


def test_joint_tests_stand_beside_the_table_and_in_the_findings(varied):
    joint = json.loads((varied.results / "multiverse.json").read_text())["joint"]
    assert set(joint) == {"EVC", "IT"} and all(0 < one["p_max"] <= 1 for one in joint.values())
    assert (varied.results / "figures" / "multiverse.svg").is_file()
    assert "Over 8 specifications, held-out r with IT" in (varied.results / "findings.html").read_text()


def test_a_column_that_is_not_there_is_refused_before_any_job(varied):
    varied.settings(multiverse={"folds": ["stratified"], "column": "kinds"})
    assert "no column 'kinds'" in varied.snakemake("--dry-run", check=False)
