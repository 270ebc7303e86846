"""Features of images: a row an image, a column a feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.errors import ConstantImageError, EmbeddingError
from isoprune.labelled.magnitude import check_magnitude
from isoprune.labelled.names import STIMULUS, stimuli_of
from isoprune.labels import check_labels, listing, positions

if TYPE_CHECKING:
    import pandas as pd


CONSTANT_IMAGE = 1e-12
"""An image is constant when its variance sum is at most this share of its sum of squares (dimensionless).

Relative, because some untrained networks have features of 1e-8.
"""


@dataclass(frozen=True)
class Embedding:
    """Activations of one layer of a network for a set of images.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_features)
        Activations, in the network's own units; float32 or float64.
    labels : tuple of str
        Stimulus label of each row.
    name : str
        Name of the network (network + weights + layer) in the study.
    provenance : dict
        What it was computed from, ready for JSON.
    """

    values: np.ndarray
    labels: tuple[str, ...]
    name: str = "embedding"
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"embedding '{self.name}'"
        values = np.asarray(self.values)
        if values.ndim != 2 or values.shape[0] != len(self.labels):
            raise EmbeddingError(
                where,
                f"an array of shape {values.shape} with {len(self.labels)} labels",
                "one row a label and one column a feature",
                "Put images in rows and features in columns.",
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "labels", check_labels(self.labels, where))
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            bad = [label for label, ok in zip(self.labels, finite, strict=True) if not ok]
            raise EmbeddingError(
                where,
                f"NaN or infinite features for {len(bad)} image(s): {listing(bad)}",
                "finite numbers",
                "Check the images and the network's precision (float16 overflows).",
            )
        check_magnitude(values, where, self.labels, "features", EmbeddingError)

    @classmethod
    def from_rsatoolbox(cls, dataset: Any, name: str = "embedding") -> Embedding:
        """The embedding in an rsatoolbox ``Dataset``, whose observation descriptor ``stimulus`` names the images.

        Raises
        ------
        LabelError, EmbeddingError
            If there are no labels, or values are not finite.
        """
        return cls(np.asarray(dataset.measurements), stimuli_of(dataset.obs_descriptors, name), name)

    def to_rsatoolbox(self) -> Any:
        """The embedding as an rsatoolbox ``Dataset``: observations are images (``stimulus``), channels features.

        Returns
        -------
        rsatoolbox.data.Dataset
        """
        from rsatoolbox.data import Dataset

        return Dataset(
            self.values,
            descriptors={"name": self.name},
            obs_descriptors={STIMULUS: list(self.labels)},
            channel_descriptors={"feature": np.arange(self.values.shape[1])},
        )

    def to_frame(self) -> pd.DataFrame:
        """The embedding as a pandas table, a row an image and a column a feature."""
        import pandas as pd

        return pd.DataFrame(self.values, index=pd.Index(self.labels, name=STIMULUS))

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Features of each layer, where the best of several layers is to be chosen (`isoprune.layers`); else empty."""
        return tuple(layer["n_features"] for layer in self.provenance.get("layers", ()))

    def whole(self, features: Sequence[int] | np.ndarray) -> np.ndarray:
        """All features of the layer that a set is of."""
        return whole_layer(features, self.layer_sizes, self.values.shape[1])

    def select(self, labels: Sequence[str], wanted_in: str = "the other side") -> Embedding:
        """The same embedding with its rows in the order of ``labels`` (the same set of labels)."""
        order = positions(labels, self.labels, wanted_in=wanted_in, present_in=f"embedding '{self.name}'")
        return replace(self, values=self.values[order], labels=tuple(labels))

    def subset(self, labels: Sequence[str]) -> Embedding:
        """Some of the rows, in the order of ``labels``.

        Raises
        ------
        LabelError
            If a label has no row.
        """
        wanted = set(labels)
        rows = [row for row, label in enumerate(self.labels) if label in wanted]
        some = replace(self, values=self.values[rows], labels=tuple(self.labels[row] for row in rows))
        return some.select(labels)

    def canonical(self, labels: Sequence[str] | None = None) -> Embedding:
        """In float64 and the sorted order of labels, so that shuffled rows change no bit of what is computed.

        Parameters
        ----------
        labels : sequence of str, optional
            Of some of the images; default: all.

        Raises
        ------
        LabelError
            If a label has no row.
        ConstantImageError
            If an image is constant.
        """
        some = self.subset(sorted(self.labels if labels is None else labels))
        values = some.values.astype(np.float64)
        check_no_constant_image(values, f"embedding '{self.name}'", some.labels)
        return replace(some, values=values)


def whole_layer(
    features: Sequence[int] | np.ndarray, layer_sizes: Sequence[int], n_features: int
) -> np.ndarray:
    """All features of the layer that a set is of.

    Parameters
    ----------
    features : sequence of int
        Of one layer, numbered over all layers.
    layer_sizes : sequence of int
        Features of each layer; empty where all features are of one.
    n_features : int
        Of all layers together.

    Returns
    -------
    ndarray of int
    """
    if not layer_sizes:
        return np.arange(n_features)
    ends = np.cumsum(layer_sizes)
    number = int(np.searchsorted(ends, features[0], side="right"))
    return np.arange(ends[number] - layer_sizes[number], ends[number])


def constant_images(values: np.ndarray) -> np.ndarray:
    """Which images have the same value in every feature.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)

    Returns
    -------
    ndarray of shape (n_images,), bool
    """
    values = np.asarray(values, dtype=np.float64)
    if values.shape[1] < 2:
        return np.ones(len(values), dtype=bool)
    centred = values - values.mean(axis=1, keepdims=True)
    moment, squares = (np.einsum("ij,ij->i", one, one) for one in (centred, values))
    return moment <= CONSTANT_IMAGE * squares


def check_no_constant_image(values: np.ndarray, where: str, labels: Sequence[str]) -> None:
    """Refuse an embedding in which an image is constant.

    Raises
    ------
    ConstantImageError
        Naming the images.
    """
    constant = np.flatnonzero(constant_images(values))
    if len(constant):
        raise ConstantImageError(
            where,
            f"image {listing(labels[int(row)] for row in constant)} has the same value in all "
            f"{np.shape(values)[1]} features",
            "features that differ within every image",
            "Its correlation with other images is undefined: leave the image out or choose another layer.",
        )
