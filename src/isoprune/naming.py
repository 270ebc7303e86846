"""Names of a network at one of its layers: in files and settings, and as people read them."""

from __future__ import annotations

import re

BEST = "best"
"""Layer of a network that is the best of several, as tables name it."""


def name_at_layer(network: str, layer: str) -> str:
    """The name of a network at one of its layers: letters and digits only, for file names and wildcards.

    Parts of the layer's path begin with a capital letter; where a digit meets a digit, an x keeps them apart.

    Examples
    --------
    >>> name_at_layer("resnet", "layer4.1.conv2")
    'resnetLayer4x1Conv2'
    """
    name = network
    for part in re.findall(r"[A-Za-z0-9]+", layer):
        apart = "x" if name[-1].isdigit() and part[0].isdigit() else ""
        name += apart + part[0].upper() + part[1:]
    return name


def readable_name(name: str, layer: str) -> str:
    """The name of a network as people read it: ``squeezenet · features.3`` where `name_at_layer` made it.

    A name that says nothing of the layer stays as it is.
    """
    ending = name_at_layer("_", layer).removeprefix("_")
    before = name.removesuffix(ending).removesuffix("x" if ending[:1].isdigit() else "")
    return (
        f"{before} · {layer}" if before and before != name and name_at_layer(before, layer) == name else name
    )
