"""Variance partitions of a study: what the full and the pruned embedding explain of a target beside other RDMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from isoprune.foldsets import FoldSets
from isoprune.isomorphism import dissimilarity
from isoprune.labelled import RDM, Embedding
from isoprune.results import UNIT_COLUMNS
from isoprune.variance import VARIANCE_COLUMNS, partition_variance

OF_NETWORK = ("full", "pruned")
"""Predictors that every network has: its full embedding, and the set that was retained for the target."""

PARTITION_COLUMNS = {
    "network": UNIT_COLUMNS["network"],
    "partition": "The predictors whose common and separate parts are told apart, joined by ` + `.",
    **VARIANCE_COLUMNS,
}


def unit_partitions(
    embedding: Embedding,
    target: RDM,
    sets: FoldSets,
    final: np.ndarray,
    partitions: Sequence[Sequence[str]],
    others: Mapping[str, RDM],
    *,
    measure: str = "correlation",
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Every partition of a target's variance, over all images and on held-out ones.

    On held-out images ``pruned`` is the RDM of the features that the fold's training images retained; over all images
    it is that of the final set, which has seen them.

    Parameters
    ----------
    embedding : Embedding
    target : RDM
    sets : FoldSets
        Of the unit.
    final : ndarray of int
        The set fitted on all images.
    partitions : sequence of sequence of str
        Two or three names each, of `OF_NETWORK` or ``others``. One that names the target itself is left out.
    others : mapping of str to RDM
        Nuisances, other targets.
    measure : {"correlation", "cosine", "euclidean"}
        First-order measure of the embedding's RDMs.
    n_bootstrap, seed : int
        As in `isoprune.variance.partition_variance`.

    Returns
    -------
    DataFrame
        Columns as `PARTITION_COLUMNS`.

    Raises
    ------
    IsopruneError
        As `isoprune.variance.partition_variance`.
    """
    blocks = sets.scored_blocks()
    scored = [features for features, images in zip(sets.retained, sets.tested, strict=True) if images.any()]
    full = _rdm(embedding, embedding.whole(final), measure)
    of_network: dict[str, dict[str, Any]] = {
        "all": {"full": full, "pruned": _rdm(embedding, final, measure)},
        "held-out": {
            "full": [_rdm(embedding, embedding.whole(features), measure) for features in scored]
            if embedding.layer_sizes
            else full,
            "pruned": [
                _rdm(embedding.subset(fold.test), features, measure)
                for features, fold in zip(scored, blocks, strict=True)
            ],
        },
    }
    tables = []
    for names in partitions:
        if target.target in names:
            continue
        for scope, folds in (("all", None), ("held-out", blocks)):
            known = {**others, **of_network[scope]}
            table = partition_variance(
                target, {name: known[name] for name in names}, folds=folds, n_bootstrap=n_bootstrap, seed=seed
            )
            tables.append(table.assign(network=embedding.name, partition=" + ".join(names)))
    if not tables:
        return pd.DataFrame(columns=list(PARTITION_COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(PARTITION_COLUMNS)]


def _rdm(embedding: Embedding, features: np.ndarray, measure: str) -> RDM:
    """RDM of a set of features."""
    values = dissimilarity(embedding.values[:, features], measure)
    return RDM(values, embedding.labels, target=embedding.name, measure=measure)
