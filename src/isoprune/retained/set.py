"""A retained set as an object: which features it keeps, and of what they are features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from isoprune.errors import RetainedSetError
from isoprune.labelled import RDM, Embedding
from isoprune.labels import listing
from isoprune.provenance import package_version, sha256_of_json
from isoprune.pruning import PruningResult
from isoprune.pruning.number import NRule

ABOUT = "retained_set"
"""Entry of the sidecar of a table of retained features that says which set it is."""

SOURCE = {
    "model": "network",
    "weights_sha256": "SHA-256 of the weights",
    "transform": "preprocessing",
    "module": "layer",
    "side": "side of the layer",
    "spatial": "treatment of space",
    "feature_names_sha256": "SHA-256 of the features' names",
    "layers": "layers side by side",
}
"""What decides which numbers a feature has, in words; all of it that is known on both sides must agree."""


@dataclass(frozen=True)
class RetainedSet:
    """The features that were retained for a target, and of what they are features.

    Attributes
    ----------
    features : tuple of int
        Retained features, numbered from 0 in the order of the embedding; most important first.
    n_features : int
        Features of the full embedding.
    network, layer : str
        As the study calls them.
    source : dict
        What computed the features, as far as the embedding said: the keys of `SOURCE`, and ``weights`` in words.
    target, subject : str
        Whose RDM ranked the features.
    supervision, study : str
    seed : int
    criterion, measure, method : str
        As in `isoprune.prune`.
    n_rule : str, int or float
        How many features were to be retained, as in `isoprune.prune`.
    images : tuple of str
        Sorted labels of the images on which the set was fitted.
    target_sha256 : str
        Of the RDM that ranked the features, so that it is known again.
    isoprune : str
        Version of the package that fitted the set.
    """

    features: tuple[int, ...]
    n_features: int
    network: str
    layer: str
    source: dict[str, Any]
    target: str
    subject: str
    supervision: str
    study: str
    seed: int
    criterion: str
    measure: str
    method: str
    n_rule: NRule
    images: tuple[str, ...]
    target_sha256: str
    isoprune: str

    def __post_init__(self) -> None:
        valid = all(isinstance(one, int) and 0 <= one < self.n_features for one in self.features)
        if not self.features or not valid or len(set(self.features)) < len(self.features):
            raise RetainedSetError(
                self.where,
                f"{len(self.features)} features, which are not all different numbers from 0 to {self.n_features - 1}",
                "numbers of features of the embedding, each once",
                "Write the set again from the study that fitted it.",
            )

    @property
    def where(self) -> str:
        """The set in words, for messages."""
        return f"retained set of '{self.network}' for '{self.target}' (subject '{self.subject}')"

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Features of each layer, where the set is of the best of several; else empty."""
        return tuple(layer["n_features"] for layer in self.source.get("layers", ()))

    def transform(self, embedding: Any) -> Any:
        """The retained features of an embedding of the same network, layer and weights.

        Parameters
        ----------
        embedding : Embedding, rsatoolbox Dataset, or array of shape (n_images, n_features)
            With provenance (all that `isoprune` embeds or reads back), network, weights, preprocessing and layer
            are compared. An Embedding that does not say what computed it must bear the network's name. **Arrays,
            and data sets that something else made, are checked by their number of features only**: that they are of
            the right network is then your word.

        Returns
        -------
        Embedding, rsatoolbox Dataset, or ndarray of shape (n_images, n_retained)
            The kind that was given, rows as given, columns most important first.

        Raises
        ------
        RetainedSetError
            If it is of another network, layer, weights, preprocessing or number of features.
        """
        values = self.values_of(embedding)
        columns = list(self.features)
        if isinstance(embedding, Embedding):
            made_from = {"kind": "retained features", "of": embedding.provenance, ABOUT: all_about(self)}
            return replace(embedding, values=values[:, columns], provenance=made_from)
        if hasattr(embedding, "measurements"):
            return _columns_of_dataset(embedding, columns)
        return values[:, columns]

    def values_of(self, embedding: Any) -> np.ndarray:
        """The values of an embedding, shape (n_images, n_features), if the set is one of its features."""
        values, name, source = _given(embedding)
        common = [key for key in SOURCE if key in source and key in self.source]
        differing = [key for key in common if source[key] != self.source[key]]
        if differing:
            raise RetainedSetError(
                self.where,
                f"features of another {listing(f'{SOURCE[key]}: {source[key]}' for key in differing)}",
                listing(str(self.source[key]) for key in differing),
                f"Embed these images with what the set was fitted on: {self._in_words()}.",
            )
        if not common and name is not None and name != self.network:
            raise RetainedSetError(
                self.where,
                f"features of '{name}', which do not say what computed them",
                f"features of '{self.network}'",
                "Embed these images with the network of the set; if these are its features, call them so: "
                f"Embedding(values, labels, '{self.network}').",
            )
        if values.ndim != 2 or values.shape[1] != self.n_features:
            raise RetainedSetError(
                self.where,
                f"an array of shape {values.shape}",
                f"images in rows and {self.n_features} features in columns",
                f"Embed these images with what the set was fitted on: {self._in_words()}.",
            )
        return values

    def _in_words(self) -> str:
        if "model" not in self.source:
            return f"'{self.network}' of study '{self.study}'"
        return "{model}, weights {weights}, {side} of {module}, space: {spatial}".format(**self.source)


