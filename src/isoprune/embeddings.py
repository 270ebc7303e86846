"""Embeddings: the activations of one layer for a set of images, exact and repeatable.

Images go through the network in the order of their labels, whatever the order of the table, so reordering a
table changes no bit. Arithmetic is float32 without TF32, deterministic.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isoprune.errors import BackendError, ConfigError, EmbeddingError
from isoprune.io.images import read_image
from isoprune.labelled import Embedding, check_no_constant_image
from isoprune.labels import check_labels, choose
from isoprune.networks import Layer, Network, resolve_layer
from isoprune.progress import Counting, counting
from isoprune.provenance import record, sha256_of_file, sha256_of_json
from isoprune.torchvision_cpu import import_torchvision

DEVICES = ("auto", "cpu", "cuda")
SPATIAL = ("mean", "flatten")


def choose_device(device: str = "auto") -> torch.device:
    """The device to compute on.

    Parameters
    ----------
    device : {'auto', 'cpu', 'cuda'}
        ``auto`` takes a CUDA device where there is one.

    Returns
    -------
    torch.device

    Raises
    ------
    UnknownNameError
        If the name is another.
    BackendError
        If ``cuda`` is asked for and absent; says what was seen instead.
    """
    choose(device, DEVICES, what="device", where="setting 'device'")
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
        raise BackendError(
            "setting 'device'",
            f"'cuda' is asked for, but torch {torch.__version__} ({built}) sees {torch.cuda.device_count()} "
            f"CUDA device(s) with CUDA_VISIBLE_DEVICES {visible}",
            "a CUDA device and a torch built for it",
            "Ask the cluster for a GPU, install a CUDA build of torch, or set `device: cpu`.",
        )
    return torch.device("cuda")


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Within the block torch computes in full float32, without gradients, and the same on every run."""
    # cuBLAS is deterministic only with a fixed workspace, and reads this once, when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    tf32 = torch.backends.cuda.matmul.allow_tf32
    torch.use_deterministic_algorithms(True)
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
            torch.inference_mode(),
        ):
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.backends.cuda.matmul.allow_tf32 = tf32


