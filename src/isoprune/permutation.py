"""Is there any relation, and in which of many targets? Relabel the images of a target and run everything again.

A relabelled target keeps every property of the target but the link to the images, so the scores that it reaches are
what the whole procedure (ranking, number of features, held-out score) reaches without a relation. Relabellings
follow from (seed, number, sorted labels) alone: relabelling b is the same for all targets, subjects and networks
on the same images, which is what makes a maximum over them a test of all at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.crossvalidation import fisher_z
from isoprune.errors import InferenceError, UnreadableFileError
from isoprune.folds import MIN_TEST_IMAGES, Fold
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.labels import check_labels, listing
from isoprune.pruning import Procedure, one_blas_thread, select_many
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

ROUNDING = 1e-12
"""Statistics that differ by less than this share are equal: another order of sums must decide no p-value."""


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


@dataclass(frozen=True)
class Adjusted:
    """p-values of a family of units, adjusted for their number.

    Attributes
    ----------
    family : str
        Which units the adjustment is over, in words.
    method : str
    p : dict of unit to float
        In the order in which the units were given; NaN for a unit without a statistic.
    """

    family: str
    method: str
    p: dict[Hashable, float]


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
    arrangements = np.vstack([np.arange(len(labels)), _permutations(relabellings, len(labels))])
    controls = controls_of(labels) if controls is None else controls
    unit = _Unit(values, supervising, scored, procedure, controls, threads)
    scores = unit.on_all(arrangements, _rows_of(folds, labels), progress)
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
        n_folds=len(folds),
        seed=seed,
        exchange=exchange,
        fingerprint=_fingerprint(labels, arrangements[1:]),
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
    """What is done to every arrangement of a target; the attributes are as in `unit_null`."""

    values: np.ndarray
    supervising: np.ndarray
    scored: np.ndarray
    procedure: Procedure
    controls: Controls
    threads: int = 1

    def on_all(
        self,
        arrangements: np.ndarray,
        folds: Sequence[tuple[np.ndarray, np.ndarray]],
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        """Held-out scores of the full and the pruned embedding by kind, each (2, n_folds, n_arrangements)."""
        at_once = max(1, ENTRIES_AT_ONCE // len(self.values) ** 2)
        shape = 2, len(folds), len(arrangements)
        scores = {kind: np.full(shape, np.nan) for kind in self.controls.kinds}
        with one_blas_thread():
            for number, (train, test) in enumerate(folds):
                for first in range(0, len(arrangements), at_once):
                    chunk = arrangements[first : first + at_once]
                    for kind, found in self.on_fold(chunk, train, test).items():
                        scores[kind][:, number, first : first + at_once] = found
                    if progress:
                        progress(number * len(arrangements) + first + len(chunk), shape[1] * shape[2])
        return scores

    def on_fold(self, arrangements: np.ndarray, train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
        """Held-out scores of the full and the pruned embedding in one fold by kind, each (2, n_arrangements)."""
        targets = _blocks(self.supervising, arrangements[:, train])
        # A relabelled training block without geometry ranks nothing: the fold is undefined for this relabelling.
        removed = self.controls.that_rank(train, self.procedure)
        defined = np.array([leaves_something(target, removed) for target in targets], dtype=bool)
        retained = select_many(
            self.values[train],
            targets[defined],
            self.procedure,
            nuisances=removed,
            threads=self.threads,
        ).retained
        scores = {kind: np.full((2, len(arrangements)), np.nan) for kind in self.controls.kinds}
        held_out = self._held_out(test, _blocks(self.scored, arrangements[defined][:, test]), retained)
        for kind, found in held_out.items():
            scores[kind][:, defined] = found
        return scores

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
        full = similarities_of(values, [np.arange(values.shape[1])], self.procedure)
        pruned = similarities_of(values, retained, self.procedure)
        usable = defined_images(pruned)
        for images in np.unique(usable, axis=0):
            if images.sum() < MIN_TEST_IMAGES:
                continue
            alike, rows = np.flatnonzero((usable == images).all(axis=1)), np.flatnonzero(images)
            controls, target = self.controls.of(test[rows]), _between(targets[alike], rows)
            for embedding, similarities in enumerate((full, pruned[alike])):
                found = held_out_scores(
                    _between(similarities, rows), target, controls, self.procedure.criterion.curve
                )
                for kind, of_kind in found.items():
                    scores[kind][embedding, alike] = of_kind
        for of_kind in scores.values():
            of_kind[:, np.isnan(of_kind).any(axis=0)] = np.nan
        return scores


def _blocks(target: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The target between the images of each row of ``rows``, shape (n_rows, n_images, n_images)."""
    return target[rows[:, :, None], rows[:, None, :]]


