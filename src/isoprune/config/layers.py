"""Sweeps over the layers of a network: from an entry with `layers` to the networks of the study that it stands for."""

from __future__ import annotations

from collections.abc import Iterable

from isoprune.config.inputs import Network
from isoprune.naming import BEST, name_at_layer


def networks_of(entry: Network) -> tuple[Network, ...]:
    """The networks that an entry of the settings stands for: itself, or one for each of its layers and their best."""
    if entry.layers is None:
        return (entry,)
    names = [name_at_layer(entry.name, layer) for layer in entry.layers]
    at_layers = [
        entry.model_copy(update={"name": name, "layer": layer, "layers": None})
        for name, layer in zip(names, entry.layers, strict=True)
    ]
    best = Network.model_construct(name=name_at_layer(entry.name, BEST), best_of=tuple(names))
    return (*at_layers, best)


def with_layers(entries: Iterable[Network]) -> tuple[Network, ...]:
    """The networks that the entries of the settings stand for, in their order."""
    return tuple(network for entry in entries for network in networks_of(entry))
