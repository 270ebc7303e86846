"""What is computed again, and how far units are."""

import re

import pandas as pd

from isoprune.errors import RDMError
from isoprune.io.files import read_json
from isoprune.io.rdms import read_rdm, write_rdm
from isoprune.log import job_log

STATUS = ("--nolock", "--forcerun", "status", "--", "status")


def test_forced_rdm_of_one_subject_computes_that_subject_and_what_aggregates_it(study):
    planned = study.planned(
        "--forcerun", "results/tiny/rdms/sub-02_roi-IT_rdm.h5", "--", "results/tiny/summary.tsv"
    )
    pruned = [line for line in planned if line.startswith("Prune")]
    assert pruned == [
        f"Prune mine for IT of subject {who}"
        for who in ("01 (loso)", "02 (loso)", "02 (own)", "03 (loso)", "group (group)")
    ]
    assert [line for line in planned if line.startswith("Read")] == ["Read the RDM of IT in subject 02"]


def test_forced_rule_with_a_selection_computes_the_selected_units(study):
    chosen = 'select={"targets": ["IT"], "subjects": ["03"]}'
    planned = study.planned("--forcerun", "prune", "--config", chosen)
    assert [line for line in planned if line.startswith("Prune")] == [
        "Prune mine for IT of subject 03 (loso)",
        "Prune mine for IT of subject 03 (own)",
    ]


def test_changed_number_of_relabellings_of_the_group_computes_the_group(study):
    study.settings(inference={**study.read()["inference"], "n_permutations": 29})
    pruned = [line for line in study.planned() if line.startswith("Prune")]
    assert pruned == [f"Prune mine for {target} of subject group (group)" for target in ("EVC", "IT")]


def test_units_of_one_job_have_the_results_of_jobs_of_their_own(finished, fresh):
    fresh.settings(jobs={"prune": "subject", "specificity": "unit"})
    output = fresh.snakemake("--", "results/tiny/contrasts.tsv")
    # The group's units, and those of three subjects ranked by themselves and by the others; counted before the first.
    assert re.search(r"^prune +7$", output, re.M) and re.search(r"^specificity +14$", output, re.M)
    tables, expected = fresh.tables(), finished.tables()
    units = [name for name in expected if name.startswith(("pruning", "specificity", "null", "retained"))]
    assert len(units) == 14 * 9 and {name: tables[name] for name in units} == {
        name: expected[name] for name in units
    }
    one, other = (facts_of(study) for study in (fresh, finished))
    assert len(one) == 14 and one == other
    assert set(state_after(fresh.snakemake(*STATUS), fresh)["state"]) == {"done"}


def facts_of(study):
    paths = sorted((study.results / "pruning").glob("*_facts.json"))
    return [{**read_json(path), "provenance": None} for path in paths]


def test_a_unit_that_fails_among_others_is_named(study):
    study.settings(jobs={"prune": "subject"}, specificity={**study.read()["specificity"], "n_variance": 11})
    of_01, of_02 = (study.results / "rdms" / f"sub-{who}_roi-IT_rdm.h5" for who in ("01", "02"))
    write_rdm(of_02, read_rdm(of_01))
    unit = "results/tiny/pruning/net-mine_target-EVC_sub-02_sup-own_facts.json"
    output = study.snakemake("--forcerun", "prune", "--", unit, check=False)
    assert "target IT: unit of target 'IT', subject '02': RDMs of EVC of 02, IT of 01; expected" in output
    assert not list((study.results / "pruning").glob("*sub-02_sup-own_facts.json"))


def test_status_tells_of_every_unit_whether_it_is_done_and_why_it_is_not(study):
    table = state_after(study.snakemake(*STATUS), study)
    assert len(table) == 14 and set(table["state"]) == {"done"}
    unit = "net-mine_target-IT_sub-02_sup-own"
    (study.results / "pruning" / f"{unit}_facts.json").unlink()
    try:
        with job_log(study.results / "logs" / "prune" / f"{unit}.log", "a job"):
            raise RDMError("it.npz", "an entry is undefined", "numbers", "Look at it.")
    except SystemExit:
        pass
    output = study.snakemake(*STATUS)
    table = state_after(output, study)
    (failed,) = table[table["state"] != "done"].to_dict("records")
    assert (failed["target"], failed["subject"], failed["state"], failed["step"]) == (
        "IT",
        "02",
        "failed",
        "prune",
    )
    assert "13 done, 1 failed" in output and "an entry is undefined" in output and f"{unit}.log" in output


def state_after(output, study):
    assert "of 14 units" in output
    return pd.read_csv(study.results / "status.tsv", sep="\t", dtype=str)
