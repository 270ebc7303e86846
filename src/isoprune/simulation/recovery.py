"""Planting features, and telling whether pruning found them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from isoprune.errors import ConfigError, EmbeddingError


def candidate_features(values: np.ndarray) -> np.ndarray:
    """The quarter of the features that varies most over images: those that can be planted.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        Embedding, in the network's own units.

    Returns
    -------
    ndarray of shape (n_features // 4,), int
        In increasing order.
    """
    variance = np.asarray(values, dtype=np.float64).var(axis=0)
    return np.sort(np.argsort(-variance, kind="stable")[: len(variance) // 4])


def plant_features(
    values: np.ndarray, *, n_planted: int = 25, seed: int, exclude: Iterable[int] = ()
) -> np.ndarray:
    """Choose the features that a simulated region will follow.

    They are drawn from the `candidate_features`, as they are: a feature that hardly varies adds nothing
    to a correlation distance, and of a cluster of correlated features each can be spared, so that
    leaving out one at a time finds none of it.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        Embedding, in the network's own units.
    n_planted : int
        How many; at least 3, since over two features every correlation is −1 or 1.
    seed : int
        Source of chance.
    exclude : iterable of int
        Features that are not to be planted, for instance those of another region.

    Returns
    -------
    ndarray of shape (n_planted,), int
        In increasing order.

    Raises
    ------
    ConfigError
        If fewer than 3 features are to be planted, or the seed is negative.
    EmbeddingError
        If the candidates that vary and are not excluded are too few.
    """
    if n_planted < 3:
        raise ConfigError("n_planted", f"{n_planted}", "at least 3", "Plant about 25 features.")
    if seed < 0:
        raise ConfigError("seed", f"{seed}", "a whole number from 0", "Choose any such number; 0 is one.")
    values = np.asarray(values, dtype=np.float64)
    free = np.setdiff1d(candidate_features(values), np.fromiter(exclude, dtype=np.intp))
    free = free[values[:, free].var(axis=0) > 0]
    if len(free) < n_planted:
        raise EmbeddingError(
            "planted features",
            f"{len(free)} features to choose from, of {values.shape[1]}",
            f"at least {n_planted} among the quarter that varies most",
            "Plant fewer, or choose a wider layer.",
        )
    return np.sort(np.random.default_rng(seed).choice(free, n_planted, replace=False))


def recovery(
    retained: Sequence[int] | np.ndarray,
    planted: Sequence[int] | np.ndarray,
    n_features: int,
    *,
    candidates: Sequence[int] | np.ndarray | None = None,
) -> dict[str, float]:
    """How many planted features a retained set holds, beside what chance gives.

    Chance is a set of the same size drawn from all features (hypergeometric distribution). Since planted
    features vary much, and pruning favours features that vary much whatever the target, this chance is too
    low; with ``candidates``, the same is asked among the candidates alone, where it is exact.

    Parameters
    ----------
    retained : sequence of int
        Features that pruning retained, in any order.
    planted : sequence of int
        Features that the target was made from.
    n_features : int
        Features of the embedding.
    candidates : sequence of int, optional
        Features that could have been planted (`candidate_features`).

    Returns
    -------
    dict
        ``n_retained``, ``n_planted``, ``overlap`` (counts), ``expected`` (mean count under chance) and ``p``
        (probability of an overlap at least as large); with candidates also ``n_retained_candidates``,
        ``expected_candidates`` and ``p_candidates``.

    Raises
    ------
    ConfigError
        If a feature does not exist or is named twice, or a planted one is no candidate.
    """
    sets = {"retained": retained, "planted": planted, "candidates": () if candidates is None else candidates}
    sets = {name: _as_set(features, n_features, name) for name, features in sets.items()}
    kept, sought, pool = sets.values()
    overlap = len(kept & sought)
    expected, p = _chance(overlap, n_features, len(sought), len(kept))
    result = {
        "n_retained": len(kept),
        "n_planted": len(sought),
        "overlap": overlap,
        "expected": expected,
        "p": p,
    }
    if candidates is not None:
        if not sought <= pool:
            raise ConfigError(
                "candidates",
                f"{len(sought - pool)} planted features are not among them",
                "every planted feature",
                "Give the features that planting drew from.",
            )
        among = len(kept & pool)
        expected, p = _chance(overlap, len(pool), len(sought), among)
        result |= {"n_retained_candidates": among, "expected_candidates": expected, "p_candidates": p}
    return result


def _as_set(features: Sequence[int] | np.ndarray, n_features: int, name: str) -> set[int]:
    indices = {int(feature) for feature in features}
    if len(indices) < len(features) or not indices <= set(range(n_features)):
        raise ConfigError(
            f"{name} features",
            f"{len(features)} indices, {len(indices)} of them different, "
            f"from {min(indices)} to {max(indices)}",
            f"different indices from 0 to {n_features - 1}",
            "Count features from 0, as columns of the embedding.",
        )
    return indices


def _chance(overlap: int, n_features: int, n_planted: int, n_retained: int) -> tuple[float, float]:
    from scipy.stats import hypergeom

    expected = n_retained * n_planted / n_features if n_features else 0.0
    return expected, float(hypergeom.sf(overlap - 1, n_features, n_planted, n_retained))
