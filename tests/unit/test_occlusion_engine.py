"""Occluded features equal those of the picture with the part painted over, whatever way they are computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isoprune.embeddings import exact_arithmetic, reading
from isoprune.errors import OcclusionError, UnknownNameError
from isoprune.networks import build, resolve_layer
from isoprune.occlusion.engine import OccludedNetwork
from isoprune.occlusion.occluder import under_occluder

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


@pytest.fixture(scope="module")
def alexnet():
    return build("alexnet", "random", seed=0)


def test_features_are_those_of_the_painted_pictures(alexnet):
    image, boxes = picture(), some_boxes()
    features = gathered(OccludedNetwork(alexnet, "penultimate", device="cpu"), image, boxes)
    assert difference(features, plainly(alexnet, "penultimate", image, boxes)) < 1e-5


def test_an_occluder_has_a_colour(alexnet):
    image, boxes, colour = picture(), some_boxes(), (1.0, -2.0, 0.5)
    features = gathered(OccludedNetwork(alexnet, "penultimate", device="cpu"), image, boxes, colour)
    assert difference(features, plainly(alexnet, "penultimate", image, boxes, colour)) < 1e-5


def test_a_disc_lies_inside_its_box_and_touches_its_sides():
    square = under_occluder(np.array([[2, 3, 11, 12]]), 16, 16)[0]
    disc = under_occluder(np.array([[2, 3, 11, 12]]), 16, 16, "disc")[0]
    assert square.sum() == 81
    assert not (disc & ~square).any()
    assert disc.sum() == pytest.approx(np.pi * 4.5**2, rel=0.1)
    assert disc[2, 7] and disc[10, 7] and disc[6, 3] and disc[6, 11]
    np.testing.assert_array_equal(disc[2:11], disc[2:11][::-1])


def test_wrong_requests_are_refused(alexnet):
    occluded = OccludedNetwork(alexnet, "penultimate", device="cpu")
    with pytest.raises(
        OcclusionError, match=r"boxes: an array of shape \(2, 3\).*rows of four whole numbers"
    ):
        next(occluded.embed(picture(), np.zeros((2, 3), dtype=int)))
    with pytest.raises(OcclusionError, match="type float64"):
        next(occluded.embed(picture(), np.zeros((2, 4))))
    with pytest.raises(UnknownNameError, match="Did you mean 'disc'"):
        next(occluded.embed(picture(), some_boxes(), shape="disk"))
