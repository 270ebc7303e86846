"""Which part of every map of a network an occluder can reach: what incremental inference computes anew.

The region that a window reaches is followed from operation to operation. Positions of a batch have regions of one size,
which are moved into the map where they would stick out: a cell too many is computed, never one too few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isoprune.occlusion.graph import ADAPTIVE, INPUT, JOINED, WHOLE, WINDOW, Node, Window

WHOLE_FROM = 0.85
"""Share of a map from which on all of it is computed; gathering what lies around a region then costs more."""


PERIOD = 32
"""Pixels after which strides repeat in usual networks: regions this far apart lie alike on all maps."""


@dataclass(frozen=True)
class Patch:
    """The part of a map that is computed for each position of a batch.

    Attributes
    ----------
    corner : ndarray of shape (n_positions, 2), int
        First row and column.
    size : tuple of int
        Rows and columns.
    """

    corner: np.ndarray
    size: tuple[int, int]


def reached(
    nodes: Sequence[Node], shapes: Sequence[tuple[int, ...]], boxes: np.ndarray
) -> list[np.ndarray | None]:
    """The region of every map that depends on what lies in each box.

    Parameters
    ----------
    nodes : sequence of Node
    shapes : sequence of tuple of int
        Of each node's output for one image: (1, n_channels, height, width), or fewer axes.
    boxes : ndarray of shape (n_positions, 4), int
        Top, left, bottom, right, in pixels of the input.

    Returns
    -------
    list of ndarray of shape (n_positions, 2, 2), int
        Of each node: first cell and the cell after the last, [position, row or column, end]; at least one cell inside
        the map. None where everything is reached.
    """
    regions: list[np.ndarray | None] = []
    for node, shape in zip(nodes, shapes, strict=True):
        read = [regions[number] for number in node.inputs]
        same_map = all(shapes[number][2:] == shape[2:] for number in node.inputs)
        if node.kind == INPUT:
            found = np.stack([boxes[:, [0, 2]], boxes[:, [1, 3]]], axis=1)
        elif any(region is None for region in read) or node.kind == WHOLE:
            found = None
        elif node.kind == WINDOW:
            found = _through(node.window, read[0])
        elif node.kind in (JOINED, ADAPTIVE) and not same_map:
            found = None
        else:
            found = np.stack(
                [
                    np.min([one[..., 0] for one in read], axis=0),
                    np.max([one[..., 1] for one in read], axis=0),
                ],
                axis=-1,
            )
        regions.append(None if found is None else _inside(found, shape[2:]))
    return regions


def _through(window: Window, region: np.ndarray) -> np.ndarray:
    """Outputs of a convolution or pool whose window touches a region of its input."""
    extent, stride, padding = (np.array(one) for one in (window.extent, window.stride, window.padding))
    first = -((extent - 1 - padding - region[..., 0]) // stride)
    beyond = (region[..., 1] - 1 + padding) // stride + 1
    return np.stack([first, beyond], axis=-1)


def _inside(region: np.ndarray, size: Sequence[int]) -> np.ndarray:
    size = np.array(size)
    first = np.clip(region[..., 0], 0, size - 1)
    return np.stack([first, np.clip(region[..., 1], first + 1, size)], axis=-1)


def in_order(regions: Sequence[np.ndarray | None]) -> np.ndarray:
    """Positions in an order that puts those with regions of the same sizes and places together.

    Parameters
    ----------
    regions : sequence of ndarray or None
        As `reached` gives them.

    Returns
    -------
    ndarray of shape (n_positions,), int
    """
    sizes = [one[..., 1] - one[..., 0] for one in regions if one is not None]
    return np.lexsort(np.concatenate([*sizes, regions[0][..., 0] % PERIOD], axis=1).T[::-1])


def patches(
    nodes: Sequence[Node],
    shapes: Sequence[tuple[int, ...]],
    regions: Sequence[np.ndarray | None],
    positions: np.ndarray,
) -> list[Patch | None]:
    """What is computed of every map for the positions of a batch.

    Parameters
    ----------
    nodes, shapes, regions
        As in `reached`.
    positions : ndarray of int
        Rows of the boxes.

    Returns
    -------
    list of Patch
        None where the whole map is computed.
    """
    found: list[Patch | None] = []
    for node, shape, region in zip(nodes, shapes, regions, strict=True):
        if region is None or any(found[number] is None for number in node.inputs):
            found.append(None)
            continue
        first, beyond = region[positions, :, 0], region[positions, :, 1]
        rows, columns = (int(one) for one in (beyond - first).max(axis=0))
        if rows * columns >= WHOLE_FROM * shape[2] * shape[3]:
            found.append(None)
        else:
            corner = np.minimum(first, np.array(shape[2:]) - (rows, columns))
            found.append(Patch(corner, (rows, columns)))
    return found


def context(window: Window, patch: Patch) -> Patch:
    """What a convolution or pool reads to compute a patch; it may stick out of the input map."""
    corner = patch.corner * window.stride - window.padding
    rows, columns = (
        (n - 1) * step + extent
        for n, step, extent in zip(patch.size, window.stride, window.extent, strict=True)
    )
    return Patch(corner, (rows, columns))
