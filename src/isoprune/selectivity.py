"""Category selectivity of features: what a column of the stimulus table explains of them, and whether beyond chance.

Features that a target retains were selected on images whose categories the target may know. Two things keep that from
passing for evidence: p is corrected over *all* features of the network, so that it holds whichever are looked at; and
retained sets are compared with those of relabelled targets, on images that took no part in their selection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isoprune.adjustment import p_value
from isoprune.foldsets import FoldSets, masks_of
from isoprune.relabelled_sets import RelabelledSets
from isoprune.relabelling import relabellings
from isoprune.stimuli import MIN_IN_CATEGORY

if TYPE_CHECKING:
    import pandas as pd

CONSTANT = 1e-12
"""A feature is constant when its variance sum is at most this share of its sum of squares (dimensionless)."""

LEVEL = 0.05
"""Corrected p below which a feature is counted as selective."""

RANDOM_STREAM = 0x53454C
"""Keeps the draws of random sets apart from those of relabellings."""

SELECTIVITY_COLUMNS = {
    "feature": "Feature, numbered from 0 in the order of the embedding.",
    "column": "Column of the stimulus table.",
    "category": "Its category whose images differ most from all others in this feature.",
    "n_in": "Number of images in this category.",
    "d": "Standardised mean difference of images in the category and all others (pooled standard deviation, "
    "dimensionless); negative where the category drives the feature least.",
    "epsilon2": "Share of the feature's variance over images that the column explains, adjusted so that chance is 0 "
    "(Kelley's ε²; at most 1).",
    "p_fwe": "p of the difference: relabelled images, maximum over all features of the network, all columns and all "
    "categories, (b + 1)/(N + 1). It holds whichever features are looked at.",
}

SET_COLUMNS = {
    "column": "Column of the stimulus table.",
    "images": "`held-out`: retained sets of folds, on the images that each fold held out. `all`: the features that are "
    "shown, on all images, on which they were selected: descriptive.",
    "n_images": "Number of images; mean over folds.",
    "n_features": "Number of features of the set; mean over folds.",
    "n_varying": "How many of these differ between the images, the others have no ε²; mean over folds.",
    "epsilon2": "Mean over the set's features of the share of variance that the column explains, ε², chance 0.",
    "epsilon2_all": "The same over all features of the network.",
    "random_low": "5 % of random sets of as many features have less. No test of the target: features of high variance "
    "are favoured whatever the target, and may tell categories apart more.",
    "random_high": "5 % of random sets of as many features have more.",
    "relabelled_low": "5 % of relabelled targets keep sets that have less; held-out images only.",
    "relabelled_high": "5 % of relabelled targets keep sets that have more.",
    "epsilon2_tested": "ε² of the target's own sets in the folds that the study relabels (`inference.n_repeats`), "
    "which may be fewer than those of `epsilon2`.",
    "p_relabelled": "Share of relabelled targets whose retained sets have at least `epsilon2_tested`, "
    "(b + 1)/(N + 1); of this column by itself. `n/a` where nothing was relabelled, or subjects have different images.",
    "n_relabelled": "Number of relabelled targets, N.",
    "n_selective": "How many of the set's features are selective at a corrected p below .05; all images only.",
    "n_selective_all": "How many features of the network are.",
}


@dataclass(frozen=True)
class Categories:
    """The categories of all columns, as indicators of images.

    Attributes
    ----------
    columns, names : ndarray of shape (n_categories,), str
        Column and name of each category.
    members : ndarray of shape (n_categories, n_images), float64
        1 where an image is in the category.
    """

    columns: np.ndarray
    names: np.ndarray
    members: np.ndarray

    def of_column(self, column: str, images: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Indicators of one column's categories, for some images."""
        return self.members[self.columns == column][:, images]


def categories_in(columns: Mapping[str, Mapping[str, str]], labels: Sequence[str]) -> Categories:
    """Indicators of the categories of some columns.

    Parameters
    ----------
    columns : mapping of str to (mapping of str to str)
        Category of each image, by column.
    labels : sequence of str
        Images, in the order wanted.
    """
    rows = [
        (column, name, [float(of_image[label] == name) for label in labels])
        for column, of_image in columns.items()
        for name in sorted({of_image[label] for label in labels})
    ]
    named, names, members = zip(*rows, strict=True) if rows else ((), (), np.empty((0, len(labels))))
    return Categories(np.array(named, dtype=str), np.array(names, dtype=str), np.array(members))


