"""Pruning by its definition, in plain loops and extended precision, and how exact float64 can be.

Shares no line with isoprune: what both compute alike is the method.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

EPSILON = np.finfo(np.float64).eps
CONSTANT_IMAGE, CONSTANT_RDM, TIE = 1e-12, 1e-12, 1e-12
"""Shares and spreads below which the method calls an image, an RDM and two neighbouring ranks constant."""


@dataclass(frozen=True)
class Fit:
    """Isomorphism of a set of features, NaN where undefined, and how far off float64 may be.

    Where ``error`` is infinite, float64 cannot tell whether the fit is defined.
    """

    r: float
    error: float

    @property
    def is_known(self) -> bool:
        return self.error < 1e-3


UNDEFINED, UNKNOWN = Fit(np.nan, 0.0), Fit(np.nan, np.inf)


def fit(values, target, coefficient="pearson", measure="correlation", zero_undefined=False) -> Fit:
    """Isomorphism of images × features with a square target of dissimilarities."""
    values = np.asarray(values, dtype=np.longdouble)
    rows, rounding = _unit_rows(values, measure)
    if rows is None:
        return UNKNOWN
    if any(row is None for row in rows) and not zero_undefined:
        return UNDEFINED
    pairs = np.triu_indices(len(values), 1)
    similar = _similarities(rows, values, measure)[pairs]
    if measure == "euclidean":
        mean = similar.mean()
        if mean == 0:
            return UNDEFINED
        similar = similar / -mean
    other = np.asarray(target, dtype=np.longdouble)[pairs]
    return _correlation(similar, other, coefficient, rounding)


def defined_images(values, measure):
    """Rows of the images that a measure is defined for; None where float64 cannot tell."""
    rows, _ = _unit_rows(np.asarray(values, dtype=np.longdouble), measure)
    return None if rows is None else [number for number, row in enumerate(rows) if row is not None]


def _unit_rows(values, measure):
    """Images of norm 1 (None where undefined), and the rounding error of float64 in their similarities.

    No rows at all where float64 cannot tell whether an image is constant.
    """
    if measure == "euclidean":
        # Squares of what all images share are rounded with the squares of their differences.
        centred = values - values.mean(axis=0)
        spread = np.sqrt((centred**2).sum())
        return list(values), 8 * EPSILON * (1 + float(np.abs(values).max() / spread) if spread else 1)
    rows, rounding = [], 8 * EPSILON
    for row in values:
        centred = row - row.mean() if measure == "correlation" else row
        moment, squares = (centred**2).sum(), (row**2).sum()
        share = float(moment / squares) if squares else 0.0
        if measure == "correlation" and 0.01 * CONSTANT_IMAGE < share < 100 * CONSTANT_IMAGE:
            return None, np.inf
        undefined = len(row) < 2 or share <= CONSTANT_IMAGE if measure == "correlation" else squares == 0
        rows.append(None if undefined else centred / np.sqrt(moment))
        if not undefined:
            rounding = max(rounding, 8 * EPSILON / np.sqrt(share))
    return rows, rounding


def _similarities(rows, values, measure):
    """Products of all pairs of images, 0 with one that is undefined; or their squared distances."""
    unit = np.array([0 * other if row is None else row for row, other in zip(rows, values, strict=True)])
    if measure == "euclidean":
        return ((unit[:, None] - unit) ** 2).sum(axis=-1)
    return unit @ unit.T


def _correlation(similar, other, coefficient, rounding) -> Fit:
    """Correlation of dissimilarities, which is minus that of similarities."""
    spread, size = float(similar.std()), float(np.abs(other).max())
    if spread + rounding < 0.1 * CONSTANT_RDM or other.std() <= CONSTANT_RDM * size:
        return UNDEFINED
    if spread < max(10 * CONSTANT_RDM, 1e3 * rounding):
        return UNKNOWN
    if coefficient == "spearman":
        ranks = _tied_ranks(similar, rounding)
        return UNKNOWN if ranks is None else Fit(_pearson(-ranks, rankdata(other.astype(float))), 1e-10)
    error = 20 * rounding / spread + 20 * EPSILON * size / float(other.std())
    return Fit(_pearson(-similar, other), max(1e-10, error))


def _tied_ranks(similar, rounding):
    """Ranks in which neighbours that are hardly apart share their mean; None where float64 cannot tell them."""
    order = np.argsort(similar, kind="stable")
    gaps = np.diff(similar[order])
    if np.any((gaps > TIE - 20 * rounding) & (gaps < TIE + 20 * rounding)) or 20 * rounding > TIE:
        return None
    ranks, start = np.empty(len(similar)), 0
    for end in [*(np.flatnonzero(gaps > TIE) + 1), len(similar)]:
        ranks[order[start:end]] = (start + end - 1) / 2 + 1
        start = end
    return ranks


def _pearson(one, other) -> float:
    one, other = one - one.mean(), other - other.mean()
    norm = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / norm) if norm > 0 else np.nan


def without_each(values, target, coefficient="pearson", measure="correlation") -> list[Fit]:
    """The fit without each feature."""
    return [
        fit(np.delete(values, feature, axis=1), target, coefficient, measure)
        for feature in range(values.shape[1])
    ]


def curve(
    values, target, ranking, coefficient="pearson", measure="correlation", published=False
) -> list[Fit]:
    """The fit of the first m ranked features, for m = 0, 1, …; with fewer than two it is undefined."""
    fits = [Fit(0.0, 0.0) if published else UNDEFINED] * 2
    for m in range(2, values.shape[1] + 1):
        one = fit(values[:, ranking[:m]], target, coefficient, measure, published)
        undefined = published and one.is_known and np.isnan(one.r)
        fits.append(Fit(0.0, one.error) if undefined else one)
    return fits
