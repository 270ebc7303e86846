"""Paired comparisons of networks, targets and supervisions: on the same held-out images, in the same people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from isoprune.crossvalidation import fisher_z
from isoprune.labelled import GROUP
from isoprune.results import (
    CONTRAST_COLUMNS,
    UNIT,
    contrasts,
    difference_across_subjects,
    difference_over_folds,
    holm,
)
from isoprune.summary import Unit

FACTORS = {"networks": ("network", "layer"), "targets": ("target",), "supervisions": ("supervision",)}
"""What is compared, and the columns that tell its levels apart."""

SCORES = {"pruned": (1, 0), "full": (0, 1), "pruned − full": (1, -1)}
"""What is compared of each level: how it is made of the pruned and of the full set's Fisher z."""

_COMPETITORS = ["pruned", "full"]

Analysis = tuple[str, ...]
"""Network, layer, target and supervision."""


def study_contrasts(
    folds: pd.DataFrame, units: Sequence[Unit], *, seed: int, n_bootstrap: int = 10_000
) -> pd.DataFrame:
    """All contrasts of a study: of competitors, then of networks, targets and supervisions.

    Parameters
    ----------
    folds : DataFrame
        Columns as `isoprune.results.FOLD_COLUMNS`.
    units : sequence of Unit
    seed, n_bootstrap : int
        For random flips and for intervals over subjects.

    Returns
    -------
    DataFrame
        Columns as `isoprune.results.CONTRAST_COLUMNS`.
    """
    settings: dict[str, Any] = {"seed": seed, "n_bootstrap": n_bootstrap}
    between = comparisons(folds, {unit.key: unit.sets.fingerprint for unit in units}, **settings)
    return pd.concat(
        [contrasts(folds, [unit.facts for unit in units], **settings), between], ignore_index=True
    )


def comparisons(
    folds: pd.DataFrame,
    images: Mapping[tuple[str, ...], str],
    *,
    seed: int,
    n_bootstrap: int = 10_000,
    networks: Collection[str] | None = None,
) -> pd.DataFrame:
    """Paired comparisons of every two networks, targets and supervisions, a row a pair × score.

    Everything but what is compared is the same on both sides, the images of every fold included. Single subjects
    are compared across subjects (sign-flip of paired Fisher-z differences), those who have both sides; the group's
    mean RDM over folds (corrected resampled t). A single subject's score is never compared with the group's.

    Parameters
    ----------
    folds : DataFrame
        Columns as `isoprune.results.FOLD_COLUMNS`.
    images : mapping of tuple of str to str
        For each unit (the values of `isoprune.results.UNIT`) what tells its folds' images apart, as
        `isoprune.foldsets.FoldSets.fingerprint` does.
    seed, n_bootstrap : int
        For random flips and for intervals over subjects.
    networks : collection of str, optional
        Networks that are compared with each other; all, by default.

    Returns
    -------
    DataFrame
        Columns as `isoprune.results.CONTRAST_COLUMNS`; ``p`` is adjusted by Holm over all pairs of a score,
        supervision and unit. ``p`` is NaN, and ``test`` says why, where there is no valid test.
    """
    scores, sizes = _scores_of_units(folds), _fold_sizes(folds)
    analyses: dict[Analysis, set[str]] = {}
    for *analysis, subject in scores:
        analyses.setdefault(tuple(analysis), set()).add(subject)
    rows = []
    for compared, columns in FACTORS.items():
        for a, b in _pairs(analyses, columns):
            if compared == "networks" and networks is not None and not {a[0], b[0]} <= set(networks):
                continue
            both = analyses[a] & analyses[b]
            same = {who for who in both if images[(*a, who)] == images[(*b, who)]}
            paired = {who: _both(scores[(*a, who)], scores[(*b, who)]) for who in same}
            place = {name: None if name in columns else a[UNIT.index(name)] for name in UNIT[:-1]}
            place |= {name: side[UNIT.index(columns[0])] for name, side in (("a", a), ("b", b))}
            for score in _scores(compared):
                about = {**place, "compared": compared, "score": score}
                if people := both - {GROUP}:
                    rows.append({**about, **_across_subjects(paired, people, score, seed, n_bootstrap)})
                if GROUP in both:
                    rows.append({**about, **_over_folds(paired.get(GROUP), sizes[(*a, GROUP)], score)})
    table = pd.DataFrame(rows, columns=list(CONTRAST_COLUMNS))
    numbers = dict.fromkeys(("r_diff", "ci_low", "ci_high", "p", "p_random"), float)
    return holm(table.astype(numbers), [_family(row) for row in rows], "pairs")


