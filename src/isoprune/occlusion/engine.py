"""Features of an image with parts of it occluded, for all positions of an occluder.

The network is run on many occluded versions of one image at a time. Features equal those that
`isoprune.embeddings.embed` gives for the same picture, within 1e-5 of the length of the embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from isoprune.embeddings import SPATIAL, choose_device, exact_arithmetic, reading
from isoprune.labels import choose
from isoprune.networks import Network, resolve_layer
from isoprune.occlusion.occluder import SHAPES, checked_boxes, occluded


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
        Positions per pass.

    Raises
    ------
    UnknownNameError
        If there is no such layer, device or ``spatial``.
    BackendError
        If the device is not there.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        *,
        spatial: str = "mean",
        device: str = "auto",
        batch_size: int = 32,
    ):
        self.network, self.batch_size = network, batch_size
        self.spatial = choose(spatial, SPATIAL, what="way to treat space", where="setting 'spatial'")
        self.layer = resolve_layer(network, layer)
        self.device = choose_device(device)
        network.module.to(self.device)

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
        return self._features(image[None])[0]

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
        """
        boxes = checked_boxes(boxes)
        choose(shape, SHAPES, what="shape", where="setting 'shape'")
        for start in range(0, len(boxes), self.batch_size):
            positions = np.arange(start, min(start + self.batch_size, len(boxes)))
            yield positions, self._features(occluded(image, boxes[positions], value, shape))

    def _features(self, batch: torch.Tensor) -> np.ndarray:
        with exact_arithmetic(), reading(self.network, self.layer, spatial=self.spatial) as features_of:
            return features_of(batch.to(self.device)).cpu().numpy()
