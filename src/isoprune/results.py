"""The tidy tables of a study: every score, its summary, and the contrasts between competitors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from isoprune.crossvalidation import fisher_mean, fisher_z
from isoprune.errors import InferenceError, LabelError
from isoprune.inference import Difference, corrected_resampled_t, sign_flip
from isoprune.labelled import GROUP, SUBJECTS
from isoprune.labels import listing
from isoprune.pruning import PruningResult
from isoprune.scoring import KINDS

UNIT = ["network", "layer", "target", "supervision", "subject"]
"""Columns that name a unit of work."""

UNIT_COLUMNS = {
    "network": "Network of the study: architecture + weights + layer, or an embedding file.",
    "layer": "Layer whose activations are the features; `best`: the best of several, as training images choose it.",
    "target": "Target RDM: a brain region or a set of judgments.",
    "supervision": "Whose RDM ranked the features: `own`, `group` (the mean over subjects), or `loso` (the mean of "
    "all others, leaving the scored subject out).",
    "subject": "Who was scored; `group` is the mean RDM over subjects, `subjects` the mean of single subjects' scores.",
}

SCORE_COLUMNS = {
    "competitor": "Feature set: `full`, `pruned`, `random` (sets of the pruned set's size), `variance` (random sets "
    "whose features vary as much), as many `components`, `variable` or `active` features, or ranked on something else: "
    "`relabelled` targets, a `label` of categories, `other:<target>`. Of all features, weighed: `ridge`, "
    "`nonnegative`, `dissimilarity`.",
    "r": "Held-out isomorphism: signed correlation of the two RDMs over pairs of test images (−1 … 1).",
    "r2": "Squared held-out isomorphism (2OI, 0 … 1). Squares are never 0 by chance: do not test them against 0.",
    "r_partial": "Held-out isomorphism with the nuisance RDMs removed from both sides; missing without nuisances.",
    "r_within": "Held-out isomorphism between images of one category, each category's mean removed; missing without "
    "categories.",
    "n_retained": "Number of features in the set; of components; of features whose weight is not 0.",
    "n_features": "Number of features of the full embedding; of the best of several layers, those of all layers.",
    "n_test_images": "Number of test images scored.",
}

FOLD_COLUMNS = {
    **UNIT_COLUMNS,
    "repeat": "Repeat of the cross-validation, from 1.",
    "fold": "Fold of the repeat, from 1.",
    **SCORE_COLUMNS,
    "r_low": "5 % point of r over the random sets.",
    "r_high": "95 % point of r over the random sets.",
    "n_train_images": "Number of training images.",
    "n_constant": "Test images left out of every competitor's score: constant under the retained set.",
    "n_redrawn": "Random sets drawn again, or sets of relabelled targets left out, because a test image or the whole "
    "RDM was constant under them.",
    "undefined": "Why the fold has no score; a fold that one competitor cannot be scored on is scored for none.",
}

SUMMARY_COLUMNS = {
    **UNIT_COLUMNS,
    **SCORE_COLUMNS,
    "r": SCORE_COLUMNS["r"] + " Fisher-z mean over folds and repeats.",
    "ci_low": "Lower end of the 95 % interval of r, conditional on the selected features.",
    "ci_high": "Upper end of the 95 % interval of r.",
    "ci_over": "What the interval generalises over: `images`, or `subjects and images`.",
    "p": "One-sided p that r is above 0: the whole procedure on relabelled images, (b + 1)/(N + 1).",
    "p_within": "The same when images are exchanged within their category only: is there more than the categories?",
    "p_partial": "One-sided p that r_partial is above 0; images are exchanged within categories where there are any.",
    "p_fwe": "p adjusted for the family (max-T over the same relabellings).",
    "q": "p adjusted for the family by Benjamini and Hochberg (expected share of false discoveries).",
    "family": "The rows that p_fwe and q are adjusted over.",
    "n_permutations": "Number of relabellings behind p.",
    "ceiling_low": "Lower noise ceiling of r on the same held-out blocks.",
    "ceiling_high": "Upper noise ceiling of r on the same held-out blocks.",
    "share_low": "r as a share of the upper ceiling.",
    "share_high": "r as a share of the lower ceiling.",
    "r2": "Mean over folds and repeats of the squared held-out isomorphism; its chance level is above 0.",
    "r_partial": SCORE_COLUMNS["r_partial"] + " Fisher-z mean over folds and repeats.",
    "r_within": SCORE_COLUMNS["r_within"] + " Fisher-z mean over folds and repeats.",
    "r_all_images": "Isomorphism of the full embedding over all images, without folds; only in rows `full`.",
    "n_retained": "Number of features in the set, mean over folds.",
    "n_images": "Number of images of the study.",
    "n_test_images": "Number of test images of a fold, mean over folds.",
    "n_subjects": "Number of subjects whose scores the row is the mean of, or whose RDMs were averaged; 1 for a single "
    "RDM.",
    "n_folds": "Number of folds × repeats with a defined score.",
    "n_undefined": "Number of folds × repeats without one; `folds.tsv` says why.",
}

BETWEEN_COMPETITORS = "competitors"
"""Value of the column ``compared`` of the contrasts whose a and b are two competitors."""

CONTRAST_COLUMNS = {
    "compared": "What a and b are: `competitors` (of one network, target and supervision), `networks`, `targets`, or "
    "`supervisions`. The column of what is compared is n/a then, beside networks that of their layers too.",
    **{column: text for column, text in UNIT_COLUMNS.items() if column != "subject"},
    "score": "Competitor whose held-out r is compared between networks, targets or supervisions: `pruned`, `full`, or "
    "the gain `pruned − full`; n/a between competitors.",
    "a": "First competitor, network, target or supervision.",
    "b": "Second one, which is subtracted.",
    "r_diff": "Held-out r of a minus that of b; across subjects, the mean r (through Fisher z) of either. Between "
    "gains: the difference of Fisher-z differences, shown in r around the common mean of the four scores.",
    "ci_low": "Lower end of the 95 % interval of r_diff.",
    "ci_high": "Upper end of the 95 % interval of r_diff.",
    "p": "Two-sided p of the paired Fisher-z differences.",
    "p_fwe": "p adjusted for the family (Holm).",
    "family": "The rows that p_fwe is adjusted over.",
    "p_random": "One-sided rank of the pruned score among random sets of its size, (b + 1)/(N + 1); only for single "
    "target RDMs against `random`.",
    "n_subjects": "Number of subjects compared; 1 for a single target RDM.",
    "test": "How p was computed.",
    "unit": "What the test generalises over: `subjects`, or `folds` (images of this target, never people).",
}

RETAINED_COLUMNS = {
    "feature": "Feature, numbered from 0 in the order of the embedding.",
    "rank": "Rank by drop over all images, 1 = most important.",
    "drop": "Isomorphism lost when the feature is left out (dimensionless; `inf`: it cannot be spared).",
    "in_final": "1 if the feature is in the set fitted on all images, else 0.",
    "fold_frequency": "Share of folds whose training images retained the feature (0 … 1).",
}

CURVE_COLUMNS = {
    "n_inserted": "Number of features inserted, most important first.",
    "isomorphism": "Isomorphism of these features over all images, as the criterion measures it (in-sample).",
}


def retained_table(pruning: PruningResult, frequency: np.ndarray) -> pd.DataFrame:
    """The final set of a unit, a row a feature.

    Parameters
    ----------
    pruning : PruningResult
        Fitted on all images.
    frequency : ndarray of shape (n_features,)
        Share of folds that kept each feature.

    Returns
    -------
    DataFrame
        Columns as `RETAINED_COLUMNS`, most important first.
    """
    ranks = np.arange(1, len(pruning.ranking) + 1)
    return pd.DataFrame(
        {
            "feature": pruning.ranking,
            "rank": ranks,
            "drop": pruning.drop[pruning.ranking],
            "in_final": (ranks <= pruning.n_retained).astype(int),
            "fold_frequency": frequency[pruning.ranking],
        }
    )


def curve_table(pruning: PruningResult) -> pd.DataFrame:
    """The insertion curve of a unit over all images; columns as `CURVE_COLUMNS`."""
    return pd.DataFrame({"n_inserted": np.arange(len(pruning.curve)), "isomorphism": pruning.curve})


def once_each(folds: pd.DataFrame) -> pd.DataFrame:
    """The fold scores, if none of them stands there twice.

    Parameters
    ----------
    folds : DataFrame
        Columns as `FOLD_COLUMNS`.

    Raises
    ------
    LabelError
        If a competitor has two scores in a fold: a file of the unit lies in another's folder.
    """
    twice = folds[folds.duplicated([*UNIT, "repeat", "fold", "competitor"])]
    if len(twice):
        raise LabelError(
            f"fold scores of {', '.join(twice[UNIT].iloc[0].astype(str))}",
            f"two of competitor {listing(twice['competitor'].unique())} in one fold",
            "every competitor in one file of the unit",
            "Remove the unit's files and let them be made again: one lies in another's folder.",
        )
    return folds


def summarise(folds: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Held-out means, a row a unit × competitor.

    Parameters
    ----------
    folds : DataFrame
        Columns as `FOLD_COLUMNS`.
    facts : sequence of mapping
        Facts of each unit: the columns of `UNIT`, ``r_all_images`` and ``n_images``.

    Returns
    -------
    DataFrame
        Those of `SUMMARY_COLUMNS` that need no inference, in the order of ``folds``.
    """
    of_unit = {tuple(one[column] for column in UNIT): one for one in facts}
    rows = []
    for key, scores in folds.groupby([*UNIT, "competitor"], sort=False):
        unit, competitor = dict(zip(UNIT, key[:-1], strict=True)), key[-1]
        defined = scores[scores["r"].notna()]
        rows.append(
            {
                **unit,
                "competitor": competitor,
                **{kind: fisher_mean(scores[kind]) for kind in KINDS},
                "r2": defined["r2"].mean(),
                "r_all_images": of_unit[key[:-1]]["r_all_images"] if competitor == "full" else np.nan,
                "n_retained": scores["n_retained"].mean(),
                "n_features": scores["n_features"].iloc[0],
                "n_images": of_unit[key[:-1]]["n_images"],
                "n_test_images": defined["n_test_images"].mean(),
                "n_folds": len(defined),
                "n_undefined": len(scores) - len(defined),
            }
        )
    table = pd.DataFrame(rows)
    return table[[column for column in SUMMARY_COLUMNS if column in table]]


