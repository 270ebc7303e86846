"""What a check has found, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby

from isoprune.checking.findings import Finding
from isoprune.checking.study import StudyCheck
from isoprune.costs import minutes_of_jobs
from isoprune.labels import listing

_WIDTH = 110
"""Of what is not printed on a terminal."""

_STYLES = {"found": "green", "later": "cyan", "problem": "bold red"}


def as_text(checked: StudyCheck) -> str:
    """The check as JSON."""
    return json.dumps(checked.as_json(), indent=2, ensure_ascii=False)


def as_table(checked: StudyCheck) -> str:
    """The check as a table, every problem in full, and what a run costs.

    Parameters
    ----------
    checked : StudyCheck

    Returns
    -------
    str
        With colours where the output is a terminal.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    table = Table("what", "which", "state", "", box=None, pad_edge=False, header_style="bold")
    for kind, names, state, about in _rows(checked.findings):
        table.add_row(kind, names, Text(state, _STYLES[state]), Text(about))
    with console.capture() as captured:
        if checked.findings:
            console.print(table)
        for problem in checked.problems:
            console.print()
            console.print(Text(f"{type(problem).__name__}: ", "bold red") + Text(str(problem)))
        for line in _conclusion(checked):
            console.print(Text(line))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join(lines).strip("\n")


def _rows(findings: Iterable[Finding]) -> Iterable[tuple[str, str, str, str]]:
    """A row a finding; neighbours that differ in their name only, such as subjects, share one."""
    for (kind, state, about), alike in groupby(findings, key=lambda one: (one.kind, one.state, one.about)):
        yield kind, listing([one.name for one in alike], most=4), state, about


def _conclusion(checked: StudyCheck) -> Iterable[str]:
    yield ""
    if cost := checked.cost:
        yield (
            f"{cost.n_units} units of work (network × target × subject × supervision): rankings and relabellings take "
            f"{_duration(cost.minutes)} on one processor. Their jobs ask a cluster for "
            f"{_duration(cost.minutes_asked)} in all beside a fixed part each, and the largest job for "
            f"{cost.memory / 1000:.1f} GB."
        )
    if checked.jobs is not None:
        largest = sorted(checked.jobs.items(), key=lambda pair: -pair[1])[:4]
        named = ", ".join(f"{count} {name}" for name, count in largest)
        n_jobs = sum(checked.jobs.values())
        yield f"{n_jobs} jobs are to be run" + (f": {named} …" if named else ".")
        if n_jobs:
            yield (
                f"To start them, to read and to draw takes {_duration(minutes_of_jobs(n_jobs))} more on one "
                "processor. Snakemake counts one job more, `all`, which does nothing."
            )
    number = len(checked.problems)
    yield f"study '{checked.study}': " + (f"{number} problem(s)" if number else "nothing is missing")


def _duration(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 60 * 48 else f"{minutes / 60 / 24:.0f} days"
