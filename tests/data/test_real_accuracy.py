"""The accuracies of the real weights on one photograph of each class are the known ones."""

from pathlib import Path

import numpy as np
import pytest

from isoprune.classification.activations import read_activations, record_activations
from isoprune.classification.arms import places_of_true_class
from isoprune.classification.head import Head
from isoprune.classification.images import LabelledImages, labelled_images
from isoprune.networks import build, resolve_layer

DATA = (Path(__file__).parents[2] / "../shared/data").resolve()

pytestmark = pytest.mark.skipif(not (DATA / "weights").is_dir(), reason=f"the real data are not at {DATA}")


@pytest.mark.parametrize(
    ("model", "known"), [("mobilenet_v2", (0.784, 0.948)), ("squeezenet1_0", (0.607, 0.828))]
)
def test_all_features_give_the_known_accuracy(tmp_path, model, known):
    found = labelled_images(DATA / "imagenet1000" / "images")
    np.testing.assert_array_equal(found.classes, np.arange(1000))
    some = LabelledImages(found.files[::20], found.names[::20], found.classes[::20])
    network = build(model, DATA / "weights" / f"{model}.pth")
    record_activations(network, "penultimate", some, tmp_path / "a.npy", device="cpu")
    activations = read_activations(tmp_path / "a.npy")
    head = Head(network, resolve_layer(network, "penultimate"))
    (places,) = places_of_true_class(head, activations, [np.ones(activations.n_features)], device="cpu")
    for n_guesses, accuracy in zip((1, 5), known, strict=True):
        # Three standard errors of a share of fifty photographs.
        margin = 3 * np.sqrt(accuracy * (1 - accuracy) / len(places))
        assert abs((places < n_guesses).mean() - accuracy) < margin
