"""Variance partitioning: what RDMs explain of a target, each by itself and in common.

The squared multiple correlation R² of the target's pair values is computed for every set of predictors, by least
squares with an intercept, and divided into what each set explains in common and no other predictor does (commonality
analysis; Newton & Spurrell 1967, Applied Statistics 16:51; Nimon, Lewis, Kane & Haynes 2008, Behavior Research Methods
40:457): with P all predictors,

    part(S) = Σ over T ⊆ S of (−1)^(|S| − |T| + 1) · R²(P∖T),        R²(∅) = 0.

The parts of all non-empty S sum to R²(P). A shared part is negative where predictors suppress each other: where
together they explain more than the sum of what each does. It is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from isoprune.bootstrap import WEIGHTS_AT_ONCE, image_counts
from isoprune.errors import FoldError, InferenceError, LabelError, TooFewImagesError
from isoprune.folds import Fold
from isoprune.intervals import interval_over_images
from isoprune.isomorphism import check_target_varies, pairs_of, standardised_pairs
from isoprune.labelled import RDM
from isoprune.labels import listing
from isoprune.nuisances import check_something_left
from isoprune.weighted import LEAST_SPREAD

if TYPE_CHECKING:
    import pandas as pd

VARIANCE_COLUMNS = {
    "target": "Target RDM whose variance over pairs of images is divided.",
    "subject": "Whose RDM it is; `group` is the mean over subjects.",
    "scope": "`all images`, or `held-out images`: the mean over blocks of test images, each fitted by itself.",
    "kind": "`unique` to one predictor, `shared` by exactly these and no other, or R² of the whole `model` of these.",
    "predictors": "Predictor RDMs, joined by ` + `.",
    "r2": "Share of the target's variance (dimensionless). Parts of kind unique and shared sum to R² of the "
    "largest model; they may be negative. R² is above 0 by chance: do not test it against 0.",
    "ci_low": "Lower end of the 95 % interval over images, conditional on the predictors.",
    "ci_high": "Upper end of the 95 % interval over images.",
    "n_images": "Number of images.",
    "n_blocks": "Number of blocks of images that were fitted.",
    "n_undefined": "Blocks × resamples without R², left out: the target is constant, or too few pairs differ.",
}

N_PREDICTORS = (2, 3)
"""Numbers of predictors whose parts can be read: four have 15 parts."""

MIN_IMAGES = 4
"""Fewest images of a block: their 6 pairs leave degrees of freedom beside three predictors and an intercept."""

COLLINEAR = 1e-10
"""Directions of the predictors whose share of their variance is below this are the same direction (dimensionless)."""


def partition_variance(
    target: RDM,
    predictors: Mapping[str, RDM | Sequence[RDM]],
    *,
    folds: Sequence[Fold] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Divide a target's variance between two or three RDMs, with intervals over images.

    On held-out images each block of test images is fitted by itself, and parts are averaged over blocks: what was
    selected on a fold's training images has not seen its block. A predictor that is constant in a block explains
    nothing there. For the intervals images are resampled inside the blocks, as in
    `isoprune.bootstrap.bootstrap_images`: a pair counts as often as the product of its images' counts, pairs of an
    image with itself are dropped, and the fit is by weighted least squares.

    Parameters
    ----------
    target : RDM
    predictors : mapping of str to RDM, or to sequence of RDM
        By name. RDMs of at least the target's images, joined by label; or, with ``folds``, one for each fold, of at
        least its test images (say, of the features that the fold retained).
    folds : sequence of Fold, optional
        Default: all pairs of all images.
    n_bootstrap, seed : int
        Resamples follow from (seed, sorted labels) alone.

    Returns
    -------
    DataFrame
        A row a part and a model; columns as `VARIANCE_COLUMNS`.

    Raises
    ------
    InferenceError
        If there are not two or three predictors.
    RDMError
        If a predictor equals the target, or the target is constant.
    LabelError
        If a predictor lacks images.
    FoldError
        If there is not one RDM for each fold.
    TooFewImagesError
        If a block has fewer than four images.
    """
    _check_number(predictors)
    # In sorted order, so that the order of rows changes no bit.
    labels, of_target = sorted(target.labels), f"target '{target.target}' of subject '{target.subject}'"
    blocks = [labels] if folds is None else [fold.test for fold in folds]
    check_target_varies(target.values, of_target)
    given = {name: _for_each_block(name, one, target, len(blocks)) for name, one in predictors.items()}
    counts, column_of = image_counts(len(labels), n_bootstrap, seed), {one: i for i, one in enumerate(labels)}
    r2 = []
    for number, block in enumerate(blocks):
        if len(block) < MIN_IMAGES:
            raise TooFewImagesError(
                of_target,
                f"a block of {len(block)} images",
                f"at least {MIN_IMAGES}",
                "Use fewer folds, or all images.",
            )
        values = [_pairs_of_images(one[number], block, f"predictor '{name}'") for name, one in given.items()]
        own = _pairs_of_images(target, block, of_target)
        r2.append(r2_of_models(own, np.array(values), counts[:, [column_of[label] for label in block]]))
    facts = {"target": target.target, "subject": target.subject}
    facts["scope"] = "all images" if folds is None else "held-out images"
    return _table(facts, list(predictors), np.array(r2), len(labels))


