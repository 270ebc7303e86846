"""The workflow as users meet it: whole runs of a tiny study."""

import json
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from isoprune.drivers import TABLES
from workflow_study import LABELS, ROOT, SUBJECTS, write_rdms

UNITS = [
    f"net-mine_target-{target}_sub-{subject}_sup-{supervision}"
    for target in ("EVC", "IT")
    for supervision, people in (("own", SUBJECTS), ("group", ["group"]), ("loso", SUBJECTS))
    for subject in people
]
RIVALS = ["variance", "components", "variable", "active", "relabelled", "label"]
ROWS = [{"stimulus": label} for label in LABELS]


def read(path):
    return pd.read_csv(path, sep="\t", dtype={"subject": str})


def test_jobs_are_chosen_anew_when_one_ends_and_not_all_the_time(finished):
    ended = finished.first_output.count("Finished jobid: ")
    assert 0 < finished.first_output.count("Ready jobs: ") <= 2 * ended


def test_run_ends_with_all_the_files_it_promises(finished):
    tables = ["stimuli", "folds", "summary", "contrasts", "intervals", "qc/intersubject"]
    tables += ["stability", "overlap", "sharing", "agreement", "checklist"]
    expected = {f"{name}.tsv" for name in tables} | {file for unit in UNITS for file in files_of(unit)}
    expected |= {
        f"features/net-mine_target-{target}_{name}.tsv" for target in ("EVC", "IT") for name in TABLES
    }
    assert set(finished.tables()) == expected
    rdms = {path.name for path in (finished.results / "rdms").iterdir()}
    assert rdms == {f"sub-{s}_roi-{t}_rdm.h5" for s in [*SUBJECTS, "group"] for t in ("EVC", "IT")}
    figures = {path.stem for path in (finished.results / "figures").iterdir()}
    assert {
        "isomorphism",
        "overview",
        "nulls",
        "specificity",
        "competitors",
        "overlap",
        "gain",
        "curves",
        "stability",
        "rdms",
    } <= figures
    pages = ("findings", "question", "methods", "checklist", "run")
    assert all((finished.results / f"{page}.html").is_file() for page in pages)
    assert {"rdms_target-EVC", "rdms_target-IT", "mds", "reliability"} <= figures
    assert not list(finished.results.rglob("*.tmp*"))


def files_of(unit):
    """Tables and arrays of a unit."""
    of_pruning = ("folds.tsv", "curve.tsv", "sets.npz", "relabelled.npz", "bootstrap.npz")
    of_rivals = ("folds.tsv", "bootstrap.npz")
    return {
        f"retained/{unit}_retained.tsv",
        f"null/{unit}_null.npz",
        *(f"pruning/{unit}_{ending}" for ending in of_pruning),
        *(f"specificity/{unit}_{ending}" for ending in of_rivals),
    }


def test_every_table_describes_its_columns(finished):
    for path in finished.results.rglob("*.tsv"):
        if "benchmarks" not in path.parts:
            described = json.loads(path.with_suffix(".json").read_text())
            assert list(read(path).columns) == [name for name in described if name in read(path).columns]
            assert all(described[name]["Description"] for name in read(path).columns)


def test_summary_has_a_row_a_unit_and_competitor_and_the_mean_over_subjects(finished):
    summary = read(finished.results / "summary.tsv")
    assert (summary["n_images"] == len(LABELS)).all()
    for target, other in (("EVC", "IT"), ("IT", "EVC")):
        competitors = ["full", "pruned", "random", *RIVALS, f"other:{other}"]
        rows = summary[summary["target"] == target][["supervision", "subject", "competitor"]]
        assert rows.to_numpy().tolist() == [
            [supervision, subject, competitor]
            for supervision in ("own", "group", "loso")
            for subject in (["group"] if supervision == "group" else [*SUBJECTS, "subjects"])
            for competitor in competitors
        ]


