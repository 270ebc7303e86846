"""The real weights are those of their networks: they load strictly and recognise photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from isoprune.embeddings import embed, exact_arithmetic
from isoprune.errors import WeightsError
from isoprune.io.images import read_image
from isoprune.networks import build

DATA = (Path(__file__).parents[2] / "../shared/data").resolve()
MOBILENET, SQUEEZENET = DATA / "weights" / "mobilenet_v2.pth", DATA / "weights" / "squeezenet1_0.pth"
PHOTOGRAPHS = sorted((DATA / "imagenet1000" / "images").glob("*.jpg"))

pytestmark = pytest.mark.skipif(not MOBILENET.is_file(), reason=f"the real data are not at {DATA}")


@pytest.mark.parametrize(
    ("model", "file", "n_features"), [("mobilenet_v2", MOBILENET, 1280), ("squeezenet1_0", SQUEEZENET, 512)]
)
def test_penultimate_features_of_real_photographs(model, file, n_features):
    paths = PHOTOGRAPHS[:4]
    embedding = embed(build(model, file), "penultimate", paths, [path.stem for path in paths], name=model)
    assert embedding.values.shape == (4, n_features)
    assert embedding.values.min() == 0  # what follows a rectifier
    assert embedding.provenance["network"]["weights"] == f"file {file.name}"


def test_the_file_of_another_network_is_refused():
    with pytest.raises(WeightsError, match=r"the weights are not those of squeezenet1_0: \d+ missing"):
        build("squeezenet1_0", MOBILENET)
    with pytest.raises(WeightsError, match=r"not those of squeezenet1_1: .*\d+ of another shape"):
        build("squeezenet1_1", SQUEEZENET)


def test_another_hash_than_stated_is_refused():
    with pytest.raises(
        WeightsError, match=r"mobilenet_v2.pth' has the SHA-256 [0-9a-f]{64}; expected the stated f{64}"
    ):
        build("mobilenet_v2", MOBILENET, sha256="f" * 64)


@pytest.mark.parametrize(
    ("model", "file", "accuracy"), [("mobilenet_v2", MOBILENET, 0.784), ("squeezenet1_0", SQUEEZENET, 0.607)]
)
def test_accuracy_on_photographs_is_the_published_one(model, file, accuracy):
    classes = np.arange(0, 1000, 16)
    network = build(model, file)
    with exact_arithmetic():
        batch = torch.stack(
            [network.transform(read_image(PHOTOGRAPHS[k], PHOTOGRAPHS[k].stem)) for k in classes]
        )
        guesses = network.module(batch).argmax(dim=1).numpy()
    # Three standard errors of a share of 63 photographs.
    margin = 3 * np.sqrt(accuracy * (1 - accuracy) / len(classes))
    assert abs((guesses == classes).mean() - accuracy) < margin
