"""How far each unit of a study is: read from the files that its jobs leave, while they run or afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoprune.quality import error_in_logs

if TYPE_CHECKING:
    import pandas as pd

STATES = ("done", "failed", "unfinished", "waiting")

STATE_COLUMNS = {
    "network": "name of the network",
    "target": "name of the target",
    "subject": "who is scored: a subject's label, or `group`",
    "supervision": "whose RDM ranks the features: own, group or loso",
    "state": "done; failed: a job reports an error; unfinished: a job began, and runs or was killed; "
    "waiting: its next job has not begun",
    "step": "the step that it stands at; empty when it is done",
    "reason": "the error that is reported",
    "log": "the log of the job that it stands at",
}


def state_table(units: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The state of every unit; columns as `STATE_COLUMNS`.

    Parameters
    ----------
    units : iterable of mapping
        For each unit ``network``, ``target``, ``subject``, ``supervision`` and ``steps``: in their order, the ``name``
        of each, the ``file`` that it leaves last, and the ``logs`` of its jobs, the first job first.
    """
    import pandas as pd

    rows = [{**unit, **_state(unit["steps"])} for unit in units]
    return pd.DataFrame(rows, columns=list(STATE_COLUMNS))


def _state(steps: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """State, step, reason and log of a unit: of its first step whose file is not there."""
    for step in steps:
        if Path(step["file"]).is_file():
            continue
        error, log = error_in_logs(step["logs"])
        state = "failed" if error else "unfinished" if log else "waiting"
        return {"state": state, "step": step["name"], "reason": error, "log": log}
    return {"state": "done", "step": "", "reason": "", "log": ""}


def state_text(table: pd.DataFrame) -> str:
    """The states in words: how many units are in each, and every unit that failed with its reason and log.

    Parameters
    ----------
    table : DataFrame
        As `state_table` gives it.
    """
    counts = table["state"].value_counts()
    lines = [", ".join(f"{counts.get(state, 0)} {state}" for state in STATES) + f" of {len(table)} units"]
    failed = table[table["state"] == "failed"]
    for (step, reason, log), of_cause in failed.groupby(["step", "reason", "log"], sort=False):
        first = of_cause.iloc[0]
        lines.append(
            f"{len(of_cause)} unit(s) failed at {step}, the first {first['network']}, {first['target']}, subject "
            f"{first['subject']} ({first['supervision']}): {reason}\n  log: {log}"
        )
    return "\n".join(lines)