def test_every_tested_row_has_p_over_its_relabellings_and_every_row_a_ceiling(finished):
    summary = read(finished.results / "summary.tsv")
    tested = summary[summary["competitor"].isin(["full", "pruned"])]
    assert (tested["n_permutations"] == np.where(tested["subject"] == "group", 19, 9)).all()
    for column in ("p", "p_within", "p_fwe"):
        assert (tested[column] >= 1 / (tested["n_permutations"] + 1)).all()
    assert summary[summary["subject"] != "group"]["ceiling_high"].notna().all()


def test_contrasts_compare_pruned_with_everything(finished):
    every = read(finished.results / "contrasts.tsv")
    table = every[every["compared"] == "competitors"]
    for target, other in (("EVC", "IT"), ("IT", "EVC")):
        rows = table[table["target"] == target]
        others = ["full", "random", *RIVALS, f"other:{other}"]
        assert list(zip(rows["supervision"], rows["a"], rows["b"], strict=True)) == [
            (supervision, "pruned", b) for supervision in ("own", "group", "loso") for b in others
        ]
    assert table["p_random"].notna().sum() == 2


def test_contrasts_compare_targets_and_supervisions_on_the_same_images(finished):
    table = read(finished.results / "contrasts.tsv")
    scores = ["pruned", "full", "pruned − full"]
    targets = table[table["compared"] == "targets"]
    assert list(zip(targets["supervision"], targets["score"], strict=True)) == [
        (supervision, score) for supervision in ("own", "group", "loso") for score in scores
    ]
    assert set(zip(targets["a"], targets["b"], targets["network"], strict=True)) == {("EVC", "IT", "mine")}
    assert targets["target"].isna().all() and targets["r_diff"].notna().all()
    supervisions = table[table["compared"] == "supervisions"]
    assert supervisions[["target", "a", "b", "score"]].to_numpy().tolist() == [
        [target, "own", "loso", "pruned"] for target in ("EVC", "IT")
    ]
    assert not (table["compared"] == "networks").any()


def test_results_equal_the_library_on_the_same_arrays(finished):
    import isoprune

    features = np.load(finished.folder / "features.npz")["X"]
    rdms = np.load(finished.folder / "IT.npz")["rdms"]
    embedding = isoprune.Embedding(features, tuple(LABELS))
    expected = isoprune.cross_validate(
        embedding, isoprune.RDM(rdms[1], tuple(LABELS)), n_splits=3, n_repeats=1, threads=1
    )
    folds = read(finished.results / "folds.tsv")
    ours = folds[(folds["target"] == "IT") & (folds["subject"] == "02")]
    own = ours[(ours["supervision"] == "own") & ours["competitor"].isin(["full", "pruned", "random"])]
    np.testing.assert_array_equal(own["r"], expected["r"])
    np.testing.assert_array_equal(own["n_retained"], expected["n_retained"])
    others = isoprune.RDM((rdms[0] + rdms[2]) / 2, tuple(LABELS))
    of_others = isoprune.cross_validate(embedding, others, n_splits=3, n_repeats=1, threads=1)
    loso = ours[(ours["supervision"] == "loso") & (ours["competitor"] == "pruned")]
    pruned = of_others[of_others["competitor"] == "pruned"]
    np.testing.assert_array_equal(loso["n_retained"], pruned["n_retained"])


def test_nothing_is_left_to_do_after_a_run(finished):
    assert finished.planned() == []


def test_another_run_with_a_shuffled_stimulus_table_gives_the_same_bits(finished, fresh):
    header, *rows = (fresh.folder / "stimuli.tsv").read_text().splitlines()
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    (fresh.folder / "stimuli.tsv").write_text("\n".join([header, *shuffled]) + "\n")
    units = [f"net-mine_target-IT_sub-{who}" for who in ("02_sup-own", "group_sup-group", "02_sup-loso")]
    files = [file for unit in units for file in sorted(files_of(unit))]
    fresh.snakemake("--", *(f"results/tiny/{file}" for file in files))
    one, other = finished.tables(), fresh.tables()
    assert one["stimuli.tsv"] != other["stimuli.tsv"]
    assert {file: one[file] for file in files} == {file: other[file] for file in files}


