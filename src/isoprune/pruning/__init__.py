"""Pruning: rank features by the isomorphism they carry, and retain the best prefix of the ranking."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.blas import one_blas_thread
from isoprune.errors import ConstantImageError, EmbeddingError
from isoprune.isomorphism import check_target_varies, pairs_of, similarity, undefined_images
from isoprune.joining import join
from isoprune.labels import listing
from isoprune.nuisances import check_something_left, join_nuisances
from isoprune.pruning import ranking
from isoprune.pruning.backends import BACKENDS, Backend, backend_named
from isoprune.pruning.closed_form import TARGETS_AT_ONCE
from isoprune.pruning.criteria import CRITERIA
from isoprune.pruning.layers import columns_of_layers, of_best_layer
from isoprune.pruning.number import N_RULES, NRule, n_retained, on_plateau
from isoprune.pruning.partial import removing
from isoprune.pruning.procedure import METHODS, Procedure, procedure_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BACKENDS",
    "CRITERIA",
    "METHODS",
    "N_RULES",
    "Procedure",
    "PruningResult",
    "Selections",
    "available_threads",
    "one_blas_thread",
    "procedure_named",
    "prune",
    "prune_arrays",
    "select_by_rules",
    "select_many",
]

PAIRS_OF_TARGETS = 2**24
"""Pair values of targets that are worked on together: 128 MB of float64."""


@dataclass(frozen=True)
class PruningResult:
    """What pruning an embedding for a target gives.

    Attributes
    ----------
    ranking : ndarray of shape (n_features,), int
        Features, most important first; ties in the order of the features.
    drop : ndarray of shape (n_features,), float
        Criterion lost when the feature is left out (dimensionless); infinite where an image would be
        undefined without it, so that it cannot be spared. For the greedy method: lost when it was removed.
    curve : ndarray of shape (n_features + 1,), float
        Criterion of the first m ranked features; NaN where undefined (0 for the published criteria).
    n_retained : int
        m*: the first maximum of the curve, unless ``n_rule`` says otherwise.
    criterion, backend : str
        What was maximised, and what computed it.
    measure, method : str
        First-order measure, and how features were ranked.
    n_nuisances : int
        Nuisance RDMs that were removed: with any, ``drop`` and ``curve`` are of the partial isomorphism.
    n_rule : {"max", "one-se"}, int or float
        How the number of features was chosen.
    """

    ranking: np.ndarray
    drop: np.ndarray
    curve: np.ndarray
    n_retained: int
    criterion: str
    backend: str
    measure: str = "correlation"
    method: str = "one-pass"
    n_nuisances: int = 0
    n_rule: NRule = "max"

    @property
    def plateau(self) -> tuple[int, int]:
        """Fewest and most features of a prefix whose criterion is within 1 % of the maximum."""
        within = np.flatnonzero(on_plateau(self.curve))
        return int(within[0]), int(within[-1])

    @property
    def retained(self) -> np.ndarray:
        """Retained features, most important first, shape (n_retained,), int."""
        return self.ranking[: self.n_retained]

    def to_frame(self) -> pd.DataFrame:
        """The result as a pandas table, a row a feature, most important first.

        Returns
        -------
        DataFrame
            Columns ``feature``, ``rank`` (from 1), ``drop``, ``curve`` (criterion of the features up to this one) and
            ``retained``.
        """
        import pandas as pd

        rank = np.arange(1, len(self.ranking) + 1)
        return pd.DataFrame(
            {
                "feature": self.ranking,
                "rank": rank,
                "drop": self.drop[self.ranking],
                "curve": self.curve[1:],
                "retained": rank <= self.n_retained,
            }
        )

    @property
    def fit(self) -> float:
        """Criterion of the retained set on the images that it was fitted on: optimistic by construction."""
        return float(self.curve[self.n_retained])


@dataclass(frozen=True)
class Selections:
    """What pruning one embedding for many targets retains.

    Attributes
    ----------
    n_retained : ndarray of shape (n_targets,), int
    retained : tuple of ndarray of shape (n_retained,), int
        For each target, most important first.
    backend : str
        What computed it.
    results : tuple of PruningResult
        Rankings, drops and curves, if they were asked for; else empty.
    """

    n_retained: np.ndarray
    retained: tuple[np.ndarray, ...]
    backend: str
    results: tuple[PruningResult, ...] = ()


def prune(
    embedding: Any,
    target: Any,
    *,
    nuisances: Mapping[str, Any] | Iterable[Any] = (),
    criterion: str = "pearson",
    measure: str = "correlation",
    method: str = "one-pass",
    n_rule: NRule = "max",
    backend: str = "auto",
    threads: int | None = None,
) -> PruningResult:
    """Find the features of an embedding that carry its isomorphism with a target.

    Features are ranked once by their drop, inserted from the most important, and the prefix with the
    largest isomorphism is retained (Tarigopula et al. 2023). The gain on the images used here is optimistic
    by construction: `isoprune.cross_validate` gives the held-out one.

    Parameters
    ----------
    embedding : array of shape (n_images, n_features), Embedding, or rsatoolbox Dataset
    target : array of shape (n_images, n_images) or (n_pairs,), RDM, or rsatoolbox RDMs
        Dissimilarities, square or upper triangle (row by row). Labelled inputs are joined by label.
    nuisances : mapping of str to RDM, or iterable of RDM, optional
        Nuisance RDMs, in any form that a target has. They are removed from both sides: ranking, curve and retained
        set maximise the partial isomorphism (`isoprune.isomorphism.partial_isomorphism`).
    criterion : {"pearson", "spearman", "published", "published-spearman"}
        Signed Pearson or Spearman isomorphism over every defined prefix, or the published procedure
        (squared, full set never a candidate), with a Pearson or a Spearman curve.
    measure : {"correlation", "cosine", "euclidean"}
        First-order measure of the embedding's RDM: 1 − correlation, 1 − cosine, or squared distance.
    method : {"one-pass", "greedy"}
        ``greedy`` ranks the features that are left again after every removal. It takes about n_features / 2 times
        as long.
    n_rule : {"max", "one-se"}, int or float
        How many features are retained. ``max``: up to the first maximum of the curve. ``one-se``: the first prefix
        within one standard error of it, jackknifed over images. Or a number of features, or a share of them (a float
        between 0 and 1).
    backend : {"auto", "cpu", "cuda", "numpy", "reference"}
        ``auto`` takes a CUDA device where there is one.
    threads : int, optional
        Default: the processors this process may use. Changes no bit of the result.

    Returns
    -------
    PruningResult

    Raises
    ------
    IsopruneError
        If the two sides are not about the same images, or either has no geometry; if nuisances leave nothing of either;
        if the backend is absent; if there are fewer features than ``n_rule`` asks for.
    """
    procedure = procedure_named(criterion, measure, method, backend, n_rule=n_rule)
    joined = join(embedding, target)
    coefficient = procedure.criterion.curve
    removed = join_nuisances(nuisances, joined.target, joined.labels, coefficient)
    threads = threads or available_threads()
    return prune_arrays(joined.values, joined.target, procedure, threads, nuisances=removed)


def prune_arrays(
    values: np.ndarray,
    target: np.ndarray,
    procedure: Procedure,
    threads: int = 1,
    *,
    nuisances: np.ndarray | None = None,
) -> PruningResult:
    """`prune` for checked float64 arrays; ``nuisances`` of shape (n_nuisances, n_images, n_images)."""
    with one_blas_thread():
        chosen = backend_named(procedure.backend, threads)
        results = _results(values, target[None], nuisances, procedure, chosen, threads, batched=False)
    return results[0][0]


def select_many(
    values: np.ndarray,
    targets: Iterable[np.ndarray],
    procedure: Procedure,
    *,
    nuisances: np.ndarray | None = None,
    threads: int = 1,
    keep_results: bool = False,
) -> Selections:
    """Prune one embedding for many targets: subjects, regions, relabelled targets.

    What concerns the embedding alone is computed once for all of them. A target's selection depends neither on the
    number of threads nor on which other targets there are, to the last bit. `prune` may differ from it by
    rounding (1e-13), so that only features whose drops differ by less than 1e-12 may swap.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
    targets : ndarray of shape (n_targets, n_images, n_images), or iterable of (n_images, n_images)
        Dissimilarities. An iterable (say, a generator of relabelled targets) is read as it is worked on.
    procedure : Procedure
    nuisances : ndarray of shape (n_nuisances, n_images, n_images), optional
        Dissimilarities of the same images, removed from every target and from the embedding.
    threads : int
    keep_results : bool
        Whether rankings, drops and curves are kept too: 24 bytes for each target and feature.

    Returns
    -------
    Selections

    Raises
    ------
    IsopruneError
        As `prune`, for any of the targets.
    """
    rules = (procedure.n_rule,)
    (selections,) = select_by_rules(
        values,
        targets,
        procedure,
        rules,
        nuisances=nuisances,
        threads=threads,
        keep_results=keep_results,
    )
    return selections


def select_by_rules(
    values: np.ndarray,
    targets: Iterable[np.ndarray],
    procedure: Procedure,
    n_rules: Sequence[NRule],
    *,
    nuisances: np.ndarray | None = None,
    threads: int = 1,
    keep_results: bool = False,
) -> list[Selections]:
    """`select_many` under several rules for the number of features, which share rankings and curves.

    Parameters
    ----------
    values, targets, procedure, nuisances, threads, keep_results
        As in `select_many`; the procedure's own rule has no part.
    n_rules : sequence of str, int or float
        As in `prune`.

    Returns
    -------
    list of Selections
        In the order of ``n_rules``, each to the last bit what `select_many` gives.
    """
    n_pairs = len(values) * (len(values) - 1) // 2
    group = -(-PAIRS_OF_TARGETS // (n_pairs * TARGETS_AT_ONCE)) * TARGETS_AT_ONCE
    numbers: list[list[int]] = [[] for _ in n_rules]
    retained: list[list[np.ndarray]] = [[] for _ in n_rules]
    results: list[list[PruningResult]] = [[] for _ in n_rules]
    with one_blas_thread():
        chosen = backend_named(procedure.backend, threads)
        targets = iter(targets)
        while some := list(islice(targets, group)):
            given = values, np.array(some), nuisances, procedure, chosen, threads
            for number, made in enumerate(_results(*given, batched=True, n_rules=n_rules)):
                numbers[number] += [result.n_retained for result in made]
                retained[number] += [result.retained.copy() for result in made]
                results[number] += made if keep_results else []
    return [
        Selections(np.array(n, dtype=np.intp), tuple(sets), chosen.name, tuple(kept))
        for n, sets, kept in zip(numbers, retained, results, strict=True)
    ]


def _results(
    values: np.ndarray,
    targets: np.ndarray,
    nuisances: np.ndarray | None,
    procedure: Procedure,
    backend: Backend,
    threads: int,
    batched: bool,
    n_rules: Sequence[NRule] | None = None,
) -> list[list[PruningResult]]:
    """Results by rule for the number of features (by default the procedure's own), and by target."""
    if procedure.layer_sizes:
        by_itself = replace(procedure, layer_sizes=())
        of_layers = [
            _results(values[:, own], targets, nuisances, by_itself, backend, threads, batched, n_rules)
            for own in columns_of_layers(procedure.layer_sizes)
        ]
        return [
            [of_best_layer(of_target) for of_target in zip(*of_rule, strict=True)]
            for of_rule in zip(*of_layers, strict=True)
        ]
    _check(values, procedure.measure)
    for target in targets:
        check_target_varies(target, "target")
    criterion, measure = procedure.criterion, procedure.measure
    n_nuisances = 0 if nuisances is None else len(nuisances)
    if nuisances is not None and n_nuisances:
        _check_embedding_unexplained(values, nuisances, procedure)
        backend = removing(backend, nuisances)
    prepared = backend.prepare(np.asarray(values, dtype=np.float64), measure)
    if procedure.method == "greedy":
        drop, order = _greedy(values, targets, procedure, backend, threads)
    else:
        drop, order = ranking.one_pass(prepared, targets, criterion, batched)
    curves = criterion.value(prepared.insertion_curves(targets, order, criterion))
    about = criterion.name, backend.name, measure, procedure.method, n_nuisances
    given: dict[str, Any] = {"values": values, "nuisances": nuisances, "measure": measure}

    def under(rule: NRule) -> list[PruningResult]:
        return [
            PruningResult(
                one,
                lost,
                curve,
                n_retained(curve, one, rule, criterion, target=target, **given),
                *about,
                rule,
            )
            for one, lost, curve, target in zip(order, drop, curves, targets, strict=True)
        ]

    return [under(rule) for rule in n_rules or (procedure.n_rule,)]


def _greedy(
    values: np.ndarray, targets: np.ndarray, procedure: Procedure, backend: Backend, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    def one(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return ranking.greedy(values, target, procedure.criterion, procedure.measure, backend)

    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(targets)))) as pool:
        both = list(pool.map(one, targets))
    return np.array([drop for drop, _ in both]), np.array([order for _, order in both])


def _check(values: np.ndarray, measure: str) -> None:
    if values.shape[1] < 3:
        raise EmbeddingError(
            "embedding",
            f"{values.shape[1]} features",
            "at least 3, so that one can be left out and two be correlated",
            "Choose a wider layer.",
        )
    rows = np.flatnonzero(undefined_images(values, measure))
    if len(rows):
        nothing = "zero in every feature" if measure == "cosine" else "constant"
        raise ConstantImageError(
            "embedding",
            f"the images in row {listing(map(str, rows))} are {nothing}",
            f"images that {measure} is defined for",
            "Leave them out, or choose another layer or measure.",
        )


def _check_embedding_unexplained(values: np.ndarray, nuisances: np.ndarray, procedure: Procedure) -> None:
    pairs = pairs_of(similarity(values, procedure.measure))
    for coefficient in {procedure.criterion.ranking, procedure.criterion.curve}:
        check_something_left(pairs, pairs_of(nuisances), coefficient, where="RDM of the embedding")


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
