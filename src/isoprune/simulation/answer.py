"""The known answer of a simulated study: what was planted where, and how much of it pruning found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from isoprune.simulation.recovery import candidate_features, plant_features, recovery

if TYPE_CHECKING:
    import pandas as pd

RECOVERY_COLUMNS = {
    "network": "Network whose features were planted.",
    "target": "Simulated region.",
    "supervision": "Whose RDM ranked the features.",
    "subject": "Who was scored; `group` is the mean RDM over subjects.",
    "n_planted": "Number of features that the region follows; 0 in a region of noise.",
    "n_retained": "Number of features of the final set.",
    "n_features": "Number of features of the embedding.",
    "n_overlap": "Number of planted features in the final set.",
    "expected": "Overlap expected by chance: a set that holds as many of the candidates: the features "
    "that could have been planted here (the quarter with the largest variance, less what other regions follow).",
    "p": "Probability by chance of an overlap at least as large (hypergeometric, among those candidates).",
    "expected_all": "Overlap expected of a set of the same size drawn from all features; too low, because features of "
    "high variance are favoured whatever the target.",
    "p_all": "Probability of an overlap at least as large in such a set.",
    "r_full": "Held-out isomorphism of the full embedding.",
    "r_pruned": "Held-out isomorphism of the pruned embedding.",
}


def planted_sets(
    values: np.ndarray, rois: Sequence[str], planted: Sequence[str], *, n_planted: int, seed: int
) -> dict[str, np.ndarray]:
    """The features that each simulated region follows: disjoint sets, and none for a region of noise.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        Embedding.
    rois : sequence of str
        All regions.
    planted : sequence of str
        Those that follow features.
    n_planted : int
        Features of each.
    seed : int

    Returns
    -------
    dict of str to ndarray of int
        By region, in the order of ``rois``.
    """
    sets: dict[str, np.ndarray] = {}
    for number, roi in enumerate(rois):
        taken = np.concatenate([*sets.values(), np.empty(0, dtype=int)])
        if roi in planted:
            sets[roi] = plant_features(values, n_planted=n_planted, seed=seed + number, exclude=taken)
        else:
            sets[roi] = taken[:0]
    return sets


def recovery_table(
    units: Sequence[Mapping[str, str]],
    retained: Sequence[pd.DataFrame],
    summary: pd.DataFrame,
    values: np.ndarray,
    planted: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Compare the final set of every unit with what was planted.

    Parameters
    ----------
    units : sequence of mapping
        Network, target, supervision and subject of each unit.
    retained : sequence of DataFrame
        The units' retained sets, in the same order.
    summary : DataFrame
        The study's summary.
    values : ndarray of shape (n_images, n_features)
        Embedding.
    planted : dict of str to ndarray of int
        Planted features of each region.

    Returns
    -------
    DataFrame
        Columns as `RECOVERY_COLUMNS`; overlap and p are NaN where nothing was planted.
    """
    import pandas as pd

    candidates = candidate_features(values)
    keys = ["network", "target", "supervision", "subject", "competitor"]
    r = summary.set_index(keys)["r"]
    rows = []
    for unit, table in zip(units, retained, strict=True):
        final = table.loc[table["in_final"] == 1, "feature"].to_numpy()
        sought = planted[unit["target"]]
        place = {key: unit[key] for key in keys[:-1]}
        row = {**place, "n_planted": len(sought), "n_retained": len(final), "n_features": len(table)}
        if len(sought):
            # Sets are disjoint: what another region follows could not have been planted here.
            others = np.concatenate([planted[roi] for roi in planted if roi != unit["target"]])
            pool = np.setdiff1d(candidates, others)
            found = recovery(final, sought, len(table), candidates=pool)
            row |= {"n_overlap": found["overlap"], "expected": found["expected_candidates"]}
            row |= {"p": found["p_candidates"], "expected_all": found["expected"], "p_all": found["p"]}
        held_out = {f"r_{name}": r[(*place.values(), name)] for name in ("full", "pruned")}
        rows.append({**row, **held_out})
    return pd.DataFrame(rows, columns=list(RECOVERY_COLUMNS))