def _check_number(predictors: Mapping[str, object]) -> None:
    if len(predictors) not in N_PREDICTORS:
        raise InferenceError(
            "variance partitioning",
            f"{len(predictors)} predictors ({listing(predictors)})",
            "two or three",
            "Choose the two or three whose common and separate parts are in question.",
        )


def _for_each_block(name: str, given: RDM | Sequence[RDM], target: RDM, n_blocks: int) -> Sequence[RDM]:
    """A predictor's RDM of each block; one over all images that equals the target is refused."""
    if isinstance(given, RDM):
        pairs = _pairs_of_images(given, target.labels, f"predictor '{name}'")
        of_target = f"target '{target.target}' of subject '{target.subject}'"
        check_something_left(
            pairs_of(target.values), pairs[None], "pearson", names=[name], what="predictor", where=of_target
        )
        return [given] * n_blocks
    if len(given) != n_blocks:
        raise FoldError(
            f"predictor '{name}'",
            f"{len(given)} RDMs",
            f"one RDM, or one for each of {n_blocks} blocks",
            "Compute the predictor's RDM of every fold's test images.",
        )
    return given


def _pairs_of_images(rdm: RDM, labels: Sequence[str], where: str) -> np.ndarray:
    """Dissimilarities between some of an RDM's images, (n_pairs,)."""
    row_of = {label: row for row, label in enumerate(rdm.labels)}
    missing = [label for label in labels if label not in row_of]
    if missing:
        raise LabelError(
            where,
            f"it lacks {len(missing)} image(s): {listing(missing)}",
            "all images of the block that is fitted",
            "Compute the RDM over these images too.",
        )
    rows = np.array([row_of[label] for label in labels])
    return pairs_of(rdm.values[np.ix_(rows, rows)])


def subsets(n_predictors: int) -> list[tuple[int, ...]]:
    """All non-empty sets of predictors, smallest first; the order of every array of models or parts here."""
    sizes = range(1, n_predictors + 1)
    return [one for size in sizes for one in combinations(range(n_predictors), size)]


