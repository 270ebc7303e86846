"""The best of several layers: their features side by side, and what a sweep over layers found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from isoprune.labelled import GROUP, SUBJECTS, Embedding
from isoprune.naming import BEST, readable_name
from isoprune.provenance import record
from isoprune.results import SUMMARY_COLUMNS

_OF_SUMMARY = (
    "r",
    "ci_low",
    "ci_high",
    "p",
    "p_fwe",
    "ceiling_low",
    "ceiling_high",
    "n_retained",
    "n_features",
)

LAYER_COLUMNS = {
    "sweep": "Network that is the best of several.",
    "target": SUMMARY_COLUMNS["target"],
    "supervision": SUMMARY_COLUMNS["supervision"],
    "subject": "Who was scored: `group`, or `subjects` for the mean of single subjects' scores.",
    "depth": "Place of the layer in the sweep, from 1; n/a for the best of them.",
    "network": "Network of this layer, or the best of them.",
    "layer": SUMMARY_COLUMNS["layer"],
    "competitor": "Feature set: `full` or `pruned`. Of the best: of the layer that the fold's training images chose.",
    **{column: SUMMARY_COLUMNS[column] for column in _OF_SUMMARY},
    "n_chosen": "Folds × repeats (of all subjects) whose training images chose this layer; of the best: all of them.",
    "chosen_over_all_images": "Units (single RDMs) whose final set, fitted on all images, is of this layer.",
}


def side_by_side(embeddings: Sequence[Embedding], name: str) -> Embedding:
    """Features of several layers side by side, from which the best layer can be chosen.

    Parameters
    ----------
    embeddings : sequence of Embedding
        Of the same images, joined by label; in the order in which they are tried.
    name : str
        The study's name for the best of them.

    Returns
    -------
    Embedding
        Values of shape (n_images, n_features of all), in the order of the first embedding's labels. Its provenance
        holds that of every layer.

    Raises
    ------
    LabelError
        If they are not of the same images.
    """
    first = embeddings[0]
    alike = [first, *(one.select(first.labels, f"embedding '{first.name}'") for one in embeddings[1:])]
    layers = [
        {"network": one.name, "n_features": one.values.shape[1], "provenance": one.provenance}
        for one in alike
    ]
    provenance = record({"layer": BEST}, {}, kind="layers side by side", layers=layers)
    return Embedding(np.hstack([one.values for one in alike]), first.labels, name, provenance)


def layers_table(
    summary: pd.DataFrame, facts: Sequence[Mapping[str, Any]], sweeps: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Held-out scores along the layers that were tried, and how often each was chosen.

    Parameters
    ----------
    summary : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS`.
    facts : sequence of mapping
        Facts of the units of networks that are the best of several, as `isoprune.units.analyse_unit` gives them.
    sweeps : mapping of str to sequence of str
        By the name of such a network, the networks that it is the best of, in their order.

    Returns
    -------
    DataFrame
        A row a sweep × target × supervision × network × competitor; columns as `LAYER_COLUMNS`.
    """
    shown = summary[
        summary["subject"].isin([GROUP, SUBJECTS]) & summary["competitor"].isin(["full", "pruned"])
    ]
    rows = []
    for sweep, networks in sweeps.items():
        of_sweep = shown[shown["network"].isin([sweep, *networks])]
        for place, here in of_sweep.groupby(["target", "supervision", "subject"], sort=False):
            chosen, final = _chosen(facts, sweep, place)
            for depth, network in enumerate([*networks, sweep], start=1):
                is_best = network == sweep
                counts = {
                    "depth": pd.NA if is_best else depth,
                    "n_chosen": sum(chosen.values()) if is_best else chosen.get(network, 0),
                    "chosen_over_all_images": sum(final.values()) if is_best else final.get(network, 0),
                }
                of_network = here[here["network"] == network]
                rows += [{**row, "sweep": sweep, **counts} for row in of_network.to_dict("records")]
    table = pd.DataFrame(rows).reindex(columns=list(LAYER_COLUMNS))
    return table.astype({"depth": "Int64"})


def _chosen(
    facts: Sequence[Mapping[str, Any]], sweep: str, place: tuple[str, str, str]
) -> tuple[dict[str, int], dict[str, int]]:
    """How often each layer was chosen in folds, and over all images, by who stands behind a row of the summary."""
    target, supervision, subject = place
    in_folds: dict[str, int] = {}
    over_all: dict[str, int] = {}
    for one in facts:
        if (one["network"], one["target"], one["supervision"]) != (sweep, target, supervision):
            continue
        if (one["subject"] == GROUP) != (subject == GROUP):
            continue
        for network, n in one["layers_chosen"].items():
            in_folds[network] = in_folds.get(network, 0) + n
        final = one["layer_of_all_images"]
        over_all[final] = over_all.get(final, 0) + 1
    return in_folds, over_all


def with_readable_networks(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables of one study in which networks are called as people read them (`isoprune.naming.readable_name`).

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name; with columns ``network`` and ``layer``, and of contrasts ``compared``, ``a`` and ``b``.

    Returns
    -------
    dict of str to DataFrame
        Copies, rows and columns in their order.
    """
    known: dict[str, str] = {}
    for table in tables.values():
        places = table[["network", "layer"]].dropna().drop_duplicates()
        known |= {name: readable_name(name, layer) for name, layer in places.itertuples(index=False)}
    found = {}
    for title, table in tables.items():
        table = table.assign(network=table["network"].replace(known))
        if "compared" in table:
            of_networks = table["compared"] == "networks"
            for side in ("a", "b"):
                table[side] = table[side].mask(of_networks, table[side].replace(known))
        found[title] = table
    return found
