"""Occluded features equal those of the picture with the part painted over, whatever way they are computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from isoprune.embeddings import exact_arithmetic, reading
from isoprune.errors import BackendError, OcclusionError, UnknownNameError
from isoprune.networks import Network, build, resolve_layer
from isoprune.occlusion import engine as engine_module
from isoprune.occlusion.engine import OccludedNetwork
from isoprune.occlusion.graph import trace
from isoprune.occlusion.incremental import Passes
from isoprune.occlusion.occluder import under_occluder
from occluded import SIDE, difference, gathered, picture, plainly, some_boxes


@pytest.fixture(scope="module")
def squeezenet():
    return build("squeezenet1_0", "random", seed=0)


@pytest.mark.parametrize("engine", ["batched", "incremental"])
def test_features_are_those_of_the_painted_pictures(squeezenet, engine):
    image, boxes = picture(), some_boxes()
    occluded = OccludedNetwork(squeezenet, "penultimate", device="cpu", engine=engine, batch_size=5)
    assert occluded.ran == engine
    features = gathered(occluded, image, boxes)
    assert difference(features, plainly(squeezenet, "penultimate", image, boxes)) < 1e-5


@pytest.mark.parametrize("engine", ["batched", "incremental"])
def test_an_occluder_has_a_colour_and_a_shape(squeezenet, engine):
    image, boxes, colour = picture(), some_boxes(), (1.0, -2.0, 0.5)
    occluded = OccludedNetwork(squeezenet, "penultimate", device="cpu", engine=engine)
    features = gathered(occluded, image, boxes, colour)
    assert difference(features, plainly(squeezenet, "penultimate", image, boxes, colour)) < 1e-5
    discs = torch.where(
        torch.as_tensor(under_occluder(boxes, SIDE, SIDE, "disc"))[:, None],
        torch.tensor(colour)[:, None, None],
        image,
    )
    with exact_arithmetic(), reading(squeezenet, resolve_layer(squeezenet, "penultimate")) as features_of:
        expected = features_of(discs).numpy()
    assert difference(gathered(occluded, image, boxes, colour, shape="disc"), expected) < 1e-5
    assert difference(features, expected) > 1e-4


class Turned(torch.nn.Module):
    """A network with an operation that is of no known kind."""

    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.first(x).permute(0, 2, 3, 1).mean((1, 2)))


def test_a_network_that_cannot_be_taken_apart_goes_through_plain_passes_and_says_so():
    network, said = Network(Turned().eval(), "turned", None, "random", {}), []
    occluded = OccludedNetwork(network, "first", device="cpu", say=said.append)
    assert occluded.ran == "incremental" and not said
    occluded = OccludedNetwork(network, "penultimate", device="cpu", say=said.append)
    assert occluded.ran == "batched"
    assert said == [
        "turned goes through plain passes: it has the operation 'permute', which is of no known kind"
    ]
    image, boxes = picture(), some_boxes()
    np.testing.assert_array_equal(
        gathered(occluded, image, boxes), plainly(network, "penultimate", image, boxes)
    )
    with pytest.raises(BackendError, match=r"network 'turned': .*'permute'.*Set `engine: auto`"):
        OccludedNetwork(network, "penultimate", device="cpu", engine="incremental")


def test_a_network_whose_trace_has_other_features_goes_through_plain_passes(squeezenet, monkeypatch):
    def wrongly(*given, **asked):
        nodes = trace(*given, **asked)
        last = nodes[-1]
        return [*nodes[:-1], replace(last, call=lambda *read: last.call(*read) * 1.001)]

    monkeypatch.setattr(engine_module, "trace", wrongly)
    said, image, boxes = [], picture(), some_boxes()
    occluded = OccludedNetwork(squeezenet, "penultimate", device="cpu", say=said.append)
    features = gathered(occluded, image, boxes)
    assert occluded.ran == "batched" and "differ by 1.0e-03" in said[0]
    assert difference(features, plainly(squeezenet, "penultimate", image, boxes)) < 1e-5


@pytest.mark.parametrize("engine", ["batched", "incremental"])
@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
    ],
)
def test_out_of_memory_halves_the_batch_and_goes_on(squeezenet, monkeypatch, engine, problem):
    of_class = Passes if engine == "incremental" else engine_module._PlainPasses
    whole = of_class.features

    def with_little_memory(self, positions):
        if len(positions) > 3:
            raise problem
        return whole(self, positions)

    image, boxes, said = picture(), some_boxes(), []
    expected = plainly(squeezenet, "penultimate", image, boxes)
    occluded = OccludedNetwork(
        squeezenet, "penultimate", device="cpu", engine=engine, batch_size=8, say=said.append
    )
    monkeypatch.setattr(of_class, "features", with_little_memory)
    assert difference(gathered(occluded, image, boxes), expected) < 1e-5
    assert occluded.batch_size == 2
    assert said == [f"Out of memory: goes on with {n} occluded images a pass" for n in (4, 2)]


def test_out_of_memory_with_one_image_is_an_error_and_other_errors_stay_what_they_are(
    squeezenet, monkeypatch
):
    occluded = OccludedNetwork(squeezenet, "penultimate", device="cpu", batch_size=2)
    problem = torch.OutOfMemoryError("CUDA out of memory")
    monkeypatch.setattr(Passes, "features", lambda *given: raise_(problem))
    with pytest.raises(BackendError, match="out of memory with a single image of 'squeezenet1_0'"):
        next(occluded.embed(picture(), some_boxes()))
    problem = RuntimeError("something else")
    with pytest.raises(RuntimeError, match="something else"):
        next(occluded.embed(picture(), some_boxes()))


def raise_(problem):
    raise problem


def test_lower_precision_is_near_and_not_the_same(squeezenet):
    image, boxes = picture(), some_boxes()
    expected = plainly(squeezenet, "penultimate", image, boxes)
    for engine in ("batched", "incremental"):
        occluded = OccludedNetwork(
            squeezenet, "penultimate", device="cpu", engine=engine, precision="bfloat16"
        )
        assert 1e-4 < difference(gathered(occluded, image, boxes), expected) < 0.05


def test_a_disc_lies_inside_its_box_and_touches_its_sides():
    square = under_occluder(np.array([[2, 3, 11, 12]]), 16, 16)[0]
    disc = under_occluder(np.array([[2, 3, 11, 12]]), 16, 16, "disc")[0]
    assert square.sum() == 81
    assert not (disc & ~square).any()
    assert disc.sum() == pytest.approx(np.pi * 4.5**2, rel=0.1)
    assert disc[2, 7] and disc[10, 7] and disc[6, 3] and disc[6, 11]
    np.testing.assert_array_equal(disc[2:11], disc[2:11][::-1])


def test_wrong_requests_are_refused(squeezenet):
    occluded = OccludedNetwork(squeezenet, "penultimate", device="cpu")
    with pytest.raises(
        OcclusionError, match=r"boxes: an array of shape \(2, 3\).*rows of four whole numbers"
    ):
        next(occluded.embed(picture(), np.zeros((2, 3), dtype=int)))
    with pytest.raises(OcclusionError, match="type float64"):
        next(occluded.embed(picture(), np.zeros((2, 4))))
    with pytest.raises(UnknownNameError, match="Did you mean 'disc'"):
        next(occluded.embed(picture(), some_boxes(), shape="disk"))
    with pytest.raises(UnknownNameError, match="Did you mean 'batched'"):
        OccludedNetwork(squeezenet, "penultimate", engine="batch")
    with pytest.raises(UnknownNameError, match="Did you mean 'bfloat16'"):
        OccludedNetwork(squeezenet, "penultimate", precision="float16")
