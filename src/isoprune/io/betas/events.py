"""Events of a run of BOLD: a BIDS table, or labels given volume by volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isoprune.errors import BetasError, LabelError, UnreadableFileError
from isoprune.io.betas.tables import need_column
from isoprune.io.files import existing
from isoprune.io.tables import read_rows
from isoprune.labels import listing

if TYPE_CHECKING:
    import pandas as pd


def read_events(path: str | Path, *, column: str = "trial_type") -> pd.DataFrame:
    """Events of one run.

    Parameters
    ----------
    path : path
        BIDS ``_events.tsv``: ``onset`` and ``duration`` in seconds from the run's first volume, and the
        condition.
    column : str, default 'trial_type'
        Column with the condition of each event.

    Returns
    -------
    DataFrame
        Columns ``onset``, ``duration`` (float) and ``trial_type`` (text), in the order of the file.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the table is not there or not readable, or a time is no number.
    BetasError
        If a column is missing.
    LabelError
        If an event has no condition.
    """
    import pandas as pd

    path = Path(path)
    header, rows = read_rows(path, where=str(path))
    table = pd.DataFrame(rows, columns=header, dtype=str)
    for name in ("onset", "duration", column):
        need_column(table, name, "Give events as BIDS does, or name the column by the settings.", path)
    times = {name: pd.to_numeric(table[name], errors="coerce") for name in ("onset", "duration")}
    for name, values in times.items():
        wrong = np.flatnonzero(~np.isfinite(values) | ((values < 0) & (name == "duration")))
        if wrong.size:
            raise UnreadableFileError(
                f"{path}, row {wrong[0] + 1}",
                f"{name} '{table[name].iloc[wrong[0]]}'",
                "seconds",
                "Correct the cell, or remove the event.",
            )
    blank = [str(row) for row, name in enumerate(table[column], start=1) if name.strip() in ("", "n/a")]
    if blank:
        raise LabelError(
            str(path), f"row {listing(blank)} has no condition", "a condition for every event", "Name it."
        )
    return pd.DataFrame({**times, "trial_type": table[column]})


def read_volume_labels(path: str | Path) -> tuple[list[str], list[str]]:
    """Condition and run of every volume of a BOLD image.

    Parameters
    ----------
    path : path
        Text with a line a volume: condition, blank, run; as PyMVPA's attribute files are.

    Returns
    -------
    labels, runs : list of str, length n_volumes

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, or a line has not two words.
    """
    path = existing(path, where=str(path), remedy="Correct the path.")
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as problem:
        raise UnreadableFileError(str(path), f"{problem}", "text in UTF-8", "Save it as text.") from problem
    wrong = [str(number) for number, words in enumerate(lines, start=1) if len(words) != 2]
    if wrong or not lines:
        raise UnreadableFileError(
            str(path),
            f"line {listing(wrong)} has not two words" if lines else "it is empty",
            "a condition and a run in each line, one line a volume",
            "Correct the file.",
        )
    return [words[0] for words in lines], [words[1] for words in lines]


def events_from_volume_labels(
    labels: Sequence[str], runs: Sequence[str], tr: float, *, rest: str = "rest"
) -> dict[str, tuple[slice, pd.DataFrame]]:
    """Events of each run of an image whose volumes are labelled one by one.

    Parameters
    ----------
    labels, runs : sequence of str, length n_volumes
        Condition and run of each volume.
    tr : float
        Seconds between volumes.
    rest : str, default 'rest'
        Label of volumes without an event.

    Returns
    -------
    dict of str to (slice, DataFrame)
        By run: its volumes in the image, and its events (``onset`` and ``duration`` in seconds from the run's
        first volume, ``trial_type``). Neighbouring volumes of one label are one event.

    Raises
    ------
    BetasError
        If labels and runs differ in number, or the volumes of a run do not follow each other.
    """
    import pandas as pd

    labels, runs = np.array(labels, dtype=object), np.array(runs, dtype=object)
    if len(labels) != len(runs):
        counts = f"{len(labels)} labels and {len(runs)} runs"
        raise BetasError("labels of volumes", counts, "one of each a volume", "Correct the labels.")
    found: dict[str, tuple[slice, pd.DataFrame]] = {}
    for run in dict.fromkeys(runs):
        volumes = np.flatnonzero(runs == run)
        first, after = int(volumes[0]), int(volumes[-1]) + 1
        if after - first != len(volumes):
            raise BetasError(
                "labels of volumes",
                f"the {len(volumes)} volumes of run '{run}' lie apart",
                "volumes of a run that follow each other",
                "Give the runs one after the other.",
            )
        own = labels[first:after]
        starts = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
        lengths = np.diff(np.r_[starts, len(own)])
        events = pd.DataFrame(
            {"onset": starts * float(tr), "duration": lengths * float(tr), "trial_type": own[starts]}
        )
        found[run] = (slice(first, after), events[events["trial_type"] != rest].reset_index(drop=True))
    return found
