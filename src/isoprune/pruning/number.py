"""How many of the ranked features are retained; the curve over the training images alone decides."""

from __future__ import annotations

import numpy as np

from isoprune.errors import ConfigError, EmbeddingError, TooFewImagesError
from isoprune.isomorphism import matrix_of, pairs_of, similarity, standard_residuals
from isoprune.labels import choose
from isoprune.pruning.criteria import Criterion

N_RULES = ("max", "one-se")
"""``max``: the first maximum, as published. ``one-se``: the first prefix within one standard error of the maximum."""

PLATEAU = 0.01
"""Share of the curve's maximum that prefixes on its plateau may fall short of it."""

MIN_JACKKNIFE = 5
"""Fewest images of a jackknife: leaving out one of four, three pairs are correlated."""

ROUNDING = 1e-12
"""Share of the variance over all pairs up to which what is left of it without an image is rounding (dimensionless)."""

NRule = str | int | float
"""One of `N_RULES`, a number of features (int), or a share of them (float between 0 and 1)."""


def check_n_rule(rule: NRule, where: str = "n_rule") -> NRule:
    """The rule, if there is such a one.

    Raises
    ------
    UnknownNameError
        If it is a name, and none of `N_RULES`.
    ConfigError
        If it is a number that is neither a number nor a share of features.
    """
    if isinstance(rule, str):
        return choose(rule, N_RULES, what="rule", where=where)
    if isinstance(rule, bool) or not (0 < rule < 1 if isinstance(rule, float) else rule >= 2):
        raise ConfigError(
            where,
            f"found {rule}",
            "`max`, `one-se`, a whole number from 2, or a share between 0 and 1",
            "Write 100 for a hundred features, 0.5 for half of them.",
        )
    return rule


def n_retained(
    curve: np.ndarray,
    ranking: np.ndarray,
    rule: NRule,
    criterion: Criterion,
    *,
    values: np.ndarray,
    target: np.ndarray,
    nuisances: np.ndarray | None = None,
    measure: str = "correlation",
) -> int:
    """Number of features that are retained.

    Parameters
    ----------
    curve : ndarray of shape (n_features + 1,)
        The criterion of the first m ranked features; NaN where undefined.
    ranking : ndarray of shape (n_features,), int
    rule : {"max", "one-se"}, int or float
        A number or share takes the first defined prefix that has so many features.
    criterion : Criterion
    values, target, nuisances, measure
        What the curve was made of: ``one-se`` needs its standard error.

    Returns
    -------
    int
        2 … n_features; the published criteria never take all features.

    Raises
    ------
    EmbeddingError
        If no prefix is defined, or the embedding has fewer features than are asked for.
    TooFewImagesError
        If there are fewer than 5 images to estimate a standard error from.
    """
    candidates = curve[:-1] if criterion.published else curve
    best = _first_maximum(candidates)
    if rule == "max":
        return best
    if rule == "one-se":
        chosen = ranking[:best]
        error = jackknife_error(values[:, chosen], target, criterion, nuisances=nuisances, measure=measure)
        enough = candidates >= candidates[best] - error
    else:
        n_features = len(curve) - 1
        wanted = max(2, round(rule * n_features)) if isinstance(rule, float) else int(rule)
        if wanted >= len(candidates):
            raise EmbeddingError(
                "embedding",
                f"{n_features} features, but `n_rule` asks for {wanted}",
                f"at most {len(candidates) - 1} to retain",
                "Ask for fewer features, or choose a wider layer.",
            )
        enough = ~np.isnan(candidates) & (np.arange(len(candidates)) >= wanted)
    enough[:2] = False
    return int(np.argmax(enough))


def _first_maximum(candidates: np.ndarray) -> int:
    if np.isnan(candidates).all() or np.nanargmax(candidates) < 2:
        raise EmbeddingError(
            "embedding",
            "no prefix of the ranked features has a defined isomorphism with the target",
            "at least one",
            "The embedding has too few informative features for these images; choose another layer.",
        )
    return int(np.nanargmax(candidates))


def jackknife_error(
    values: np.ndarray,
    target: np.ndarray,
    criterion: Criterion,
    *,
    nuisances: np.ndarray | None = None,
    measure: str = "correlation",
) -> float:
    """Standard error of an isomorphism over images, by leaving out one image at a time.

    With ``v_i`` the criterion without image i, the variance is ``(n − 1)/n · Σ (v_i − mean v)²`` (Tukey 1958). Pairs
    share images, so that an error over pairs would be far too small. Ranks and the fit of the nuisances are those of
    all images, which leaves every ``v_i`` in closed form.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        Of the features whose isomorphism it is.
    target : ndarray of shape (n_images, n_images)
        Dissimilarities.
    criterion : Criterion
    nuisances : ndarray of shape (n_nuisances, n_images, n_images), optional
    measure : {"correlation", "cosine", "euclidean"}

    Returns
    -------
    float
        Dimensionless.

    Raises
    ------
    TooFewImagesError
        Below 5 images.
    """
    n_images = len(target)
    if n_images < MIN_JACKKNIFE:
        raise TooFewImagesError(
            "n_rule `one-se`",
            f"{n_images} training images",
            f"at least {MIN_JACKKNIFE}, to estimate a standard error from",
            "Use more images, or `n_rule: max`.",
        )
    similarities = pairs_of(similarity(values, measure))
    similarities = np.nan_to_num(similarities) if criterion.published else similarities
    removed = np.empty((0, len(similarities))) if nuisances is None else pairs_of(nuisances)
    network, other = standard_residuals(similarities, pairs_of(target), removed, criterion.curve)
    value = criterion.value(_without_each(-network, other, n_images))
    value = value[~np.isnan(value)]
    return float(np.sqrt((len(value) - 1) * value.var()))


def _without_each(network: np.ndarray, other: np.ndarray, n_images: int) -> np.ndarray:
    """Correlation of standardised pairs without those of each image, (n_images,); NaN where one side is constant."""
    sums = [one.sum() - matrix_of(one).sum(axis=1) for one in (network, other)]
    products = [
        (one * two).sum() - matrix_of(one * two).sum(axis=1)
        for one, two in ((network, other), (network, network), (other, other))
    ]
    n_pairs = len(network) - (n_images - 1)
    covariance = products[0] - sums[0] * sums[1] / n_pairs
    variances = [products[1] - sums[0] ** 2 / n_pairs, products[2] - sums[1] ** 2 / n_pairs]
    # Without one image a side may be constant: what is then left of its variance is rounding.
    undefined = np.min(variances, axis=0) <= ROUNDING
    return covariance / np.sqrt(np.where(undefined, np.nan, variances[0] * variances[1]))


def on_plateau(values: np.ndarray) -> np.ndarray:
    """Where a curve is within 1 % of its maximum.

    Parameters
    ----------
    values : ndarray of shape (n_prefixes,)
        NaN where undefined.

    Returns
    -------
    ndarray of shape (n_prefixes,), bool
    """
    highest = np.nanmax(values)
    return values >= highest - PLATEAU * abs(highest)
