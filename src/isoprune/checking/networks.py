"""Networks: weights and layers, or the embedding file and its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isoprune.checking.findings import Findings
from isoprune.config import Study
from isoprune.config.inputs import Network
from isoprune.inputs import labels_file
from isoprune.io.embeddings import import_embedding
from isoprune.io.files import existing
from isoprune.stimuli import labels_in_order


def check_networks(study: Study, labels: Sequence[str] | None, found: Findings) -> dict[str, int]:
    """Look at every network.

    Parameters
    ----------
    study : Study
    labels : sequence of str or None
        Labels of the stimuli, which embedding files are joined to; None where they are not known.
    found : Findings
        Takes what is found.

    Returns
    -------
    dict of str to int
        Number of features of each network in which nothing is wrong.
    """
    n_features: dict[str, int] = {}
    for network in study.networks:
        since = len(found.problems)
        if network.best_of:
            parts = [n_features.get(name) for name in network.best_of]
            number = None if None in parts else sum(parts)
            found.note("network", network.name, f"the best of {', '.join(network.best_of)}", since=since)
        elif network.file:
            number = found.tried(_features_of_file, study, network, labels)
            about = network.file if number is None else f"{network.file}: {number} features"
            found.note("network", network.name, about, since=since)
        else:
            number = _check_model(study, network, found)
        if number is not None:
            n_features[network.name] = number
    return n_features


def _features_of_file(study: Study, network: Network, labels: Sequence[str] | None) -> int:
    """Read the embedding and join it to the stimuli, as the job does that imports it."""
    where = f"networks[{network.name}]"
    paths = [_data_file(study, path, where) for path in labels_file(study, network.labels)]
    embedding = import_embedding(
        _data_file(study, study.data_path(network.file), where),
        name=network.name,
        labels=labels_in_order(network.labels, labels or (), *paths),
        key=network.key,
    )
    return (embedding if labels is None else embedding.select(labels, "the stimulus table")).values.shape[1]


def _data_file(study: Study, path, where: str):
    remedy = "Correct the path, or the setting `data_dir`, below which data files are looked up."
    return existing(path, where=where, remedy=remedy)


def _check_model(study: Study, network: Network, found: Findings) -> int | None:
    since = len(found.problems)
    from isoprune.embeddings import n_features_of
    from isoprune.networks import outline, published_weights

    is_published = not network.has_weights_file and network.weights != "random"
    weights: Any = study.data_path(network.weights) if network.has_weights_file else network.weights
    if network.has_weights_file:
        weights = found.tried(_data_file, study, weights, f"networks[{network.name}].weights")
    drawn: Any = weights and found.tried(outline, network.model, weights, sha256=network.sha256)
    number = drawn and found.tried(n_features_of, drawn, network.layer, spatial=network.spatial)
    words = f"{network.model}, {network.weights}"
    absent = (
        bool(drawn)
        and is_published
        and not published_weights(network.model, network.weights, download=False).is_file()
    )
    if number:
        words += f", {network.layer}: {number} features"
    found.note(
        "network",
        network.name,
        words + ("; weights are downloaded first" if absent else ""),
        since=since,
        later=absent,
    )
    return number
