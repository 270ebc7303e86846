"""What a job says, and where."""

import re

import pytest

from isoprune.errors import LabelError
from isoprune.log import TERMINAL_EVERY, Progress, job_log


def lines_of(path):
    """Messages of a log, without their times."""
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in path.read_text().splitlines()]


def counted(path, *steps):
    with job_log(path, "IT of 01") as log:
        progress = Progress(log, "IT of 01")
        for step in steps:
            progress(*step)
    return lines_of(path)


def test_each_tenth_is_noted_once(tmp_path):
    steps = [("folds", done, 200) for done in range(1, 201)]
    expected = [f"IT of 01: {20 * tenth} of 200 folds" for tenth in range(1, 11)]
    assert counted(tmp_path / "log", *steps) == expected


def test_few_steps_are_all_noted(tmp_path):
    steps = [("folds", done, 3) for done in (1, 2, 3)]
    assert counted(tmp_path / "log", *steps) == [f"IT of 01: {done} of 3 folds" for done in (1, 2, 3)]


def test_what_is_counted_next_begins_anew(tmp_path):
    # Two nulls are counted in the same words: the second starts where the first did.
    steps = [("folds", 5, 5), *[("relabelled folds", done, 4) for done in (2, 4)] * 2]
    assert counted(tmp_path / "log", *steps) == [
        "IT of 01: 5 of 5 folds",
        *["IT of 01: 2 of 4 relabelled folds", "IT of 01: 4 of 4 relabelled folds"] * 2,
    ]


def test_terminal_stays_quiet_on_short_work_and_hears_of_long_work(tmp_path, monkeypatch, capsys):
    clock = [0.0]
    monkeypatch.setattr("isoprune.log.time.monotonic", lambda: clock[0])
    with job_log(tmp_path / "log", "IT of 01") as log:
        progress = Progress(log, "IT of 01")
        for done, seconds in ((1, 0.5), (2, 1.1), (3, 1.9), (4, 2.2)):
            clock[0] = seconds * TERMINAL_EVERY
            progress("folds", done, 100)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "IT of 01: 2 of 100 folds\nIT of 01: 4 of 100 folds\n")


def test_named_error_is_told_without_its_traceback_which_stays_in_the_log(tmp_path, capsys):
    with pytest.raises(SystemExit), job_log(tmp_path / "log", "IT of 01"):
        raise LabelError("table", "two", "one", "Remove one.")
    told = capsys.readouterr().err
    assert "IT of 01: LabelError\n  table: two; expected one. Remove one." in told
    assert "Traceback" not in told
    assert "Traceback" in (tmp_path / "log").read_text()


def test_any_other_error_goes_on_and_stands_in_the_log(tmp_path):
    with pytest.raises(ZeroDivisionError), job_log(tmp_path / "log", "IT of 01"):
        _ = 1 / 0
    assert "ZeroDivisionError" in (tmp_path / "log").read_text()


def test_log_is_written_anew_by_each_job(tmp_path):
    for _ in range(2):
        counted(tmp_path / "log", ("folds", 1, 1))
    assert len(lines_of(tmp_path / "log")) == 1