def _scores_of_units(folds: pd.DataFrame) -> dict[tuple[str, ...], np.ndarray]:
    """Fisher z of the pruned and the full set by unit, each (n_folds, 2); folds in the order of their numbers."""
    chosen = folds[folds["competitor"].isin(_COMPETITORS)]
    wide = chosen.pivot(index=[*UNIT, "repeat", "fold"], columns="competitor", values="r")[_COMPETITORS]
    z, places = fisher_z(wide.to_numpy()), wide.groupby(level=UNIT).indices
    units = chosen[UNIT].drop_duplicates().itertuples(index=False, name=None)
    return {unit: z[places[unit]] for unit in units}


def _fold_sizes(folds: pd.DataFrame) -> dict[tuple[str, ...], tuple[float, float]]:
    """Mean number of training and of test images of a unit's folds."""
    pruned = folds[folds["competitor"] == "pruned"].groupby(UNIT, sort=False)
    means = pruned[["n_train_images", "n_test_images"]].mean()
    return dict(zip(means.index, means.itertuples(index=False, name=None), strict=True))


def _pairs(analyses: Collection[Analysis], columns: Sequence[str]) -> Iterator[tuple[Analysis, Analysis]]:
    """Every two analyses that differ in these columns alone, in the order of the study."""
    places: dict[Analysis, list[Analysis]] = {}
    for analysis in analyses:
        fixed = tuple(value for name, value in zip(UNIT, analysis, strict=False) if name not in columns)
        places.setdefault(fixed, []).append(analysis)
    for alike in places.values():
        yield from combinations(alike, 2)


def _scores(compared: str) -> list[str]:
    # Supervision decides which features are retained; the full embedding is the same under all.
    return ["pruned"] if compared == "supervisions" else list(SCORES)


def _across_subjects(
    paired: Mapping[str, np.ndarray], people: Collection[str], score: str, seed: int, n_bootstrap: int
) -> dict[str, Any]:
    # Sorted, so that the order of the subjects changes no bit.
    scored = [paired[who] for who in sorted(people) if who in paired and len(paired[who])]
    if not scored:
        return _no_test("no subject was scored on the same images in both", "subjects", 0)
    difference, z = _difference(np.array([one.mean(axis=0) for one in scored]), score)
    return difference_across_subjects(difference, z, seed=seed, n_bootstrap=n_bootstrap)


def _over_folds(paired: np.ndarray | None, sizes: tuple[float, float], score: str) -> dict[str, Any]:
    if paired is None:
        return _no_test("the folds are of other images", "folds", 1)
    return difference_over_folds(*_difference(paired, score), *sizes)


def _both(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Fisher z of the folds in which both sides have scores, shape (n_folds, 2 sides, 2 competitors)."""
    both = np.stack([a, b], axis=1)
    return both[np.isfinite(both).all(axis=(1, 2))]


def _difference(z: np.ndarray, score: str) -> tuple[np.ndarray, np.ndarray]:
    """Differences of a score between the sides, and the scores that they are made of."""
    weights = np.array(SCORES[score])
    return (z[:, 0] - z[:, 1]) @ weights, z[..., weights != 0]


def _no_test(reason: str, unit: str, n_subjects: int) -> dict[str, Any]:
    nothing = dict.fromkeys(("r_diff", "ci_low", "ci_high", "p"), np.nan)
    return {**nothing, "n_subjects": n_subjects, "test": f"none: {reason}", "unit": unit}


def _family(row: Mapping[str, Any]) -> str:
    """The rows whose error is held together: every pair of what is compared, in all networks and targets."""
    how = f", {row['supervision']} supervision" if row["supervision"] else ""
    over = " × ".join(name for name in ("networks", "targets") if name != row["compared"])
    return f"{row['score']}, {row['compared']} compared in all {over}{how}, over {row['unit']}"
