"""What retained features look at: which ones a target keeps most steadily, and the images that drive them.

A feature's *drive* by an image is its value in standard deviations from its mean over the target's images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.enrichment import HYPERNYM_COLUMNS, enrichment_table, hypernyms_of
from isoprune.keeping import KEEPS, Keeping
from isoprune.labelled import Embedding
from isoprune.relabelled_sets import RelabelledSets
from isoprune.selectivity import (
    SELECTIVITY_COLUMNS,
    SET_COLUMNS,
    held_out_selectivity,
    selectivity_table,
    shown_selectivity,
    standardised_features,
    varying_features,
)
from isoprune.stimuli import category_columns, stimuli_with

if TYPE_CHECKING:
    import pandas as pd

MOST, LEAST = "most", "least"
SHARED, PARTLY, PRIVATE = "shared", "partly", "private"

FEATURE_COLUMNS = {
    "place": "Place in the order of how steadily the target keeps the features, from 1.",
    "feature": "Feature, numbered from 0 in the order of the embedding.",
    "kept": "Share of folds whose retained set has it (0 … 1): of the group's mean RDM, or, where there is none, of "
    "the folds of all subjects.",
    "kept_subjects": "Share of the folds of all single subjects that have it; `n/a` where no subject was ranked alone, "
    "or `kept` says it.",
    "rank": "Rank in the final set, from 1; mean over subjects where there is no group; `n/a` if in none.",
    "varies": "Whether it differs between the target's images; one that does not (a dead one) is driven by none.",
    "mean": "Mean over images, in the network's units.",
    "sd": "Standard deviation over images, in the network's units.",
    "n_lowest": "Number of images that share its lowest value: many where a rectifier cuts it off at 0.",
    "kind": "`shared`: each other target about the same images keeps it in at least half of its folds; `private`: each "
    "keeps it in fewer folds than sets of its size drawn at random would; `partly`: neither.",
}

OTHER_COLUMNS = {
    "feature": FEATURE_COLUMNS["feature"],
    "other": "Other target about the same images.",
    "kept": "Share of the other target's folds that keep the feature (0 … 1).",
    "closest": "Of the features that the other target keeps, the one most like it over images.",
    "closest_r": "Their correlation over images (−1 … 1): 1 where the other target keeps the feature itself. A private "
    "feature with a high value has a stand-in there.",
}

IMAGE_COLUMNS = {
    "feature": FEATURE_COLUMNS["feature"],
    "end": f"`{MOST}`: one of the images that drive it most, above its mean; `{LEAST}`: least.",
    "place": "Place among these, from 1. Where more images share the lowest value than are shown, those shown are "
    "spread evenly over them.",
    "stimulus": "Label of the image.",
    "drive": "The feature's value in standard deviations from its mean over images.",
    "value": "The feature's value, in the network's units.",
}

TABLES = {
    "features": FEATURE_COLUMNS,
    "others": OTHER_COLUMNS,
    "images": IMAGE_COLUMNS,
    "selectivity": SELECTIVITY_COLUMNS,
    "sets": SET_COLUMNS,
    "hypernyms": HYPERNYM_COLUMNS,
}
"""The tables of a target and network by their names, with what their columns mean."""


def looked_at(
    embedding: Embedding,
    target: str,
    keepings: Mapping[str, Keeping],
    stimuli: pd.DataFrame,
    synsets: pd.DataFrame | None = None,
    relabelled: Sequence[RelabelledSets] = (),
    *,
    shown: int,
    private: int = 0,
    images: int,
    columns: Sequence[str] | None,
    n_permutations: int,
    seed: int,
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """What the features that a target keeps most steadily look at.

    Parameters
    ----------
    embedding : Embedding
    target : str
    keepings : mapping of str to Keeping
        Of this target and of all others of the network.
    stimuli : DataFrame
        The stimulus table.
    synsets : DataFrame, optional
        As `isoprune.wordnet.synset_table` gives it.
    relabelled : sequence of RelabelledSets
        Of the units that this target's `Keeping` is about.
    shown : int
        Number of features.
    private : int
        Further features that only this target keeps.
    images : int
        Number of images that drive a feature most, and least.
    columns : sequence of str, optional
        Columns of the stimulus table, as `isoprune.selectivity.category_columns` takes them.
    n_permutations : int
        Relabellings behind every p, and random sets of features.
    seed : int

    Returns
    -------
    tables : dict of str to DataFrame
        By the names of `TABLES`.
    about : dict
        Numbers of the whole, ready for JSON.

    Raises
    ------
    LabelError
        If an image of the target is not in the stimulus table or the embedding.
    """
    own = keepings[target]
    values = embedding.subset(own.labels).values.astype(np.float64)
    same = {name: one for name, one in keepings.items() if one.labels == own.labels}
    steadiest = own.order[:shown]
    chosen = np.concatenate([steadiest, _private(target, same, steadiest)[:private]])
    of_columns = category_columns(
        stimuli_with(stimuli, own.labels), columns, of_set=len(same) < len(keepings)
    )
    selectivity = selectivity_table(values, own.labels, of_columns, n_permutations=n_permutations, seed=seed)
    draws = {"n_random": n_permutations, "seed": seed}
    sets = [
        held_out_selectivity(values, own.labels, of_columns, own.sets, relabelled, **draws),
        shown_selectivity(values, own.labels, of_columns, steadiest, selectivity, **draws),
    ]
    tables = {
        "features": feature_table(values, target, same, chosen),
        "others": other_table(values, target, same, chosen),
        "images": image_table(values, own.labels, chosen, images),
        "selectivity": _of_features(selectivity, chosen),
        "sets": _stacked(sets),
        "hypernyms": _enrichment(values, own.labels, synsets, chosen, images, n_permutations, seed),
    }
    return tables, {**_numbers(values, own, same), "n_shown": len(steadiest), "columns": list(of_columns)}


def _private(target: str, keepings: Mapping[str, Keeping], shown: np.ndarray) -> np.ndarray:
    """Features that only one target keeps, the most steadily kept first, but for those that are shown anyway."""
    own = keepings[target]
    order = own.order[np.isin(own.order, own.keeps) & ~np.isin(own.order, shown)]
    return order[kinds_of_sharing(target, keepings)[order] == PRIVATE]


def kinds_of_sharing(target: str, keepings: Mapping[str, Keeping]) -> np.ndarray:
    """Whether other targets keep each feature too, as `FEATURE_COLUMNS` says; "" where there are none.

    Returns
    -------
    ndarray of shape (n_features,), str
    """
    others = [one for name, one in keepings.items() if name != target]
    if not others:
        return np.full(len(keepings[target].kept), "")
    shared = np.all([one.kept >= KEEPS for one in others], axis=0)
    private = np.all([one.kept < one.by_chance for one in others], axis=0)
    return np.select([shared, private], [SHARED, PRIVATE], PARTLY)


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True)


def _of_features(table: pd.DataFrame, chosen: np.ndarray) -> pd.DataFrame:
    place = {int(feature): row for row, feature in enumerate(chosen)}
    some = table[table["feature"].isin(chosen)]
    return some.sort_values("feature", key=lambda one: one.map(place), kind="stable", ignore_index=True)


def _enrichment(
    values: np.ndarray,
    labels: Sequence[str],
    synsets: pd.DataFrame | None,
    chosen: np.ndarray,
    n_top: int,
    n_permutations: int,
    seed: int,
) -> pd.DataFrame:
    import pandas as pd

    hypernyms = None if synsets is None else hypernyms_of(synsets, labels)
    if hypernyms is None:
        return pd.DataFrame(columns=list(HYPERNYM_COLUMNS))
    return enrichment_table(values, hypernyms, chosen, n_top=n_top, n_permutations=n_permutations, seed=seed)


def _numbers(values: np.ndarray, own: Keeping, same: Mapping[str, Keeping]) -> dict[str, Any]:
    varies = varying_features(values)
    sizes = [len(features) for one in own.sets for features in one.retained]
    return {
        "n_images": len(own.labels),
        "n_features": len(varies),
        "n_constant": int((~varies).sum()),
        "n_constant_kept": int((~varies[own.keeps]).sum()),
        "n_folds": len(sizes),
        "n_retained": float(np.mean(sizes)),
        "n_kept_always": int((own.kept == 1).sum()),
        "n_keeps": len(own.keeps),
        "n_keeps_of_others": {name: len(one.keeps) for name, one in same.items() if one is not own},
        "n_shared_with_others": {
            name: len(np.intersect1d(own.keeps, one.keeps)) for name, one in same.items() if one is not own
        },
        "n_subjects": own.n_subjects,
    }


def feature_table(
    values: np.ndarray, target: str, keepings: Mapping[str, Keeping], chosen: Sequence[int] | np.ndarray
) -> pd.DataFrame:
    """A row a chosen feature, columns as `FEATURE_COLUMNS`; ``values`` of shape (n_images, n_features)."""
    import pandas as pd

    own = keepings[target]
    some, varies = values[:, chosen], varying_features(values)[chosen]
    return pd.DataFrame(
        {
            "place": [int(np.flatnonzero(own.order == feature)[0]) + 1 for feature in chosen],
            "feature": chosen,
            "kept": own.kept[chosen],
            "kept_subjects": own.kept_subjects[chosen],
            "rank": own.rank[chosen],
            "varies": varies,
            "mean": some.mean(axis=0),
            "sd": np.where(varies, some.std(axis=0), 0.0),
            "n_lowest": (some == some.min(axis=0)).sum(axis=0),
            "kind": kinds_of_sharing(target, keepings)[chosen],
        }
    )


def other_table(
    values: np.ndarray, target: str, keepings: Mapping[str, Keeping], chosen: Sequence[int] | np.ndarray
) -> pd.DataFrame:
    """A row a chosen feature × other target, columns as `OTHER_COLUMNS`; ``values`` (n_images, n_features)."""
    import pandas as pd

    standard = np.nan_to_num(standardised_features(values))
    rows = []
    for feature in chosen:
        for name, other in keepings.items():
            if name == target:
                continue
            r = standard[:, feature] @ standard[:, other.keeps] / len(values)
            there = len(r) > 0 and bool(np.any(r))
            closest = int(np.argmax(r)) if there else None
            rows.append(
                {
                    "feature": int(feature),
                    "other": name,
                    "kept": float(other.kept[feature]),
                    "closest": int(other.keeps[closest]) if there else None,
                    "closest_r": float(r[closest]) if there else np.nan,
                }
            )
    return pd.DataFrame(rows, columns=list(OTHER_COLUMNS)).astype({"closest": "Int64"})


def image_table(
    values: np.ndarray, labels: Sequence[str], chosen: Sequence[int] | np.ndarray, images: int
) -> pd.DataFrame:
    """Images that drive each feature most and least, in the order of drive; columns as `IMAGE_COLUMNS`.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    labels : sequence of str
        Image of each row.
    chosen : sequence of int
        Features; one that is constant has no rows.
    images : int
        At most so many at each end.
    """
    import pandas as pd

    drive = standardised_features(values)
    rows = [
        (int(feature), end, place, labels[row], float(drive[row, feature]), float(values[row, feature]))
        for feature in chosen
        if not np.isnan(drive[0, feature])
        for end, found in zip((MOST, LEAST), _ends(drive[:, feature], images), strict=True)
        for place, row in enumerate(found, start=1)
    ]
    return pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))


def _ends(drive: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the images that drive a feature most (above its mean), and least (below it)."""
    most = np.argsort(-drive, kind="stable")[:images]
    lowest = np.flatnonzero(drive == drive.min())
    if len(lowest) > images:
        least = lowest[np.linspace(0, len(lowest) - 1, images).round().astype(int)]
    else:
        least = np.argsort(drive, kind="stable")[:images]
    return most[drive[most] > 0], least[drive[least] < 0]
