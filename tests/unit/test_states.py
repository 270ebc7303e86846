"""How far units are, as told from the files of their jobs."""

import pytest

from isoprune.errors import LabelError
from isoprune.log import job_log
from isoprune.states import STATE_COLUMNS, state_table, state_text

ERROR = LabelError("it.npz", "14 labels", "15", "Add one.")


@pytest.fixture
def unit(tmp_path):
    """A unit of two steps in a folder; its files and logs are made by the tests."""
    steps = [
        {"name": name, "file": tmp_path / f"{name}.json", "logs": [tmp_path / f"{name}.log"]}
        for name in ("RDM", "prune")
    ]
    return {"network": "mine", "target": "IT", "subject": "02", "supervision": "own", "steps": steps}


def log(step, error=None):
    try:
        with job_log(step["logs"][0], "a job"):
            if error:
                raise error
    except SystemExit:
        pass


def state_of(unit):
    (row,) = state_table([unit]).to_dict("records")
    return row["state"], row["step"]


def test_unit_waits_for_the_first_step_that_has_left_nothing(unit):
    assert state_of(unit) == ("waiting", "RDM")
    unit["steps"][0]["file"].touch()
    assert state_of(unit) == ("waiting", "prune")


def test_step_with_a_log_and_no_result_runs_or_was_killed(unit):
    unit["steps"][0]["file"].touch()
    log(unit["steps"][1])
    assert state_of(unit) == ("unfinished", "prune")


def test_failed_step_is_told_with_its_error_and_log(unit):
    log(unit["steps"][0], ERROR)
    table = state_table([unit, {**unit, "subject": "03"}])
    assert list(table.columns) == list(STATE_COLUMNS)
    assert (
        table[["state", "step", "reason", "log"]].to_numpy().tolist()
        == [["failed", "RDM", f"LabelError: {ERROR}", str(unit["steps"][0]["logs"][0])]] * 2
    )
    said = state_text(table)
    assert said.startswith(
        "0 done, 2 failed, 0 unfinished, 0 waiting of 2 units\n2 unit(s) failed at RDM, the first mine, IT"
    )
    assert said.count("14 labels") == 1


def test_error_of_an_earlier_attempt_does_not_matter_once_the_result_is_there(unit):
    for step in unit["steps"]:
        log(step, ERROR)
        step["file"].touch()
    assert state_of(unit) == ("done", "")
