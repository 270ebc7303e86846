"""How many judgments there are of each pair, and how far raters agree about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.ceilings import spearman_brown
from isoprune.crossvalidation import fisher_mean
from isoprune.judgments import PairJudgments
from isoprune.judgments.pairs import images_of_pairs

if TYPE_CHECKING:
    import pandas as pd

N_SPLITS = 100
"""Random halves of the raters that the reliability is the mean of."""

_LEAST_PAIRS = 3

JUDGMENT_COLUMNS = {
    "target": "Name of the target.",
    "kind": "What was judged: `ratings` of pairs, or odd one out of `triplets`.",
    "n_images": "Images of the target.",
    "n_raters": "Raters whose judgments are used; missing where the table names none.",
    "n_left_out": "Raters of the table who are not among the target's subjects.",
    "n_complete": "Raters who judged every pair, so that each can be a subject of the target.",
    "complete": "Their labels; n/a if there is none.",
    "n_pairs": "Pairs of images.",
    "n_pairs_judged": "Pairs that were judged at least once.",
    "n_judgments": "Judgments of pairs: ratings, one a rater and pair; or three for each choice among a triplet.",
    "least": "Fewest judgments of a pair.",
    "median": "Median number of judgments of a pair.",
    "most": "Most judgments of a pair.",
    "r_halves": "Correlation of the RDMs of two random halves of the raters (Pearson r over the pairs that both halves "
    "judged), Fisher-z mean over splits.",
    "r_low": "5th percentile of it over splits.",
    "r_high": "95th percentile.",
    "n_splits": "Splits in which the correlation is defined.",
    "n_pairs_halves": "Pairs that both halves judged, mean over splits.",
    "reliability": "Reliability of the RDM of all raters after Spearman and Brown, 2r / (1 + r) with r from "
    "`r_halves`; missing where that is not above 0.",
    "ceiling": "Square root of the reliability: the highest correlation that a model without noise can be expected to "
    "reach with this RDM, over all images.",
    "reason": "Why numbers are missing; n/a if they are there.",
}

PAIR_COLUMNS = {
    "stimulus_1": "One image of the pair.",
    "stimulus_2": "The other.",
    "n": "Judgments of the pair.",
    "dissimilarity": "Their mean, from 0 (most alike) to 1 (dimensionless); missing where there is none.",
    "sd": "Standard deviation over judgments (n − 1); missing below two.",
}


def judgment_row(
    judgments: PairJudgments, target: str, subjects: tuple[str, ...] = (), *, seed: int = 0
) -> dict[str, Any]:
    """Counts and reliability of a target's judgments; entries as `JUDGMENT_COLUMNS`.

    Parameters
    ----------
    judgments : PairJudgments
        Of all raters.
    target : str
        Name of the target.
    subjects : tuple of str
        The raters that are the target's subjects; empty where all raters are pooled.
    seed : int
        Of the splits.

    Raises
    ------
    UnknownNameError
        If a subject is no rater.
    """
    used = judgments.of_raters(subjects) if subjects else judgments
    counts, complete = used.counts(), used.complete_raters()
    numbers, reason = split_reliability(used, seed=seed)
    return {
        "target": target,
        "kind": judgments.kind,
        "n_images": len(used.labels),
        "n_raters": len(used.raters) or None,
        "n_left_out": len(judgments.raters) - len(used.raters),
        "n_complete": len(complete),
        "complete": ", ".join(complete),
        "n_pairs": used.n_pairs,
        "n_pairs_judged": int((counts > 0).sum()),
        "n_judgments": len(used.pair),
        "least": int(counts.min()),
        "median": float(np.median(counts)),
        "most": int(counts.max()),
        **numbers,
        "reason": reason,
    }


def judgment_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of `judgment_row` as a table, columns as `JUDGMENT_COLUMNS`."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(JUDGMENT_COLUMNS)).astype({"n_raters": "Int64"})


def pair_table(judgments: PairJudgments) -> pd.DataFrame:
    """Every pair of images with its judgments, columns as `PAIR_COLUMNS`.

    Parameters
    ----------
    judgments : PairJudgments
    """
    import pandas as pd

    i, j = images_of_pairs(len(judgments.labels), np.arange(judgments.n_pairs))
    n, mean = judgments.counts(), judgments.means()
    squares = (judgments.dissimilarity - mean[judgments.pair]) ** 2
    spread = np.bincount(judgments.pair, weights=squares, minlength=judgments.n_pairs)
    sd = np.sqrt(np.divide(spread, n - 1, out=np.full(len(n), np.nan), where=n > 1))
    labels = np.array(judgments.labels, dtype=object)
    columns = (labels[i], labels[j], n, mean, sd)
    return pd.DataFrame(dict(zip(PAIR_COLUMNS, columns, strict=True)))


def split_reliability(
    judgments: PairJudgments, *, n_splits: int = N_SPLITS, seed: int = 0
) -> tuple[dict[str, float], str]:
    """Reliability of the mean over raters, by random halves of them.

    Whole raters are split, never the judgments of one: what a person repeats is not shared by people. The formula
    for the double number of raters is Spearman's (1910, Br J Psychol 3:271) and Brown's (1910, Br J Psychol 3:296).

    Parameters
    ----------
    judgments : PairJudgments
    n_splits : int
        Number of random splits.
    seed : int

    Returns
    -------
    numbers : dict of str to float
        ``r_halves`` … ``ceiling`` of `JUDGMENT_COLUMNS`; missing ones are NaN.
    reason : str
        Why they are missing; empty if they are there.
    """
    names = ("r_halves", "r_low", "r_high", "n_splits", "n_pairs_halves", "reliability", "ceiling")
    missing: dict[str, float] = {**dict.fromkeys(names, np.nan), "n_splits": 0}
    if not judgments.raters:
        return missing, "the table does not say who answered"
    n_raters = len(judgments.raters)
    if n_raters < 2:
        return missing, "there is one rater only"
    rng = np.random.default_rng(seed)
    found = [_agreement(judgments, rng.permutation(n_raters)[: n_raters // 2]) for _ in range(n_splits)]
    n_shared = float(np.mean([n for _, n in found]))
    r = np.array([value for value, _ in found if np.isfinite(value)])
    if not len(r):
        return {**missing, "n_pairs_halves": n_shared}, (
            "two halves of the raters share fewer than 3 pairs, or find them all alike"
        )
    mean = fisher_mean(r)
    reliability = spearman_brown(mean, 2)
    low, high = np.percentile(r, [5, 95])
    values = (mean, low, high, len(r), n_shared, reliability, np.sqrt(reliability))
    reason = "" if mean > 0 else "halves of the raters do not correlate above 0"
    return dict(zip(names, map(float, values), strict=True)) | {"n_splits": len(r)}, reason


def _agreement(judgments: PairJudgments, half: np.ndarray) -> tuple[float, int]:
    """Correlation of the RDM of some raters with that of the others, and the pairs that both judged."""
    in_half = np.isin(judgments.rater, half)
    first, second = judgments.means(in_half), judgments.means(~in_half)
    shared = np.isfinite(first) & np.isfinite(second)
    n = int(shared.sum())
    if n < _LEAST_PAIRS:
        return np.nan, n
    one, other = (values[shared] - values[shared].mean() for values in (first, second))
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    # Pairs that are all alike differ by rounding only.
    return (float((one * other).sum() / scale), n) if scale > 1e-12 * n else (np.nan, n)
