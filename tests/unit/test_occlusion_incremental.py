"""What incremental inference computes: all that an occluder can reach, little else, and the same features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from isoprune.embeddings import exact_arithmetic
from isoprune.networks import Network, build, resolve_layer
from isoprune.occlusion import incremental as incremental_module
from isoprune.occlusion.engine import OccludedNetwork
from isoprune.occlusion.graph import WINDOW, trace
from isoprune.occlusion.plan import patches, reached
from isoprune.torchvision_cpu import import_torchvision
from occluded import difference, gathered, picture, plainly, some_boxes


class SmallVGG(nn.Module):
    """The design of VGG with batch norm, few channels, and a head for 7 × 7 cells."""

    def __init__(self):
        super().__init__()
        plan = [8, "M", 12, 12, "M", 16, "M"]
        self.features = import_torchvision().models.vgg.make_layers(plan, batch_norm=True)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(nn.Linear(784, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 5))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Oddities(nn.Module):
    """Operations with unusual shapes, and some that work in place on what others read."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, (3, 5), stride=2, padding=(0, 2))
        self.dilated = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)
        self.average = nn.AvgPool2d(3, 1, padding=1)
        self.uncounted = nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
        self.skip = nn.Conv2d(8, 8, 2, stride=2, padding=1)
        self.drop = nn.Dropout()
        self.act = nn.Hardswish()
        self.last = nn.Linear(24, 2)

    def forward(self, x):
        x = self.first(x)
        kept = self.drop(x)
        y = self.relu(x)  # changes `kept` as well
        y = self.norm(self.dilated(y)) + kept * 0.5
        y += kept
        z = self.pool(y)
        strided = self.skip(y)
        z = torch.cat([self.act(z), self.average(strided), nn.functional.relu6(z)], 1)
        return self.last(self.uncounted(z).mean((2, 3)))


class Squeezed(nn.Module):
    """A product of a map and of its mean, as in squeeze-and-excitation, with a normalised input."""

    def __init__(self):
        super().__init__()
        self.norm, self.first = nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        x = torch.relu(self.first(self.norm(x)))
        x = x * torch.sigmoid(nn.functional.adaptive_avg_pool2d(x, 1))
        return self.last(torch.flatten(nn.functional.max_pool2d(x, 2).flatten(2).mean(2), 1))


OURS = {"smallvgg": SmallVGG, "oddities": Oddities, "squeezed": Squeezed}