def test_change_of_one_subject_in_a_file_of_all_reruns_that_subject_and_what_aggregates_it(study):
    before = study.tables()
    write_rdms(study.folder, "IT", 20, sub_02=99)
    planned = study.planned()
    computed = [line for line in planned if line.startswith(("Read", "Average", "Prune", "Rank"))]
    of_IT = ["02 (own)", "group (group)", "01 (loso)", "02 (loso)", "03 (loso)"]
    assert computed == sorted(
        [
            "Read the RDM of IT in subject 02",
            "Average the RDMs of IT over subjects",
            *(f"Prune mine for IT of subject {who}" for who in of_IT),
            *(f"Rank by rivals: mine, EVC, IT, subject {who}" for who in of_IT),
        ]
    )
    study.snakemake("--", "results/tiny/summary.tsv")
    changed = {name for name, content in study.tables().items() if before[name] != content}
    # Who is left out is scored anew, but ranked by the same others.
    assert {name for name in changed if name.startswith("retained")} == {
        f"retained/net-mine_target-IT_sub-{who}_retained.tsv"
        for who in ("02_sup-own", "group_sup-group", "01_sup-loso", "03_sup-loso")
    }
    assert study.planned("--", "results/tiny/summary.tsv") == []


def test_rewritten_source_with_the_same_content_reruns_nothing(study):
    write_rdms(study.folder, "IT", 20)
    assert study.planned() == []


def test_selection_computes_its_units_and_leaves_the_study_alone(study):
    before = study.tables()
    study.settings(
        networks=[{"name": name, "file": "features.npz", "key": "X"} for name in ("mine", "other")]
    )
    output = study.snakemake(
        "--config", 'select={"networks": ["other"], "targets": ["IT"], "subjects": ["03"]}'
    )
    after = study.tables()
    assert {name: after[name] for name in before} == before
    new = {name for name in after if name not in before}
    units = [f"net-other_target-IT_sub-03_sup-{supervision}" for supervision in ("own", "loso")]
    of_units = {file for unit in units for file in files_of(unit) if not file.startswith("specificity")}
    assert new == {"selected.tsv", *of_units}
    table = read(study.results / "selected.tsv")
    assert set(zip(table["network"], table["target"], table["subject"], strict=True)) == {
        ("other", "IT", "03")
    }
    assert "other\tfile\tIT" in output  # the run ends with the table


def test_one_unit_can_be_asked_for_by_its_file(fresh):
    unit = f"results/tiny/retained/{UNITS[1]}_retained.tsv"
    assert fresh.planned("--", unit) == [
        "Check the stimulus table and its images",
        "Prune mine for EVC of subject 02 (own)",
        "Read the RDM of EVC in subject 02",
        "Read the embedding file of mine",
    ]


def test_report_is_built_with_every_figure(finished, tmp_path):
    report = tmp_path / "report.zip"
    finished.snakemake("--report", str(report))
    names = zipfile.ZipFile(report).namelist()
    assert any(name.endswith("report.html") for name in names)
    shown = {name.rsplit("/", 1)[-1] for name in names}
    results = {f"{figure}.svg" for figure in ("isomorphism", "gain", "curves", "stability", "rdms")}
    quality = {"intersubject.tsv", "reliability.svg", "mds.svg", "rdms_target-EVC.svg", "rdms_target-IT.svg"}
    methods = {"question.html", "methods.html", "checklist.html", "run.html", "overview.svg", "nulls.svg"}
    assert results | quality | methods <= shown


def test_rule_graph_can_be_drawn(finished):
    assert "digraph" in finished.snakemake("--rulegraph", "--forceall")


def test_every_rule_has_log_benchmark_message_threads_and_resources():
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        rules = re.split(r"\n(?= *rule\b)", path.read_text())[1:]
        for rule in [rule for rule in rules if "script:" in rule]:  # others only name files
            lacking = [
                key for key in ("log:", "benchmark:", "message:", "threads:", "resources:") if key not in rule
            ]
            assert not lacking, f"{path.name}: {rule.splitlines()[0]} lacks {lacking}"


