"""Ratings of pairs of images on a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from isoprune.io.judgments import JudgmentTable, read_judgment_table
from isoprune.judgments.pairs import PairJudgments, pairs_of_images
from isoprune.judgments.rows import REPEATS, images_in, raters_in, refuse_contradictions, refuse_rows
from isoprune.labels import choose

COLUMNS = {"first": "stimulus_1", "second": "stimulus_2", "rating": "rating", "rater": None}
"""Name of each column; the column of raters is ``rater`` where there is one."""


def read_ratings(
    path: str | Path,
    labels: Sequence[str],
    *,
    scale: Sequence[float],
    similarity: bool,
    columns: Mapping[str, str | None] = COLUMNS,
    repeats: str = "refuse",
) -> PairJudgments:
    """Ratings from a table with a row a rating.

    A rating r on a scale from a to b is the dissimilarity (r − a) / (b − a), or (b − r) / (b − a) if high ratings
    mean alike. Several ratings of a pair by one rater are averaged into one.

    Parameters
    ----------
    path : path
        Tab-separated, or comma-separated if its name ends in ``.csv``.
    labels : sequence of str
        The images of the target.
    scale : (float, float)
        Lowest and highest rating that could be given.
    similarity : bool
        Whether high ratings mean alike.
    columns : mapping
        As `COLUMNS`. A table without raters has one anonymous rating a row.
    repeats : {'refuse', 'average'}
        What becomes of different ratings of a pair by the same rater.

    Returns
    -------
    PairJudgments

    Raises
    ------
    LabelError
        If a row names an image that the target does not have.
    JudgmentError
        If a row rates an image with itself, has no rating or one outside of the scale, or contradicts another.
    IsopruneError
        As `isoprune.io.judgments.read_judgment_table`.
    """
    choose(repeats, REPEATS, what="way to treat repeats", where="repeats")
    table = read_judgment_table(path, columns)
    first, second = (images_in(table, use, labels) for use in ("first", "second"))
    refuse_rows(
        table,
        first == second,
        lambda row: f"'{table.cells['first'][row]}' is rated with itself",
        "two different images",
        lambda row: "Delete the row; an RDM is 0 on its diagonal.",
    )
    ratings = _ratings(table, scale)
    rater, raters = raters_in(table)
    pair = pairs_of_images(len(labels), first, second)
    low, high = scale
    values = ((high - ratings) if similarity else (ratings - low)) / (high - low)
    if raters:
        asked = rater * _n_pairs(labels) + pair
        if repeats == "refuse":
            refuse_contradictions(table, asked, ratings, lambda row: _told(table, row))
        pair, rater, values = _one_each(asked, values, _n_pairs(labels))
    return PairJudgments(tuple(labels), pair, values, rater, raters, "ratings", table.path)


def _n_pairs(labels: Sequence[str]) -> int:
    return max(len(labels) * (len(labels) - 1) // 2, 1)


def _ratings(table: JudgmentTable, scale: Sequence[float]) -> np.ndarray:
    cells, name = table.cells["rating"], table.names["rating"]
    ratings = np.array([_number(cell) for cell in cells])
    refuse_rows(
        table,
        ~np.isfinite(ratings),
        lambda row: f"'{cells[row]}' in column '{name}' is no rating",
        f"a number from {scale[0]:g} to {scale[1]:g}",
        lambda row: "Correct it, with a point for decimals; a pair that was not rated has no row.",
    )
    refuse_rows(
        table,
        (ratings < scale[0]) | (ratings > scale[1]),
        lambda row: f"rating {cells[row]} in column '{name}'",
        f"{scale[0]:g} to {scale[1]:g}, as `scale` says",
        lambda row: "Correct the rating or the scale.",
    )
    return ratings


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _told(table: JudgmentTable, row: int) -> str:
    cells = {use: column[row] for use, column in table.cells.items()}
    return f"rater '{cells['rater']}' rated ({cells['first']}, {cells['second']}) {cells['rating']}"


def _one_each(asked: np.ndarray, values: np.ndarray, n_pairs: int) -> tuple[np.ndarray, ...]:
    """One judgment a rater and pair, the mean of several: pair, rater, value."""
    order = np.lexsort((values, asked))
    keys, places = np.unique(asked[order], return_inverse=True)
    means = np.bincount(places, weights=values[order], minlength=len(keys)) / np.bincount(places)
    return keys % n_pairs, keys // n_pairs, means
