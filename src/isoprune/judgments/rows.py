"""From the cells of a table of judgments to numbers, and what is wrong with a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from isoprune.errors import IsopruneError, JudgmentError, LabelError
from isoprune.io.judgments import RATER, JudgmentTable
from isoprune.labels import listing, nearest

REPEATS = ("refuse", "average")
"""What becomes of a rater's different answers to the same question."""


def refuse_rows(
    table: JudgmentTable,
    wrong: np.ndarray,
    found: Callable[[int], str],
    expected: str,
    remedy: Callable[[int], str],
    error: type[IsopruneError] = JudgmentError,
) -> None:
    """Raise an error about the first of the rows that are wrong, which says how many others there are.

    Parameters
    ----------
    table : JudgmentTable
    wrong : ndarray of shape (n_rows,), bool
    found, remedy : function of a row
        What the row holds, and what to do about it.
    expected : str
    error : class
    """
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return
    first = int(rows[0])
    others = f" (as {len(rows) - 1} more row(s): {listing(rows[1:] + 1, most=4)})" if len(rows) > 1 else ""
    raise error(table.at(first), found(first) + others, expected, remedy(first))


def images_in(table: JudgmentTable, use: str, labels: Sequence[str]) -> np.ndarray:
    """Place of each row's image among the labels.

    Parameters
    ----------
    table : JudgmentTable
    use : str
        The column.
    labels : sequence of str
        The images that there are.

    Returns
    -------
    ndarray of shape (n_rows,), int

    Raises
    ------
    LabelError
        If a cell is blank or no image; the row is named, and the nearest image.
    """
    cells, place = table.cells[use], {label: number for number, label in enumerate(labels)}
    images = np.array([place.get(cell, -1) for cell in cells], dtype=np.intp)

    def remedy(row: int) -> str:
        hint = nearest(cells[row], labels)
        return f"Did you mean '{hint}'?" if hint else "Correct the label, or delete the row."

    refuse_rows(
        table,
        images < 0,
        lambda row: f"column '{table.names[use]}' has '{cells[row]}', which is no image of the target",
        f"one of its {len(labels)} images, spelled as in the stimulus table",
        remedy,
        LabelError,
    )
    return images


def raters_in(table: JudgmentTable) -> tuple[np.ndarray, tuple[str, ...]]:
    """Who answered in each row.

    Returns
    -------
    rater : ndarray of shape (n_rows,), int
        Places in ``raters``; −1 throughout where the table has no column of raters.
    raters : tuple of str
        Sorted.

    Raises
    ------
    JudgmentError
        If a row names nobody.
    """
    n_rows = len(next(iter(table.cells.values())))
    if RATER not in table.cells:
        return np.full(n_rows, -1), ()
    cells = table.cells[RATER]
    refuse_rows(
        table,
        np.array([not cell for cell in cells], dtype=bool),
        lambda row: f"no rater in column '{table.names[RATER]}'",
        "a rater in every row",
        lambda row: "Fill the cell, or delete the column: every row then counts as a person of its own.",
    )
    raters = tuple(sorted(set(cells)))
    place = {name: number for number, name in enumerate(raters)}
    return np.array([place[cell] for cell in cells], dtype=np.intp), raters


def refuse_contradictions(
    table: JudgmentTable,
    question: np.ndarray,
    answer: np.ndarray,
    shown: Callable[[int], str],
) -> None:
    """Refuse different answers to one question.

    Parameters
    ----------
    table : JudgmentTable
    question : ndarray of shape (n_rows,)
        Equal where the same rater answers the same question.
    answer : ndarray of shape (n_rows,)
    shown : function of a row
        The question and answer in words.

    Raises
    ------
    JudgmentError
        Naming the two rows.
    """
    order = np.argsort(question, kind="stable")
    # Every answer is compared with the first one to the same question, so that the earlier row is told.
    starts = np.flatnonzero(np.r_[True, np.diff(question[order]) != 0]) if len(order) else order
    first = np.empty(len(order), dtype=np.intp)
    first[order] = np.repeat(order[starts], np.diff(np.r_[starts, len(order)]))
    refuse_rows(
        table,
        answer != answer[first],
        lambda row: f"{shown(row)}, but row {first[row] + 1} says otherwise: {shown(int(first[row]))}",
        "one answer of a rater to one question",
        lambda row: "Delete the wrong row; or write `repeats: average`, if questions were asked repeatedly.",
    )
