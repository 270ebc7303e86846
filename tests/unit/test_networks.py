"""A network is exactly the one that was named, with exactly the weights that were named."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import warnings

import pytest
import torch

from isoprune.errors import ConfigError, MissingFileError, UnknownNameError, UnreadableFileError, WeightsError
from isoprune.io.weights import cached_weights, sha256_of_state
from isoprune.networks import build, resolve_layer
from isoprune.torchvision_cpu import import_torchvision


@pytest.fixture(scope="module")
def squeezenet():
    return build("squeezenet1_0", "random", seed=0)


@pytest.fixture
def weights_file(tmp_path, squeezenet):
    torch.save(squeezenet.module.state_dict(), tmp_path / "squeezenet.pth")
    return tmp_path / "squeezenet.pth"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_torchvision_is_imported_once():
    assert import_torchvision() is import_torchvision()


def test_the_same_seed_draws_the_same_weights_and_another_seed_others(squeezenet):
    torch.manual_seed(99)
    again = build("squeezenet1_0", "random", seed=0)
    other = build("squeezenet1_0", "random", seed=1)
    assert again.provenance == squeezenet.provenance
    assert other.provenance["weights_sha256"] != squeezenet.provenance["weights_sha256"]


def test_random_weights_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    build("squeezenet1_1", "random", seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("seed", [None, -1, 1.5, True])
def test_random_weights_need_a_seed(seed):
    with pytest.raises(ConfigError, match=r"network 'squeezenet1_0': random weights with the seed"):
        build("squeezenet1_0", "random", seed=seed)


def test_an_unknown_network_gets_the_nearest_name():
    with pytest.raises(UnknownNameError, match=r"no network 'mobilnet_v2'.*Did you mean 'mobilenet_v2'"):
        build("mobilnet_v2", "random", seed=0)


def test_a_network_evaluates_and_has_the_preprocessing_of_its_published_weights(squeezenet):
    assert not squeezenet.module.training
    assert squeezenet.provenance["transform"] == {
        "of": "SqueezeNet1_0_Weights.IMAGENET1K_V1",
        "resize": [256],
        "crop": [224],
        "interpolation": "bilinear",
        "antialias": True,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }


def test_local_weights_are_those_of_the_file(squeezenet, weights_file):
    network = build("squeezenet1_0", weights_file, sha256=sha256(weights_file))
    assert network.provenance["weights_sha256"] == squeezenet.provenance["weights_sha256"]
    assert network.provenance["weights_file_sha256"] == sha256(weights_file)
    assert str(weights_file.parent) not in str(network.provenance)


def test_a_wrong_hash_is_refused_with_both_hashes(weights_file):
    with pytest.raises(WeightsError) as caught:
        build("squeezenet1_0", str(weights_file), sha256="0" * 64)
    assert sha256(weights_file) in str(caught.value)
    assert "0" * 64 in str(caught.value)


def test_weights_of_another_network_are_refused_with_examples(weights_file):
    with pytest.raises(
        WeightsError,
        match=r"not those of squeezenet1_1: .*\d+ of another shape \(features.0.weight is \(96, 3, 7, 7\)",
    ):
        build("squeezenet1_1", weights_file)
    with pytest.raises(WeightsError, match=r"not those of alexnet: \d+ missing \(.*\d+ surplus \("):
        build("alexnet", weights_file)


def test_one_missing_tensor_is_enough_to_refuse(tmp_path, squeezenet):
    state = dict(squeezenet.module.state_dict())
    del state["classifier.1.bias"]
    torch.save(state, tmp_path / "partial.pth")
    with pytest.raises(WeightsError, match=r"1 missing \(classifier.1.bias\)"):
        build("squeezenet1_0", tmp_path / "partial.pth")


class Sprung:
    def __reduce__(self):
        return (pytest.fail, ("the file was unpickled",))


def test_a_weights_file_is_never_unpickled(tmp_path):
    torch.save({"features.0.weight": Sprung()}, tmp_path / "trap.pth")
    with pytest.raises(UnreadableFileError, match="cannot be read as weights"):
        build("squeezenet1_0", tmp_path / "trap.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Sprung(), protocol=2))
    with pytest.raises(UnreadableFileError, match="cannot be read as weights"):
        build("squeezenet1_0", tmp_path / "plain.pth")


def test_a_training_checkpoint_is_refused_with_what_it_holds(tmp_path, squeezenet):
    torch.save({"state_dict": squeezenet.module.state_dict(), "epoch": 3}, tmp_path / "checkpoint.pth")
    with pytest.raises(
        UnreadableFileError, match=r"holds the entries state_dict, epoch.*training checkpoint"
    ):
        build("squeezenet1_0", tmp_path / "checkpoint.pth")


def test_missing_local_weights_say_what_else_there_is(tmp_path):
    with pytest.raises(MissingFileError, match=r"are not a file.*SqueezeNet1_0_Weights.IMAGENET1K_V1"):
        build("squeezenet1_0", tmp_path / "none.pth")


def test_default_weights_are_refused_with_the_reason():
    with pytest.raises(
        WeightsError, match=r"other weights in other versions.*e.g. ResNet50_Weights.IMAGENET1K_V1"
    ):
        build("resnet50", "ResNet50_Weights.DEFAULT")


@pytest.mark.parametrize("weights", ["ResNet50_Weights.IMAGENET1K_V3", "VGG19_Weights.IMAGENET1K_V1"])
def test_published_weights_must_be_of_the_model(weights):
    with pytest.raises(
        WeightsError, match=rf"'{weights}' are not weights of this model; expected one of: ResNet50"
    ):
        build("resnet50", weights)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


def test_a_failed_download_says_where_to_put_the_file(hub, monkeypatch):
    def fail(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("isoprune.io.download.PAUSE", 0)
    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(MissingFileError) as caught:
        build("squeezenet1_0", "SqueezeNet1_0_Weights.IMAGENET1K_V1")
    message = str(caught.value)
    assert f"put it at '{hub / 'squeezenet1_0-b66bff10.pth'}'" in message
    assert "https://download.pytorch.org/models/squeezenet1_0-b66bff10.pth" in message


def test_a_damaged_file_in_the_cache_is_refused(hub, weights_file):
    shutil.copy(weights_file, hub / "squeezenet1_0-b66bff10.pth")
    with pytest.raises(WeightsError, match=r"expected one that starts with b66bff10.*delete it"):
        build("squeezenet1_0", "SqueezeNet1_0_Weights.IMAGENET1K_V1")


def test_a_cached_file_that_keeps_its_promise_is_used(hub, weights_file):
    name = f"squeezenet-{sha256(weights_file)[:8]}.pth"
    shutil.copy(weights_file, hub / name)
    assert cached_weights(f"https://example.org/{name}", where="network 'x'") == hub / name


def test_the_hash_of_weights_depends_on_every_name_shape_and_value():
    state = {"a": torch.zeros(2, 3), "b": torch.tensor(1)}
    seen = {
        sha256_of_state(state),
        sha256_of_state({"a": torch.zeros(3, 2), "b": torch.tensor(1)}),
        sha256_of_state({"a": torch.zeros(2, 3), "c": torch.tensor(1)}),
        sha256_of_state({"a": torch.zeros(2, 3), "b": torch.tensor(2)}),
        sha256_of_state({"a": torch.zeros(2, 3).double(), "b": torch.tensor(1)}),
    }
    assert len(seen) == 5
    assert sha256_of_state(dict(reversed(state.items()))) == sha256_of_state(state)


def test_networks_that_rescale_their_input_do_so_with_any_weights():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert build("googlenet", "random", seed=0).module.transform_input


def test_old_names_in_published_densenets_are_understood(tmp_path):
    network = build("densenet121", "random", seed=0)
    old = {
        name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2.")
        if "denselayer" in name
        else name: tensor
        for name, tensor in network.module.state_dict().items()
    }
    torch.save(old, tmp_path / "old.pth")
    loaded = build("densenet121", tmp_path / "old.pth")
    assert loaded.provenance["weights_sha256"] == network.provenance["weights_sha256"]


def test_penultimate_is_the_input_of_the_classifier(squeezenet):
    models = import_torchvision().models
    layer = resolve_layer(squeezenet, "penultimate")
    assert (layer.name, layer.side) == ("classifier.1", "input")
    for model in (
        "alexnet",
        "vgg11",
        "resnet18",
        "googlenet",
        "efficientnet_b0",
        "vit_b_32",
        "convnext_tiny",
    ):
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            module = models.get_model(model, weights=None)
        network = type(squeezenet)(module, model, squeezenet.transform, "none", {})
        assert resolve_layer(network, "penultimate").module.out_features == 1000, model


def test_an_unknown_layer_gets_the_nearest_name(squeezenet):
    with pytest.raises(
        UnknownNameError, match=r"layer 'clasifier.1'.*one of: features.*Did you mean 'classifier.1'"
    ):
        resolve_layer(squeezenet, "clasifier.1")