def made(name) -> Network:
    """A network with random weights and random statistics of batch norm."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build(name, "random", seed=0) if name not in OURS else None
        network = network or Network(OURS[name]().eval(), name, None, "random", {})
        for module in network.module.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.normal_(0, 0.1)
    return network


@pytest.fixture(scope="module")
def smallvgg():
    return made("smallvgg")


@pytest.mark.parametrize(
    "name", ["smallvgg", "alexnet", "squeezenet1_0", "resnet18", "mobilenet_v2", "oddities", "squeezed"]
)
def test_incremental_features_equal_plain_ones_of_networks_of_every_design(name):
    network = made(name)
    occluded = OccludedNetwork(network, "penultimate", device="cpu", engine="incremental", batch_size=6)
    for seed, side in ((0, 64), (1, 75)):
        image, boxes = picture(seed, side), some_boxes(seed, side, n=14)
        features = gathered(occluded, image, boxes, 0.5)
        assert difference(features, plainly(network, "penultimate", image, boxes, 0.5)) < 1e-5
        assert occluded.ran == "incremental"


@pytest.mark.parametrize("size", [1, 8, 24, 56])
@pytest.mark.parametrize("side", [56, 61])
def test_windows_of_every_size_at_every_border_are_exact(smallvgg, size, side):
    step = max(3, size // 3)
    corners = np.stack(np.meshgrid(*2 * [np.arange(-size // 2, side, step)], indexing="ij"), -1).reshape(
        -1, 2
    )
    corners = np.concatenate([corners[::3], [[-size // 2, -size // 2], [side - 1, side - 1], [-5 * size, 3]]])
    boxes, image = np.concatenate([corners, corners + size], axis=1), picture(2, side)
    occluded = OccludedNetwork(smallvgg, "penultimate", device="cpu", engine="incremental", batch_size=7)
    features = gathered(occluded, image, boxes)
    assert difference(features, plainly(smallvgg, "penultimate", image, boxes)) < 1e-5


@pytest.mark.parametrize("spatial", ["mean", "flatten"])
@pytest.mark.parametrize("layer", ["features.3", "features.4", "features.6", "features"])
def test_every_layer_gives_its_own_output(smallvgg, layer, spatial):
    image, boxes = picture(), some_boxes()
    occluded = OccludedNetwork(smallvgg, layer, device="cpu", engine="incremental", spatial=spatial)
    expected = plainly(smallvgg, layer, image, boxes, spatial=spatial)
    assert difference(gathered(occluded, image, boxes), expected) < 1e-5
    if spatial == "flatten":
        # What worked in place on the layer's output would leave nothing negative in it.
        assert (expected.min() < 0) == (layer == "features.4")


def test_maps_of_one_image_are_not_used_for_another(smallvgg):
    occluded = OccludedNetwork(smallvgg, "penultimate", device="cpu", engine="incremental")
    boxes = some_boxes()
    for seed in (0, 1, 0):
        image = picture(seed)
        expected = plainly(smallvgg, "penultimate", image, boxes)
        assert difference(gathered(occluded, image, boxes), expected) < 1e-5
        assert (
            difference(occluded.intact(image)[None], plainly(smallvgg, "penultimate", image, boxes[:1] * 0))
            < 1e-5
        )


def operations(network, side):
    """Operations up to the penultimate layer, and their maps of an image."""
    with exact_arithmetic():
        nodes = trace(network, resolve_layer(network, "penultimate"))
        return nodes, maps_of(nodes, picture(0, side))


def maps_of(nodes, image):
    maps = [image[None]]
    for node in nodes[1:]:
        read = [maps[number] for number in node.inputs]
        maps.append(node.call(read[0], node.window.padding) if node.kind == WINDOW else node.call(*read))
    return maps


@pytest.mark.parametrize("name", ["smallvgg", "oddities", "mobilenet_v2"])
def test_what_is_reached_is_where_nan_spreads_to(name):
    nodes, maps = operations(made(name), 64)
    boxes = some_boxes(3, 64)
    regions = reached(nodes, [tuple(one.shape) for one in maps], boxes)
    for position, (top, left, bottom, right) in enumerate(np.clip(boxes, 0, 64)):
        image = picture(0, 64)
        image[:, top:bottom, left:right] = torch.nan
        with exact_arithmetic():
            poisoned = maps_of(nodes, image)
        for node, found, region in zip(nodes, poisoned, regions, strict=True):
            if region is None or (node.kind == "adaptive"):
                continue
            spread = torch.isnan(found[0]).any(0).numpy()
            for axis in (0, 1):
                there = np.flatnonzero(spread.any(1 - axis))
                if len(there):
                    assert tuple(region[position, axis]) == (there[0], there[-1] + 1)


def test_only_a_small_part_is_computed_for_a_small_window():
    nodes, maps = operations(made("mobilenet_v2"), 128)
    shapes = [tuple(one.shape) for one in maps]
    corners = np.array([[0, 0], [40, 40], [48, 56], [112, 112]])
    boxes = np.concatenate([corners, corners + 16], axis=1)
    of_maps = patches(nodes, shapes, reached(nodes, shapes, boxes), np.arange(4))
    share = [
        patch.size[0] * patch.size[1] / np.prod(shape[2:]) if patch else 1
        for patch, shape in zip(of_maps, shapes, strict=True)
    ]
    assert share[0] == 1 / 64 and share[1] <= (9 / 64) ** 2
    assert share[-1] == 1 and (np.diff(share) > -0.02).all()


def shifted(monkeypatch):
    original = incremental_module._paste
    monkeypatch.setattr(
        incremental_module, "_paste", lambda value, into, place: original(value, into, place + 1)
    )


def without_padding(monkeypatch):
    original = incremental_module.Incremental.gathered_from

    def corrupted(self, number):
        rows = original(self, number).clone()
        rows[-2:] = 1.0
        return rows

    monkeypatch.setattr(incremental_module.Incremental, "gathered_from", corrupted)


def too_little(monkeypatch):
    original = incremental_module.reached

    def smaller(*given):
        return [one if one is None or i % 5 else cut(one) for i, one in enumerate(original(*given), start=2)]

    def cut(region):
        region = region.copy()
        region[..., 1] = np.maximum(region[..., 1] - 1, region[..., 0] + 1)
        return region

    monkeypatch.setattr(incremental_module, "reached", smaller)


@pytest.mark.parametrize("fault", [shifted, without_padding, too_little])
def test_the_comparison_sees_a_shift_a_wrong_border_and_a_region_too_small(smallvgg, monkeypatch, fault):
    fault(monkeypatch)
    image, boxes = picture(), some_boxes()
    occluded = OccludedNetwork(smallvgg, "penultimate", device="cpu", engine="incremental")
    assert difference(gathered(occluded, image, boxes), plainly(smallvgg, "penultimate", image, boxes)) > 1e-4


def test_a_layer_changed_in_place_keeps_what_it_gave_and_later_readers_see_the_change():
    network = made("oddities")
    image, boxes = picture(), some_boxes()
    for layer in ("first", "relu", "drop", "pool"):
        occluded = OccludedNetwork(network, layer, device="cpu", engine="incremental", spatial="flatten")
        expected = plainly(network, layer, image, boxes, spatial="flatten")
        assert difference(gathered(occluded, image, boxes), expected) < 1e-5
