"""Reweighting in a study: a job for the units of a network and target, from their files to the files of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from isoprune.batches import RDMFiles, targets_of_unit
from isoprune.design import Design
from isoprune.errors import ReweightingError
from isoprune.foldsets import FoldSets
from isoprune.reweighting.folds import write_fold_weights
from isoprune.reweighting.units import ReweightedUnit
from isoprune.reweighting.weights import Weights, write_weights
from isoprune.specificity import RivalResult, write_rivals


def units_of_job(
    units: Sequence[Mapping[str, str]],
    rdms: RDMFiles,
    sets: Sequence[FoldSets],
    kinds: Sequence[Sequence[str]],
    design: Callable[[Sequence[str]], Design],
) -> list[ReweightedUnit]:
    """Units of a network and target, ready to be reweighted.

    Parameters
    ----------
    units : sequence of mapping
        Values of the columns `isoprune.results.UNIT`.
    rdms : mapping
        As `isoprune.batches.read_rdms` gives them; where subjects are left out of the ranking, of all who have it.
    sets : sequence of FoldSets
        Of each unit.
    kinds : sequence of sequence of str
        Kinds of reweighting of each unit.
    design : callable
        Gives the design from the labels of a unit's images.

    Returns
    -------
    list of ReweightedUnit
    """
    found = []
    for unit, own_sets, own_kinds in zip(units, sets, kinds, strict=True):
        scored, supervising, _ = targets_of_unit(unit, rdms)
        designed = design(own_sets.labels)
        found.append(ReweightedUnit(unit, supervising, scored, own_sets, designed, tuple(own_kinds)))
    return found


def write_reweighted(
    result: RivalResult,
    weights: Mapping[str, Weights],
    folds: str,
    bootstrap: str,
    of_folds: str,
    paths: Mapping[str, str],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write the scores of a unit's reweightings, and the weights that were fitted on all images.

    Parameters
    ----------
    result, weights
        As `isoprune.reweighting.units.analyse_reweightings` gives them.
    folds, bootstrap : path
        As of `isoprune.specificity.write_rivals`.
    of_folds : path
        As of `isoprune.reweighting.folds.write_fold_weights`.
    paths : mapping of str to path
        Where the weights of each kind go.
    provenance : mapping, optional
        As in `isoprune.reweighting.write_weights`.

    Raises
    ------
    ReweightingError
        If a kind could not be fitted on all images.
    """
    write_rivals(result, folds, bootstrap)
    write_fold_weights(of_folds, result.scores, weights)
    for kind, path in paths.items():
        if kind not in weights:
            raise ReweightingError(
                f"reweighting '{kind}', {path}",
                "it cannot be fitted on all images, in which no inner fold judges a penalty",
                "inner folds of at least 3 images between which the target varies",
                "Lower `reweighting.n_inner`, or leave this kind out.",
            )
        write_weights(path, weights[kind], provenance)
