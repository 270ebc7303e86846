"""Files of a retained set: the table of its features, and a sidecar that says all else about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isoprune.errors import IsopruneError, RetainedSetError, UnreadableFileError
from isoprune.io.files import read_json
from isoprune.io.seals import Renamed
from isoprune.io.tables import read_table, table_and_sidecar, write_table
from isoprune.results import RETAINED_COLUMNS
from isoprune.retained.set import ABOUT, RetainedSet, all_about

if TYPE_CHECKING:
    import pandas as pd


def write_retained_set(path: str | Path, retained: RetainedSet, table: pd.DataFrame | None = None) -> None:
    """Write a retained set: a table of features, and beside it, in its sidecar, all else about the set.

    Parameters
    ----------
    path : path
        Of the table, by habit ``…_retained.tsv``; the sidecar is ``…_retained.json``.
    retained : RetainedSet
    table : DataFrame, optional
        All features, columns as `isoprune.results.RETAINED_COLUMNS`; by default the retained ones alone, without
        ``drop`` and ``fold_frequency``.

    Raises
    ------
    RetainedSetError
        If the table holds another set.
    NotWritableError
        If it cannot be written there.
    """
    import pandas as pd

    if table is None:
        ranks = range(1, len(retained.features) + 1)
        table = pd.DataFrame({"feature": retained.features, "rank": ranks, "in_final": 1})
    if _features_of(table) != retained.features:
        raise RetainedSetError(
            retained.where,
            f"a table that keeps {len(_features_of(table))} features, not those of the set",
            f"the {len(retained.features)} features of the set",
            "Give the table and the set of one pruning.",
        )
    write_table(path, table, RETAINED_COLUMNS, about={ABOUT: all_about(retained)})


def load_retained(path: str | Path) -> RetainedSet:
    """A retained set that `write_retained_set` wrote.

    Parameters
    ----------
    path : path
        The table ``…_retained.tsv``; its sidecar ``…_retained.json`` lies beside it.

    Returns
    -------
    RetainedSet

    Raises
    ------
    MissingFileError
        If one of the two files is not there.
    UnreadableFileError
        If they are something else, or not what was written: a frozen set is not edited by hand.
    LabelError
        If one of them was written as the file of another unit.
    """
    path, sidecar = table_and_sidecar(path, "retained set", "A retained set is")
    table = read_table(path, where="retained set", renamed=Renamed.PLAINLY)
    try:
        about = dict(read_json(sidecar)[ABOUT])
        return RetainedSet(features=_features_of(table), **{**about, "images": tuple(about["images"])})
    except IsopruneError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise UnreadableFileError(
            str(path),
            f"it is not a retained set ({type(problem).__name__}: {problem})",
            f"columns feature, rank, in_final, and an entry '{ABOUT}' in its sidecar",
            "Write it with isoprune.retained.write_retained_set.",
        ) from problem


def _features_of(table: pd.DataFrame) -> tuple[int, ...]:
    """Retained features of a table of all, most important first."""
    kept = table[table["in_final"] == 1].sort_values("rank", kind="stable")
    return tuple(int(feature) for feature in kept["feature"])
