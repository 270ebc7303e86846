"""Is there any relation, and in which of many targets? Relabel the images of a target and run everything again.

A relabelled target keeps every property of the target but the link to the images, so the scores that it reaches are
what the whole procedure (ranking, number of features, held-out score) reaches without a relation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoprune.adjustment import p_value
from isoprune.crossvalidation import fisher_z, folds_of_rows
from isoprune.folds import MIN_TEST_IMAGES, Fold
from isoprune.joining import join
from isoprune.nulls import Null
from isoprune.progress import Counting, counting
from isoprune.pruning import Procedure, available_threads, one_blas_thread, procedure_named, select_by_rules
from isoprune.pruning.number import NRule
from isoprune.relabelled_sets import RelabelledSets, relabelled_sets
from isoprune.relabelling import check_permutations, fingerprint_of, relabellings
from isoprune.scoring import (
    Controls,
    controls_of,
    defined_images,
    held_out_scores,
    leaves_something,
    similarities_of,
)

ENTRIES_AT_ONCE = 2**22
"""Entries of relabelled targets that are held at a time: 32 MB of float64."""


@dataclass(frozen=True)
class PermutationTest:
    """Whether the pruned embedding has any relation with a target.

    Attributes
    ----------
    r : float
        Held-out signed isomorphism of the pruned embedding, mean over folds through Fisher's z.
    p : float
        One-sided, ``(b + 1) / (N + 1)``.
    null : ndarray of shape (n_permutations,), float64
        The same of the relabelled targets.
    """

    r: float
    p: float
    null: np.ndarray


def permutation_test(
    embedding: Any,
    target: Any,
    *,
    n_permutations: int = 1000,
    n_splits: int = 5,
    n_repeats: int = 1,
    seed: int = 0,
    folds: str = "random",
    groups: Mapping[str, str] | Sequence[str] | None = None,
    criterion: str = "pearson",
    measure: str = "correlation",
    method: str = "one-pass",
    n_rule: NRule = "max",
    backend: str = "auto",
    threads: int | None = None,
    progress: bool | Counting = False,
) -> PermutationTest:
    """Test the held-out isomorphism of the pruned embedding against relabelled targets.

    The whole procedure (ranking, number of features, held-out score) runs again on each of them.

    Parameters
    ----------
    embedding, target, n_splits, seed, folds, groups, criterion, measure, method, n_rule, backend, threads
        As in `isoprune.cross_validate`.
    n_permutations : int
        Relabellings of the images; p cannot be smaller than 1 / (n_permutations + 1).
    n_repeats : int
        Repeats of the folds, for the target and for every relabelled one; time grows in proportion.
    progress : bool or callable
        True shows a bar; a callable is called with the number of folds × targets done and their total.

    Returns
    -------
    PermutationTest

    Raises
    ------
    IsopruneError
        If the inputs are malformed or the folds impossible.
    """
    procedure = procedure_named(criterion, measure, method, backend, n_rule=n_rule)
    joined = join(embedding, target)
    dealing = {"folds": folds, "n_splits": n_splits, "n_repeats": n_repeats, "seed": seed}
    made = folds_of_rows(joined.labels, groups, **dealing)
    with counting(progress, "relabelled folds") as advance:
        null = unit_null(
            *(joined.values, joined.target, joined.target, joined.labels, made),
            procedure=procedure,
            relabellings=relabellings(joined.labels, n_permutations, seed=seed),
            seed=seed,
            threads=threads or available_threads(),
            progress=advance,
        )
    observed, relabelled = null.observed["pruned"], null.relabelled["pruned"]
    return PermutationTest(float(np.tanh(observed)), p_value(observed, relabelled), np.tanh(relabelled))


def unit_null(
    values: np.ndarray,
    supervising: np.ndarray,
    scored: np.ndarray,
    labels: Sequence[str],
    folds: Sequence[Fold],
    *,
    procedure: Procedure,
    relabellings: np.ndarray,
    seed: int,
    exchange: str = "images",
    controls: Controls | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Null:
    """Run the whole cross-validated procedure on a target and on each of its relabellings.

    Folds stay with the images, and so do nuisances and categories; only the targets are relabelled. Features are
    ranked and m* is chosen on a relabelled target's training block, as on the target's own.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
        No image may be constant.
    supervising, scored : ndarray of shape (n_images, n_images), float64
        Target that ranks the features, and target that is predicted. Both are relabelled alike.
    labels : sequence of str
        Stimulus label of each row.
    folds : sequence of Fold
        All enter the statistic.
    procedure : Procedure
    relabellings : ndarray of shape (n_relabellings, n_images), int
        As `isoprune.relabelling.relabellings` draws them.
    seed, exchange
        What drew the relabellings; kept in the result.
    controls : Controls, optional
        What scores are also controlled for.
    threads : int
        Changes no bit of the result.
    progress : callable, optional
        Called with the number of folds × targets done and their total.

    Returns
    -------
    Null

    Raises
    ------
    InferenceError
        If a row of ``relabellings`` is no permutation of the images.
    """
    (found,) = unit_nulls(
        values,
        supervising,
        scored,
        labels,
        folds,
        procedure=procedure,
        n_rules=(procedure.n_rule,),
        relabellings=relabellings,
        seed=seed,
        exchange=exchange,
        controls=controls,
        threads=threads,
        progress=progress,
    )
    return found.null


@dataclass(frozen=True)
class RuleNull:
    """The null under a rule for the number of features.

    Attributes
    ----------
    null : Null
    n_retained : float
        Features that the target as it is retains, mean over folds.
    sets : RelabelledSets
        Of the target and of as many relabelled ones as were asked for.
    """

    null: Null
    n_retained: float
    sets: RelabelledSets


def unit_nulls(
    values: np.ndarray,
    supervising: np.ndarray,
    scored: np.ndarray,
    labels: Sequence[str],
    folds: Sequence[Fold],
    *,
    procedure: Procedure,
    n_rules: Sequence[NRule],
    relabellings: np.ndarray,
    seed: int,
    n_sets: int = 0,
    exchange: str = "images",
    controls: Controls | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[RuleNull]:
    """`unit_null` under several rules for the number of features, which share rankings and curves.

    Parameters
    ----------
    values, supervising, scored, labels, folds, relabellings, seed, exchange, controls, threads, progress
        As in `unit_null`.
    procedure : Procedure
        Its own rule has no part.
    n_rules : sequence of str, int or float
        As in `isoprune.prune`.
    n_sets : int
        Relabelled targets whose retained sets are kept, from the first on; 0 keeps none.

    Returns
    -------
    list of RuleNull
        In the order of ``n_rules``.

    Raises
    ------
    InferenceError
        As `unit_null`.
    """
    arrangements = np.vstack([np.arange(len(labels)), check_permutations(relabellings, len(labels))])
    controls = controls_of(labels) if controls is None else controls
    unit = _Unit(values, supervising, scored, procedure, n_rules, controls, threads)
    n_kept = min(n_sets, len(relabellings)) + 1 if n_sets else 0
    scores, n_retained, retained = unit.on_all(arrangements, _rows_of(folds, labels), n_kept, progress)
    about: dict[str, Any] = {
        "n_folds": len(folds),
        "seed": seed,
        "exchange": exchange,
        "fingerprint": fingerprint_of(labels, arrangements[1:]),
    }
    drawn = fingerprint_of(labels, arrangements[1:n_kept])
    return [
        RuleNull(
            _null_of({kind: r[number] for kind, r in scores.items()}, about),
            float(n_retained[number].mean()),
            relabelled_sets(retained[number], folds, labels, values.shape[1], drawn),
        )
        for number in range(len(n_rules))
    ]


def _null_of(scores: dict[str, np.ndarray], about: Mapping[str, Any]) -> Null:
    """The null of scores by kind, each (2, n_folds, n_arrangements), the target as it is first."""
    statistics = {
        f"{competitor}{kind[1:]}": _mean_z(of_kind[number])
        for kind, of_kind in scores.items()
        for number, competitor in enumerate(("full", "pruned"))
    }
    undefined = np.isnan(scores["r"][0]).sum(axis=0)
    return Null(
        relabelled={name: z[1:] for name, z in statistics.items()},
        observed={name: float(z[0]) for name, z in statistics.items()},
        n_undefined=undefined[1:],
        observed_n_undefined=int(undefined[0]),
        **about,
    )


def _mean_z(r: np.ndarray) -> np.ndarray:
    """Mean Fisher z over folds (first axis), over those that are defined; NaN if none is."""
    defined = ~np.isnan(r)
    count = np.where(defined.any(axis=0), defined.sum(axis=0), np.nan)
    return fisher_z(r).sum(axis=0, where=defined) / count


def _rows_of(folds: Sequence[Fold], labels: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of the training and of the test images of each fold."""
    row_of = {label: row for row, label in enumerate(labels)}

    def rows(block: Sequence[str]) -> np.ndarray:
        return np.array([row_of[one] for one in block])

    return [(rows(fold.train), rows(fold.test)) for fold in folds]


