"""Stability of retained sets: over folds, subjects, regions and networks.

Redundant features have small drops, so that a retained set is one sufficient set among several: sets can overlap
little while their RDMs agree. Both are always given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from isoprune.errors import EmbeddingError, InferenceError
from isoprune.inference import CONFIDENCE
from isoprune.isomorphism import pairs_of, similarity, standardised_pairs
from isoprune.labelled import Embedding

if TYPE_CHECKING:
    import pandas as pd

OVERLAP_COLUMNS = {
    "a": "First retained set.",
    "b": "Second retained set.",
    "n_a": "Number of features of a.",
    "n_b": "Number of features of b.",
    "n_shared": "Number of features in both.",
    "n_expected": "Number that two sets of these sizes drawn at random share on average (hypergeometric): a reference "
    "only, because features of high variance are always favoured.",
    "jaccard": "Shared features as a share of those in either (0 … 1).",
    "overlap": "Overlap corrected for set sizes (Nogueira's index of the two sets): 0 as by chance, 1 identical.",
    "null_jaccard": "Mean jaccard of sets for the two targets relabelled independently.",
    "null_overlap": "Mean overlap of sets for the two targets relabelled independently.",
    "p": "Share of relabelled pairs whose overlap is at least as large, (b + 1)/(N + 1); one-sided.",
    "n_null": "Number of relabelled pairs.",
}

STABILITY_COLUMNS = {
    "over": "What the sets differ in: folds, subjects, targets.",
    "n_sets": "Number of retained sets.",
    "n_features": "Number of features of the full embedding.",
    "jaccard": "Mean over pairs of sets of the features shared, as a share of those in either (0 … 1).",
    "stability": "Nogueira's index: 1 if all sets are identical, 0 as expected of random sets of these sizes.",
    "ci_low": "Lower end of its 95 % interval, which takes the sets as independent.",
    "ci_high": "Upper end of its 95 % interval.",
    "rdm_r": "Mean over pairs of sets of the correlation of their RDMs over all images (−1 … 1).",
}

SHARING_COLUMNS = {
    "feature": "Feature, numbered from 0 in the order of the embedding.",
    "kind": "`shared` by all sets, `partly` by some, `private` to one; features of no set have no row.",
    "n_sets": "Number of sets that hold the feature.",
    "retained_by": "Names of these sets.",
}

AGREEMENT_COLUMNS = {
    "a": "First set.",
    "b": "Second set.",
    "rdm_r": "Correlation, over all pairs of images, of the RDMs of the two retained sets (−1 … 1).",
    "rdm_r_full": "The same for the two full embeddings; 1 where they are one.",
}


@dataclass(frozen=True)
class Stability:
    """Nogueira's index of several sets.

    Attributes
    ----------
    index, low, high, variance : float
        Estimate, its 95 % interval and its variance (dimensionless); NaN where no feature or every feature
        is in every set.
    n_sets : int
    """

    index: float
    low: float
    high: float
    variance: float
    n_sets: int


def jaccard(a: Iterable[int], b: Iterable[int]) -> float:
    """Features shared by two sets, as a share of those in either; NaN if both are empty."""
    a, b = {int(k) for k in a}, {int(k) for k in b}
    return len(a & b) / len(a | b) if a | b else np.nan


def nogueira(sets: Sequence[Sequence[int] | np.ndarray], n_features: int) -> Stability:
    """Stability of a selection, corrected for chance (Nogueira, Sechidis & Brown 2018, J Mach Learn Res 18:174).

    With M sets, d features, the share ``p_f`` of sets that hold feature f, mean size ``k`` and ``q = k/d``::

        Φ   = 1 − M/(M − 1) · mean_f p_f(1 − p_f) / (q(1 − q))                                 (Definition 4)
        φ_i = [mean_f z_if p_f − q k_i/d + Φ/2 · (2 q k_i/d − k_i/d − q + 1)] / (q(1 − q))
        Var = 4/M² · Σ_i (φ_i − φ̄)²,   interval Φ ± 1.96 √Var                                 (Corollary 9)

    The interval takes the sets as independent: folds share training images, so over folds it is too narrow.

    Parameters
    ----------
    sets : sequence of sequence of int
        Features of each set.
    n_features : int
        Features that could have been selected.

    Returns
    -------
    Stability

    Raises
    ------
    InferenceError
        If there are fewer than two sets.
    EmbeddingError
        If a set holds a feature that does not exist.
    """
    held = _membership(sets, n_features)
    n_sets = len(held)
    if n_sets < 2:
        raise InferenceError(
            "stability of retained sets",
            f"{n_sets} set(s)",
            "at least 2",
            "Stability needs sets from several folds, subjects or targets.",
        )
    frequency, size = held.mean(axis=0), held.mean(axis=1)
    q = size.mean()
    chance = q * (1 - q)
    if chance == 0:
        return Stability(np.nan, np.nan, np.nan, np.nan, n_sets)
    index = 1 - n_sets / (n_sets - 1) * np.mean(frequency * (1 - frequency)) / chance
    of_set = held @ frequency / n_features - q * size + index / 2 * (2 * q * size - size - q + 1)
    variance = 4 / n_sets**2 * np.square((of_set - of_set.mean()) / chance).sum()
    half = float(norm.ppf(0.5 + CONFIDENCE / 2) * np.sqrt(variance))
    return Stability(float(index), float(index - half), float(index + half), float(variance), n_sets)


def stability_row(
    over: str, sets: Sequence[Sequence[int] | np.ndarray], values: np.ndarray
) -> dict[str, object]:
    """A row of the table of stability; columns as `STABILITY_COLUMNS`.

    Parameters
    ----------
    over : str
        What the sets differ in.
    sets : sequence of sequence of int
    values : ndarray of shape (n_images, n_features)
        The full embedding.

    Returns
    -------
    dict

    Raises
    ------
    InferenceError, EmbeddingError
        As `nogueira`.
    """
    stability = nogueira(sets, values.shape[1])
    rdms = np.array([_standard_rdm(values, features) for features in sets])
    between = pairs_of(rdms @ rdms.T)
    return {
        "over": over,
        "n_sets": stability.n_sets,
        "n_features": values.shape[1],
        "jaccard": float(np.mean([jaccard(a, b) for a, b in combinations(sets, 2)])),
        "stability": stability.index,
        "ci_low": stability.low,
        "ci_high": stability.high,
        "rdm_r": float(between.mean()),
    }


def overlap_table(
    sets: Mapping[str, Sequence[int] | np.ndarray],
    n_features: int,
    null: Mapping[str, Sequence[Sequence[int] | np.ndarray]] | None = None,
) -> pd.DataFrame:
    """Overlap of the retained sets of one network, a row a pair.

    Sets for relabelled targets overlap beyond the hypergeometric expectation, because features of high variance
    are favoured whatever the target: they are what an overlap is compared with. Relabelling b of one target goes
    with relabelling b + 1 of the other, since the same relabelling of two like targets leaves them alike.

    Parameters
    ----------
    sets : mapping of str to sequence of int
        Retained features by name (target, subject …).
    n_features : int
        Features of the network.
    null : mapping of str to sequence of sequence of int, optional
        For each name the sets of its relabelled targets, at least two, in the order of the relabellings. The first m
        features of a relabelled ranking, m the size of the observed set, compare free of size; sets of
        another size are compared by an index corrected for it.

    Returns
    -------
    DataFrame
        Columns as `OVERLAP_COLUMNS`; NaN in those of the null where none is given.

    Raises
    ------
    InferenceError
        If relabelled sets of a name are missing, or not as many as of the others.
    EmbeddingError
        If a set holds a feature that does not exist.
    """
    import pandas as pd

    names = sorted(sets)
    held = dict(zip(names, _membership([sets[name] for name in names], n_features), strict=True))
    held_null = _null_membership(names, null, n_features) if null else {}
    rows = []
    for a, b in combinations(names, 2):
        row: dict[str, Any] = {"a": a, "b": b, **_overlap(held[a], held[b])}
        if null:
            pairs = [
                _overlap(one, other) for one, other in zip(held_null[a], _next(held_null[b]), strict=True)
            ]
            by_chance = np.array([pair["overlap"] for pair in pairs])
            n_as_large = (by_chance >= row["overlap"] - 1e-12).sum()
            row["null_jaccard"] = float(np.mean([pair["jaccard"] for pair in pairs]))
            row["null_overlap"] = float(by_chance.mean())
            row["p"] = float((n_as_large + 1) / (len(pairs) + 1))
            row["n_null"] = len(pairs)
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(OVERLAP_COLUMNS))
    return table.assign(n_null=table["n_null"].fillna(0).astype(int))


def sharing_table(sets: Mapping[str, Sequence[int] | np.ndarray], n_features: int) -> pd.DataFrame:
    """Which features several sets share, and which are private to one.

    Parameters
    ----------
    sets : mapping of str to sequence of int
        Retained features by name, of one network.
    n_features : int

    Returns
    -------
    DataFrame
        A row a feature that is in at least one set, columns as `SHARING_COLUMNS`.

    Raises
    ------
    EmbeddingError
        If a set holds a feature that does not exist.
    """
    import pandas as pd

    names = sorted(sets)
    held = _membership([sets[name] for name in names], n_features).astype(bool)
    rows = []
    for feature in np.flatnonzero(held.any(axis=0)):
        holders = [name for name, holds in zip(names, held[:, feature], strict=True) if holds]
        kind = "private" if len(holders) == 1 else "shared" if len(holders) == len(names) else "partly"
        rows.append((int(feature), kind, len(holders), " ".join(holders)))
    return pd.DataFrame(rows, columns=list(SHARING_COLUMNS))


def rdm_agreement(sets: Mapping[str, tuple[Embedding, Sequence[int] | np.ndarray]]) -> pd.DataFrame:
    """Correlation of the RDMs of retained sets, a row a pair; across networks as well.

    Features of two networks cannot be matched one to one, so that only their RDMs are compared.

    Parameters
    ----------
    sets : mapping of str to (Embedding, sequence of int)
        By name, the embedding and its retained features; embeddings are joined by label.

    Returns
    -------
    DataFrame
        Columns as `AGREEMENT_COLUMNS`; NaN where an image is constant under a set.

    Raises
    ------
    LabelError
        If embeddings are not of the same images.
    EmbeddingError
        If a set holds a feature that does not exist.
    """
    import pandas as pd

    names = sorted(sets)
    retained, full = [], []
    labels = sorted(sets[names[0]][0].labels) if names else []
    for name in names:
        embedding, features = sets[name]
        values = embedding.select(labels, f"embedding '{sets[names[0]][0].name}'").values.astype(np.float64)
        _membership([features], values.shape[1])
        retained.append(_standard_rdm(values, features))
        full.append(_standard_rdm(values, embedding.whole(features)))
    rows = [
        (names[i], names[j], float(retained[i] @ retained[j]), float(full[i] @ full[j]))
        for i, j in combinations(range(len(names)), 2)
    ]
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def rdm_correlation(
    values: np.ndarray, a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray
) -> float:
    """Correlation over pairs of images of the RDMs of two sets of features; NaN where either is undefined.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    a, b : sequence of int

    Returns
    -------
    float
        Signed Pearson r, −1 … 1.
    """
    return float(_standard_rdm(values, a) @ _standard_rdm(values, b))


def _standard_rdm(values: np.ndarray, features: Sequence[int] | np.ndarray) -> np.ndarray:
    # A set's order is its ranking; sums over features in one order give the same bits for the same set.
    return standardised_pairs(
        pairs_of(1 - similarity(values[:, np.sort(np.asarray(features, dtype=np.intp))]))
    )


def _membership(sets: Sequence[Sequence[int] | np.ndarray], n_features: int) -> np.ndarray:
    """1 where a set holds a feature, shape (n_sets, n_features), float."""
    held = np.zeros((len(sets), n_features))
    for row, features in zip(held, sets, strict=True):
        features = np.asarray(features, dtype=np.intp)
        strange = features[(features < 0) | (features >= n_features)]
        if len(strange):
            raise EmbeddingError(
                "retained set",
                f"feature {strange[0]} of an embedding of {n_features} features",
                f"features 0 … {n_features - 1}",
                "Compare sets of the same network and layer only.",
            )
        row[features] = 1
    return held


def _null_membership(
    names: Sequence[str], null: Mapping[str, Sequence[Sequence[int] | np.ndarray]], n_features: int
) -> dict[str, np.ndarray]:
    counts = {name: len(null.get(name, ())) for name in names}
    if len(set(counts.values())) > 1 or min(counts.values()) < 2:
        raise InferenceError(
            "overlap against relabelled targets",
            ", ".join(f"{count} relabelled set(s) of '{name}'" for name, count in counts.items()),
            "equally many of each, at least 2",
            "Relabel all targets equally often, under the same seed.",
        )
    return {name: _membership(null[name], n_features) for name in names}


def _next(relabelled: np.ndarray) -> np.ndarray:
    return np.roll(relabelled, -1, axis=0)


def _overlap(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    n_features = len(a)
    n_a, n_b, n_shared = int(a.sum()), int(b.sum()), int(a @ b)
    q = (n_a + n_b) / (2 * n_features)
    n_differing = n_a + n_b - 2 * n_shared
    return {
        "n_a": n_a,
        "n_b": n_b,
        "n_shared": n_shared,
        "n_expected": n_a * n_b / n_features,
        "jaccard": n_shared / (n_a + n_b - n_shared) if n_a + n_b else np.nan,
        # Nogueira's index for two sets: p(1 − p) is 1/4 where they differ.
        "overlap": 1 - n_differing / (2 * n_features) / (q * (1 - q)) if 0 < q < 1 else np.nan,
    }
