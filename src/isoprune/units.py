"""The unit of work: one network pruned for one target of one subject, from labelled matrices to tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.crossvalidation import fold_frequency, fold_table, score_folds
from isoprune.folds import make_folds
from isoprune.io.files import read_json, write_json
from isoprune.io.tables import read_table, write_table
from isoprune.isomorphism import pairs_of, second_order, similarity
from isoprune.labelled import RDM, Embedding, check_no_constant_image
from isoprune.provenance import record
from isoprune.pruning import one_blas_thread, procedure_named, prune_arrays
from isoprune.results import (
    CURVE_COLUMNS,
    FOLD_COLUMNS,
    RETAINED_COLUMNS,
    curve_table,
    frame_of_unit,
    retained_table,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class UnitResult:
    """What the analysis of a unit gives.

    Attributes
    ----------
    folds, retained, curve : DataFrame
        Columns as `isoprune.results.FOLD_COLUMNS`, `RETAINED_COLUMNS`, `CURVE_COLUMNS`.
    facts : dict
        Single numbers of the unit and what computed it, ready for JSON.
    """

    folds: pd.DataFrame
    retained: pd.DataFrame
    curve: pd.DataFrame
    facts: dict[str, Any]


def analyse_unit(
    embedding: Embedding,
    target: RDM,
    unit: Mapping[str, str],
    *,
    criterion: str,
    folds: str,
    n_splits: int,
    n_repeats: int,
    n_random: int,
    seed: int,
    groups: Mapping[str, str] | None = None,
    subset: bool = False,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> UnitResult:
    """Cross-validate a unit and fit its final retained set.

    Parameters
    ----------
    embedding : Embedding
    target : RDM
        Ranks the features and is predicted; joined to the embedding by label.
    unit : mapping
        Values of the columns `isoprune.results.UNIT`.
    criterion, folds, n_splits, n_repeats, n_random, seed, groups
        As in `isoprune.cross_validate`.
    subset : bool
        Whether the target may have been measured with some of the embedding's images only.
    threads : int
        Folds computed at the same time; changes no bit of the result.
    progress : callable, optional
        Called with the number of folds done and their total.

    Returns
    -------
    UnitResult

    Raises
    ------
    IsopruneError
        If labels differ, an image is constant, or folds are impossible.
    """
    # Canonical order: the rows of the stimulus table may be shuffled without a bit of difference.
    labels = sorted(target.labels if subset else embedding.labels)
    embedding = embedding.subset(labels) if subset else embedding.select(labels)
    matrix = target.select(labels, f"embedding '{embedding.name}'").values
    values = embedding.values.astype(np.float64)
    check_no_constant_image(values, f"embedding '{embedding.name}'", labels)
    made = make_folds(labels, folds=folds, n_splits=n_splits, n_repeats=n_repeats, seed=seed, groups=groups)
    procedure = procedure_named(criterion)
    scores = score_folds(
        values,
        matrix,
        matrix,
        labels,
        made,
        procedure=procedure,
        n_random=n_random,
        seed=seed,
        threads=threads,
        progress=progress,
    )
    final = prune_arrays(values, matrix, procedure, threads)
    with one_blas_thread():
        everything = second_order(pairs_of(similarity(values)), pairs_of(matrix), procedure.criterion.curve)
    n_features = values.shape[1]
    facts = {
        **unit,
        "r_all_images": float(everything),
        "n_retained": final.n_retained,
        "n_features": n_features,
        "n_images": len(labels),
        "criterion": final.criterion,
        "backend": final.backend,
    }
    return UnitResult(
        folds=frame_of_unit(fold_table(scores, n_features), dict(unit)),
        retained=retained_table(final, fold_frequency(scores, n_features)),
        curve=curve_table(final),
        facts=facts,
    )


def write_unit(
    result: UnitResult, paths: Mapping[str, str], settings: dict[str, Any], inputs: Mapping[str, str]
) -> None:
    """Write a unit's tables and facts.

    Parameters
    ----------
    result : UnitResult
    paths : mapping
        Where ``folds``, ``retained``, ``curve`` (TSV) and ``facts`` (JSON) go.
    settings : dict
        Settings that the unit depends on.
    inputs : mapping
        Role of each input file and where it is.
    """
    write_table(paths["folds"], result.folds, FOLD_COLUMNS)
    write_table(paths["retained"], result.retained, RETAINED_COLUMNS)
    write_table(paths["curve"], result.curve, CURVE_COLUMNS)
    write_json(paths["facts"], {**result.facts, "provenance": record(settings, dict(inputs))})


def read_units(folds: Sequence[str], facts: Sequence[str]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Fold scores of several units in one table, and the facts of each.

    Parameters
    ----------
    folds, facts : sequence of path
        Files that `write_unit` wrote, units in the same order.

    Returns
    -------
    DataFrame, list of dict
        Columns as `isoprune.results.FOLD_COLUMNS`.
    """
    import pandas as pd

    tables = [read_table(path, where=str(path)) for path in folds]
    return pd.concat(tables, ignore_index=True), [read_json(path) for path in facts]
