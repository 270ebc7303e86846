"""Quality numbers: planted signal is reliable, noise is not, and what cannot be known is missing with a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoprune.errors import LabelError
from isoprune.io.files import read_json
from isoprune.io.seals import HASHES
from isoprune.io.tables import read_table, write_table
from isoprune.labelled import RDM, Patterns
from isoprune.log import job_log
from isoprune.patterns import mean_patterns
from isoprune.quality import (
    INTERSUBJECT_COLUMNS,
    MISSING_COLUMNS,
    REGION_COLUMNS,
    RELIABILITY_COLUMNS,
    VOXEL_COLUMNS,
    all_reliabilities,
    all_voxels,
    error_in_log,
    intersubject_table,
    missing_table,
    pattern_reliability,
    rdm_reliability,
    region_table,
    reliability_table,
    voxel_table,
)
from isoprune.rdms import rdm_from_patterns
from isoprune.voxels import halves

LABELS = tuple("abcdefgh")
COUNTS = {
    "n_voxels_in_mask": 60,
    "n_voxels_on_grid": 58,
    "n_dropped_non_finite": 3,
    "n_dropped_constant": 5,
    "n_not_selected": 0,
    "n_not_drawn": 0,
    "n_voxels": 50,
}


def measured(signal, n_runs=4, seed=0, subject="03", roi="IT"):
    """Patterns of noise of variance 1 and a signal of the strength given."""
    generator = np.random.default_rng(seed)
    # Conditions of different strength, so that their distances differ.
    truth = np.random.default_rng(99).normal(size=(8, 50)) * np.linspace(0.3, 2, 8)[:, np.newaxis] * signal
    values = np.concatenate([truth + generator.normal(size=(8, 50)) for _ in range(n_runs)])
    runs = tuple(str(run) for run in range(n_runs) for _ in LABELS)
    return Patterns(values, LABELS * n_runs, runs, roi, subject, COUNTS)


def rdm_of(patterns, **settings):
    return rdm_from_patterns(
        patterns, LABELS, target=patterns.roi, subject=patterns.subject, provenance={}, **settings
    )


def test_pattern_reliability_is_counted_by_hand():
    patterns = measured(1.0)
    numbers, reason = pattern_reliability(patterns)
    per_run = patterns.values.reshape(4, 8, 50)
    r = np.corrcoef(per_run[::2].mean(axis=0), per_run[1::2].mean(axis=0))[:8, 8:]
    assert numbers["pattern_r"] == pytest.approx(np.diag(r).mean(), abs=1e-12)
    assert numbers["pattern_r_between"] == pytest.approx(r[~np.eye(8, dtype=bool)].mean(), abs=1e-12)
    assert numbers["pattern_reliability"] == pytest.approx(
        numbers["pattern_r"] - numbers["pattern_r_between"]
    )
    assert (numbers["n_repeated"], reason) == (8, "")


def test_rdm_reliability_is_counted_by_hand():
    patterns = measured(1.0)
    numbers, _ = rdm_reliability(patterns, measure="correlation")
    triangles = [
        rdm_of(patterns.select_rows(rows)).values[np.triu_indices(8, 1)]
        for rows in halves(patterns.conditions, patterns.runs)
    ]
    r = np.corrcoef(triangles)[0, 1]
    assert numbers["rdm_r"] == pytest.approx(r, abs=1e-12)
    assert numbers["rdm_reliability"] == pytest.approx(2 * r / (1 + r), abs=1e-12)


def test_signal_is_reliable_and_noise_is_not():
    strong = [pattern_reliability(measured(1.0, seed=seed))[0]["pattern_reliability"] for seed in range(20)]
    noise = [pattern_reliability(measured(0.0, seed=seed))[0]["pattern_reliability"] for seed in range(20)]
    assert np.mean(strong) > 0.5
    assert abs(np.mean(noise)) < 3 * np.std(noise, ddof=1) / np.sqrt(20)


def test_a_pattern_common_to_all_conditions_is_no_reliability():
    patterns = measured(0.0)
    common = replace(patterns, values=patterns.values + 5 * np.random.default_rng(5).normal(size=50))
    numbers, _ = pattern_reliability(common)
    assert numbers["pattern_r"] > 0.9
    assert abs(numbers["pattern_reliability"]) < 0.05


def test_halves_are_odd_and_even_runs_or_repetitions_of_one_run():
    first, second = halves(("a", "b") * 4, tuple("11223344"))
    assert (first.tolist(), second.tolist()) == ([0, 1, 4, 5], [2, 3, 6, 7])
    first, second = halves(("a", "b", "a", "c", "a", "b"), ("1",) * 6)
    assert (first.tolist(), second.tolist()) == ([0, 1, 4], [2, 5])
    # Conditions of single sessions tell nothing; repetitions within a run stay together.
    first, second = halves(("a", "a", "b", "a", "c", "b"), tuple("112233"))
    assert (first.tolist(), second.tolist()) == ([0, 1, 2], [3, 5])
    assert all(len(half) == 0 for half in halves(("a", "b"), ("1", "1")))


def test_reliability_table_has_a_row_a_region_and_is_written(tmp_path):
    patterns = {"IT": measured(1.0), "EVC": measured(0.7, roi="EVC", seed=1)}
    patterns["IT"] = replace(patterns["IT"], tsnr=np.arange(50.0))
    settings = {"measure": "crossnobis", "run_centre": True}
    rdms = {roi: rdm_of(one, **settings) for roi, one in patterns.items()}
    table = reliability_table(patterns, rdms, **settings)
    assert list(table.columns) == list(RELIABILITY_COLUMNS)
    assert list(table["roi"]) == ["IT", "EVC"]
    assert (table["tsnr"][0], np.isnan(table["tsnr"][1])) == (24.5, True)
    assert list(table["n_negative"]) == [0, (rdms["EVC"].values[np.triu_indices(8, 1)] < 0).sum()]
    assert list(table["noise"]) == ["repetitions over runs"] * 2
    assert list(table["reason"]) == ["", ""]
    assert table["rdm_reliability"][0] > 0.5
    write_table(tmp_path / "reliability.tsv", table, RELIABILITY_COLUMNS)
    assert "n/a" in (tmp_path / "reliability.tsv").read_text()
    assert set(read_json(tmp_path / "reliability.json")) == {*RELIABILITY_COLUMNS, HASHES}


def test_what_cannot_be_computed_is_missing_with_its_reason():
    one_run = measured(1.0, n_runs=1)
    table = reliability_table({"IT": one_run}, {"IT": rdm_of(one_run)})
    assert table[["pattern_r", "rdm_r", "rdm_reliability"]].isna().all(axis=None)
    assert table["reason"][0] == "0 conditions are repeated"
    two_runs = measured(1.0, n_runs=2)
    numbers, reason = rdm_reliability(two_runs, measure="crossnobis")
    assert np.isnan(numbers["rdm_r"])
    assert reason == "crossnobis needs two runs in each half, four in all; each half here has one"
    _, reason = rdm_reliability(measured(1.0, n_runs=3), measure="crossnobis")
    assert reason == "crossnobis needs two runs in each half, four in all; one half here has one"
    assert rdm_reliability(measured(1.0, n_runs=4), measure="crossnobis")[1] == ""
    opposite = replace(two_runs, values=np.concatenate([np.eye(8), np.eye(8)]) @ np.ones((8, 50)))
    assert pattern_reliability(opposite)[1] == "a condition's pattern is constant over voxels"
    negative = Patterns(
        np.array([[0.0, 0], [1, 0], [9, 0], [0, 0], [9, 0], [1, 1]]), tuple("abcabc"), tuple("111222")
    )
    numbers, reason = rdm_reliability(negative, measure="euclidean")
    assert numbers["rdm_r"] < 0 and np.isnan(numbers["rdm_reliability"])
    assert reason == "the RDMs of the halves correlate negatively"


def test_intersubject_reliability_leaves_the_subject_out():
    rdms = [rdm_of(measured(1.0, seed=seed, subject=str(seed))) for seed in range(4)]
    shuffled = rdms[2].select(LABELS[::-1])
    table = intersubject_table([rdms[0], rdms[1], shuffled, rdms[3]])
    triangles = np.array([rdm.values[np.triu_indices(8, 1)] for rdm in rdms])
    for place, r in enumerate(table["r"]):
        others = np.delete(triangles, place, axis=0).mean(axis=0)
        assert r == pytest.approx(np.corrcoef(triangles[place], others)[0, 1], abs=1e-12)
    assert (list(table["subject"]), set(table["n_subjects"])) == (list("0123"), {4})
    assert list(table.columns) == list(INTERSUBJECT_COLUMNS)


def test_intersubject_reliability_of_one_person_is_missing():
    table = intersubject_table([rdm_of(measured(1.0))])
    assert np.isnan(table["r"][0]) and table["reason"][0] == "nobody else has the target"
    other = RDM(np.ones((3, 3)) - np.eye(3), ("x", "y", "z"), "IT", "04")
    with pytest.raises(LabelError, match="the first subject"):
        intersubject_table([rdm_of(measured(1.0)), other])


def test_voxel_and_region_tables_are_written(tmp_path):
    import pandas as pd

    tables = [
        voxel_table({"IT": measured(1.0)}, ["IT", "FFA"], "03"),
        voxel_table({roi: measured(1.0, roi=roi, subject="04") for roi in ("IT", "FFA")}),
    ]
    voxels = pd.concat(tables, ignore_index=True)
    write_table(tmp_path / "voxels.tsv", voxels, VOXEL_COLUMNS)
    rows = (tmp_path / "voxels.tsv").read_text().splitlines()
    assert rows[1] == "03\tIT\t60\t58\t3\t5\t0\t0\t50\t" + rows[1].split("\t")[-1]
    assert rows[2].split("\t")[:4] == ["03", "FFA", "n/a", "n/a"]
    regions = region_table(voxels)
    assert regions.to_dict("records") == [
        {"roi": "IT", "n_subjects": 2, "subjects": "03 04", "lacking": ""},
        {"roi": "FFA", "n_subjects": 1, "subjects": "04", "lacking": "03"},
    ]
    write_table(tmp_path / "regions.tsv", regions, REGION_COLUMNS)


def test_mean_patterns_are_unchanged_by_selecting_all_rows():
    patterns = measured(1.0)
    np.testing.assert_array_equal(
        mean_patterns(patterns.select_rows(np.arange(32)), LABELS), mean_patterns(patterns, LABELS)
    )


def test_tables_of_subjects_are_stacked_with_rows_for_what_a_subject_lacks(tmp_path):
    tables = [
        voxel_table({roi: measured(1.0, roi=roi, subject=subject) for roi in rois})
        for subject, rois in (("04", ["IT"]), ("03", ["IT", "FFA"]))
    ]
    voxels = all_voxels(tables, [("FFA", "04")])
    assert list(zip(voxels["subject"], voxels["roi"], strict=True)) == [
        ("03", "IT"),
        ("03", "FFA"),
        ("04", "IT"),
        ("04", "FFA"),
    ]
    assert voxels["n_voxels"].isna().tolist() == [False, False, False, True]
    assert str(voxels["n_voxels"].dtype) == "Int64"
    assert region_table(voxels)["lacking"].tolist() == ["", "04"]
    write_table(tmp_path / "voxels.tsv", voxels, VOXEL_COLUMNS)
    assert (tmp_path / "voxels.tsv").read_text().splitlines()[-1] == "\t".join(["04", "FFA"] + ["n/a"] * 8)


def test_stacking_tables_read_from_files_equals_stacking_the_tables(tmp_path):
    tables = []
    for seed, subject in enumerate(("01", "02")):
        patterns = measured(1.0, seed=seed, subject=subject)
        tables.append(reliability_table({"IT": patterns}, {"IT": rdm_of(patterns)}))
        write_table(tmp_path / f"{subject}.tsv", tables[-1], RELIABILITY_COLUMNS)
    read = [read_table(tmp_path / f"{subject}.tsv", where="a test") for subject in ("01", "02")]
    for name, stacked in (("one", tables), ("other", read)):
        write_table(tmp_path / f"{name}.tsv", all_reliabilities(stacked), RELIABILITY_COLUMNS)
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "other.tsv").read_bytes()


def test_tables_of_nobody_have_their_columns():
    assert list(all_reliabilities([]).columns) == list(RELIABILITY_COLUMNS)
    assert list(all_voxels([], []).columns) == list(VOXEL_COLUMNS)
    assert list(region_table(all_voxels([], [])).columns) == list(REGION_COLUMNS)
    assert list(intersubject_table([]).columns) == list(INTERSUBJECT_COLUMNS)


def log_of(path, problem=None):
    """The log of a job that ended well, or with an error."""
    try:
        with job_log(path, "a job") as log:
            log.info("it began")
            if problem:
                raise problem
    except BaseException as raised:
        assert problem is not None, raised
    return path


def test_the_error_that_ended_a_job_is_read_from_its_log(tmp_path):
    named = LabelError("table.tsv, row 3", "no label", "a label in every row", "Name the stimulus.")
    assert error_in_log(log_of(tmp_path / "named.log", named)) == f"LabelError: {named}"
    assert error_in_log(log_of(tmp_path / "other.log", MemoryError("4 GB"))) == "MemoryError: 4 GB"
    assert error_in_log(log_of(tmp_path / "well.log")) == ""


def test_what_is_missing_is_told_with_the_first_job_that_failed(tmp_path):
    (tmp_path / "there.h5").touch()
    first = log_of(tmp_path / "fit.log", LabelError("events", "no onset", "onsets", "Add them."))
    second = log_of(tmp_path / "rdms.log", LabelError("betas", "no betas", "betas", "Fit them."))
    well = log_of(tmp_path / "well.log")
    absent = tmp_path / "never.log"
    table = missing_table(
        {"target": "IT", "subject": subject, "file": tmp_path / file, "logs": logs}
        for subject, file, logs in (
            ("01", "there.h5", [first]),
            ("02", "none.h5", [well, first, second]),
            ("03", "none.h5", [well, absent]),
            ("04", "none.h5", [absent]),
        )
    )
    assert list(table.columns) == list(MISSING_COLUMNS)
    assert table["subject"].tolist() == ["02", "03", "04"]
    assert table["log"].tolist() == [str(first), str(well), ""]
    assert table["reason"][0].startswith("LabelError: events: no onset")
    assert set(table["reason"][1:]) == {"it was not computed, and no job reports an error"}
    write_table(tmp_path / "missing.tsv", table, MISSING_COLUMNS)


def test_intersubject_reliability_knows_nothing_of_other_targets():
    rdms = [rdm_of(measured(1.0, seed=seed, subject=str(seed))) for seed in range(3)]
    others = [rdm_of(measured(1.0, seed=seed + 9, subject=str(seed), roi="EVC")) for seed in range(2)]
    alone, beside = intersubject_table(rdms), intersubject_table([others[0], *rdms, others[1]])
    assert beside[beside["target"] == "IT"]["r"].tolist() == alone["r"].tolist()
    assert beside[beside["target"] == "EVC"]["n_subjects"].tolist() == [2, 2]


def test_equal_dissimilarities_have_no_agreement_and_say_so():
    flat = RDM(np.ones((8, 8)) - np.eye(8), LABELS, "IT", "01")
    table = intersubject_table([flat, rdm_of(measured(1.0, subject="02"))])
    assert table["r"].isna().all()
    assert set(table["reason"]) == {"all dissimilarities are equal, or there is one pair only"}