def varying_features(values: np.ndarray) -> np.ndarray:
    """Which features differ between images: bool, shape (n_features,)."""
    values = np.asarray(values, dtype=np.float64)
    return np.square(values - values.mean(axis=0)).sum(axis=0) > CONSTANT * np.square(values).sum(axis=0)


def standardised_features(values: np.ndarray) -> np.ndarray:
    """Features with mean 0 and standard deviation 1 over images; NaN where a feature is constant.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)

    Returns
    -------
    ndarray of shape (n_images, n_features), float64
        In standard deviations.
    """
    values = np.asarray(values, dtype=np.float64)
    centred = values - values.mean(axis=0)
    spread = np.sqrt(np.square(centred).mean(axis=0))
    varies = varying_features(values)
    return np.where(varies, centred / np.where(varies, spread, 1.0), np.nan)


def variance_explained(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Share of each feature's variance over images that categories explain: ε² of Kelley (1935).

        ε² = 1 − (1 − η²)(n − 1)/(n − k),    η² = between-category / total sum of squares

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    members : ndarray of shape (n_categories, n_images)
        1 where an image is in the category; each image is in one.

    Returns
    -------
    ndarray of shape (n_features,)
        Expectation 0 without a relation, at most 1; NaN where a feature is constant, or where the images are of one
        category or of as many as there are images.
    """
    standard = standardised_features(values)
    n_images, sizes = len(standard), members.sum(axis=1)
    there = sizes > 0
    n_categories = int(there.sum())
    if not 1 < n_categories < n_images:
        return np.full(standard.shape[1], np.nan)
    means = members[there] @ standard / sizes[there, None]
    eta2 = (sizes[there, None] * means**2).sum(axis=0) / n_images
    return 1 - (1 - eta2) * (n_images - 1) / (n_images - n_categories)


def selectivity_table(
    values: np.ndarray,
    labels: Sequence[str],
    columns: Mapping[str, Mapping[str, str]],
    *,
    n_permutations: int,
    seed: int,
) -> pd.DataFrame:
    """Selectivity of every feature that varies, for every column.

    The tested statistic is the magnitude of a feature's correlation with being in a category, which is the t of the
    difference but for a monotone map, so that categories of different size compare. Images are relabelled for all
    features and columns at once, and each relabelling gives its maximum over all of them.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        All features of the network: the family of p.
    labels : sequence of str
        Image of each row.
    columns : mapping of str to (mapping of str to str)
        As `isoprune.stimuli.category_columns` gives them.
    n_permutations : int
        0 leaves p out (NaN).
    seed : int

    Returns
    -------
    DataFrame
        Columns as `SELECTIVITY_COLUMNS`.
    """
    import pandas as pd

    categories = categories_in(columns, labels)
    features = np.flatnonzero(varying_features(values))
    standard = standardised_features(values[:, features])
    r = _tested(categories.members) @ standard
    null = _largest(categories.members, standard, relabellings(labels, n_permutations, seed=seed))
    tables = []
    for column in columns:
        rows = np.flatnonzero(categories.columns == column)
        # Two categories differ alike with opposite signs: the one that drives the feature more is named.
        best = rows[np.argmax(np.abs(r[rows]) + 1e-9 * (r[rows] > 0), axis=0)]
        members = categories.members[best]
        tables.append(
            pd.DataFrame(
                {
                    "feature": features,
                    "column": column,
                    "category": categories.names[best],
                    "n_in": members.sum(axis=1).astype(int),
                    "d": _mean_difference(standard, members),
                    "epsilon2": variance_explained(standard, categories.members[rows]),
                    "p_fwe": [_p(abs(one), null) for one in r[best, range(len(features))]],
                }
            )
        )
    if not tables:
        return pd.DataFrame(columns=list(SELECTIVITY_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def _tested(members: np.ndarray) -> np.ndarray:
    """Indicators standardised over images and divided by their number: times standard features, correlations."""
    n_images, sizes = members.shape[1], members.sum(axis=1)
    usable = (sizes >= MIN_IN_CATEGORY) & (sizes <= n_images - MIN_IN_CATEGORY)
    standard = standardised_features(members.T).T / n_images
    return np.where(usable[:, None], np.nan_to_num(standard), 0.0)


def _largest(members: np.ndarray, standard: np.ndarray, relabelled: np.ndarray) -> np.ndarray:
    tested = _tested(members)
    return np.array([np.abs(tested[:, rows] @ standard).max(initial=0.0) for rows in relabelled])


def _p(statistic: float, null: np.ndarray) -> float:
    return p_value(statistic, null) if len(null) else float("nan")


def _mean_difference(standard: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Standardised mean difference of each feature between the images in its row of ``members`` and all others."""
    n_images, n_in = len(standard), members.sum(axis=1)
    inside = (members.T * standard).sum(axis=0) / n_in
    outside = ((1 - members.T) * standard).sum(axis=0) / (n_images - n_in)
    within = n_images - n_in * inside**2 - (n_images - n_in) * outside**2
    with np.errstate(divide="ignore"):  # categories that tell a feature's two values apart without exception
        return (inside - outside) / np.sqrt(np.maximum(within, 0.0) / (n_images - 2))


def held_out_selectivity(
    values: np.ndarray,
    labels: Sequence[str],
    columns: Mapping[str, Mapping[str, str]],
    sets: Sequence[FoldSets],
    relabelled: Sequence[RelabelledSets] = (),
    *,
    n_random: int,
    seed: int,
) -> pd.DataFrame:
    """Selectivity of retained sets on held-out images, against those of relabelled targets and random ones.

    A random set is what a relabelling of the features makes of the sets of all folds at once, so that random sets
    overlap between folds as the retained ones do. The sets of a relabelled target went through the whole selection,
    which favours features of high variance and keeps features that are alike together: they alone give a p.

    Parameters
    ----------
    values, labels, columns
        As in `selectivity_table`.
    sets : sequence of FoldSets
        Of one unit, or of those of several subjects.
    relabelled : sequence of RelabelledSets
        Of the same units. Their target as it is, whose folds may be fewer, gives the statistic of p.
    n_random, seed : int

    Returns
    -------
    DataFrame
        A row a column, columns as `SET_COLUMNS`.
    """
    categories = categories_in(columns, labels)
    place = {label: row for row, label in enumerate(labels)}
    folds = [
        (np.array([place[label] for label in np.array(one.labels)[held_out]]), retained)
        for one in sets
        for held_out, retained in zip(one.held_out, one.retained, strict=True)
    ]
    explained = [_explained(values, categories, columns, rows) for rows, _ in folds]
    compared = _compared(explained, masks_of([one for _, one in folds], values.shape[1]), n_random, seed)
    n_images = float(np.mean([len(rows) for rows, _ in folds]))
    arranged = _of_arrangements(values, place, categories, columns, relabelled)
    rows = [
        {"column": column, "images": "held-out", "n_images": n_images, **of_sets, **_against_relabelled(one)}
        for column, of_sets, one in zip(columns, compared, arranged, strict=True)
    ]
    return _set_table(rows)


def _explained(
    values: np.ndarray, categories: Categories, columns: Collection[str], rows: np.ndarray | slice
) -> np.ndarray:
    """ε² of every feature on some images, shape (n_columns, n_features)."""
    found = [variance_explained(values[rows], categories.of_column(column, rows)) for column in columns]
    return np.array(found).reshape(len(found), values.shape[1])


def _of_arrangements(
    values: np.ndarray,
    place: Mapping[str, int],
    categories: Categories,
    columns: Collection[str],
    relabelled: Sequence[RelabelledSets],
) -> np.ndarray:
    """ε² of the sets of the target as it is and of each relabelled one, shape (n_columns, n_arrangements).

    No arrangements where units were not relabelled alike: a mean over them would then not be that of one relabelling.
    """
    if not relabelled or len({one.fingerprint for one in relabelled}) > 1:
        return np.empty((len(columns), 0))
    of_folds = []
    for one in relabelled:
        rows_of = np.array([place[label] for label in one.labels])
        for fold, held_out in enumerate(one.held_out):
            explained = _explained(values, categories, columns, rows_of[held_out])
            of_folds.append(_means_of_sets(explained, one.of_fold(fold)))
    return _mean_of_defined(np.array(of_folds))


def _against_relabelled(arranged: np.ndarray) -> dict[str, float]:
    """What a column's ε² of the target as it is, the first, is against that of relabelled ones."""
    observed, null = (arranged[0], arranged[1:]) if len(arranged) else (np.nan, arranged)
    return {
        **_range_of("relabelled", null[~np.isnan(null)]),
        "epsilon2_tested": observed,
        "p_relabelled": _p(observed, null),
        "n_relabelled": len(null),
    }


def shown_selectivity(
    values: np.ndarray,
    labels: Sequence[str],
    columns: Mapping[str, Mapping[str, str]],
    shown: Sequence[int] | np.ndarray,
    selectivity: pd.DataFrame,
    *,
    n_random: int,
    seed: int,
) -> pd.DataFrame:
    """Selectivity of some features on all images, beside random sets of as many: descriptive.

    Parameters
    ----------
    values, labels, columns
        As in `selectivity_table`.
    shown : sequence of int
    selectivity : DataFrame
        As `selectivity_table` gives it.
    n_random, seed : int

    Returns
    -------
    DataFrame
        A row a column, columns as `SET_COLUMNS`; without p, since the features were selected on these images.
    """
    explained = _explained(values, categories_in(columns, labels), columns, slice(None))
    compared = _compared([explained], masks_of([shown], values.shape[1]), n_random, seed)
    selective = selectivity[selectivity["p_fwe"] < LEVEL]
    rows = []
    for column, of_sets in zip(columns, compared, strict=True):
        features = selective.loc[selective["column"] == column, "feature"]
        counts = {"n_selective": int(features.isin(shown).sum()), "n_selective_all": len(features)}
        if selectivity["p_fwe"].isna().all():
            counts = {}
        rows.append({"column": column, "images": "all", "n_images": len(labels), **of_sets, **counts})
    return _set_table(rows)


def _compared(
    explained: Sequence[np.ndarray], held: np.ndarray, n_random: int, seed: int
) -> list[dict[str, float]]:
    """ε² of sets beside random ones, for each column.

    ``explained`` has for each fold shape (n_columns, n_features), ``held`` (n_folds, n_features).
    """
    n_features = held.shape[1]
    rng = np.random.default_rng([seed, RANDOM_STREAM])
    # The sets themselves, all features, and then random sets: a relabelling of the features in all folds at once.
    orders = np.array([np.arange(n_features), *(rng.permutation(n_features) for _ in range(n_random))])
    of_folds, n_varying = [], []
    for one, mask in zip(explained, held, strict=True):
        sets = np.insert(mask[orders], 1, True, axis=0)
        of_folds.append(_means_of_sets(one, sets))
        n_varying.append((mask & ~np.isnan(one)).sum(axis=1))
    means = _mean_of_defined(np.array(of_folds))
    return [
        {
            "n_features": float(held.sum(axis=1).mean()),
            "n_varying": float(varying),
            "epsilon2": own,
            "epsilon2_all": of_all,
            **_range_of("random", random[~np.isnan(random)]),
        }
        for (own, of_all), random, varying in zip(
            means[:, :2].tolist(), means[:, 2:], np.mean(n_varying, axis=0), strict=True
        )
    ]


def _range_of(name: str, by_chance: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(by_chance, [0.05, 0.95]) if len(by_chance) else (np.nan, np.nan)
    return {f"{name}_low": float(low), f"{name}_high": float(high)}


def _means_of_sets(explained: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Mean over the features of each set that have a value, NaN where none has.

    ``explained`` has shape (n_columns, n_features) and ``held`` (n_sets, n_features); gives (n_columns, n_sets).
    """
    known = ~np.isnan(explained)
    sums, n = np.where(known, explained, 0.0) @ held.T, known.astype(float) @ held.T
    return np.where(n > 0, sums / np.maximum(n, 1), np.nan)


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is no NaN; NaN where there is nothing."""
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    return np.where(n > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)


def _set_table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(SET_COLUMNS))
    return table.astype(dict.fromkeys(("n_relabelled", "n_selective", "n_selective_all"), "Int64"))