def mean_over_subjects(summary: pd.DataFrame) -> pd.DataFrame:
    """Means of single subjects' scores, a row a network × target × supervision × competitor.

    Parameters
    ----------
    summary : DataFrame
        As `summarise` gives it.

    Returns
    -------
    DataFrame
        The same columns and ``n_subjects``, for supervisions whose subjects are scored one by one; correlations
        are Fisher-z means, counts of folds are sums.
    """
    rows = []
    # Sorted, so that the order of the subjects changes no bit of their mean.
    single = summary[summary["subject"] != GROUP].sort_values("subject", kind="stable")
    for key, scores in single.groupby([*UNIT[:-1], "competitor"], sort=False):
        row = {**dict(zip([*UNIT[:-1], "competitor"], key, strict=True)), "subject": SUBJECTS}
        row |= {kind: fisher_mean(scores[kind]) for kind in (*KINDS, "r_all_images")}
        row |= {name: scores[name].mean() for name in ("r2", "n_retained", "n_test_images")}
        row |= {name: scores[name].iloc[0] for name in ("n_features", "n_images")}
        row |= {name: int(scores[name].sum()) for name in ("n_folds", "n_undefined")}
        rows.append({**row, "n_subjects": int(scores["r"].notna().sum())})
    return pd.DataFrame(rows)