def retained_set(
    pruning: PruningResult,
    embedding: Embedding,
    target: RDM,
    *,
    study: str,
    supervision: str = "own",
    seed: int = 0,
) -> RetainedSet:
    """The retained set of a pruning as an object.

    Parameters
    ----------
    pruning : PruningResult
        What `isoprune.prune` made of the two.
    embedding : Embedding
    target : RDM
        What ranked the features, over the images it has.
    study, supervision, seed
        What else a reader must know; `seed` is that of the study.

    Returns
    -------
    RetainedSet
    """
    return RetainedSet(
        features=tuple(pruning.retained.tolist()),
        n_features=len(pruning.ranking),
        network=embedding.name,
        layer=layer_named(embedding.provenance),
        source=source_of(embedding.provenance),
        target=target.target,
        subject=target.subject,
        supervision=supervision,
        study=study,
        seed=seed,
        criterion=pruning.criterion,
        measure=pruning.measure,
        method=pruning.method,
        n_rule=pruning.n_rule,
        images=tuple(sorted(target.labels)),
        target_sha256=sha256_of_target(target.values, target.labels),
        isoprune=package_version(),
    )


def layer_named(provenance: Mapping[str, Any]) -> str:
    """The layer of an embedding as the study calls it."""
    if provenance.get("kind") == "imported embedding":
        return "file"
    return provenance.get("settings", {}).get("layer", "unknown")


def source_of(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What computed the features of an embedding, as far as its provenance says."""
    source: dict[str, Any] = {}
    if isinstance(network := provenance.get("network"), Mapping):
        source |= {key: network[key] for key in ("model", "weights", "weights_sha256", "transform")}
        source |= {"module": provenance["module"], "side": provenance["side"]}
        source["spatial"] = provenance["settings"]["spatial"]
    if "layers" in provenance:
        source["layers"] = [
            {"n_features": layer["n_features"], **source_of(layer["provenance"])}
            for layer in provenance["layers"]
        ]
    if "feature_names" in provenance:
        source["feature_names_sha256"] = sha256_of_json(list(provenance["feature_names"]))
    return source


def _given(embedding: Any) -> tuple[np.ndarray, str | None, dict[str, Any]]:
    """Values, name (None where there is no network's) and source of what a user gives."""
    if isinstance(embedding, Embedding):
        return embedding.values, embedding.name, source_of(embedding.provenance)
    if hasattr(embedding, "measurements"):  # an rsatoolbox Dataset
        values, about = np.asarray(embedding.measurements), embedding.descriptors
        if "provenance" not in about:
            return values, None, {}
        return values, str(about.get("name")), source_of(json.loads(about["provenance"]))
    return np.asarray(embedding), None, {}


def _columns_of_dataset(dataset: Any, columns: list[int]) -> Any:
    from rsatoolbox.data import Dataset

    return Dataset(
        np.asarray(dataset.measurements)[:, columns],
        descriptors={key: value for key, value in dataset.descriptors.items() if key != "provenance"},
        obs_descriptors=dict(dataset.obs_descriptors),
        channel_descriptors={
            key: np.asarray(values)[columns] for key, values in dataset.channel_descriptors.items()
        },
    )


def all_about(retained: RetainedSet) -> dict[str, Any]:
    """All about a set but its features, ready for JSON."""
    about = asdict(retained)
    del about["features"]
    return {**about, "images": list(retained.images)}


def sha256_of_target(matrix: np.ndarray, labels: Sequence[str]) -> str:
    """Hash of an RDM, shape (n_images, n_images), and its labels, whatever their order."""
    order = np.array(sorted(range(len(labels)), key=labels.__getitem__))
    content = hashlib.sha256("\0".join(labels[row] for row in order).encode())
    content.update(np.ascontiguousarray(matrix[np.ix_(order, order)], dtype="<f8").tobytes())
    return content.hexdigest()