@dataclass(frozen=True)
class _Unit:
    """What is done to every arrangement of a target; the attributes are as in `unit_nulls`."""

    values: np.ndarray
    supervising: np.ndarray
    scored: np.ndarray
    procedure: Procedure
    n_rules: Sequence[NRule]
    controls: Controls
    threads: int = 1

    def on_all(
        self,
        arrangements: np.ndarray,
        folds: Sequence[tuple[np.ndarray, np.ndarray]],
        n_kept: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[dict[str, np.ndarray], np.ndarray, list[list[list[np.ndarray]]]]:
        """Held-out scores of the full and the pruned embedding, and what the first arrangements retain.

        Scores by kind, each (n_rules, 2, n_folds, n_arrangements); numbers of features that the first one retains
        (n_rules, n_folds); and the sets of the first ``n_kept``, by rule and fold.
        """
        at_once = max(1, ENTRIES_AT_ONCE // len(self.values) ** 2)
        shape = len(self.n_rules), 2, len(folds), len(arrangements)
        scores = {kind: np.full(shape, np.nan) for kind in self.controls.kinds}
        n_retained = np.full((len(self.n_rules), len(folds)), np.nan)
        kept: list[list[list[np.ndarray]]] = [[[] for _ in folds] for _ in self.n_rules]
        with one_blas_thread():
            for number, (train, test) in enumerate(folds):
                for first in range(0, len(arrangements), at_once):
                    chunk = arrangements[first : first + at_once]
                    found, retained = self.on_fold(chunk, train, test)
                    for kind, of_kind in found.items():
                        scores[kind][:, :, number, first : first + at_once] = of_kind
                    for rule, sets in enumerate(retained):
                        if first == 0:
                            n_retained[rule, number] = len(sets[0]) or np.nan
                        kept[rule][number] += sets[: max(n_kept - first, 0)]
                    if progress:
                        progress(number * len(arrangements) + first + len(chunk), shape[2] * shape[3])
        return scores, n_retained, kept

    def on_fold(
        self, arrangements: np.ndarray, train: np.ndarray, test: np.ndarray
    ) -> tuple[dict[str, np.ndarray], list[list[np.ndarray]]]:
        """As `on_all` for one fold: scores by kind, each (n_rules, 2, n_arrangements); sets by rule and arrangement.

        A set is empty where nothing can be ranked.
        """
        targets = _blocks(self.supervising, arrangements[:, train])
        # A relabelled training block without geometry ranks nothing: the fold is undefined for this relabelling.
        removed = self.controls.that_rank(train, self.procedure)
        defined = np.array([leaves_something(target, removed) for target in targets], dtype=bool)
        selections = select_by_rules(
            self.values[train],
            targets[defined],
            self.procedure,
            self.n_rules,
            nuisances=removed,
            threads=self.threads,
        )
        shape = len(self.n_rules), 2, len(arrangements)
        scores = {kind: np.full(shape, np.nan) for kind in self.controls.kinds}
        held_out = _blocks(self.scored, arrangements[defined][:, test])
        for number, selection in enumerate(selections):
            for kind, found in self._held_out(test, held_out, selection.retained).items():
                scores[kind][number][:, defined] = found
        return scores, [_in_place(selection.retained, defined) for selection in selections]

    def _held_out(
        self, test: np.ndarray, targets: np.ndarray, retained: Sequence[np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Held-out scores of the full embedding and of each target's retained set by kind, each (2, n_targets).

        Images that are undefined under a retained set leave both scores; where either is undefined, both are.
        """
        scores = {kind: np.full((2, len(targets)), np.nan) for kind in self.controls.kinds}
        if not len(targets):
            return scores
        values = self.values[test]
        full = self._full(values, retained)
        pruned = similarities_of(values, retained, self.procedure)
        usable = defined_images(pruned)
        for images in np.unique(usable, axis=0):
            if images.sum() < MIN_TEST_IMAGES:
                continue
            alike, rows = np.flatnonzero((usable == images).all(axis=1)), np.flatnonzero(images)
            controls, target = self.controls.of(test[rows]), _between(targets[alike], rows)
            of_all = full if len(full) == 1 else full[alike]
            for embedding, similarities in enumerate((of_all, pruned[alike])):
                found = held_out_scores(
                    _between(similarities, rows), target, controls, self.procedure.criterion.curve
                )
                for kind, of_kind in found.items():
                    scores[kind][embedding, alike] = of_kind
        for of_kind in scores.values():
            of_kind[:, np.isnan(of_kind).any(axis=0)] = np.nan
        return scores

    def _full(self, values: np.ndarray, retained: Sequence[np.ndarray]) -> np.ndarray:
        """Similarities under the full embedding: one for all targets, or that of the layer each target chose."""
        if not self.procedure.layer_sizes:
            return similarities_of(values, [np.arange(values.shape[1])], self.procedure)
        wholes = [self.procedure.whole(features, values.shape[1]) for features in retained]
        of_layer = {whole[0]: whole for whole in wholes}
        known = dict(
            zip(of_layer, similarities_of(values, list(of_layer.values()), self.procedure), strict=True)
        )
        return np.array([known[whole[0]] for whole in wholes])


def _in_place(retained: Sequence[np.ndarray], defined: np.ndarray) -> list[np.ndarray]:
    """The sets of the targets that are defined among all, and empty ones."""
    sets = iter(retained)
    return [next(sets) if one else np.empty(0, dtype=int) for one in defined]


def _blocks(target: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The target between the images of each row of ``rows``, shape (n_rows, n_images, n_images)."""
    return target[rows[:, :, None], rows[:, None, :]]


def _between(matrices: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return matrices[:, rows[:, None], rows]
