"""Exact incremental inference: of every map of the network only what an occluder can reach is computed anew.

The intact image goes through the network once and every map is kept. For a batch of windows each convolution and pool
then computes a patch of its map for each window: what the patch reads is gathered from the kept map, and the patch
that was computed before is pasted in (Nakandala, Kumar & Papakonstantinou 2019). Features are those of the plain
network up to rounding. From where on a patch covers most of its map, the whole map is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from isoprune.occlusion.graph import ADAPTIVE, INPUT, WINDOW, Node
from isoprune.occlusion.occluder import occluded, under_occluder
from isoprune.occlusion.plan import Patch, context, in_order, patches, reached

ZERO, LOWEST = 0, 1
"""Rows after a kept map, which stand for what lies outside it."""


class Incremental:
    """A network that computes what a window can reach.

    Parameters
    ----------
    nodes : sequence of Node
        As `isoprune.occlusion.graph.trace` gives them.
    as_features : callable
        From activations of the last node to features, (n_images, n_features).
    device : torch.device
    dtype : torch.dtype
        Of the nodes.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        as_features: Callable[[torch.Tensor], torch.Tensor],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ):
        self.nodes, self.as_features, self.device, self.dtype = nodes, as_features, device, dtype
        last_reader = {number: reader for reader, node in enumerate(nodes) for number in node.inputs}
        self.done_after: list[list[int]] = [[] for _ in nodes]
        for number, reader in last_reader.items():
            self.done_after[reader].append(number)
        self.image: torch.Tensor | None = None
        self.kept: list[torch.Tensor] = []
        self.rows: dict[int, torch.Tensor] = {}
        self.scratch: dict[int, torch.Tensor] = {}

    def intact(self, image: torch.Tensor) -> torch.Tensor:
        """Features of an image, (n_features,); its maps are kept until another one comes."""
        if self.image is None or not torch.equal(self.image, image):
            self.image, self.kept, self.rows = image.clone(), [], {}
            shown = image[None].to(self.device, self.dtype, memory_format=torch.channels_last)
            for node in self.nodes:
                self.kept.append(
                    shown if node.kind == INPUT else _whole(node, [self.kept[i] for i in node.inputs])
                )
        return self.as_features(self.kept[-1])[0]

    def passes(self, image: torch.Tensor, boxes: np.ndarray, value: Any, shape: str) -> Passes:
        """Ready for batches of occluded versions of an image."""
        self.intact(image)
        return Passes(self, boxes, value, shape)

    def release(self) -> None:
        """Give back the memory of earlier batches."""
        self.scratch = {}

    def gathered_from(self, number: int) -> torch.Tensor:
        """The intact map of a node, (height × width + 2, n_channels): its cells, and two rows for outside of it."""
        if number not in self.rows:
            cells = self.kept[number][0].permute(1, 2, 0).flatten(0, 1)
            outside = torch.tensor([[0.0], [-torch.inf]], dtype=cells.dtype, device=cells.device)
            self.rows[number] = torch.cat([cells, outside.expand(2, cells.shape[1])])
        return self.rows[number]

    def room(self, slot: int, n_rows: int, n_channels: int) -> torch.Tensor:
        """Memory for a matrix; the next one of the slot overwrites it. Fresh memory costs more than what is copied."""
        wanted, there = n_rows * n_channels, self.scratch.get(slot)
        if there is None or len(there) < wanted:
            self.scratch[slot] = there = torch.empty(wanted, dtype=self.dtype, device=self.device)
        return there[:wanted].view(n_rows, n_channels)


