"""What a layer gives for labelled images, as it is: what the rest of the network runs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isoprune.classification.head import Head
from isoprune.classification.images import LabelledImages
from isoprune.embeddings import (
    choose_device,
    exact_arithmetic,
    features_of,
    moved,
    network_input,
    recording,
    spatial_axes,
    what_ran,
)
from isoprune.errors import ClassificationError, UnreadableFileError
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.io.files import existing, read_json, replacing, reserve, write_json
from isoprune.io.seals import check_hashes, hashes_of
from isoprune.networks import Layer, Network, resolve_layer
from isoprune.provenance import record, sha256_of_file, sha256_of_json

SAME = 1e-3
"""The head must give the network's own scores, to within this share of their largest."""


@dataclass(frozen=True)
class Activations:
    """A layer's activations for labelled images.

    Attributes
    ----------
    values : ndarray of shape (n_images, ...), float32
        As the layer gives them; mostly mapped from their file.
    classes : ndarray of shape (n_images,), int64
        Place of each image's class in the network's output.
    spatial : str
        As in `isoprune.embeddings.embed`: whether a feature is a channel (``mean``) or one place of it (``flatten``).
    provenance : dict
    """

    values: np.ndarray
    classes: np.ndarray
    spatial: str
    provenance: dict[str, Any]

    @cached_property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of a number a feature that goes with the values of images."""
        shape = self.values.shape
        if len(shape) != 4 or self.spatial == "flatten":
            return (1, *shape[1:])
        positions = spatial_axes(shape)
        return tuple(1 if axis in (0, *positions) else length for axis, length in enumerate(shape))

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(np.prod(self.feature_shape))

    def squares(self) -> np.ndarray:
        """Sum of squares of each image's activations by feature, shape (n_images, n_features), float64."""
        summed = tuple(axis for axis, length in enumerate(self.feature_shape) if length == 1)
        found = np.empty((len(self.values), self.n_features))
        for row, values in enumerate(self.values):
            squared = values[None].astype(np.float64) ** 2
            found[row] = squared.sum(axis=summed, keepdims=True).reshape(-1)
        return found


def record_activations(
    network: Network,
    layer: str,
    images: LabelledImages,
    path: str | Path,
    *,
    spatial: str = "mean",
    device: str = "auto",
    batch_size: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Pass labelled images through a network once, and keep what a layer gives, as read by `read_activations`.

    Parameters
    ----------
    network : Network
    layer, spatial, device, batch_size
        As in `isoprune.embeddings.embed`.
    images : LabelledImages
    path : path
        Ends in ``.npy``; beside it lie the classes (``.npz``) and how it was made (``.json``). Holds 4 bytes for each
        image and unit.
    progress : callable, optional
        Called with the number of images done and of all.

    Raises
    ------
    ClassificationError
        If no classifier can run after the layer, or knows an image's class.
    UnreadableFileError
        If an image cannot be decoded.
    EmbeddingError, UnknownNameError, BackendError
        As `isoprune.embeddings.embed`.
    """
    path, found, on = Path(path), resolve_layer(network, layer), choose_device(device)
    with replacing(path) as temporary:
        _pass(network, found, images, temporary, spatial, on, batch_size, progress)
    write_arrays(path.with_suffix(".npz"), classes=images.classes, names=np.array(images.names))
    hashes = {name: sha256_of_file(file) for name, file in zip(images.names, images.files, strict=True)}
    about = record(
        {"layer": layer, "spatial": spatial, "batch_size": batch_size},
        {},
        kind="activations",
        network=network.provenance,
        module=found.name,
        side=found.side,
        n_images=len(images.files),
        images_sha256=sha256_of_json(hashes),
        **what_ran(on, np.dtype(np.float32)),
    )
    write_json(path.with_suffix(".json"), {**about, **hashes_of({"values": path})})


def _pass(
    network: Network,
    layer: Layer,
    images: LabelledImages,
    path: Path,
    spatial: str,
    device: torch.device,
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Pass images through the network, and write the layer's activations to a file."""
    head, n_images = Head(network, layer), len(images.files)
    values: np.memmap | None = None
    with moved(network.module, device), exact_arithmetic(), recording(network, layer) as activations_of:
        for start in range(0, n_images, batch_size):
            several = slice(start, start + batch_size)
            named = zip(images.files[several], images.names[several], strict=True)
            batch = [network_input(network, file, f"labelled image '{name}'") for file, name in named]
            activations, scores = activations_of(torch.stack(batch).to(device))
            if values is None:
                features_of(activations, spatial, head.where)  # refuses what has no features
                _check_scores(head, activations, scores, int(images.classes.max()))
                shape = (n_images, *activations.shape[1:])
                values = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
                reserve(path)
            values[several] = activations.cpu().numpy()
            if progress is not None:
                progress(start + len(batch), n_images)
    values.flush()


def read_activations(path: str | Path) -> Activations:
    """Activations that `record_activations` wrote; values stay in their file until they are used.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If one of the three files is not there, something else, or not what was written.
    LabelError
        If one of them was written for another network.
    """
    path = existing(path, where="activations", remedy="Run again what writes it.")
    sidecar = existing(path.with_suffix(".json"), where=str(path), remedy="Run again what writes it.")
    about = read_json(sidecar)
    check_hashes(about, {"values": path})
    classes = read_arrays(path.with_suffix(".npz"), ["classes"], what="classes of images")["classes"]
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        if len(values) != len(classes):
            raise ValueError(f"{len(values)} images with {len(classes)} classes")
        return Activations(values, classes, about["settings"]["spatial"], about)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UnreadableFileError(
            str(path),
            f"it does not hold activations ({problem})",
            "what isoprune wrote",
            "Delete it and run again.",
        ) from problem


def _check_scores(head: Head, activations: torch.Tensor, scores: Any, last_class: int) -> None:
    """Refuse a network that gives no scores of classes, and a head that does not give the network's own."""
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2 or scores.shape[1] <= last_class:
        given = f"shape {tuple(scores.shape)}" if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise ClassificationError(
            head.where,
            f"the network's output ({given}) has no score of class {last_class}",
            "an output of shape (images, classes) that knows every image's class",
            "Use a classifier of the images' classes.",
        )
    difference = (head(activations) - scores).abs().max() / scores.abs().max()
    if not difference < SAME:
        raise ClassificationError(
            head.where,
            f"what follows the layer, run by itself, gives other scores than the network (by {difference:.2g})",
            "the same scores",
            "Choose another layer, such as `penultimate`.",
        )
