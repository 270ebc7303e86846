"""Networks of torchvision: exactly named weights, their preprocessing, and layers by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import EnumType
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from isoprune.errors import ConfigError, MissingFileError, WeightsError
from isoprune.io.weights import cached_weights, check_sha256, load_strictly, read_state_dict, sha256_of_state
from isoprune.labels import choose, listing, nearest
from isoprune.provenance import sha256_of_file
from isoprune.torchvision_cpu import import_torchvision

if TYPE_CHECKING:
    from PIL import Image

PENULTIMATE = "penultimate"
"""Name of the layer that feeds the classifier: the input of the last Linear (or else Conv2d) module."""

STANDARD = "IMAGENET1K_V1"
"""The published weights whose preprocessing goes with local and random weights."""

_PUBLISHED = re.compile(r"\w+_Weights\.\w+")

# Their ImageNet weights expect inputs that the network itself rescales; without weights torchvision
# leaves that out. Saying how to initialise avoids a warning about a default to come.
_BUILT_WITH: dict[str, dict[str, bool]] = {
    "googlenet": {"transform_input": True, "init_weights": True},
    "inception_v3": {"transform_input": True, "init_weights": True},
}

# The published DenseNet files were written when `norm1` was still called `norm.1`.
_OLD_DENSENET_NAME = re.compile(r"(\.denselayer\d+\.(?:norm|relu|conv))\.(\d)(?=\.)")


@dataclass(frozen=True)
class Network:
    """A network ready to embed images.

    Attributes
    ----------
    module : torch.nn.Module
        In evaluation mode, on the CPU.
    model : str
        Its name in torchvision, e.g. ``vgg19``.
    transform : callable
        Turns an RGB image into the network's input, a float32 tensor of shape (3, height, width).
    weights : str
        Which weights it has, in words.
    provenance : dict
        Model, weights and their SHA-256, preprocessing as numbers; ready for JSON.
    """

    module: torch.nn.Module
    model: str
    transform: Callable[[Image.Image], torch.Tensor]
    weights: str
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Layer:
    """Where features are read.

    Attributes
    ----------
    name : str
        Path of the module in the network, e.g. ``classifier.4``.
    module : torch.nn.Module
        The module itself.
    side : str
        ``output`` or ``input`` of the module.
    """

    name: str
    module: torch.nn.Module
    side: str


def build(model: str, weights: str | Path, *, sha256: str | None = None, seed: int | None = None) -> Network:
    """A network of torchvision with exactly the weights that are named.

    Parameters
    ----------
    model : str
        A classification network of torchvision, e.g. ``vgg19`` or ``mobilenet_v2``.
    weights : str or path
        Published weights by their exact name (``VGG19_Weights.IMAGENET1K_V1``), the path of a state dict, or
        ``random``.
    sha256 : str, optional
        SHA-256 that the weights file must have.
    seed : int, optional
        Seed of random weights, which need one; other weights ignore it.

    Returns
    -------
    Network
        Preprocessing is that of the published weights, or of the model's ``IMAGENET1K_V1`` for others.

    Raises
    ------
    UnknownNameError
        If torchvision has no such model.
    ConfigError
        If random weights have no seed, or are given a hash.
    MissingFileError, UnreadableFileError, WeightsError
        If the weights are not there, not readable, not those of the model, or not what the hash says.
    """
    models = import_torchvision().models
    where = f"network '{model}'"
    choose(model, models.list_models(module=models), what="network", where=where)
    published = models.get_model_weights(model)
    if str(weights) == "random":
        module = _random_module(model, _checked_seed(seed, sha256, where))
        described, file, preset = f"random, seed {seed}", None, STANDARD
    elif _PUBLISHED.fullmatch(str(weights)):
        file = published_weights(model, str(weights))
        described, preset = str(weights), str(weights).partition(".")[2]
    else:
        file = _local_file(weights, published, where)
        described, preset = f"file {file.name}", STANDARD
    if file is not None:
        module = _module_from_file(model, file, sha256, where)
    entry = published[choose(preset, _names(published), what="standard weights", where=where)]
    transform = entry.transforms()
    provenance = {
        "model": model,
        "weights": described,
        "weights_sha256": sha256_of_state(module.state_dict()),
        "weights_file_sha256": None if file is None else sha256_of_file(file),
        "transform": {"of": f"{published.__name__}.{preset}", **_transform_as_numbers(transform)},
    }
    return Network(module.eval(), model, transform, described, provenance)


def outline(model: str, weights: str | Path, *, sha256: str | None = None) -> Network:
    """A network as `build` gives it, but an outline that computes shapes and no numbers, within a fraction of a second.

    Parameters
    ----------
    model, weights, sha256
        As in `build`. A weights file is checked; published weights that are not there are not downloaded.

    Returns
    -------
    Network
        Its module is on torch's device ``meta``.

    Raises
    ------
    IsopruneError
        As `build`.
    """
    models = import_torchvision().models
    where = f"network '{model}'"
    choose(model, models.list_models(module=models), what="network", where=where)
    published = models.get_model_weights(model)
    with torch.device("meta"):
        module = _random_module(model, seed=0)
    preset = STANDARD
    if _PUBLISHED.fullmatch(str(weights)):
        published_weights(model, str(weights), download=False)
        preset = str(weights).partition(".")[2]
    elif str(weights) != "random":
        file = _local_file(weights, published, where)
        state = _state_of_file(model, file, sha256, where)
        load_strictly(module, state, model=model, where=f"{where}, weights '{file}'")
        module.to("meta")
    entry = published[choose(preset, _names(published), what="standard weights", where=where)]
    return Network(module.eval(), model, entry.transforms(), str(weights), {})


def published_weights(model: str, weights: str, *, download: bool = True) -> Path:
    """The file of published weights, downloaded unless it is there, and checked.

    Parameters
    ----------
    model : str
        A classification network of torchvision.
    weights : str
        Exact name, e.g. ``VGG19_Weights.IMAGENET1K_V1``.
    download : bool
        Without, the file may be absent.

    Returns
    -------
    Path

    Raises
    ------
    WeightsError
        If they are not weights of the model, or the file is damaged.
    MissingFileError
        If the download fails.
    """
    models = import_torchvision().models
    where = f"network '{model}'"
    choose(model, models.list_models(module=models), what="network", where=where)
    published = models.get_model_weights(model)
    entry = published[_published_name(weights, published, where)]
    return cached_weights(entry.url, where=where, download=download)


def standard_weights(model: str) -> str:
    """Exact name of the published weights of a network that are taken unless others are named.

    Raises
    ------
    UnknownNameError
        If torchvision has no such network; names the nearest.
    """
    models = import_torchvision().models
    choose(model, models.list_models(module=models), what="network", where=f"network '{model}'")
    return f"{models.get_model_weights(model).__name__}.{STANDARD}"


def _names(published: EnumType) -> list[str]:
    return [name for name in published.__members__ if name != "DEFAULT"]


def _random_module(model: str, seed: int) -> torch.nn.Module:
    models = import_torchvision().models
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would reseed the accelerators as well.
        torch.default_generator.manual_seed(seed)
        return models.get_model(model, weights=None, **_BUILT_WITH.get(model, {}))


def _module_from_file(model: str, file: Path, sha256: str | None, where: str) -> torch.nn.Module:
    state = _state_of_file(model, file, sha256, where)
    module = _random_module(model, seed=0)
    load_strictly(module, state, model=model, where=f"{where}, weights '{file}'")
    return module


def _state_of_file(model: str, file: Path, sha256: str | None, where: str) -> dict[str, torch.Tensor]:
    if sha256 is not None:
        check_sha256(file, sha256, where=where)
    state = read_state_dict(file, where=where)
    if model.startswith("densenet"):
        state = {_OLD_DENSENET_NAME.sub(r"\1\2", name): tensor for name, tensor in state.items()}
    return state


def _checked_seed(seed: int | None, sha256: str | None, where: str) -> int:
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ConfigError(
            where,
            f"random weights with the seed {seed!r}",
            "a whole number from 0 on",
            "Give random weights a seed, so that they can be drawn again.",
        )
    if sha256 is not None:
        raise ConfigError(
            where,
            "a SHA-256 for random weights",
            "one for a weights file only",
            "Leave out the hash, or name the weights file.",
        )
    return seed


def _published_name(weights: str, published: EnumType, where: str) -> str:
    family, _, name = weights.partition(".")
    exact = [f"{published.__name__}.{member}" for member in _names(published)]
    if family == published.__name__ and name == "DEFAULT":
        raise WeightsError(
            where,
            f"'{weights}', which means other weights in other versions of torchvision",
            f"one of: {listing(exact)}",
            f"Name the weights exactly, e.g. {exact[0]}.",
        )
    if weights not in exact:
        hint = nearest(weights, exact)
        raise WeightsError(
            where,
            f"'{weights}' are not weights of this model",
            f"one of: {listing(exact)}",
            f"Did you mean '{hint}'?" if hint else "Name weights that were published for this model.",
        )
    return name


def _local_file(weights: str | Path, published: EnumType, where: str) -> Path:
    file = Path(weights)
    if file.is_file():
        return file
    raise MissingFileError(
        where,
        f"the weights '{weights}' are not a file",
        "a state dict's path, `random`, or published weights by their exact name",
        f"Correct the path, or name e.g. {published.__name__}.{_names(published)[0]}.",
    )


def _transform_as_numbers(transform: Any) -> dict[str, Any]:
    return {
        "resize": list(transform.resize_size),
        "crop": list(transform.crop_size),
        "interpolation": transform.interpolation.value,
        "antialias": bool(transform.antialias),
        "mean": list(transform.mean),
        "std": list(transform.std),
    }


def resolve_layer(network: Network, layer: str) -> Layer:
    """The module whose output, or input, a layer's name means.

    Parameters
    ----------
    network : Network
        As `build` gives it.
    layer : str
        Path of a module (``classifier.3``: its own output), or ``penultimate``: the input of the last Linear
        module, or of the last Conv2d where there is no Linear (SqueezeNet).

    Returns
    -------
    Layer

    Raises
    ------
    UnknownNameError
        If there is no such module; names the nearest and what exists.
    """
    modules: Mapping[str, torch.nn.Module] = {
        name: module for name, module in network.module.named_modules() if name
    }
    if layer != PENULTIMATE:
        where = f"network '{network.model}', layer '{layer}'"
        # Outermost first, so that a listing cut short still shows the whole network.
        known = sorted([*modules, PENULTIMATE], key=lambda name: name.count("."))
        return Layer(choose(layer, known, what="layer", where=where), modules[layer], "output")
    for kind in (torch.nn.Linear, torch.nn.Conv2d):
        found = [name for name, module in modules.items() if isinstance(module, kind)]
        if found:
            return Layer(found[-1], modules[found[-1]], "input")
    raise ConfigError(
        f"network '{network.model}', layer '{PENULTIMATE}'",
        "no Linear or Conv2d module",
        "a classifier at the end of the network",
        "Name the layer by its path.",
    )
