"""What follows a layer, as a network of its own: from the layer's activations to the scores of the classes."""

from __future__ import annotations

import torch
from torch import fx, nn
from torch.func import functional_call

from isoprune.errors import ClassificationError
from isoprune.networks import Layer, Network

_UNTRACEABLE = (fx.proxy.TraceError, TypeError, ValueError, RuntimeError, AttributeError, NotImplementedError)


class Head:
    """The rest of a network after a layer.

    Parameters
    ----------
    network : Network
    layer : Layer
        As `isoprune.networks.resolve_layer` gives it.

    Raises
    ------
    ClassificationError
        If no classifier can run from the layer alone: the network cannot be followed, the layer does not lead to its
        output, something leads around the layer, or no weights follow.
    """

    def __init__(self, network: Network, layer: Layer):
        self.where = f"network '{network.model}', layer '{layer.name}'"
        self.module = fx.GraphModule(network.module, _graph_after(network.module, layer, self.where)).eval()
        self.first = _first(self.module)

    def __call__(self, activations: torch.Tensor) -> torch.Tensor:
        """Scores of the classes, shape (n_images, n_classes), of activations as the layer gives them."""
        return self.module(activations.clone())

    def scaled(self, activations: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The same with every unit multiplied by a number.

        Parameters
        ----------
        activations : Tensor of shape (n_images, ...)
        scale : Tensor
            Of the same number of axes, the first of length 1; the others of the activations' length, or 1.

        Notes
        -----
        Where the layer goes straight into a Linear or Conv2d and that one's inputs are scaled, units that are zero are
        left out of the product, so that small sets are cheap.
        """
        axes = 0 if self.first is None else self.module.get_parameter(f"{self.first}.weight").ndim
        if axes != activations.ndim or scale.numel() != scale.shape[1]:
            return self.module(activations * scale)
        kept = torch.nonzero(scale.flatten()).flatten()
        weight = self.module.get_parameter(f"{self.first}.weight")[:, kept]
        some = activations[:, kept] * scale[:, kept]
        return functional_call(self.module, {f"{self.first}.weight": weight}, (some,))


def _graph_after(module: nn.Module, layer: Layer, where: str) -> fx.Graph:
    """The part of the network's graph that leads from the layer to the output."""
    graph = _traced(module, layer, where)
    start = _place_of(graph, layer, where)
    (output,) = (node for node in graph.nodes if node.op == "output")
    needed, waiting = {output}, [output]
    while waiting:
        for node in waiting.pop().all_input_nodes:
            if node not in needed:
                needed.add(node)
                waiting += [] if node is start else [node]
    if start not in needed:
        raise _refused(where, "the classifier does not use it", "a layer on the way to the network's output")
    around = [node for node in needed if node.op == "placeholder" and node is not start]
    if around:
        found = "something leads around it to the classifier, such as a skip connection"
        raise _refused(where, found, "a layer that all of the image passes through")
    after, copies = fx.Graph(), {}
    copies[start] = after.placeholder("activations")
    for node in graph.nodes:
        if node in needed and node is not start:
            copies[node] = after.node_copy(node, copies.__getitem__)
    modules = dict(module.named_modules())
    inside = [modules[node.target] for node in after.nodes if node.op == "call_module"]
    if not any(any(True for _ in one.parameters()) for one in inside):
        raise _refused(where, "no weights follow it", "a layer before the classifier")
    return after


def _traced(module: nn.Module, layer: Layer, where: str) -> fx.Graph:
    class Tracer(fx.Tracer):
        """Does not look into the layer, which may contain others."""

        def is_leaf_module(self, one: nn.Module, name: str) -> bool:
            return one is layer.module or super().is_leaf_module(one, name)

    try:
        return Tracer().trace(module)
    except _UNTRACEABLE as problem:
        found = f"the network cannot be followed from there ({str(problem).partition(chr(10))[0]})"
        raise _refused(where, found, "a network whose steps do not depend on the image") from problem


def _place_of(graph: fx.Graph, layer: Layer, where: str) -> fx.Node:
    """The node whose value is the layer's output, or input."""
    found = [node for node in graph.nodes if node.op == "call_module" and node.target == layer.name]
    if len(found) != 1:
        how = "runs as a part of another module" if not found else f"runs {len(found)} times for one image"
        raise _refused(where, f"it {how}", "a layer that runs by itself, once")
    return found[0].args[0] if layer.side == "input" else found[0]


def _first(module: fx.GraphModule) -> str | None:
    """The Linear or Conv2d that the activations go straight into, if they do; dropout does nothing in evaluation."""
    (node,) = (node for node in module.graph.nodes if node.op == "placeholder")
    while len(node.users) == 1:
        (node,) = node.users
        of_node = module.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(of_node, nn.Linear) or (isinstance(of_node, nn.Conv2d) and of_node.groups == 1):
            return str(node.target)
        if not isinstance(of_node, nn.Dropout):
            return None
    return None


def _refused(where: str, found: str, expected: str) -> ClassificationError:
    remedy = "Choose another layer, such as `penultimate`, or leave this network out (`accuracy.networks`)."
    return ClassificationError(where, f"no classifier can run after this layer: {found}", expected, remedy)