def r2_of_models(target: np.ndarray, predictors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """R² of every model on resampled images, by weighted least squares with an intercept.

    Parameters
    ----------
    target : ndarray of shape (n_pairs,)
    predictors : ndarray of shape (n_predictors, n_pairs)
    counts : ndarray of shape (n_samples, n_images), int
        How often each image occurs in each sample.

    Returns
    -------
    ndarray of shape (n_models, n_samples), float64
        In the order of `subsets`. NaN where the target is constant in the sample, or so few pairs differ that the
        largest model would fit whatever they are.
    """
    variables = np.nan_to_num(standardised_pairs(np.vstack([predictors, target])))
    first, second = np.triu_indices(counts.shape[1], 1)
    step = max(1, WEIGHTS_AT_ONCE // len(first))
    parts = []
    for start in range(0, len(counts), step):
        some = counts[start : start + step].astype(np.float64)
        parts.append(_r2(variables, some[:, first] * some[:, second]))
    return np.concatenate(parts, axis=1)


def _r2(variables: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """R² of all models of the last variable by the others, (n_models, n_samples)."""
    correlations, defined = _correlations(variables, weights)
    # More pairs than parameters: with as many, any target is explained.
    defined = defined[:, -1] & ((weights > 0).sum(axis=1) > len(variables))
    r2 = []
    for model in map(list, subsets(len(variables) - 1)):
        with_target = correlations[:, model, -1]
        between = correlations[:, model][:, :, model]
        inverse = np.linalg.pinv(between, rcond=COLLINEAR, hermitian=True)
        r2.append(np.einsum("bi,bij,bj->b", with_target, inverse, with_target))
    return np.where(defined, r2, np.nan)


def _correlations(variables: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted correlations (n_samples, n, n), 0 with a constant variable, and which vary (n_samples, n).

    All samples' moments come from one product of the weights with the products of variables; these have mean 0 over
    all pairs, so that little cancels.
    """
    one, other = np.triu_indices(len(variables))
    total = np.maximum(weights.sum(axis=1), 1)[:, None]
    mean = weights @ variables.T / total
    moments = weights @ (variables[one] * variables[other]).T / total - mean[:, one] * mean[:, other]
    covariance = np.empty((len(weights), len(variables), len(variables)))
    covariance[:, one, other] = covariance[:, other, one] = moments
    spread = np.diagonal(covariance, axis1=1, axis2=2)
    vary = spread > LEAST_SPREAD * np.square(variables).max(axis=1)
    scale = np.where(vary, 1 / np.sqrt(np.where(vary, spread, 1)), 0)
    correlations = covariance * scale[:, :, None] * scale[:, None, :]
    correlations[:, range(len(variables)), range(len(variables))] = 1
    return correlations, vary


def parts_of(r2: np.ndarray) -> np.ndarray:
    """Unique and shared parts from the R² of all models; the formula is in the module's docstring.

    Parameters
    ----------
    r2 : ndarray of shape (n_models, ...)
        In the order of `subsets`.

    Returns
    -------
    ndarray of shape (n_models, ...)
        What each set of predictors, in the same order, explains in common and no other predictor does.
    """
    n_predictors = len(r2).bit_length()
    sets = subsets(n_predictors)
    value = {frozenset(one): row for one, row in zip(sets, r2, strict=True)}
    value[frozenset()] = np.zeros_like(r2[0])
    everything = frozenset(range(n_predictors))
    return np.array(
        [
            sum(
                (-1) ** (len(own) - len(taken) + 1) * value[everything - set(taken)]
                for taken in [(), *(one for one in sets if set(one) <= set(own))]
            )
            for own in sets
        ]
    )


def _table(facts: Mapping[str, str], names: Sequence[str], r2: np.ndarray, n_images: int) -> pd.DataFrame:
    """The rows of `partition_variance` from R² of shape (n_blocks, n_models, 1 + n_bootstrap)."""
    import pandas as pd

    undefined = np.isnan(r2)
    models = np.ma.array(r2, mask=undefined).mean(axis=0).filled(np.nan)
    counts = {"n_images": n_images, "n_blocks": len(r2), "n_undefined": int(undefined[:, 0, 1:].sum())}
    rows = []
    for is_part, values in ((True, parts_of(models)), (False, models)):
        for members, (estimate, *samples) in zip(subsets(len(names)), values, strict=True):
            kind = ("unique" if len(members) == 1 else "shared") if is_part else "model"
            interval = interval_over_images(float(estimate), np.array(samples), n_images)
            rows.append(
                {
                    **facts,
                    "kind": kind,
                    "predictors": " + ".join(names[one] for one in members),
                    "r2": interval.estimate,
                    "ci_low": interval.low,
                    "ci_high": interval.high,
                    **counts,
                }
            )
    return pd.DataFrame(rows)[list(VARIANCE_COLUMNS)]