def test_scripts_are_doorways():
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    for path in (ROOT / "workflow" / "scripts").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 45, path.name
        assert f"scripts/{path.name}" in rules, f"no rule runs {path.name}"


# ── bad input: the run stops with a named error, not with a traceback ───────────────────────────


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sede": 1}, r"config 'sede' is not a setting; did you mean 'seed'\?"),
        (
            {"select": {"targets": ["TI"]}},
            r"UnknownNameError: .*there is no target 'TI'; expected one of: EVC, IT",
        ),
        ({"select": {"subjects": ["04"]}}, r"there is no subject '04'; expected one of: 01, 02, 03"),
        ({"select": {"networks": ["min"]}}, r"there is no network 'min'.* Did you mean 'mine'\?"),
        ({"stimuli": {"table": "stimuly.tsv"}}, r"MissingFileError: .*stimuly.tsv"),
        ({"crossvalidation": {"n_splits": 6}}, r"6 folds of 15 images; expected 2 to 5 folds"),
        (
            {"crossvalidation": {"folds": "stratified", "column": "categori", "n_splits": 3}},
            r"there is no column 'categori'.* Did you mean 'category'\?",
        ),
        (
            {"specificity": {"labels": ["categori"]}},
            r"UnknownNameError: .*there is no column 'categori'.* Did you mean 'category'\?",
        ),
        (
            {"inference": {"categories": "stimulus"}},
            r"LabelError: .*column 'stimulus' \(inference.categories\): 15 categories of at most 1 images",
        ),
        (
            {"inference": {"exchange": "within"}, "stimuli": {"rows": ROWS}},
            r"LabelError: inference.exchange: `within`",
        ),
        (
            {"nuisance": ["category"], "stimuli": {"rows": [{**row, "category": "a"} for row in ROWS]}},
            r"RDMError: nuisance 'category': one category, 'a'",
        ),
        ({"nuisance": ["models/gist.tsv"]}, r"MissingFileError: nuisance.*gist.tsv"),
        ({"nuisance": ["gist"]}, r"UnknownNameError: .*there is no nuisance 'gist'"),
        ({"results_dir": "stimuli.tsv"}, r"NotWritableError: .*'.*stimuli.tsv' is not a folder"),
    ],
)
def test_bad_setting_is_a_named_error(fresh, change, message):
    fresh.settings(**change)
    output = fresh.snakemake(check=False)
    assert re.search(message, output), output[-3000:]
    assert "Traceback (most recent call last)" not in output.split("Logfile")[0]
    assert not list(fresh.folder.rglob("stimuli.json"))  # which the first job writes


def test_target_of_other_stimuli_is_a_named_error(fresh):
    (fresh.folder / "order.txt").write_text("\n".join([*LABELS[:-1], "img_99"]) + "\n")
    output = fresh.snakemake(check=False)
    assert re.search(r"LabelError\n.*lacks 1 label\(s\) of the stimulus table: img_14", output), output[
        -3000:
    ]


def test_repeated_stimulus_is_a_named_error(fresh):
    with (fresh.folder / "stimuli.tsv").open("a") as file:
        file.write("img_3\ta\tn/a\n")
    assert "LabelError: stimuli.tsv, rows 4, 16: the same label 'img_3'" in fresh.snakemake(check=False)


