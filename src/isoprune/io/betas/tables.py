"""The table that says which condition, and which run, each volume of a betas image is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isoprune.errors import BetasError, LabelError
from isoprune.io.tables import read_rows
from isoprune.labels import listing, nearest

if TYPE_CHECKING:
    import pandas as pd


def read_conditions(path: str | Path, *, column: str = "condition") -> pd.DataFrame:
    """The table that names the condition of each volume of a run.

    Parameters
    ----------
    path : path
        Tab-separated (``.csv``: comma-separated) table with the column of conditions and, optionally,
        ``volume`` (from 0). Without ``volume``, row i is volume i. Other columns are kept as text.
    column : str, default 'condition'
        Name of the column of conditions in the file; it is called ``condition`` in what is returned.

    Returns
    -------
    DataFrame
        One row a volume, in the order of the volumes; ``condition`` is text, ``volume`` int.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is no text table with a header and rows of one length.
    BetasError
        If there is no column of conditions, or ``volume`` does not number the rows.
    LabelError
        If a condition is blank.
    """
    import pandas as pd

    path = Path(path)
    header, rows = read_rows(path, where=str(path))
    table = pd.DataFrame(rows, columns=header, dtype=str)
    need_column(table, column, "Name the column that holds each volume's condition so.", path)
    if column != "condition":
        table = table.drop(columns="condition", errors="ignore").rename(columns={column: "condition"})
    blank = [str(row) for row, name in enumerate(table["condition"], start=1) if not name.strip()]
    if blank:
        raise LabelError(
            str(path),
            f"row {listing(blank)} has no condition",
            "a condition for every volume",
            "Name the condition of every volume; leave volumes of no interest out of the betas.",
        )
    return _in_order_of_volumes(table, path)


def need_column(table: pd.DataFrame, column: str, remedy: str, path: Path) -> None:
    """Refuse a table without the column.

    Raises
    ------
    BetasError
        With the columns that there are, and the nearest of them.
    """
    if column in table.columns:
        return
    hint = nearest(column, table.columns)
    raise BetasError(
        str(path),
        f"a table with the columns {listing(table.columns)}",
        f"a column `{column}`",
        f"Is '{hint}' meant?" if hint else remedy,
    )


def volumes_by_run(table: pd.DataFrame, column: str, path: Path) -> dict[str, np.ndarray]:
    """Numbers of the volumes of each run, for an image that holds several.

    Parameters
    ----------
    table : DataFrame
        As ``read_conditions`` returns it.
    column : str
        The column with the label of each volume's run.
    path : path
        Where the table comes from, for error messages.

    Returns
    -------
    dict of str to ndarray of int
        By run, in the order of their first volumes.

    Raises
    ------
    BetasError
        If there is no such column.
    LabelError
        If a volume has no run.
    """
    need_column(table, column, "Say there which run each volume is of, or give one image a run.", path)
    runs = np.array([label.strip() for label in table[column]], dtype=object)
    if blank := [str(row) for row, label in enumerate(runs, start=1) if not label]:
        raise LabelError(
            str(path), f"row {listing(blank)} has no run", "a run for every volume", "Fill the cells."
        )
    return {label: np.flatnonzero(runs == label) for label in dict.fromkeys(runs)}


def _in_order_of_volumes(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    if "volume" not in table.columns:
        return table.assign(volume=np.arange(len(table)))
    texts = list(table["volume"])
    if sorted(texts) != sorted(map(str, range(len(table)))):
        raise BetasError(
            str(path),
            f"column `volume` holds {listing(texts)}",
            f"each of 0 to {len(table) - 1} once",
            "Number the volumes from 0, without gaps, or remove the column if rows are in order.",
        )
    return table.assign(volume=table["volume"].astype(int)).sort_values("volume", ignore_index=True)
