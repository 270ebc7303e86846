"""Odd-one-out choices among three images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from isoprune.io.judgments import JudgmentTable, read_judgment_table
from isoprune.judgments.pairs import PairJudgments, pairs_of_images
from isoprune.judgments.rows import REPEATS, images_in, raters_in, refuse_contradictions, refuse_rows
from isoprune.labels import choose

COLUMNS = {"first": "stimulus_1", "second": "stimulus_2", "third": "stimulus_3", "odd": "odd", "rater": None}
"""Name of each column; the column of raters is ``rater`` where there is one."""


def read_triplets(
    path: str | Path,
    labels: Sequence[str],
    *,
    columns: Mapping[str, str | None] = COLUMNS,
    repeats: str = "refuse",
) -> PairJudgments:
    """Odd-one-out choices from a table with a row a choice.

    The similarity of two images is the share of the triplets with both in which the third was chosen as the odd one
    (Hebart et al. 2020, Nat Hum Behav 4:1173), and the dissimilarity 1 less that.

    Parameters
    ----------
    path : path
        Tab-separated, or comma-separated if its name ends in ``.csv``.
    labels : sequence of str
        The images of the target.
    columns : mapping
        As `COLUMNS`. A table without raters has one anonymous choice a row.
    repeats : {'refuse', 'average'}
        What becomes of different choices of a rater in the same triplet; each choice counts where they are averaged.

    Returns
    -------
    PairJudgments
        Three judgments a choice: 0 for the pair that is left, 1 for the two pairs with the odd one.

    Raises
    ------
    LabelError
        If a row names an image that the target does not have.
    JudgmentError
        If an image occurs twice in a triplet, the odd one is none of the three, or a choice contradicts another.
    IsopruneError
        As `isoprune.io.judgments.read_judgment_table`.
    """
    choose(repeats, REPEATS, what="way to treat repeats", where="repeats")
    table = read_judgment_table(path, columns)
    images = np.column_stack([images_in(table, use, labels) for use in ("first", "second", "third")])
    sorted_images = np.sort(images, axis=1)
    refuse_rows(
        table,
        (np.diff(sorted_images, axis=1) == 0).any(axis=1),
        lambda row: f"an image occurs twice in the triplet {_triplet(table, row)}",
        "three different images",
        lambda row: "Correct or delete the row.",
    )
    odd = _odd_ones(table, images, labels)
    rater, raters = raters_in(table)
    if raters and repeats == "refuse":
        n = len(labels)
        asked = ((rater * n + sorted_images[:, 0]) * n + sorted_images[:, 1]) * n + sorted_images[:, 2]
        refuse_contradictions(table, asked, odd, lambda row: _told(table, row))
    left = images[images != odd[:, None]].reshape(-1, 2)
    pair = np.concatenate(
        [pairs_of_images(len(labels), *ends) for ends in (left.T, (left[:, 0], odd), (left[:, 1], odd))]
    )
    values = np.repeat([0.0, 1.0, 1.0], len(odd))
    return PairJudgments(tuple(labels), pair, values, np.tile(rater, 3), raters, "triplets", table.path)


def _odd_ones(table: JudgmentTable, images: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    cells, name = table.cells["odd"], table.names["odd"]
    place = {label: number for number, label in enumerate(labels)}
    odd = np.array([place.get(cell, -1) for cell in cells], dtype=np.intp)
    refuse_rows(
        table,
        ~(images == odd[:, None]).any(axis=1),
        lambda row: (
            f"the odd one '{cells[row]}' (column '{name}') is not in the triplet {_triplet(table, row)}"
        ),
        "one of the three",
        lambda row: (
            "Write the odd one's label, as it stands in the triplet; a row without a choice is deleted."
        ),
    )
    return odd


def _triplet(table: JudgmentTable, row: int) -> str:
    return f"({', '.join(table.cells[use][row] for use in ('first', 'second', 'third'))})"


def _told(table: JudgmentTable, row: int) -> str:
    return f"rater '{table.cells['rater'][row]}' chose {table.cells['odd'][row]} among {_triplet(table, row)}"
