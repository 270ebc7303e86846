"""Is there any relation, and in which of many targets? Relabel the images of a target and run everything again.

A relabelled target keeps every property of the target but the link to the images, so the scores that it reaches are
what the whole procedure (ranking, number of features, held-out score) reaches without a relation. Relabellings
follow from (seed, number, sorted labels) alone: relabelling b is the same for all targets, subjects and networks
on the same images, which is what makes a maximum over them a test of all at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.crossvalidation import fisher_z
from isoprune.errors import InferenceError, UnreadableFileError
from isoprune.folds import MIN_TEST_IMAGES, Fold
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.labels import check_labels, listing
from isoprune.pruning import Procedure, one_blas_thread, select_by_rules
from isoprune.pruning.number import NRule
from isoprune.scoring import (
    Controls,
    controls_of,
    defined_images,
    held_out_scores,
    leaves_something,
    similarities_of,
)

RELABELLING_STREAM = 0x52454C41
"""Keeps the random numbers of relabellings apart from those of folds and random sets, which share the seed."""

_BY_STATISTIC = ("relabelled", "observed")
"""Attributes of `Null` that hold a value for each statistic."""

ENTRIES_AT_ONCE = 2**22
"""Entries of relabelled targets that are held at a time: 32 MB of float64."""


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


def relabellings(
    labels: Sequence[str], n: int, *, seed: int, within: Mapping[str, str] | None = None
) -> np.ndarray:
    """Draw relabellings of the images.

    All permutations are equally likely, the identity among them: leaving it out would make the p-values of a true
    null too small.

    Parameters
    ----------
    labels : sequence of str
        Stimulus label of each row.
    n : int
        Number of relabellings. The first ones do not depend on it.
    seed : int
        0 is a seed like any other.
    within : mapping of str to str, optional
        Category of each label; images are then exchanged with images of their category only. The names of the
        categories do not matter.

    Returns
    -------
    ndarray of shape (n, n_images), int
        Row ``drawn[b, i]`` of a target takes the place of row i, so that the relabelled target is
        ``target[np.ix_(drawn[b], drawn[b])]``. Whatever the order of ``labels``, an image receives the same image.

    Raises
    ------
    InferenceError
        If a category is missing, or no category has two images.
    """
    labels = check_labels(labels, "relabellings")
    in_order = np.array(sorted(range(len(labels)), key=labels.__getitem__))
    exchangeable = _exchangeable([labels[row] for row in in_order], within)
    drawn = np.empty((n, len(labels)), dtype=np.int64)
    for b in range(n):
        rng = np.random.default_rng([seed, b, RELABELLING_STREAM])
        moved = np.arange(len(labels))
        for images in exchangeable:
            moved[images] = rng.permutation(images)
        drawn[b, in_order] = in_order[moved]
    return drawn


def _exchangeable(labels: Sequence[str], within: Mapping[str, str] | None) -> list[np.ndarray]:
    """Positions among the sorted labels that may be exchanged; groups in the order of their first label."""
    if within is None:
        return [np.arange(len(labels))]
    missing = [label for label in labels if not within.get(label)]
    if missing:
        raise InferenceError(
            "inference.exchange",
            f"no category for {len(missing)} image(s): {listing(missing)}",
            "a category for every image",
            "Name a filled column of the stimulus table, or use `exchange: images`.",
        )
    members: dict[str, list[int]] = {}
    for position, label in enumerate(labels):
        members.setdefault(within[label], []).append(position)
    if max(map(len, members.values())) < 2:
        raise InferenceError(
            "inference.exchange",
            f"{len(members)} categories of one image each",
            "categories of several images, whose labels can be exchanged",
            "Name a coarser column of the stimulus table, or use `exchange: images`.",
        )
    return [np.array(positions) for positions in members.values()]


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
        As `relabellings` draws them.
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
    """

    null: Null
    n_retained: float


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

    Returns
    -------
    list of RuleNull
        In the order of ``n_rules``.

    Raises
    ------
    InferenceError
        As `unit_null`.
    """
    arrangements = np.vstack([np.arange(len(labels)), _permutations(relabellings, len(labels))])
    controls = controls_of(labels) if controls is None else controls
    unit = _Unit(values, supervising, scored, procedure, n_rules, controls, threads)
    scores, n_retained = unit.on_all(arrangements, _rows_of(folds, labels), progress)
    about = {
        "n_folds": len(folds),
        "seed": seed,
        "exchange": exchange,
        "fingerprint": _fingerprint(labels, arrangements[1:]),
    }
    nulls = [
        _null_of({kind: r[number] for kind, r in scores.items()}, about) for number in range(len(n_rules))
    ]
    return [RuleNull(*both) for both in zip(nulls, n_retained.mean(axis=1).tolist(), strict=True)]


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


def _permutations(drawn: np.ndarray, n_images: int) -> np.ndarray:
    drawn = np.asarray(drawn)
    if drawn.ndim != 2 or not np.array_equal(
        np.sort(drawn, axis=1), np.broadcast_to(np.arange(n_images), (*drawn.shape[:1], n_images))
    ):
        raise InferenceError(
            "relabellings",
            f"an array of shape {drawn.shape} whose rows are not all permutations",
            f"permutations of {n_images} images in its rows",
            "Draw them with isoprune.permutation.relabellings from the labels of this unit.",
        )
    return drawn


def _fingerprint(labels: Sequence[str], drawn: np.ndarray) -> str:
    """Hash of the sorted labels and of what each relabelling gives them; the order of rows does not matter."""
    in_order = np.array(sorted(range(len(labels)), key=labels.__getitem__))
    place = np.empty_like(in_order)
    place[in_order] = np.arange(len(labels))
    content = hashlib.sha256("\0".join(labels[row] for row in in_order).encode())
    content.update(np.ascontiguousarray(place[drawn[:, in_order]], dtype="<i8").tobytes())
    return content.hexdigest()[:16]


def _rows_of(folds: Sequence[Fold], labels: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of the training and of the test images of each fold."""
    row_of = {label: row for row, label in enumerate(labels)}
    return [
        tuple(np.array([row_of[one] for one in block]) for block in (fold.train, fold.test)) for fold in folds
    ]


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
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Held-out scores of the full and the pruned embedding, and what the first arrangement retains.

        Scores by kind, each (n_rules, 2, n_folds, n_arrangements); numbers of features (n_rules, n_folds).
        """
        at_once = max(1, ENTRIES_AT_ONCE // len(self.values) ** 2)
        shape = len(self.n_rules), 2, len(folds), len(arrangements)
        scores = {kind: np.full(shape, np.nan) for kind in self.controls.kinds}
        n_retained = np.full((len(self.n_rules), len(folds)), np.nan)
        with one_blas_thread():
            for number, (train, test) in enumerate(folds):
                for first in range(0, len(arrangements), at_once):
                    chunk = arrangements[first : first + at_once]
                    found, sizes = self.on_fold(chunk, train, test)
                    for kind, of_kind in found.items():
                        scores[kind][:, :, number, first : first + at_once] = of_kind
                    if first == 0:
                        n_retained[:, number] = sizes
                    if progress:
                        progress(number * len(arrangements) + first + len(chunk), shape[2] * shape[3])
        return scores, n_retained

    def on_fold(
        self, arrangements: np.ndarray, train: np.ndarray, test: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """As `on_all` for one fold: scores by kind, each (n_rules, 2, n_arrangements), and sizes (n_rules,)."""
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
        sizes = np.array([one.n_retained[0] if defined[0] else np.nan for one in selections])
        return scores, sizes

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


def _blocks(target: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The target between the images of each row of ``rows``, shape (n_rows, n_images, n_images)."""
    return target[rows[:, :, None], rows[:, None, :]]


def _between(matrices: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return matrices[:, rows[:, None], rows]


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
    own = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
    own = {name: value if value.ndim else value.item() for name, value in own.items()}
    statistics = [name.removeprefix("relabelled_") for name in own if name.startswith("relabelled_")]
    groups = {group: {name: own.pop(f"{group}_{name}") for name in statistics} for group in _BY_STATISTIC}
    return Null(**groups, **own)
