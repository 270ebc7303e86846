"""A network as a flat list of operations, up to the layer that is read: what incremental inference walks through.

Traced by torch.fx. Batch norm is folded into the convolution before it, an activation is joined to it, and dropout is
left out. Nothing works in place on what another operation reads.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from isoprune.networks import Layer, Network

INPUT, WINDOW, POINTWISE, JOINED, ADAPTIVE, WHOLE = (
    "input", "window", "pointwise", "joined", "adaptive", "whole",
)  # fmt: skip
"""What an operation reads of its inputs: a window around each position, the position itself, the position in each of
several maps, everything (or the position itself, if it does not resize), everything."""

_ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.GELU, nn.Sigmoid, nn.Tanh,
    nn.LeakyReLU, nn.ELU,
)  # fmt: skip
_NOTHING_IN_EVALUATION = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.Identity)
_NEEDS_ALL = (nn.Flatten, nn.AdaptiveMaxPool2d)

_AS_MODULES: dict[Any, Callable[..., nn.Module]] = {
    torch.relu: nn.ReLU,
    torch.sigmoid: nn.Sigmoid,
    functional.relu: nn.ReLU,
    functional.relu6: nn.ReLU6,
    functional.hardtanh: nn.Hardtanh,
    functional.hardswish: nn.Hardswish,
    functional.hardsigmoid: nn.Hardsigmoid,
    functional.silu: nn.SiLU,
    functional.gelu: nn.GELU,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.max_pool2d: nn.MaxPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    functional.dropout: nn.Dropout,
    torch.flatten: lambda start_dim=0, end_dim=-1: nn.Flatten(start_dim, end_dim),
}
"""Functions that take the arguments of a module after their input."""

_JOINS = {operator.add: torch.add, operator.iadd: torch.add, torch.add: torch.add,
          operator.mul: torch.mul, operator.imul: torch.mul, torch.mul: torch.mul}  # fmt: skip
_IN_PLACE = (operator.iadd, operator.imul)


class NotIncrementalError(Exception):
    """Why a network cannot be computed incrementally; it then goes through plain passes."""


@dataclass(frozen=True)
class Window:
    """What one output of a convolution or pool reads, along rows and columns.

    Attributes
    ----------
    extent, stride, padding : tuple of int
        Cells of the input map; the extent counts dilation.
    lowest : bool
        Whether what lies outside the map is −inf (max pools) and not 0.
    """

    extent: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    lowest: bool = False


@dataclass(frozen=True)
class Node:
    """An operation.

    Attributes
    ----------
    kind : str
    inputs : tuple of int
        Numbers of the nodes that it reads.
    call : callable
        From input tensors to output; operations on windows take the padding of the map as a second argument.
    window : Window, optional
    """

    kind: str
    inputs: tuple[int, ...] = ()
    call: Callable[..., torch.Tensor] | None = None
    window: Window | None = None


def trace(network: Network, layer: Layer, *, dtype: torch.dtype = torch.float32) -> list[Node]:
    """The operations from the network's input to a layer.

    Parameters
    ----------
    network : Network
        On the device that it will run on.
    layer : Layer
        As `isoprune.networks.resolve_layer` gives it.
    dtype : torch.dtype
        Of the weights; batch norm is folded in float64 before.

    Returns
    -------
    list of Node
        The input is the first, the layer the last; each comes after what it reads.

    Raises
    ------
    NotIncrementalError
        If the network cannot be traced, or has an operation of another kind.
    """
    tracer = _Tracer(layer)
    try:
        tracer.trace(network.module)
    except Exception as problem:
        # Control flow that depends on data, unusual inputs …: torch.fx has no common error.
        raise NotIncrementalError(f"it cannot be traced ({type(problem).__name__})") from problem
    if len(tracer.read) != 1 or not isinstance(tracer.read[0], fx.Node):
        raise NotIncrementalError(f"layer '{layer.name}' does not run once with one tensor")
    return _Translation(network.module, tracer.read[0], dtype).nodes


class _Tracer(fx.Tracer):
    """Notes where a layer is read."""

    def __init__(self, layer: Layer):
        super().__init__()
        self.layer = layer
        self.read: list[Any] = []

    def call_module(self, module: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        given = args[0] if args else None
        found = super().call_module(module, forward, args, kwargs)
        if module is self.layer.module:
            self.read.append(getattr(given if self.layer.side == "input" else found, "node", None))
        return found


def _leading_to(last: fx.Node) -> list[fx.Node]:
    """A node and all that it depends on, in the order in which they run."""
    wanted, waiting = {last}, [last]
    while waiting:
        new = set(waiting.pop().all_input_nodes) - wanted
        wanted |= new
        waiting += new
    return [node for node in last.graph.nodes if node in wanted]


class _Translation:
    """Nodes of a traced graph, one after the other, as nodes of ours."""

    def __init__(self, module: nn.Module, last: fx.Node, dtype: torch.dtype):
        self.module, self.dtype = module, dtype
        self.nodes: list[Node] = []
        self.at: dict[fx.Node, int] = {}
        traced = _leading_to(last)
        self.readers = {node: sum(node in other.all_input_nodes for other in traced) for node in traced}
        self.convolutions: dict[int, nn.Conv2d] = {}
        for node in traced:
            self.at[node] = self._translated(node)
        if self.at[last] != len(self.nodes) - 1:
            raise NotIncrementalError("the layer is changed in place after it is read")

    def _translated(self, node: fx.Node) -> int:
        if node.op == "placeholder" and not self.nodes:
            return self._new(Node(INPUT))
        if node.op == "call_module":
            return self._of_module(node, self.module.get_submodule(node.target))
        if node.op == "call_function" and node.target in _JOINS and not node.kwargs:
            return self._joined(node, _JOINS[node.target], node.args)
        if node.op == "call_function" and node.target is torch.cat and node.args:
            tensors, dim = node.args[0], (*node.args[1:], *node.kwargs.values(), 0)[0]
            if dim == 1:
                return self._joined(node, _concatenated, tensors)
        elif node.op == "call_function" and node.target in _AS_MODULES:
            kwargs = {key: value for key, value in node.kwargs.items() if key not in ("training", "input")}
            if not node.kwargs.get("training", False):
                return self._of_module(node, _AS_MODULES[node.target](*node.args[1:], **kwargs))
        elif node.op == "call_method" and node.target in ("flatten", "mean"):
            return self._whole(node, operator.methodcaller(node.target, *node.args[1:], **node.kwargs))
        raise NotIncrementalError(f"it has the operation '{node}', which is of no known kind")

    def _of_module(self, node: fx.Node, module: nn.Module) -> int:
        if isinstance(module, _NOTHING_IN_EVALUATION):
            # One map under two names: it is read by the readers of both.
            self.readers[node] += self.readers[node.all_input_nodes[0]] - 1
            return self._read(node)
        if (
            isinstance(module, nn.Conv2d)
            and module.padding_mode == "zeros"
            and isinstance(module.padding, tuple)
        ):
            return self._convolution(node, module)
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            return self._batch_norm(node, module)
        if isinstance(module, nn.MaxPool2d) and not module.return_indices:
            return self._max_pool(node, module)
        if isinstance(module, nn.AvgPool2d):
            return self._average_pool(node, module)
        if isinstance(module, nn.AdaptiveAvgPool2d):
            return self._new(Node(ADAPTIVE, (self._read(node),), module))
        if isinstance(module, _ACTIVATIONS):
            return self._activation(node, module)
        if isinstance(module, nn.Linear):
            weight, bias = self._weights(module.weight, module.bias)
            return self._whole(node, partial(functional.linear, weight=weight, bias=bias))
        if isinstance(module, _NEEDS_ALL):
            return self._whole(node, module)
        raise NotIncrementalError(f"it has a {type(module).__name__} ('{node}') as it cannot be taken apart")

    def _new(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _read(self, node: fx.Node) -> int:
        return self.at[node.all_input_nodes[0]]

    def _whole(self, node: fx.Node, call: Callable[..., torch.Tensor]) -> int:
        return self._new(Node(WHOLE, (self._read(node),), call))

    def _weights(self, *tensors: torch.Tensor | None) -> list[torch.Tensor | None]:
        return [None if one is None else one.detach().to(self.dtype) for one in tensors]

    def _convolution(self, node: fx.Node, module: nn.Conv2d, norm: nn.BatchNorm2d | None = None) -> int:
        weight, bias = self._weights(*_folded(module, norm))
        if weight.shape[1] > 1:
            weight = weight.contiguous(memory_format=torch.channels_last)
        extent = _extent(module.kernel_size, module.dilation)
        shape = {"stride": module.stride, "dilation": module.dilation, "groups": module.groups}
        call = partial(_convolved, weight=weight, bias=bias, **shape)
        found = Node(WINDOW, (self._read(node),), call, Window(extent, module.stride, module.padding))
        number = self._new(found)
        self.convolutions[number] = module
        return number

    def _batch_norm(self, node: fx.Node, norm: nn.BatchNorm2d) -> int:
        before = node.all_input_nodes[0]
        number = self.at[before]
        if number == len(self.nodes) - 1 and number in self.convolutions and self.readers[before] == 1:
            self.nodes.pop()
            return self._convolution(before, self.convolutions.pop(number), norm)
        scale, shift = (one[:, None, None] for one in self._weights(*_scale_and_shift(norm)))
        return self._new(Node(POINTWISE, (number,), lambda x: x * scale + shift))

    def _max_pool(self, node: fx.Node, module: nn.MaxPool2d) -> int:
        kernel, dilation = _pair(module.kernel_size), _pair(module.dilation)
        window = Window(_extent(kernel, dilation), _pair(module.stride), _pair(module.padding), lowest=True)
        shape = {"stride": window.stride, "dilation": dilation, "ceil_mode": module.ceil_mode}
        call = partial(_largest, kernel=kernel, **shape)
        return self._new(Node(WINDOW, (self._read(node),), call, window))

    def _average_pool(self, node: fx.Node, module: nn.AvgPool2d) -> int:
        padding = _pair(module.padding)
        # The divisor then depends on where the window lies.
        if module.ceil_mode or (any(padding) and not module.count_include_pad):
            return self._whole(node, module)
        kernel, stride = _pair(module.kernel_size), _pair(module.stride)
        call = partial(_averaged, kernel=kernel, stride=stride, divisor=module.divisor_override)
        return self._new(Node(WINDOW, (self._read(node),), call, Window(kernel, stride, padding)))

    def _activation(self, node: fx.Node, module: nn.Module) -> int:
        before = node.all_input_nodes[0]
        number, ours = self.at[before], copy(module)
        was_in_place = getattr(module, "inplace", False)
        last = self.nodes[-1]
        # Their output is a new map, which nothing else reads.
        joins = number == len(self.nodes) - 1 and last.kind in (WINDOW, JOINED) and self.readers[before] == 1
        if hasattr(ours, "inplace"):
            ours.inplace = joins
        if joins:
            self.nodes.pop()
            self.convolutions.pop(number, None)
            found = self._new(Node(last.kind, last.inputs, partial(_then, last.call, ours), last.window))
        else:
            found = self._new(Node(POINTWISE, (number,), ours))
        if was_in_place:
            self._overwrite(number, found)
        return found

    def _joined(self, node: fx.Node, call: Callable[..., torch.Tensor], tensors: Sequence[Any]) -> int:
        if not all(isinstance(one, fx.Node) for one in tensors):
            if len(node.all_input_nodes) == 1 and call is not _concatenated:
                numbers = [one for one in tensors if not isinstance(one, fx.Node)]
                found = self._new(
                    Node(POINTWISE, (self._read(node),), partial(_with_number, call, numbers[0]))
                )
                if node.target in _IN_PLACE:
                    self._overwrite(self._read(node), found)
                return found
            raise NotIncrementalError(f"the operation '{node}' joins other things than maps")
        found = self._new(Node(JOINED, tuple(self.at[one] for one in tensors), call))
        if node.target in _IN_PLACE:
            self._overwrite(self.at[tensors[0]], found)
        return found

    def _overwrite(self, number: int, by: int) -> None:
        """What worked in place has changed its input for all that read it later."""
        self.at = {node: by if at == number else at for node, at in self.at.items()}


def _pair(of: int | Sequence[int]) -> tuple[int, int]:
    return (of, of) if isinstance(of, int) else (of[0], of[-1])


def _extent(kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, int]:
    rows, columns = (d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    return rows, columns


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """What batch norm multiplies with and adds, by channel, float64."""
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    return scale, shift if norm.bias is None else shift + norm.bias.double()


def _folded(module: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight and bias of a convolution with the batch norm that follows it."""
    if norm is None:
        return module.weight, module.bias
    scale, shift = _scale_and_shift(norm)
    bias = shift if module.bias is None else shift + module.bias.double() * scale
    return module.weight.double() * scale[:, None, None, None], bias


def _convolved(x: torch.Tensor, padding: tuple[int, int], weight: torch.Tensor, **given: Any) -> torch.Tensor:
    return functional.conv2d(x, weight, padding=padding, **given)


def _largest(
    x: torch.Tensor, padding: tuple[int, int], kernel: tuple[int, int], **given: Any
) -> torch.Tensor:
    return functional.max_pool2d(x, kernel, padding=padding, **given)


def _averaged(
    x: torch.Tensor,
    padding: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    divisor: int | None,
) -> torch.Tensor:
    return functional.avg_pool2d(x, kernel, stride, padding, divisor_override=divisor)


def _then(first: Callable[..., torch.Tensor], second: nn.Module, *given: Any) -> torch.Tensor:
    return second(first(*given))


def _concatenated(*tensors: torch.Tensor) -> torch.Tensor:
    return torch.cat(tensors, dim=1)


def _with_number(call: Callable[..., torch.Tensor], number: float, x: torch.Tensor) -> torch.Tensor:
    return call(x, number)
