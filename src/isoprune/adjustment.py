"""p-values of relabelled statistics, and their adjustment for a family of units."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoprune.errors import InferenceError
from isoprune.labels import listing

ROUNDING = 1e-12
"""Statistics that differ by less than this share are equal: another order of sums must decide no p-value."""


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
    statistic = standardised(np.array([[observed[unit], *nulls[unit]] for unit in units]))
    order = np.argsort(-statistic[:, 0], kind="stable")
    largest = np.maximum.accumulate(statistic[order][::-1], axis=0)[::-1]
    p = [p_value(statistic[row, 0], largest[step, 1:]) for step, row in enumerate(order)]
    return [(units[row], one) for row, one in zip(order, np.maximum.accumulate(p).tolist(), strict=True)]


def standardised(statistics: np.ndarray) -> np.ndarray:
    """Statistics of each unit with mean 0 and standard deviation 1 over arrangements, so that units can be compared.

    Parameters
    ----------
    statistics : ndarray of shape (n_units, n_arrangements)

    Returns
    -------
    ndarray of shape (n_units, n_arrangements)
        Dimensionless; undefined statistics count as large (infinite).
    """
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
