"""Numbers whose squares, and the squares of those, float64 can hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isoprune.errors import IsopruneError

LEAST, MOST = 1e-70, 1e70
"""Magnitudes of features and dissimilarities (any unit), 0 apart: fourth powers of them keep all their digits.

Those of float32 lie far inside. Squares below 1e-308 lose digits one by one, so that a correlation of such numbers is
wrong before it is undefined.
"""


def check_magnitude(
    values: np.ndarray, where: str, names: Sequence[str], what: str, error: type[IsopruneError]
) -> None:
    """Refuse numbers that are too large or too small to be squared twice.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Finite numbers.
    where : str
        Where they come from, for the error message.
    names : sequence of str
        Label of each row.
    what : str
        What a number is, in the plural.
    error : class
        What is raised.
    """
    if values.dtype.itemsize < 8:
        return
    size = np.abs(values)
    outside = (size > MOST) | ((size < LEAST) & (size > 0))
    if not outside.any():
        return
    row, column = np.argwhere(outside)[0]
    raise error(
        where,
        f"{what} as {'large' if size[row, column] > 1 else 'small'} as {size[row, column]:.3g} "
        f"({names[row]}; {int(outside.sum())} in all)",
        f"0, or magnitudes from {LEAST:g} to {MOST:g}, whose squares can be computed",
        "Multiply all by one number, which changes no isomorphism; what is so small beside others is 0.",
    )