def test_failing_subject_does_not_stop_the_others_and_is_told_with_its_reason(fresh, tmp_path):
    whole = np.load(fresh.folder / "IT.npz")["rdms"]
    rdms = whole.copy()
    rdms[1, 0, 1] = rdms[1, 1, 0] = np.nan
    np.savez(fresh.folder / "IT.npz", rdms=rdms)
    between_subjects = "results/tiny/qc/intersubject.tsv"
    facts = [f"results/tiny/pruning/net-mine_target-IT_sub-{who}_sup-own_facts.json" for who in SUBJECTS]
    output = fresh.snakemake("--keep-going", "--", between_subjects, *facts, check=False)
    assert "undefined entries" in output
    assert [(fresh.folder / path).exists() for path in facts] == [True, False, True]
    made = {path.name for path in (fresh.results / "rdms").glob("sub-0*")}
    everything = {f"sub-{subject}_roi-{target}_rdm.h5" for subject in SUBJECTS for target in ("EVC", "IT")}
    assert made == everything - {"sub-02_roi-IT_rdm.h5"}

    report = tmp_path / "so_far.zip"
    fresh.snakemake("--", "quality_so_far")
    fresh.snakemake("--report", str(report), "--", "quality_so_far")
    so_far = fresh.results / "qc" / "so_far"
    missing = read(so_far / "missing.tsv")
    assert missing[["target", "subject"]].to_numpy().tolist() == [["IT", "02"]]
    assert "undefined entries" in missing["reason"][0]
    assert "Traceback" in (fresh.folder / missing["log"][0]).read_text()
    between = read(so_far / "intersubject.tsv")
    assert between[between["target"] == "IT"]["subject"].tolist() == ["01", "03"]
    shown = {name.rsplit("/", 1)[-1] for name in zipfile.ZipFile(report).namelist()}
    assert {"missing.tsv", "intersubject.tsv", "reliability.svg"} <= shown

    np.savez(fresh.folder / "IT.npz", rdms=whole)
    fresh.snakemake("--", between_subjects)
    fresh.snakemake("--", "quality_so_far")
    assert read(so_far / "missing.tsv").empty
    whole_run = read(fresh.folder / between_subjects)
    pd.testing.assert_frame_equal(
        read(so_far / "intersubject.tsv").sort_values(["target", "subject"], ignore_index=True),
        whole_run.sort_values(["target", "subject"], ignore_index=True),
    )


def test_subject_whose_own_file_is_missing_does_not_stop_the_others(fresh):
    rdms = np.load(fresh.folder / "IT.npz")["rdms"]
    for subject, rdm in zip(SUBJECTS, rdms, strict=True):
        if subject != "02":
            np.savez(fresh.folder / f"IT_{subject}.npz", rdms=rdm)
    own = {"name": "IT", "rdms": {"file": "IT_{subject}.npz", "labels": "order.txt"}}
    fresh.settings(targets=[own], networks=[])
    output = fresh.snakemake("--keep-going", check=False)
    assert re.search(r"MissingFileError\n.*IT_02\.npz", output), output[-3000:]
    made = {path.name for path in (fresh.results / "rdms").iterdir()}
    assert made == {"sub-01_roi-IT_rdm.h5", "sub-03_roi-IT_rdm.h5"}


def test_run_that_does_not_meet_its_lock_stops_before_its_first_job(fresh, monkeypatch):
    from isoprune.cli import main

    monkeypatch.chdir(fresh.folder)
    assert "Write it with `isoprune freeze`" in fresh.snakemake("--config", "lock=my.lock.json", check=False)
    assert main(["freeze", "study.yaml", "--output", "my.lock.json"]) == 0
    fresh.settings(lock="my.lock.json")
    assert "prune" in fresh.snakemake("--dry-run")
    write_rdms(fresh.folder, "IT", 20, sub_02=99)
    output = fresh.snakemake("--config", "seed=1", check=False)
    assert "LockError: lock 'my.lock.json': study 'tiny' differs from it" in output
    assert "setting seed: 0 in the lock, now 1" in output
    assert "file IT.npz (targets[IT])" in output
    assert "repeat 1, fold 3: now without" in output
    assert "Traceback" not in output
    assert not (fresh.results / "stimuli.tsv").exists()


def test_jobs_of_a_locked_run_do_not_read_all_inputs_again(fresh):
    fresh.settings(lock="not_there.json")
    job = ("--mode", "subprocess", "--target-jobs", "stimuli:", "--allowed-rules", "stimuli", "--force")
    fresh.snakemake(*job, "--", "results/tiny/stimuli.tsv")
    assert (fresh.results / "stimuli.tsv").is_file()