def with_family_wise_p(table: pd.DataFrame) -> pd.DataFrame:
    """Contrasts of competitors with `p_fwe` and `family`: Holm over targets and networks of a supervision, unit and
    pair.

    Parameters
    ----------
    table : DataFrame
        As `contrasts` gives it.
    """
    families = [
        f"{row.a} − {row.b}, {row.supervision} supervision, over {row.unit}" for row in table.itertuples()
    ]
    return holm(table, families, "targets × networks")


def holm(table: pd.DataFrame, families: Sequence[str], members: str) -> pd.DataFrame:
    """Contrasts with `p_fwe` and `family`: Holm over the rows of each family that have a p.

    Parameters
    ----------
    table : DataFrame
        With a column ``p``.
    families : sequence of str
        Name of the family of each row.
    members : str
        What a family is over, in words.
    """
    table = table.assign(p_fwe=np.nan, family="")
    for family, rows in table.groupby(np.array(families, dtype=object), sort=False):
        tested = rows[rows["p"].notna()].sort_values("p", kind="stable")
        factors = np.arange(len(tested), 0, -1)
        table.loc[tested.index, "p_fwe"] = np.minimum(1, np.maximum.accumulate(tested["p"] * factors))
        table.loc[rows.index, "family"] = f"{family}: {len(tested)} {members}"
    return table


