"""What a procedure reaches on relabelled targets, and the file of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import UnreadableFileError
from isoprune.io.arrays import read_arrays, write_arrays

_BY_STATISTIC = ("relabelled", "observed")
"""Attributes of `Null` that hold a value for each statistic."""


@dataclass(frozen=True)
class Null:
    """What a unit's procedure reaches on the target, and on relabelled targets.

    A statistic is the mean Fisher z of a held-out score over the folds in which it is defined. Its name is
    ``<competitor>`` for signed isomorphism, ``<competitor>_partial`` and ``<competitor>_within`` for the controlled
    scores, where the competitor is ``full`` or ``pruned``.

    Attributes
    ----------
    relabelled : dict of str to ndarray of shape (n_relabellings,), float64
        Each statistic; row b is relabelling b. NaN where no fold is defined.
    observed : dict of str to float
        The same statistics of the target as it is.
    n_undefined : ndarray of shape (n_relabellings,), int
        Folds without a score; such a fold is left out for both embeddings.
    observed_n_undefined : int
    n_folds : int
        Folds × repeats of a statistic.
    seed : int
    exchange : str
        What was exchanged: ``images``, or ``within:<column>``.
    fingerprint : str
        Of the labels and of the relabellings. Units that share it may enter one maximum; units that do not are of
        other images.
    """

    relabelled: dict[str, np.ndarray]
    observed: dict[str, float]
    n_undefined: np.ndarray
    observed_n_undefined: int
    n_folds: int
    seed: int
    exchange: str
    fingerprint: str


def write_nulls(path: str | Path, nulls: Mapping[str, Null]) -> None:
    """Write a unit's nulls as an npz file, in one step; equal nulls give equal bytes.

    Parameters
    ----------
    path : path
        Its arrays are ``exchange`` (the names of the nulls) and, for null k of them, ``<k>_relabelled_<statistic>``
        (row b is relabelling b), ``<k>_observed_<statistic>`` and ``<k>_<attribute>`` for the others of `Null`.
    nulls : mapping of str to Null
        By what was exchanged; may be empty.

    Raises
    ------
    NotWritableError
        If the place cannot be written to.
    """
    arrays: dict[str, Any] = {"exchange": np.array(list(nulls), dtype=str)}
    for k, null in enumerate(nulls.values()):
        of_null = {field.name: getattr(null, field.name) for field in fields(Null)}
        for group in _BY_STATISTIC:
            of_null |= {f"{group}_{name}": value for name, value in of_null.pop(group).items()}
        arrays |= {f"{k}_{name}": value for name, value in of_null.items()}
    write_arrays(path, **arrays)


def read_nulls(path: str | Path) -> dict[str, Null]:
    """The nulls that `write_nulls` wrote, by what was exchanged.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    what = "the permutation nulls of a unit"
    arrays = read_arrays(path, ["exchange"], what=what)
    names = [str(name) for name in arrays.pop("exchange")]
    try:
        return {name: _null_from(arrays, f"{k}_") for k, name in enumerate(names)}
    except (KeyError, TypeError) as problem:
        raise UnreadableFileError(
            str(path),
            f"it does not hold {what} ({problem})",
            "an npz file that isoprune wrote",
            "Delete it and run again.",
        ) from problem


def _null_from(arrays: Mapping[str, np.ndarray], prefix: str) -> Null:
    own: dict[str, Any] = {
        name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)
    }
    own = {name: value if value.ndim else value.item() for name, value in own.items()}
    statistics = [name.removeprefix("relabelled_") for name in own if name.startswith("relabelled_")]
    groups: dict[str, Any] = {
        group: {name: own.pop(f"{group}_{name}") for name in statistics} for group in _BY_STATISTIC
    }
    return Null(**groups, **own)
