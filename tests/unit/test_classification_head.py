"""What follows a layer, run by itself, is the rest of the network and nothing else."""

import numpy as np
import pytest
import torch
from torch import nn

from isoprune.classification.head import Head
from isoprune.embeddings import exact_arithmetic, recording
from isoprune.errors import ClassificationError
from isoprune.networks import Network, build, resolve_layer

LAYERS = [
    ("squeezenet1_1", "penultimate", (1, 512, 1, 1)),  # goes into a convolution
    ("squeezenet1_1", "features.9", (1, 384, 13, 13)),  # into a module of several, each place of it a feature
    ("squeezenet1_1", "features.12", (1, 512, 1, 1)),
    ("resnet18", "layer4", (1, 512, 1, 1)),  # its output; the layer contains others
    ("resnet18", "penultimate", (1, 512)),  # into a linear module
    ("alexnet", "classifier.4", (1, 4096)),  # before a rectifier that works in place
]


@pytest.fixture(scope="module")
def networks():
    return {model: build(model, "random", seed=0) for model, *_ in LAYERS}


@pytest.fixture(scope="module")
def batch():
    return torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def hooked(network, layer, batch, change):
    """The whole network with the layer's activations changed."""
    if layer.side == "input":
        hook = layer.module.register_forward_pre_hook(lambda _, inputs: (change(inputs[0]),))
    else:
        hook = layer.module.register_forward_hook(lambda _, inputs, output: change(output))
    try:
        return network.module(batch)
    finally:
        hook.remove()


@pytest.mark.parametrize(("model", "layer", "shape"), LAYERS)
def test_head_equals_the_whole_network(networks, batch, model, layer, shape):
    network = networks[model]
    found = resolve_layer(network, layer)
    head = Head(network, found)
    half = torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(1)).float()
    by_weight = half * torch.rand(shape, generator=torch.Generator().manual_seed(2))
    with exact_arithmetic(), recording(network, found) as activations_of:
        activations, scores = activations_of(batch)
        before = activations.clone()
        assert torch.equal(head(activations), scores)
        # Bit for bit, also where only units that are not zero are multiplied.
        assert torch.equal(head.scaled(activations, torch.ones(shape)), scores)
        for scale in (half, by_weight):
            by_hook = hooked(network, found, batch, lambda one, scale=scale: one * scale)
            assert not torch.allclose(by_hook, scores, atol=1e-5)
            torch.testing.assert_close(head.scaled(activations, scale), by_hook, rtol=1e-4, atol=1e-6)
        assert torch.equal(activations, before)


def test_only_the_units_that_are_not_zero_are_multiplied_where_that_is_the_same(networks):
    first = {
        (model, layer): Head(networks[model], resolve_layer(networks[model], layer)).first
        for model, layer, _ in LAYERS
    }
    assert first["squeezenet1_1", "penultimate"] == first["squeezenet1_1", "features.12"] == "classifier.1"
    assert first["resnet18", "penultimate"] == "fc"
    assert first["resnet18", "layer4"] is first["alexnet", "classifier.4"] is None


class Around(nn.Module):
    """A network whose layers lead nowhere, are used twice, or decide by what they see."""

    def __init__(self):
        super().__init__()
        self.aside, self.twice, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, batch):
        self.aside(batch)
        return self.last(self.twice(self.twice(batch)))


class Deciding(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, batch):
        seen = self.first(batch)
        return self.last(seen) if seen.sum() > 0 else seen


@pytest.mark.parametrize(
    ("module", "layer", "message"),
    [
        (Around(), "aside", "the classifier does not use it"),
        (Around(), "twice", "it runs 2 times for one image"),
        (Around(), "last", "no weights follow it"),
        (Deciding(), "first", "the network cannot be followed from there"),
        (
            nn.Sequential(nn.MultiheadAttention(4, 1), nn.Linear(4, 4)),
            "0.out_proj",
            "cannot be followed|a part of",
        ),
    ],
)
def test_layers_that_no_classifier_can_run_after_are_refused(module, layer, message):
    network = Network(module.eval(), "mine", None, "random", {})
    with pytest.raises(ClassificationError, match=rf"network 'mine', layer '{layer}': .*({message})"):
        Head(network, resolve_layer(network, layer))


def test_a_skip_connection_around_the_layer_is_refused(networks):
    with pytest.raises(
        ClassificationError, match=r"leads around it .* such as a skip connection; .*penultimate"
    ):
        Head(networks["resnet18"], resolve_layer(networks["resnet18"], "layer4.1.conv1"))


def test_channels_last_are_not_taken_for_inputs_of_a_convolution():
    """A linear module acts on the last axis: leaving units out along the second would leave out positions."""
    module = nn.Sequential(nn.Identity(), nn.Linear(3, 2), nn.Flatten(), nn.Linear(18, 4)).eval()
    network = Network(module, "mine", None, "random", {})
    head = Head(network, resolve_layer(network, "0"))
    activations, scale = torch.rand(2, 3, 3, 3), torch.tensor([1.0, 0, 1]).reshape(1, 1, 1, 3)
    np.testing.assert_array_equal(
        head.scaled(activations, scale).detach(), module(activations * scale).detach()
    )