def between_competitors(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``contrasts.tsv`` that compare competitors of one network, target and supervision."""
    return table[table["compared"] == BETWEEN_COMPETITORS]


def contrasts(
    folds: pd.DataFrame, facts: Sequence[Mapping[str, Any]] = (), *, seed: int, n_bootstrap: int = 10_000
) -> pd.DataFrame:
    """Paired comparisons of competitors, a row a network × target × supervision × pair.

    Subjects who were scored on their own held-out images are compared across subjects (sign-flip); the mean
    RDM of the group over folds (corrected resampled t).

    Parameters
    ----------
    folds : DataFrame
        Columns as `FOLD_COLUMNS`.
    facts : sequence of mapping
        Facts of each unit: the columns of `UNIT` and ``p_random``.
    seed, n_bootstrap : int
        For random flips and for intervals over subjects.

    Returns
    -------
    DataFrame
        Columns as `CONTRAST_COLUMNS`. ``p`` is NaN, and ``test`` says why, where no valid test exists.
    """
    rows = []
    ranks = {tuple(one[column] for column in UNIT): one["p_random"] for one in facts}
    for key, scores in folds.groupby(UNIT[:-1], sort=False):
        of_group = scores[scores["subject"] == GROUP]
        of_subjects = scores[scores["subject"] != GROUP]
        for a, b in _pairs(scores["competitor"]):
            place = {**dict(zip(UNIT[:-1], key, strict=True)), "a": a, "b": b}
            place["compared"] = BETWEEN_COMPETITORS
            if len(of_subjects):
                rows.append({**place, **_across_subjects(of_subjects, a, b, seed, n_bootstrap)})
            if len(of_group):
                rank = ranks.get((*key, GROUP)) if b == "random" else None
                rows.append({**place, **_over_folds(of_group, a, b), "p_random": rank})
    table = pd.DataFrame(rows, columns=list(CONTRAST_COLUMNS))
    return with_family_wise_p(table.astype({"p": float, "p_random": float}))


def _pairs(competitors: pd.Series) -> list[tuple[str, str]]:
    """`pruned` with every other competitor, in the order of the table."""
    return [("pruned", other) for other in dict.fromkeys(competitors) if other != "pruned"]


def _across_subjects(scores: pd.DataFrame, a: str, b: str, seed: int, n_bootstrap: int) -> dict[str, object]:
    # A fold that either competitor has no score in counts for neither, so that they stay paired.
    r = scores.pivot(index=["subject", "repeat", "fold"], columns="competitor", values="r")[[a, b]].dropna()
    z = r.transform(fisher_z).groupby("subject", sort=True).mean().to_numpy()
    return difference_across_subjects(z[:, 0] - z[:, 1], z, seed=seed, n_bootstrap=n_bootstrap)


def _over_folds(scores: pd.DataFrame, a: str, b: str) -> dict[str, object]:
    table = scores.pivot(index=["repeat", "fold"], columns="competitor", values="r")[[a, b]]
    z = fisher_z(table.dropna().to_numpy())
    of_a = scores[scores["competitor"] == a]
    sizes = of_a["n_train_images"].mean(), of_a["n_test_images"].mean()
    return difference_over_folds(z[:, 0] - z[:, 1], z, *sizes)


def difference_across_subjects(
    differences: np.ndarray, z: np.ndarray, *, seed: int, n_bootstrap: int
) -> dict[str, Any]:
    """What contrasts say of paired differences of people: sign-flip test.

    Parameters
    ----------
    differences : ndarray of shape (n_subjects,)
        Fisher z.
    z : ndarray
        Fisher z of all scores that the differences are made of; their mean is what r is shown around.
    seed, n_bootstrap : int
        As in `contrasts`.

    Returns
    -------
    dict
        The columns ``r_diff ci_low ci_high p n_subjects test unit``; ``p`` is NaN, and ``test`` says why, where there
        is no test.
    """
    difference = _tested(differences, sign_flip, seed=seed, n_bootstrap=n_bootstrap)
    about = {"n_subjects": len(differences), "test": difference.test, "unit": "subjects"}
    return {**_in_r(difference, z), **about}


def difference_over_folds(
    differences: np.ndarray, z: np.ndarray, n_train: float, n_test: float
) -> dict[str, Any]:
    """What contrasts say of paired differences of folds: corrected resampled t-test.

    Parameters
    ----------
    differences : ndarray of shape (n_folds,)
        Fisher z.
    z : ndarray
        As in `difference_across_subjects`.
    n_train, n_test : float
        Mean number of training and test images of a fold.

    Returns
    -------
    dict
        As `difference_across_subjects`.
    """
    difference = _tested(differences, corrected_resampled_t, n_train, n_test)
    return {**_in_r(difference, z), "n_subjects": 1, "test": difference.test, "unit": "folds"}


def _tested(
    differences: np.ndarray, test: Callable[..., Difference], *arguments: float, **settings: int
) -> Difference:
    """The test of paired differences; without p, and saying why, where there is none."""
    try:
        return test(differences, *arguments, **settings)
    except InferenceError as reason:
        mean = float(differences.mean()) if len(differences) else np.nan
        return Difference(mean, np.nan, np.nan, np.nan, f"none: {reason.found}", len(differences))


def _in_r(difference: Difference, z: np.ndarray) -> dict[str, float]:
    """A Fisher-z difference as a difference of correlations around the scores' common mean.

    Of two scores exactly ``r_a − r_b`` of their Fisher-z means, and monotone in the difference: the interval excludes
    0 in r if and only if it does in z.
    """
    middle = float(np.mean(z)) if len(z) else np.nan

    def around(d: float) -> float:
        return float(np.tanh(middle + d / 2) - np.tanh(middle - d / 2))

    return {
        "r_diff": around(difference.mean),
        "ci_low": around(difference.low),
        "ci_high": around(difference.high),
        "p": difference.p,
    }


def frame_of_unit(scores: pd.DataFrame, unit: dict[str, str]) -> pd.DataFrame:
    """A unit's fold scores with the columns that name the unit; columns as `FOLD_COLUMNS`."""
    named = scores.assign(**unit)
    return named[list(FOLD_COLUMNS)]
