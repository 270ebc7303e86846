"""Pictures with parts painted over, and their features from the code that makes embeddings."""

from __future__ import annotations

import numpy as np
import torch

from isoprune.embeddings import exact_arithmetic, reading
from isoprune.networks import resolve_layer

SIDE = 64


def picture(seed=0, side=SIDE):
    return torch.randn(3, side, side, generator=torch.Generator().manual_seed(seed))


def some_boxes(seed=0, side=SIDE, n=12):
    """Windows of one size everywhere: inside, and cut off at all four borders and corners."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(9, 25))
    corners = rng.integers(-size + 1, side, (n, 2))
    corners[:8] = [
        [-5, 20], [side - 6, 20], [20, -5], [20, side - 6],
        [-5, -7], [-5, side - 6], [side - 6, -5], [side - 6, side - 6],
    ]  # fmt: skip
    return np.concatenate([corners, corners + size], axis=1)


def painted(image, boxes, value):
    """The pictures that an occluder makes, painted one by one."""
    versions = []
    for top, left, bottom, right in np.maximum(boxes, 0):
        version = image.clone()
        version[:, top:bottom, left:right] = torch.as_tensor(value, dtype=image.dtype).reshape(-1, 1, 1)
        versions.append(version)
    return torch.stack(versions)


def plainly(network, layer, image, boxes, value=0.0, spatial="mean"):
    """The same features from the code that makes embeddings."""
    found = resolve_layer(network, layer)
    with exact_arithmetic(), reading(network, found, spatial=spatial) as features_of:
        return features_of(painted(image, boxes, value)).numpy()


def gathered(occluded, image, boxes, value=0.0, **asked):
    """All features in the order of the boxes."""
    features = None
    for positions, block in occluded.embed(image, boxes, value, **asked):
        features = np.full((len(boxes), block.shape[1]), np.nan, np.float32) if features is None else features
        features[positions] = block
    return features


def difference(features, reference):
    """Largest length of a difference, relative to the length of the embedding."""
    return (np.linalg.norm(features - reference, axis=1) / np.linalg.norm(reference, axis=1)).max()