def _between(matrices: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return matrices[:, rows[:, None], rows]


def p_value(observed: float, null: np.ndarray) -> float:
    """One-sided permutation p of a statistic that is large where there is a relation (r > 0).

    ``(b + 1) / (N + 1)`` with b the relabelled statistics that are at least as large: the target as it is
    counts as one of its arrangements, so p is never 0. Relabellings without a statistic count as large.

    Parameters
    ----------
    observed : float
    null : ndarray of shape (n_relabellings,)

    Returns
    -------
    float
        NaN if the observed statistic is.

    Raises
    ------
    InferenceError
        If there are no relabellings.
    """
    null = _at_least_one(null)
    if np.isnan(observed):
        return float("nan")
    return float((_extreme(null, observed).sum() + 1) / (len(null) + 1))


def _at_least_one(null: np.ndarray) -> np.ndarray:
    null = np.asarray(null, dtype=np.float64)
    if null.ndim != 1 or not len(null):
        raise InferenceError(
            "permutation null",
            f"an array of shape {null.shape}",
            "one statistic for each of at least one relabelling",
            "Set `inference.n_permutations` to 1 or more.",
        )
    return null


def _extreme(null: np.ndarray, observed: float) -> np.ndarray:
    return ~(null < observed - ROUNDING * abs(observed))


def max_t(
    observed: Mapping[Hashable, float],
    nulls: Mapping[Hashable, np.ndarray],
    *,
    family: str,
    image_sets: Mapping[Hashable, Hashable] | None = None,
) -> Adjusted:
    """p-values of many units that are all true at once with the probability claimed: max-T.

    Every unit's statistics are standardised by the mean and standard deviation over its own arrangements (the
    relabelled ones and the observed one, so that all arrangements are treated alike and the test is exact). An
    observed statistic is then compared with the maximum over the units that are not yet rejected, arrangement by
    arrangement (step-down; Westfall & Young 1993). Row b of all nulls on the same images is relabelling b, so
    the maximum respects how the units depend on each other. Other image sets are independent draws: a set's
    units are tested at the level divided by the number of sets that still have units (Holm 1979).

    Parameters
    ----------
    observed : mapping of unit to float
        Fixed before the run: all units over which the error is to hold, rejected or not.
    nulls : mapping of unit to ndarray of shape (n_relabellings,)
    family : str
        Which units these are, in words; goes with the result.
    image_sets : mapping of unit to hashable, optional
        What tells image sets apart, e.g. `Null.fingerprint`; default: all units are on the same images.

    Returns
    -------
    Adjusted
        Family-wise p of each unit, in the order of ``observed``; never 0.

    Raises
    ------
    InferenceError
        If the units of ``observed`` and ``nulls`` differ, or relabellings of an image set differ in number.
    """
    _check_same_units(observed, nulls)
    of_set: dict[Hashable, list[Hashable]] = {}
    for unit, value in observed.items():
        if not np.isnan(value):
            of_set.setdefault(image_sets[unit] if image_sets else "all", []).append(unit)
    waiting = [_step_down(units, observed, nulls) for units in of_set.values()]
    p: dict[Hashable, float] = {unit: float("nan") for unit in observed}
    smallest = 0.0
    while waiting:
        # The next to be rejected is the unit with the smallest p; a set gives up its share when it is empty.
        tested = min(waiting, key=lambda steps: steps[0][1])
        unit, own = tested.pop(0)
        smallest = max(smallest, min(1.0, len(waiting) * own))
        p[unit] = smallest
        waiting = [steps for steps in waiting if steps]
    return Adjusted(family, "max-T, step-down" + (", Holm over image sets" if len(of_set) > 1 else ""), p)


def _check_same_units(observed: Mapping[Hashable, Any], nulls: Mapping[Hashable, Any]) -> None:
    different = set(observed) ^ set(nulls)
    if different or not observed:
        raise InferenceError(
            "max-T",
            f"{len(observed)} observed units and {len(nulls)} nulls"
            + (f", not the same: {listing(sorted(map(str, different)))}" if different else ""),
            "a null for every unit of the family",
            "Compute the missing ones; a family is fixed before the run.",
        )


def _step_down(
    units: Sequence[Hashable], observed: Mapping[Hashable, float], nulls: Mapping[Hashable, np.ndarray]
) -> list[tuple[Hashable, float]]:
    """Units of one image set, largest statistic first, each with its step-down p."""
    sizes = {len(_at_least_one(nulls[unit])) for unit in units}
    if len(sizes) > 1:
        raise InferenceError(
            "max-T",
            f"nulls of {listing(sorted(map(str, sizes)))} relabellings on the same images",
            "the same relabellings for all units on the same images",
            "Compute them with one setting of `inference.n_permutations`.",
        )
    statistic = _standardised(np.array([[observed[unit], *nulls[unit]] for unit in units]))
    order = np.argsort(-statistic[:, 0], kind="stable")
    largest = np.maximum.accumulate(statistic[order][::-1], axis=0)[::-1]
    p = [p_value(statistic[row, 0], largest[step, 1:]) for step, row in enumerate(order)]
    return [(units[row], one) for row, one in zip(order, np.maximum.accumulate(p).tolist(), strict=True)]


def _standardised(statistics: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and standard deviation 1 over arrangements; undefined ones count as large."""
    centred = statistics - np.nanmean(statistics, axis=1, keepdims=True)
    spread = np.nanstd(statistics, axis=1, keepdims=True)
    constant = spread <= ROUNDING * np.nanmax(np.abs(statistics), axis=1, keepdims=True)
    standard = np.where(constant, 0.0, centred / np.where(constant, 1.0, spread))
    return np.where(np.isnan(statistics), np.inf, standard)


def benjamini_hochberg(p: Mapping[Hashable, float], *, family: str) -> Adjusted:
    """p-values adjusted so that of the units called significant the expected share of false ones is bounded.

    Parameters
    ----------
    p : mapping of unit to float
        Unadjusted; NaN stays NaN and does not count.
    family : str
        Which units these are, in words.

    Returns
    -------
    Adjusted
    """
    units = [unit for unit, value in p.items() if not np.isnan(value)]
    from scipy.stats import false_discovery_control

    adjusted = false_discovery_control([p[unit] for unit in units]) if units else []
    found = dict(zip(units, map(float, adjusted), strict=True))
    return Adjusted(family, "Benjamini-Hochberg", {unit: found.get(unit, float("nan")) for unit in p})


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
