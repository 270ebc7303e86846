"""The unit of work: one network pruned for one target of one subject, from labelled matrices to its results.

A unit's results are files of its own, so that units can run as jobs anywhere and in any order; the tables of a
study are made of them (`isoprune.summary`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.adjustment import p_value
from isoprune.bootstrap import ImageBootstrap, bootstrap_images, write_bootstrap
from isoprune.crossvalidation import FoldScore, fisher_z, fold_frequency, fold_table, score_folds
from isoprune.design import IMAGES, Design
from isoprune.folds import Fold
from isoprune.foldsets import FoldSets, fold_sets, write_fold_sets
from isoprune.io.files import read_json, write_json
from isoprune.io.tables import read_table, write_table
from isoprune.isomorphism import pairs_of, second_order, similarity
from isoprune.labelled import RDM, Embedding
from isoprune.nulls import Null, write_nulls
from isoprune.permutation import RuleNull, unit_nulls
from isoprune.provenance import record
from isoprune.pruning import Procedure, PruningResult, one_blas_thread, prune_arrays
from isoprune.relabelled_sets import N_KEPT, RelabelledSets, relabelled_sets, write_relabelled_sets
from isoprune.relabelling import relabellings
from isoprune.results import (
    CURVE_COLUMNS,
    FOLD_COLUMNS,
    curve_table,
    frame_of_unit,
    once_each,
    retained_table,
)
from isoprune.retained import RetainedSet, retained_set, write_retained_set
from isoprune.scoring import Controls

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
    sets : FoldSets
    retained_set : RetainedSet
        Fitted on all images.
    nulls : dict of str to Null
        By what was exchanged; empty without relabellings.
    relabelled_sets : RelabelledSets
        Of targets whose images were all exchanged.
    bootstrap : ImageBootstrap
    """

    folds: pd.DataFrame
    retained: pd.DataFrame
    curve: pd.DataFrame
    facts: dict[str, Any]
    sets: FoldSets
    retained_set: RetainedSet
    nulls: dict[str, Null]
    relabelled_sets: RelabelledSets
    bootstrap: ImageBootstrap