@contextmanager
def recording(network: Network, layer: Layer) -> Iterator[Callable[[torch.Tensor], tuple[Any, torch.Tensor]]]:
    """Within the block, a function from a batch of network inputs to what a layer and the network give.

    Parameters
    ----------
    network : Network
        On the device that the batches are on.
    layer : Layer
        As `isoprune.networks.resolve_layer` gives it.

    Yields
    ------
    callable
        Tensor of shape (n_images, 3, height, width) to the layer's activations as they are, mostly a tensor of shape
        (n_images, ...), and the network's output.

    Raises
    ------
    EmbeddingError
        When called, if the layer runs not once a batch.
    """
    seen: list[Any] = []

    # Cloned, because a module that works in place (VGG's ReLU) would overwrite what was read.
    def keep_output(module: torch.nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        seen.append(output.clone() if isinstance(output, torch.Tensor) else output)

    def keep_input(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        seen.append(inputs[0].clone())

    def activations_of(batch: torch.Tensor) -> tuple[Any, torch.Tensor]:
        seen.clear()
        output = network.module(batch)
        if len(seen) != 1:
            raise EmbeddingError(
                f"network '{network.model}', layer '{layer.name}'",
                f"the layer runs {len(seen)} times for one image",
                "a layer that runs once",
                "Name the module that contains it, or one of its neighbours.",
            )
        return seen[0], output

    if layer.side == "input":
        hook = layer.module.register_forward_pre_hook(keep_input)
    else:
        hook = layer.module.register_forward_hook(keep_output)
    try:
        yield activations_of
    finally:
        hook.remove()


@contextmanager
def reading(
    network: Network, layer: Layer, *, spatial: str = "mean"
) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """Within the block, a function from a batch of network inputs to the layer's features.

    Parameters
    ----------
    network, layer
        As in `recording`.
    spatial : {'mean', 'flatten'}
        What becomes of positions in the image: averaged, or each a feature of its own.

    Yields
    ------
    callable
        Tensor of shape (n_images, 3, height, width) to tensor of shape (n_images, n_features).

    Raises
    ------
    EmbeddingError
        When called, if the layer runs not once a batch, or gives something that has no features.
    """
    where = f"network '{network.model}', layer '{layer.name}'"
    with recording(network, layer) as activations_of:
        yield lambda batch: features_of(activations_of(batch)[0], spatial, where)


def n_features_of(network: Network, layer: str, *, spatial: str = "mean") -> int:
    """Number of features of a layer.

    Parameters
    ----------
    network : Network
        `isoprune.networks.outline` gives one for which this costs next to nothing.
    layer, spatial
        As in `embed`.

    Returns
    -------
    int

    Raises
    ------
    UnknownNameError, EmbeddingError
        If there is no such layer, or it gives no features.
    """
    choose(spatial, SPATIAL, what="way to treat space", where="setting 'spatial'")
    transform: Any = network.transform  # torchvision's, which know the size they crop to
    size = transform.crop_size[0]
    on = next(network.module.parameters()).device
    with torch.inference_mode(), reading(network, resolve_layer(network, layer), spatial=spatial) as embedded:
        return embedded(torch.empty(1, 3, size, size, device=on)).shape[1]


def features_of(activations: Any, spatial: str, where: str) -> torch.Tensor:
    """Features of the activations of a layer.

    Parameters
    ----------
    activations : Tensor of shape (n_images, n_features) or (n_images, n_channels, height, width)
    spatial : {'mean', 'flatten'}
    where : str
        Network and layer, for the error.

    Returns
    -------
    Tensor of shape (n_images, n_features)

    Raises
    ------
    EmbeddingError
        If activations of this shape have no features.
    """
    if isinstance(activations, torch.Tensor) and activations.ndim >= 2:
        if activations.ndim == 2 or spatial == "flatten":
            return activations.flatten(1)
        if activations.ndim == 4:
            return activations.mean(dim=spatial_axes(tuple(activations.shape)))
    shape = tuple(activations.shape) if isinstance(activations, torch.Tensor) else type(activations).__name__
    raise EmbeddingError(
        where,
        f"activations of shape {shape}",
        "(images, features), or (images, channels, height, width) to average over space",
        "Name another layer, or, if these are several positions of an image, set `spatial: flatten`.",
    )


def spatial_axes(shape: tuple[int, ...]) -> tuple[int, int]:
    """The two axes of positions of activations that have four."""
    # Inputs are square, so height and width are the two equal axes; Swin and ConvNeXt put channels last.
    channels_last = shape[1] == shape[2] != shape[3]
    return (1, 2) if channels_last else (2, 3)


def embed(
    network: Network,
    layer: str,
    images: Sequence[Path],
    labels: Sequence[str],
    *,
    name: str,
    device: str = "auto",
    batch_size: int = 32,
    spatial: str = "mean",
    progress: bool | Counting | None = None,
) -> Embedding:
    """Embed images: the activations of one layer of a network.

    Parameters
    ----------
    network : Network
        As `isoprune.networks.build` gives it.
    layer : str
        Path of a module, or ``penultimate``.
    images : sequence of path, length n_images
        Image files.
    labels : sequence of str, length n_images
        Stimulus label of each image.
    name : str
        The study's name for network + weights + layer.
    device : {'auto', 'cpu', 'cuda'}
        As `choose_device` takes it.
    batch_size : int
        Images per pass. Bits of the result can depend on it.
    spatial : {'mean', 'flatten'}
        Average a convolutional layer over space, or keep each position as a feature.
    progress : bool or callable, optional
        True shows a bar; a callable is called after each pass with the number of images done and of all images.

    Returns
    -------
    Embedding
        Values of shape (n_images, n_features), float32, in the order of ``labels``; the same bits whatever
        that order is.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If an image is not there or cannot be decoded.
    UnknownNameError
        If there is no such layer, device or ``spatial``.
    LabelError, EmbeddingError
        If labels and images do not go together, or the layer gives no features.
    ConstantImageError
        If an image has the same value in every feature.
    BackendError
        If the device is not there.
    """
    where = f"embedding '{name}'"
    labels = _checked_request(labels, images, batch_size, spatial, where)
    found = resolve_layer(network, layer)
    on = choose_device(device)
    order = sorted(range(len(labels)), key=lambda place: labels[place])
    with (
        moved(network.module, on),
        exact_arithmetic(),
        reading(network, found, spatial=spatial) as embedded,
        counting(progress, "images") as advance,
    ):
        blocks = []
        for start in range(0, len(order), batch_size):
            batch = [
                network_input(network, images[i], f"stimulus '{labels[i]}'")
                for i in order[start : start + batch_size]
            ]
            blocks.append(embedded(torch.stack(batch).to(on)).cpu().numpy())
            if advance is not None:
                advance(start + len(batch), len(order))
    in_label_order = np.concatenate(blocks)
    values = np.empty_like(in_label_order)
    values[order] = in_label_order
    check_no_constant_image(values, where, labels)
    provenance = record(
        {"layer": layer, "spatial": spatial, "batch_size": batch_size},
        {},
        kind="embedding",
        network=network.provenance,
        module=found.name,
        side=found.side,
        images_sha256=sha256_of_json({labels[i]: sha256_of_file(images[i]) for i in order}),
        **what_ran(on, values.dtype),
    )
    return Embedding(values, labels, name, provenance)


def network_input(network: Network, image: Path, where: str) -> torch.Tensor:
    """An image file as the network takes it, shape (3, height, width); ``where`` says who needs it, for errors."""
    return network.transform(read_image(image, where))


def _checked_request(
    labels: Sequence[str], images: Sequence[Path], batch_size: int, spatial: str, where: str
) -> tuple[str, ...]:
    choose(spatial, SPATIAL, what="way to treat space", where="setting 'spatial'")
    labels = check_labels(labels, where)
    if not labels or len(labels) != len(images):
        raise EmbeddingError(
            where,
            f"{len(images)} images with {len(labels)} labels",
            "a label for each image",
            "Give both, in one order.",
        )
    if batch_size < 1:
        raise ConfigError(
            "setting 'batch_size'", str(batch_size), "1 or more images", "32 suits most machines."
        )
    return labels


@contextmanager
def moved(module: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """The module on another device, and back where it was afterwards."""
    before = next((parameter.device for parameter in module.parameters()), device)
    module.to(device)
    try:
        yield
    finally:
        module.to(before)


def what_ran(device: torch.device, dtype: np.dtype) -> dict[str, Any]:
    """Device and packages behind a result, for its provenance."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {
        "device": device.type,
        "device_name": name,
        "dtype": str(dtype),
        "torch": torch.__version__,
        "torchvision": import_torchvision().__version__,
    }
