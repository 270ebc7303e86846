"""Tables of single judgments: a row an answer of a person, cells as they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from isoprune.io.files import existing
from isoprune.io.tables import read_rows
from isoprune.labels import choose

RATER = "rater"


@dataclass(frozen=True)
class JudgmentTable:
    """A table of judgments.

    Attributes
    ----------
    path : str
        Its file, for messages.
    names : dict of str to str
        Name of each column that is used, by what it is used for.
    cells : dict of str to list of str
        The cells of these columns, without blanks around them.
    """

    path: str
    names: dict[str, str]
    cells: dict[str, list[str]]

    def at(self, row: int) -> str:
        """A row for messages, counted from 1 below the header."""
        return f"{self.path}, row {row + 1}"


def read_judgment_table(path: str | Path, columns: Mapping[str, str | None]) -> JudgmentTable:
    """Columns of a table of judgments.

    Parameters
    ----------
    path : path
        Comma-separated if its name ends in ``.csv``, else tab-separated; UTF-8.
    columns : mapping of str to str or None
        Name of each column by what it is used for. Where ``rater`` is None, the column ``rater`` is used if there
        is one; otherwise nothing is known about who answered.

    Returns
    -------
    JudgmentTable

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the table is not there or not readable.
    UnknownNameError
        If a column does not exist.
    """
    path = existing(path, where=str(path), remedy="Correct the path, or make the table.")
    state = path.stat()
    return _cached(str(path.absolute()), str(path), state.st_mtime_ns, state.st_size, tuple(columns.items()))


@lru_cache(maxsize=2)
def _cached(
    absolute: str, path: str, mtime_ns: int, size: int, columns: tuple[tuple[str, str | None], ...]
) -> JudgmentTable:
    """The table; its time and size are arguments so that a changed file is read anew."""
    header, rows = read_rows(absolute, where=path)
    names = {use: name for use, name in columns if name is not None}
    if RATER not in names and RATER in header:
        names[RATER] = RATER
    places = {
        use: header.index(choose(name, header, what="column", where=path)) for use, name in names.items()
    }
    cells = {use: [row[place].strip() for row in rows] for use, place in places.items()}
    return JudgmentTable(path, names, cells)


def hash_of_rater(path: str | Path, columns: Mapping[str, str | None], rater: str) -> str:
    """Hash of what one rater said, so that one rater's change reruns one rater.

    Parameters
    ----------
    path, columns
        As for ``read_judgment_table``.
    rater : str
        Whose rows; it need not be there.

    Returns
    -------
    str
        64 hexadecimal digits, whatever the order of the rows.
    """
    table = read_judgment_table(path, columns)
    uses = sorted(set(table.cells) - {RATER})
    answers = zip(*(table.cells[use] for use in uses), strict=True)
    own = sorted(
        answer for answer, who in zip(answers, table.cells.get(RATER, ()), strict=False) if who == rater
    )
    return hashlib.sha256(repr((uses, own)).encode()).hexdigest()
