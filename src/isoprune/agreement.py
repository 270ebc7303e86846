"""How far the retained sets of a study agree: over folds, subjects, targets and networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from isoprune.labelled import GROUP, RDM, SUBJECTS, Embedding
from isoprune.pruning import Procedure, select_many
from isoprune.relabelling import relabellings
from isoprune.results import UNIT, UNIT_COLUMNS
from isoprune.stability import (
    AGREEMENT_COLUMNS,
    OVERLAP_COLUMNS,
    SHARING_COLUMNS,
    STABILITY_COLUMNS,
    overlap_table,
    rdm_agreement,
    sharing_table,
    stability_row,
)

EVERY_TARGET = "all"
"""The target of rows about the sets of several targets."""

_NETWORK = {"network": UNIT_COLUMNS["network"]}
STUDY_STABILITY_COLUMNS = {**UNIT_COLUMNS, **STABILITY_COLUMNS}
STUDY_OVERLAP_COLUMNS = {**_NETWORK, **OVERLAP_COLUMNS}
STUDY_SHARING_COLUMNS = {**_NETWORK, **SHARING_COLUMNS}
STUDY_AGREEMENT_COLUMNS = {
    "a": "First set, network and target; ranked by the group's mean RDM over all images.",
    "b": "Second set.",
    **{column: text for column, text in AGREEMENT_COLUMNS.items() if column not in ("a", "b")},
}


@dataclass(frozen=True)
class UnitSets:
    """The retained sets of a unit.

    Attributes
    ----------
    unit : mapping
        Values of the columns `isoprune.results.UNIT`.
    final : ndarray of int
        Fitted on all images, most important first.
    of_folds : sequence of ndarray of int
    """

    unit: Mapping[str, str]
    final: np.ndarray
    of_folds: Sequence[np.ndarray]


def study_stability(units: Sequence[UnitSets], embeddings: Mapping[str, Embedding]) -> pd.DataFrame:
    """Stability of retained sets over folds, subjects and targets.

    Parameters
    ----------
    units : sequence of UnitSets
    embeddings : mapping of str to Embedding
        By network.

    Returns
    -------
    DataFrame
        Columns as `STUDY_STABILITY_COLUMNS`: a row for each unit over its folds; for each target over the subjects
        who were ranked one by one; for each network over the targets of the group.
    """
    values = {name: embedding.canonical().values for name, embedding in embeddings.items()}
    rows = []

    def add(over: str, unit: Mapping[str, str], sets: Sequence[np.ndarray]) -> None:
        if len(sets) > 1:
            rows.append({**unit, **stability_row(over, sets, values[unit["network"]])})

    for one in units:
        add("folds", dict(one.unit), one.of_folds)
    for (*_, supervision), some in _grouped(units, UNIT[:-1]).items():
        if supervision != GROUP:
            add("subjects", {**some[0].unit, "subject": SUBJECTS}, [one.final for one in some])
    for some in _grouped(_of_group(units), ["network"]).values():
        add("targets", {**some[0].unit, "target": EVERY_TARGET}, [one.final for one in some])
    return pd.DataFrame(rows, columns=list(STUDY_STABILITY_COLUMNS))


def study_overlap(
    units: Sequence[UnitSets],
    embeddings: Mapping[str, Embedding],
    rdms: Mapping[str, RDM],
    *,
    procedure: Procedure,
    n_relabelled: int,
    seed: int,
    threads: int = 1,
) -> pd.DataFrame:
    """Overlap of the group's sets of any two targets, against sets for relabelled targets.

    Parameters
    ----------
    units, embeddings
        As in `study_stability`.
    rdms : mapping of str to RDM
        The group's mean RDM of each target.
    procedure : Procedure
        As the sets were made.
    n_relabelled : int
        Relabellings of each target; fewer than 2 leave the comparison out.
    seed : int
    threads : int
        Changes no bit of the result.

    Returns
    -------
    DataFrame
        Columns as `STUDY_OVERLAP_COLUMNS`.
    """
    tables = []
    for (network,), some in _grouped(_of_group(units), ["network"]).items():
        sets = {one.unit["target"]: one.final for one in some}
        embedding, n_drawn = embeddings[network], n_relabelled if n_relabelled > 1 else 0
        null = {}
        for target in sets:
            # Targets of the same images are relabelled alike.
            labels = sorted(rdms[target].labels)
            rdm = rdms[target].select(labels).values
            moved = (rdm[np.ix_(rows, rows)] for rows in relabellings(labels, n_drawn, seed=seed))
            values = embedding.subset(labels).values.astype(np.float64)
            chosen = replace(procedure, layer_sizes=embedding.layer_sizes)
            null[target] = select_many(values, moved, chosen, threads=threads).retained
        table = overlap_table(sets, embedding.values.shape[1], null if n_drawn else None)
        tables.append(table.assign(network=network))
    return _joined(tables, STUDY_OVERLAP_COLUMNS)


def study_sharing(units: Sequence[UnitSets], embeddings: Mapping[str, Embedding]) -> pd.DataFrame:
    """Which features the group's sets of several targets share; columns as `STUDY_SHARING_COLUMNS`."""
    tables = [
        sharing_table(
            {one.unit["target"]: one.final for one in some}, embeddings[network].values.shape[1]
        ).assign(network=network)
        for (network,), some in _grouped(_of_group(units), ["network"]).items()
    ]
    return _joined(tables, STUDY_SHARING_COLUMNS)


def study_agreement(units: Sequence[UnitSets], embeddings: Mapping[str, Embedding]) -> pd.DataFrame:
    """Correlation of the RDMs of the group's sets, over targets and networks; columns as `STUDY_AGREEMENT_COLUMNS`."""
    sets = {
        f"{one.unit['network']} {one.unit['target']}": (embeddings[one.unit["network"]], one.final)
        for one in _of_group(units)
    }
    return rdm_agreement(sets)


def _of_group(units: Sequence[UnitSets]) -> list[UnitSets]:
    return [one for one in units if one.unit["subject"] == GROUP]


def _grouped(units: Sequence[UnitSets], columns: Sequence[str]) -> dict[tuple[str, ...], list[UnitSets]]:
    found: dict[tuple[str, ...], list[UnitSets]] = {}
    for one in units:
        found.setdefault(tuple(one.unit[column] for column in columns), []).append(one)
    return found


def _joined(tables: Sequence[pd.DataFrame], columns: Mapping[str, Any]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    return pd.concat(filled, ignore_index=True)[list(columns)]
