"""Features of an image with parts of it occluded, for all positions of an occluder.

The network is run on many occluded versions of one image at a time: incrementally, where its operations allow that, or
in plain passes, which are the reference. Either way features equal those that `isoprune.embeddings.embed` gives for the
same picture, within 1e-5 of the length of the embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from isoprune.embeddings import SPATIAL, choose_device, exact_arithmetic, features_of, reading
from isoprune.errors import BackendError
from isoprune.labels import choose
from isoprune.networks import Layer, Network, resolve_layer
from isoprune.occlusion.graph import NotIncrementalError, trace
from isoprune.occlusion.incremental import Incremental
from isoprune.occlusion.occluder import SHAPES, checked_boxes, occluded

AUTO, INCREMENTAL, BATCHED = "auto", "incremental", "batched"
ENGINES = (AUTO, INCREMENTAL, BATCHED)
"""Incremental where it is possible, incremental or not at all, plain passes."""

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}

SAME = 1e-5
"""Share of its length by which incremental and plain features of an image may differ, in float32."""


class OccludedNetwork:
    """A network that is shown one image with one part after the other occluded.

    Parameters
    ----------
    network : Network
        As `isoprune.networks.build` gives it.
    layer : str
        Path of a module, or ``penultimate``, as `isoprune.embeddings.embed` takes it.
    spatial : {'mean', 'flatten'}
        Average a convolutional layer over space, or keep each position as a feature.
    device : {'auto', 'cpu', 'cuda'}
    batch_size : int
        Positions per pass; halved where memory is short.
    engine : {'auto', 'incremental', 'batched'}
        Compute only what an occluder can reach, or all of the network; ``auto`` does the former where it can.
    precision : {'float32', 'bfloat16'}
        Of activations and weights. ``bfloat16`` is not exact.
    say : callable, optional
        Called with a sentence where ``auto`` takes plain passes or a batch is halved.

    Raises
    ------
    UnknownNameError
        If there is no such layer, device, engine, precision or ``spatial``.
    BackendError
        If the device is not there, or the network cannot be computed incrementally as asked.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        *,
        spatial: str = "mean",
        device: str = "auto",
        batch_size: int = 32,
        engine: str = AUTO,
        precision: str = "float32",
        say: Callable[[str], None] | None = None,
    ):
        self.network, self.batch_size = network, batch_size
        self.spatial = choose(spatial, SPATIAL, what="way to treat space", where="setting 'spatial'")
        choose(precision, PRECISIONS, what="precision", where="setting 'precision'")
        self.precision = PRECISIONS[precision]
        self.layer = resolve_layer(network, layer)
        self.device = choose_device(device)
        self.say = say or (lambda sentence: None)
        network.module.to(self.device)
        self.engine = choose(engine, ENGINES, what="engine", where="setting 'engine'")
        self._plain = _Plain(network, self.layer, self.spatial, self.device, self.precision)
        self._way: _Plain | Incremental = self._plain
        self._is_checked = False
        if engine != BATCHED:
            self._choose_incremental()

    @property
    def ran(self) -> str:
        """The engine that computes."""
        return BATCHED if self._way is self._plain else INCREMENTAL

    def intact(self, image: torch.Tensor) -> np.ndarray:
        """Features of an image as it is.

        Parameters
        ----------
        image : Tensor of shape (3, height, width), float32
            Input of the network, as its transform gives it.

        Returns
        -------
        ndarray of shape (n_features,), float32
        """
        with exact_arithmetic():
            self._check(image)
            return _as_array(self._way.intact(image))

    def embed(
        self, image: torch.Tensor, boxes: np.ndarray, value: Any = 0.0, *, shape: str = "square"
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Features of an image with each of many boxes occluded, a batch at a time.

        Parameters
        ----------
        image : Tensor of shape (3, height, width), float32
            Input of the network, as its transform gives it.
        boxes : ndarray of shape (n_positions, 4), int
            Top, left, bottom and right of each box in pixels of the input; the last two lie outside it. What reaches
            over the border of the image is cut off, but counts for the place of a disc.
        value : float or sequence of 3 floats
            What the occluder shows, in units of the network's input; 0 is the mean colour of its preprocessing.
        shape : {'square', 'disc'}
            Whether the whole box is occluded or the ellipse inscribed in it.

        Yields
        ------
        positions : ndarray of shape (n,), int
            Rows of ``boxes``; each comes once, in any order.
        features : ndarray of shape (n, n_features), float32

        Raises
        ------
        OcclusionError
            If boxes are not rows of four whole numbers.
        UnknownNameError
            If there is no such shape.
        BackendError
            If there is not enough memory for a single position.
        """
        boxes = checked_boxes(boxes)
        choose(shape, SHAPES, what="shape", where="setting 'shape'")
        with exact_arithmetic():
            self._check(image)
            passes = self._way.passes(image, boxes, value, shape)
        waiting = passes.order
        while len(waiting):
            positions = waiting[: self.batch_size]
            features = self._features(passes, positions)
            if features is None:
                self._halve(len(positions))
            else:
                yield positions, features
                waiting = waiting[len(positions) :]

    def _features(self, passes: Any, positions: np.ndarray) -> np.ndarray | None:
        """Features of a batch; None if they do not fit into memory."""
        try:
            with exact_arithmetic():
                return _as_array(passes.features(positions))
        except RuntimeError as problem:
            if not _is_out_of_memory(problem):
                raise
        return None

    def _halve(self, n_positions: int) -> None:
        if n_positions == 1:
            raise BackendError(
                f"occluded images on {self.device.type}",
                f"out of memory with a single image of '{self.network.model}'",
                "memory for one image's activations",
                "Free memory of the device, choose a smaller network, or set `device: cpu`.",
            )
        self.batch_size = n_positions // 2
        self.say(f"Out of memory: goes on with {self.batch_size} occluded images a pass")
        self._way.release()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _choose_incremental(self) -> None:
        """Compute incrementally, if the network's operations allow it and give its features."""
        try:
            with exact_arithmetic():
                nodes = trace(self.network, self.layer, dtype=self.precision)
        except NotIncrementalError as problem:
            self._refuse_incremental(str(problem))
            return
        where = f"network '{self.network.model}', layer '{self.layer.name}'"
        features = partial(features_of, spatial=self.spatial, where=where)
        self._way = Incremental(nodes, features, self.device, self.precision)

    def _refuse_incremental(self, why: str) -> None:
        if self.engine == INCREMENTAL:
            raise BackendError(
                f"network '{self.network.model}'",
                f"{why}, so that it cannot be computed incrementally",
                "convolutions, pools, elementwise operations, sums, concatenations and linear layers",
                "Set `engine: auto`, which takes plain passes.",
            )
        self.say(f"{self.network.model} goes through plain passes: {why}")

    def _check(self, image: torch.Tensor) -> None:
        """Plain passes from now on, unless incremental inference gives the plain features of the first image."""
        if self._is_checked or self._way is self._plain:
            return
        self._is_checked = True
        plain, ours = (way.intact(image) for way in (self._plain, self._way))
        off = float((ours - plain).norm() / plain.norm())
        if self.precision is torch.float32 and not off <= SAME:
            self._way = self._plain
            self._refuse_incremental(
                f"its operations as traced give features that differ by {off:.1e} of their length"
            )


@dataclass(frozen=True)
class _Plain:
    """All of the network for every version of an image."""

    network: Network
    layer: Layer
    spatial: str
    device: torch.device
    precision: torch.dtype

    def intact(self, image: torch.Tensor) -> torch.Tensor:
        """Features of an image, (n_features,)."""
        return self.features_of(image[None])[0]

    def passes(self, image: torch.Tensor, boxes: np.ndarray, value: Any, shape: str) -> _PlainPasses:
        """Ready for batches of occluded versions of an image."""
        return _PlainPasses(self, image, boxes, value, shape)

    def release(self) -> None:
        """Nothing is kept between batches."""

    def features_of(self, batch: torch.Tensor) -> torch.Tensor:
        """Features of versions of an image, (n_versions, n_features)."""
        lower = torch.autocast(self.device.type, self.precision, enabled=self.precision is not torch.float32)
        with lower, reading(self.network, self.layer, spatial=self.spatial) as features_of:
            return features_of(batch.to(self.device))


@dataclass(frozen=True)
class _PlainPasses:
    """Occluded versions of one image; the arguments are those of `OccludedNetwork.embed`."""

    plain: _Plain
    image: torch.Tensor
    boxes: np.ndarray
    value: Any
    shape: str

    @property
    def order(self) -> np.ndarray:
        """Positions in the order in which they are best computed."""
        return np.arange(len(self.boxes))

    def features(self, positions: np.ndarray) -> torch.Tensor:
        """Features of the image with each of some boxes occluded, (n_positions, n_features)."""
        return self.plain.features_of(occluded(self.image, self.boxes[positions], self.value, self.shape))


def _as_array(features: torch.Tensor) -> np.ndarray:
    return features.float().cpu().numpy()


def _is_out_of_memory(problem: RuntimeError) -> bool:
    # On the CPU it has no class of its own.
    return isinstance(problem, torch.OutOfMemoryError) or "can't allocate memory" in str(problem)
