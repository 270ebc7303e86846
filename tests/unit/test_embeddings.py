"""An embedding is what the layer itself gives, whatever the order of the table."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from isoprune.embeddings import choose_device, embed, exact_arithmetic
from isoprune.errors import (
    BackendError,
    ConfigError,
    ConstantImageError,
    EmbeddingError,
    LabelError,
    UnknownNameError,
    UnreadableFileError,
)
from isoprune.networks import Network, build


def to_tensor(image):
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255 - 0.5).permute(2, 0, 1)


class ChannelsLast(nn.Module):
    def forward(self, batch):
        return batch.permute(0, 2, 3, 1)


class Tokens(nn.Module):
    def forward(self, batch):
        return batch.flatten(2)


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shared = nn.ReLU(inplace=True)
        module = nn.Sequential(
            nn.Conv2d(3, 6, 3),
            shared,
            ChannelsLast(),
            nn.Flatten(),
            nn.Linear(6 * 14 * 14, 7),
            shared,
            nn.Dropout(),
            nn.Linear(7, 4),
        )
    return Network(module.eval(), "tiny", to_tensor, "random", {"model": "tiny"})


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    labels = ["img_10", "b", "img_2", "a", "C"]
    for label in labels:
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / f"{label}.png")
    return [folder / f"{label}.png" for label in labels], labels


def test_values_are_those_of_the_layer_computed_by_hand(network, images):
    paths, labels = images
    embedding = embed(network, "4", paths, labels, name="tiny")
    with torch.inference_mode():
        batch = torch.stack([to_tensor(Image.open(path)) for path in paths])
        by_hand = network.module[:5](batch).numpy()
    assert embedding.labels == tuple(labels)
    assert embedding.values.dtype == np.float32
    np.testing.assert_allclose(embedding.values, by_hand, rtol=0, atol=1e-6)


def test_an_in_place_relu_does_not_leak_into_the_layer_before_it(network, images):
    assert embed(network, "4", *images, name="tiny").values.min() < 0
    assert embed(network, "0", *images, name="tiny", spatial="flatten").values.min() < 0


def test_vgg_classifier_3_has_negative_values(images):
    vgg = build("vgg11", "random", seed=0)
    paths, labels = images
    before = embed(vgg, "classifier.3", paths[:2], labels[:2], name="vgg").values
    after = embed(vgg, "classifier.4", paths[:2], labels[:2], name="vgg").values
    assert before.shape == (2, 4096)
    assert before.min() < 0
    np.testing.assert_array_equal(np.maximum(before, 0), after)


def test_reordering_the_table_changes_no_bit(network, images):
    paths, labels = images
    order = [3, 1, 4, 0, 2]
    straight = embed(network, "4", paths, labels, name="tiny", batch_size=2)
    moved = embed(
        network, "4", [paths[i] for i in order], [labels[i] for i in order], name="tiny", batch_size=2
    )
    assert moved.values.tobytes() == straight.values[order].tobytes()
    assert moved.labels == tuple(labels[i] for i in order)
    assert moved.provenance == straight.provenance


def test_penultimate_is_what_enters_the_classifier(network, images):
    penultimate = embed(network, "penultimate", *images, name="tiny").values
    np.testing.assert_array_equal(
        penultimate, np.maximum(embed(network, "4", *images, name="tiny").values, 0)
    )


def test_squeezenet_is_averaged_over_space(images):
    squeezenet = build("squeezenet1_0", "random", seed=0)
    paths, labels = images
    mean = embed(squeezenet, "penultimate", paths[:2], labels[:2], name="s").values
    flat = embed(squeezenet, "features.12", paths[:2], labels[:2], name="s", spatial="flatten").values
    assert mean.shape == (2, 512)
    np.testing.assert_allclose(mean, flat.reshape(2, 512, -1).mean(axis=2), rtol=1e-5)


def test_space_is_averaged_wherever_the_channels_are(network, images):
    first = embed(network, "2", *images, name="tiny")
    flat = embed(network, "2", *images, name="tiny", spatial="flatten").values
    assert first.values.shape == (5, 6)
    np.testing.assert_allclose(first.values, flat.reshape(5, -1, 6).mean(axis=1), rtol=0, atol=1e-6)


def test_a_layer_that_runs_twice_is_refused(network, images):
    with pytest.raises(EmbeddingError, match="layer '1': the layer runs 2 times for one image"):
        embed(network, "1", *images, name="tiny")


def test_several_positions_without_a_plane_are_refused_unless_flattened(images):
    module = nn.Sequential(nn.Conv2d(3, 6, 3), Tokens(), nn.Flatten(), nn.Linear(6 * 196, 3)).eval()
    tokens = Network(module, "tokens", to_tensor, "random", {})
    with pytest.raises(EmbeddingError, match=r"activations of shape \(5, 6, 196\).*`spatial: flatten`"):
        embed(tokens, "1", *images, name="t")
    assert embed(tokens, "1", *images, name="t", spatial="flatten").values.shape == (5, 6 * 196)


def test_a_constant_image_is_named(network, images, tmp_path):
    paths, labels = images
    module = nn.Sequential(nn.Flatten(), nn.Linear(768, 5, bias=False)).eval()
    black = Image.new("RGB", (16, 16))
    black.save(tmp_path / "black.png")
    silent = Network(module, "silent", lambda image: to_tensor(image) + 0.5, "random", {})
    with pytest.raises(ConstantImageError, match="image black has the same value in all 5 features"):
        embed(silent, "1", [*paths, tmp_path / "black.png"], [*labels, "black"], name="silent")


def test_provenance_says_what_ran_and_is_json_without_paths(network, images):
    provenance = embed(network, "penultimate", *images, name="tiny", device="cpu").provenance
    assert provenance["device"] == "cpu"
    assert provenance["dtype"] == "float32"
    assert provenance["torch"] == torch.__version__
    assert provenance["settings"]["layer"] == "penultimate"
    assert (provenance["module"], provenance["side"]) == ("7", "input")
    assert str(images[0][0].parent) not in json.dumps(provenance)


def test_another_picture_under_the_same_label_is_seen_in_the_provenance(network, images):
    paths, labels = images
    swapped = embed(network, "4", [paths[1], paths[0], *paths[2:]], labels, name="tiny")
    assert (
        swapped.provenance["images_sha256"]
        != embed(network, "4", paths, labels, name="tiny").provenance["images_sha256"]
    )


def test_progress_counts_images(network, images):
    steps = []
    embed(network, "4", *images, name="tiny", batch_size=2, progress=lambda done, n: steps.append((done, n)))
    assert steps == [(2, 5), (4, 5), (5, 5)]


def test_wrong_requests_are_refused(network, images, tmp_path):
    paths, labels = images
    with pytest.raises(EmbeddingError, match="4 images with 5 labels"):
        embed(network, "4", paths[1:], labels, name="tiny")
    with pytest.raises(LabelError, match="label b occurs more than once"):
        embed(network, "4", paths[:2], ["b", "b"], name="tiny")
    with pytest.raises(UnknownNameError, match="Did you mean 'mean'"):
        embed(network, "4", *images, name="tiny", spatial="men")
    with pytest.raises(ConfigError, match="setting 'batch_size': 0"):
        embed(network, "4", *images, name="tiny", batch_size=0)
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableFileError, match="stimulus 'bad'"):
        embed(network, "4", [tmp_path / "bad.jpg"], ["bad"], name="tiny")


def test_the_settings_of_torch_are_as_before():
    def settings():
        return (
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cuda.matmul.allow_tf32,
            torch.backends.cudnn.allow_tf32,
            torch.is_inference_mode_enabled(),
        )

    before = settings()
    torch.backends.cuda.matmul.allow_tf32 = True
    with exact_arithmetic():
        assert settings() == (True, False, False, True)
    assert torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = before[1]
    assert settings() == before


def test_no_hook_stays_behind(network, images):
    embed(network, "4", *images, name="tiny")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.module.modules())


def test_an_absent_cuda_device_is_an_error_and_never_a_silent_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(BackendError, match=r"torch .* sees \d+ CUDA device\(s\) with CUDA_VISIBLE_DEVICES 7"):
        choose_device("cuda")
    with pytest.raises(UnknownNameError, match="Did you mean 'cuda'"):
        choose_device("cudaa")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")


def test_embedding_needs_no_library_that_bare_machines_lack():
    code = (
        "import sys\n"
        "for name in ('pandas', 'h5py', 'rsatoolbox', 'nilearn', 'matplotlib'): sys.modules[name] = None\n"
        "import isoprune.embeddings as e; e.import_torchvision()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