def analyse_unit(
    embedding: Embedding,
    supervising: RDM,
    scored: RDM,
    unit: Mapping[str, str],
    design: Design,
    *,
    n_permutations: int,
    subset: bool = False,
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> UnitResult:
    """Cross-validate a unit, test it, and fit its final retained set.

    Parameters
    ----------
    embedding : Embedding
    supervising, scored : RDM
        Target that ranks the features, and target that is predicted; joined to the embedding by label.
    unit : mapping
        Values of the columns `isoprune.results.UNIT`.
    design : Design
    n_permutations : int
        Relabellings of each null; 0 for none.
    subset : bool
        Whether the target may have been measured with some of the embedding's images only.
    threads : int
        Changes no bit of the result.
    progress : callable, optional
        Called with what is counted, the number done and their total.

    Returns
    -------
    UnitResult

    Raises
    ------
    IsopruneError
        If labels differ, an image is constant, or folds are impossible.
    """
    design = design.for_embedding(embedding)
    embedding = embedding.canonical(scored.labels if subset else None)
    labels, values = embedding.labels, embedding.values
    side = f"embedding '{embedding.name}'"
    ranked, target = (rdm.select(labels, side).values for rdm in (supervising, scored))
    folds, controls = design.make_folds(labels), design.controls(target, labels)
    given = values, ranked, target, labels
    common: dict[str, Any] = {
        "procedure": design.procedure,
        "controls": controls,
        "seed": design.seed,
        "threads": threads,
    }

    def counting(what: str) -> Callable[[int, int], None] | None:
        return progress and (lambda done, total: progress(what, done, total))

    scores = score_folds(*given, folds, n_random=design.n_random, progress=counting("folds"), **common)
    nulls = _nulls(given, folds, design, n_permutations, {**common, "progress": counting("relabelled folds")})
    final, full = _of_all_images(values, ranked, target, controls, design.procedure, threads)
    n_features, of_images = values.shape[1], {"r_all_images": full, "n_images": len(labels)}
    return UnitResult(
        folds=frame_of_unit(fold_table(scores, n_features), dict(unit)),
        retained=retained_table(final, fold_frequency(scores, n_features)),
        curve=curve_table(final),
        facts={**unit, **of_images, **_chosen(embedding, final, scores), **_facts(final, scores, design)},
        sets=fold_sets(scores, labels),
        retained_set=retained_set(
            final,
            embedding,
            replace(supervising, subject=unit["subject"]),
            study=design.study,
            supervision=unit["supervision"],
            seed=design.seed,
        ),
        nulls={exchange: one.null for exchange, one in nulls.items()},
        relabelled_sets=nulls[IMAGES].sets if nulls else relabelled_sets([], [], labels, n_features),
        bootstrap=bootstrap_images(
            values,
            target,
            labels,
            *competitor_sets(scores),
            procedure=design.procedure,
            n_bootstrap=design.n_bootstrap,
            seed=design.seed,
        ),
    )


def _nulls(
    given: tuple[np.ndarray, np.ndarray, np.ndarray, Sequence[str]],
    folds: Sequence[Fold],
    design: Design,
    n_permutations: int,
    settings: Mapping[str, Any],
) -> dict[str, RuleNull]:
    """The unit's nulls by what is exchanged; ``given`` and ``settings`` are as in `unit_nulls`."""
    tested = [fold for fold in folds if fold.repeat <= design.n_null_repeats]

    def null(exchange: str, within: Mapping[str, str] | None) -> RuleNull:
        drawn = relabellings(given[-1], n_permutations, seed=design.seed, within=within)
        (found,) = unit_nulls(
            *given,
            tested,
            n_rules=(design.procedure.n_rule,),
            relabellings=drawn,
            exchange=exchange,
            n_sets=N_KEPT if exchange == IMAGES else 0,
            **settings,
        )
        return found

    return {
        exchange: null(exchange, within) for exchange, within in design.exchanges.items() if n_permutations
    }


def _facts(final: PruningResult, scores: Sequence[FoldScore], design: Design) -> dict[str, Any]:
    return {
        "n_retained": final.n_retained,
        "n_features": len(final.ranking),
        "p_random": random_rank(scores),
        "n_random": design.n_random,
        "nuisances": [rdm.target for rdm in design.nuisances],
        "criterion": final.criterion,
        "measure": final.measure,
        "method": final.method,
        "n_rule": final.n_rule,
        "n_plateau": list(final.plateau),
        "backend": final.backend,
    }


def _chosen(embedding: Embedding, final: PruningResult, scores: Sequence[FoldScore]) -> dict[str, Any]:
    """Where the best of several layers was chosen: which, over all images and in how many folds; else nothing."""
    if not embedding.layer_sizes:
        return {}
    names = [layer["network"] for layer in embedding.provenance["layers"]]
    starts = np.cumsum([0, *embedding.layer_sizes[:-1]])
    chosen = np.searchsorted(starts, [score.whole[0] for score in scores])
    counts = {name: int((chosen == number).sum()) for number, name in enumerate(names)}
    return {
        "layers_chosen": counts,
        "layer_of_all_images": names[int(np.searchsorted(starts, embedding.whole(final.retained)[0]))],
    }


def _of_all_images(
    values: np.ndarray,
    ranked: np.ndarray,
    target: np.ndarray,
    controls: Controls,
    procedure: Procedure,
    threads: int,
) -> tuple[PruningResult, float]:
    """The final set, and the isomorphism of the whole layer that it is of."""
    removed = controls.that_rank(np.arange(len(values)), procedure)
    final = prune_arrays(values, ranked, procedure, threads, nuisances=removed)
    whole = procedure.whole(final.retained, values.shape[1])
    with one_blas_thread():
        similarities = pairs_of(similarity(values[:, whole], procedure.measure))
        return final, float(second_order(similarities, pairs_of(target), procedure.criterion.curve))


def competitor_sets(
    scores: Sequence[FoldScore],
) -> tuple[list[tuple[str, ...]], dict[str, list[Sequence[np.ndarray]]]]:
    """Images that were scored in each fold, and the sets of features of each competitor in each fold."""
    tested = [() if score.undefined else score.tested for score in scores]
    return tested, {
        "full": [[score.whole] for score in scores],
        "pruned": [[score.retained] for score in scores],
        "random": [score.random_sets for score in scores],
    }


def random_rank(scores: Sequence[FoldScore]) -> float | None:
    """Rank of the pruned score among random sets, as a one-sided p.

    Draw d of every fold makes random procedure d; its statistic, as that of pruning, is the mean Fisher z over
    folds: ``(b + 1) / (N + 1)`` with b the random procedures that score at least as high.

    Parameters
    ----------
    scores : sequence of FoldScore

    Returns
    -------
    float, or None
        None where no fold has a score.
    """
    defined = [score for score in scores if score.undefined is None]
    if not defined:
        return None
    observed = float(np.mean([fisher_z(score.r["pruned"]) for score in defined]))
    return p_value(observed, fisher_z([score.random_r for score in defined]).mean(axis=0))


def write_unit(
    result: UnitResult, paths: Mapping[str, str], settings: dict[str, Any], inputs: Mapping[str, str]
) -> None:
    """Write a unit's results.

    Parameters
    ----------
    result : UnitResult
    paths : mapping
        Where ``folds``, ``retained``, ``curve`` (TSV), ``facts`` (JSON), and ``sets``, ``relabelled``, ``null`` and
        ``bootstrap`` (npz) go.
    settings : dict
        Settings that the unit depends on.
    inputs : mapping
        Role of each input file and where it is.
    """
    write_table(paths["folds"], result.folds, FOLD_COLUMNS)
    write_retained_set(paths["retained"], result.retained_set, result.retained)
    write_table(paths["curve"], result.curve, CURVE_COLUMNS)
    write_fold_sets(paths["sets"], result.sets)
    write_relabelled_sets(paths["relabelled"], result.relabelled_sets)
    write_nulls(paths["null"], result.nulls)
    write_bootstrap(paths["bootstrap"], result.bootstrap)
    write_json(paths["facts"], {**result.facts, "provenance": record(settings, dict(inputs))})


def read_units(
    folds: Sequence[str], facts: Sequence[str], rivals: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Fold scores of several units in one table, and the facts of each.

    Parameters
    ----------
    folds, facts : sequence of path
        Files that `write_unit` wrote, units in the same order.
    rivals : sequence of path, optional
        Fold scores of the units' rivals, in the folders of what made them; see `files_of_units`.

    Returns
    -------
    DataFrame, list of dict
        Columns as `isoprune.results.FOLD_COLUMNS`; a unit's rivals follow the unit.
    """
    import pandas as pd

    of_units = files_of_units(folds, rivals)
    tables = [read_table(path, where=str(path)) for of_unit in of_units for path in of_unit]
    return once_each(pd.concat(tables, ignore_index=True)), [read_json(path) for path in facts]


def files_of_units(own: Sequence[str], others: Sequence[str]) -> list[list[str]]:
    """Each unit's own file, and the files of the same name that lie in other folders, in the order they are given.

    Parameters
    ----------
    own : sequence of path
        One a unit.
    others : sequence of path
        Any number a unit; a unit may have none.
    """
    found = {Path(path).name: [path] for path in own}
    for path in others:
        found[Path(path).name].append(path)
    return list(found.values())