class Passes:
    """Occluded versions of one image; the arguments are those of `isoprune.occlusion.engine.OccludedNetwork.embed`."""

    def __init__(self, network: Incremental, boxes: np.ndarray, value: Any, shape: str):
        self.network, self.boxes, self.value, self.shape = network, boxes, value, shape
        self.shapes = [tuple(one.shape) for one in network.kept]
        self.regions = reached(network.nodes, self.shapes, boxes)
        self.order = in_order(self.regions)

    def features(self, positions: np.ndarray) -> torch.Tensor:
        """Features of the image with each of some boxes occluded, (n_positions, n_features)."""
        nodes = self.network.nodes
        computed = patches(nodes, self.shapes, self.regions, positions)
        values: list[torch.Tensor | None] = []
        for number, node in enumerate(nodes):
            values.append(self._value(node, computed[number], computed, values, positions))
            for done in self.network.done_after[number]:
                values[done] = None
        return self.network.as_features(self._read(len(nodes) - 1, None, computed, values))

    def _value(
        self,
        node: Node,
        patch: Patch | None,
        computed: Sequence[Patch | None],
        values: Sequence[torch.Tensor | None],
        positions: np.ndarray,
    ) -> torch.Tensor:
        """What is computed of a node's map: its patch, or all of it."""
        if node.kind == INPUT:
            return self._input(patch, positions)
        if patch is None:
            return _whole(node, [self._read(number, None, computed, values) for number in node.inputs])
        if node.kind == WINDOW:
            wanted = context(node.window, patch)
            outside = LOWEST if node.window.lowest else ZERO
            return node.call(self._read(node.inputs[0], wanted, computed, values, outside), (0, 0))
        read = [
            self._read(number, patch, computed, values, slot=slot) for slot, number in enumerate(node.inputs)
        ]
        return read[0] if node.kind == ADAPTIVE else node.call(*read)

    def _input(self, patch: Patch | None, positions: np.ndarray) -> torch.Tensor:
        image, boxes = self.network.kept[0], self.boxes[positions]
        if patch is None:
            return occluded(image[0], boxes, self.value, self.shape).contiguous(
                memory_format=torch.channels_last
            )
        shown = self._around(0, patch, ZERO, 0)
        under = under_occluder(boxes - np.tile(patch.corner, 2), *patch.size, self.shape)
        colour = torch.as_tensor(self.value, dtype=image.dtype, device=image.device).reshape(-1, 1, 1)
        return torch.where(torch.as_tensor(under, device=image.device)[:, None], colour, shown)

    def _read(
        self,
        number: int,
        wanted: Patch | None,
        computed: Sequence[Patch | None],
        values: Sequence[torch.Tensor | None],
        outside: int = ZERO,
        slot: int = 0,
    ) -> torch.Tensor:
        """A part of a map, or all of it, for each position: intact around what was computed."""
        patch, value = computed[number], values[number]
        if patch is None:
            return value
        is_all = wanted is None
        if is_all:
            wanted = Patch(np.zeros_like(patch.corner), self.shapes[number][2:])
        place = patch.corner - wanted.corner
        if wanted.size == patch.size and not place.any():
            return value
        around = self._around(number, wanted, outside, None if is_all else slot)
        _paste(value, around, place)
        return around

    def _around(self, number: int, wanted: Patch, outside: int, slot: int | None) -> torch.Tensor:
        """A part of the intact map for each position, (n_positions, n_channels, rows, columns), channels last."""
        rows = self.network.gathered_from(number)
        height, width = self.shapes[number][2:]
        at = _cells(wanted, height, width, outside)
        n_positions, n_channels = len(wanted.corner), rows.shape[1]
        room = (
            rows.new_empty((at.size, n_channels))
            if slot is None
            else self.network.room(slot, at.size, n_channels)
        )
        torch.index_select(rows, 0, torch.from_numpy(at).to(rows.device), out=room)
        return room.view(n_positions, *wanted.size, n_channels).permute(0, 3, 1, 2)


def _whole(node: Node, read: Sequence[torch.Tensor]) -> torch.Tensor:
    """All of a node's map from all of its inputs."""
    return node.call(read[0], node.window.padding) if node.kind == WINDOW else node.call(*read)


def _cells(wanted: Patch, height: int, width: int, outside: int) -> np.ndarray:
    """Rows of `Incremental.gathered_from` that hold a part of a map for each position."""
    rows = wanted.corner[:, [0]] + np.arange(wanted.size[0])
    columns = wanted.corner[:, [1]] + np.arange(wanted.size[1])
    at = (rows * width)[:, :, None] + columns[:, None, :]
    off_rows, off_columns = (rows < 0) | (rows >= height), (columns < 0) | (columns >= width)
    if off_rows.any() or off_columns.any():
        at[off_rows[:, :, None] | off_columns[:, None, :]] = height * width + outside
    return at.reshape(-1)


def _paste(value: torch.Tensor, into: torch.Tensor, place: np.ndarray) -> None:
    """Lay the patch of each position over what was gathered; cells that lie outside of that are not asked for."""
    changes = np.flatnonzero((place[1:] != place[:-1]).any(axis=1)) + 1
    for start, stop in pairwise([0, *changes.tolist(), len(place)]):
        overlaps = (_overlap(*one) for one in zip(place[start], value.shape[2:], into.shape[2:], strict=True))
        source, target = zip(*overlaps, strict=True)
        into[start:stop, :, *target] = value[start:stop, :, *source]


def _overlap(first: int, size: int, room: int) -> tuple[slice, slice]:
    """What of a patch lies inside what was gathered, as cells of either."""
    start = min(max(first, 0), room)
    stop = max(start, min(first + size, room))
    return slice(start - first, stop - first), slice(start, stop)
