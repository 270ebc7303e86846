"""Accuracy of planted detectors is what the units that are kept can tell."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest

from isoprune.classification import arms
from isoprune.classification.accuracy import ACCURACY_COLUMNS, AccuracyUnit, accuracy_table, read_unit
from isoprune.classification.activations import Activations, read_activations, record_activations
from isoprune.classification.head import Head
from isoprune.classification.images import labelled_images
from isoprune.errors import ClassificationError, RetainedSetError, UnreadableFileError
from isoprune.io.files import read_json, write_json
from isoprune.io.seals import hashes_of
from isoprune.labelled import Embedding
from isoprune.networks import build, resolve_layer
from isoprune.results import RETAINED_COLUMNS
from isoprune.retained import RetainedSet, write_retained_set
from isoprune.reweighting.weights import Weights, write_weights
from labelled_pictures import N_CLASSES, detectors, write_pictures

NETWORK = detectors()
LAYER = resolve_layer(NETWORK, "penultimate")
HEAD = Head(NETWORK, LAYER)
SOURCE = {"model": "detectors", "weights_sha256": "0" * 64, "module": "4", "side": "input", "spatial": "mean"}
IMAGES = tuple("abcdef")
EMBEDDING = Embedding(np.random.default_rng(0).lognormal(size=(6, N_CLASSES)), IMAGES, "detectors")
RANKING = np.array([3, 1, 4, 0, 5, 2, 7, 6])
RETAINED = RetainedSet(
    features=(3, 1, 4),
    n_features=N_CLASSES,
    network="detectors",
    layer="penultimate",
    source=SOURCE,
    target="IT",
    subject="group",
    supervision="group",
    study="mine",
    seed=0,
    criterion="pearson",
    measure="correlation",
    method="one-pass",
    n_rule="max",
    images=IMAGES,
    target_sha256="0" * 64,
    isoprune="0.1.0",
)
UNIT = AccuracyUnit(RETAINED, RANKING)


def weights(values, kind="ridge") -> Weights:
    about = {"kind": kind, "intercept": 0.0, "penalty": 1.0, "isoprune": "0.1.0"}
    same = ("network", "layer", "source", "target", "subject", "supervision", "study", "seed", "images")
    return Weights(np.array(values, dtype=float), **about, **{name: getattr(RETAINED, name) for name in same})


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return labelled_images(write_pictures(tmp_path_factory.mktemp("pictures")))


@pytest.fixture(scope="module")
def path(pictures, tmp_path_factory):
    path = tmp_path_factory.mktemp("activations") / "net-detectors_activations.npy"
    record_activations(NETWORK, "penultimate", pictures, path, batch_size=5, device="cpu")
    return path


@pytest.fixture(scope="module")
def activations(path):
    return read_activations(path)


def table_of(activations, *units, **settings):
    asked = {"numbers": [1, 2, 5, 8], "n_random": 4, "device": "cpu", "batch_size": 7, **settings}
    return accuracy_table(HEAD, activations, units or [UNIT], EMBEDDING, **asked)


def rows(table, **chosen):
    given = {"images": "all classes", "rescaled": False, **chosen}
    for column, value in given.items():
        table = table[table[column].isna() if value is None else table[column] == value]
    return table


# ---- activations ----


def test_activations_are_those_of_the_layer_once_for_each_image(pictures, activations):
    assert activations.values.shape == (24, N_CLASSES) and activations.n_features == N_CLASSES
    np.testing.assert_array_equal(activations.classes, np.repeat(np.arange(N_CLASSES), 3))
    with torch.inference_mode():
        batch = torch.stack([NETWORK.transform(Image.open(file)) for file in pictures.files])
        np.testing.assert_allclose(activations.values, NETWORK.module[:3](batch), rtol=1e-6)
    assert activations.provenance["n_images"] == 24 and activations.provenance["module"] == "4"


def test_features_are_channels_or_places():
    values = np.arange(2 * 4 * 3 * 3, dtype=np.float32).reshape(2, 4, 3, 3)
    channels, places = (Activations(values, np.zeros(2), spatial, {}) for spatial in ("mean", "flatten"))
    assert channels.feature_shape == (1, 4, 1, 1) and places.feature_shape == (1, 4, 3, 3)
    np.testing.assert_array_equal(channels.squares(), (values.astype(float) ** 2).sum(axis=(2, 3)))
    np.testing.assert_array_equal(places.squares(), (values.astype(float) ** 2).reshape(2, -1))
    last = Activations(values.transpose(0, 2, 3, 1), np.zeros(2), "mean", {})
    assert last.feature_shape == (1, 1, 1, 4)
    np.testing.assert_array_equal(last.squares(), channels.squares())


def test_images_that_cannot_be_read_are_named(tmp_path):
    folder = write_pictures(tmp_path, per_class=1)
    (folder / "2" / "0.png").write_bytes(b"nothing")
    with pytest.raises(UnreadableFileError, match=r"labelled image '2/0\.png'"):
        record_activations(NETWORK, "penultimate", labelled_images(folder), tmp_path / "a.npy", device="cpu")
    assert not list(tmp_path.glob("*.npy"))


def test_a_class_that_the_network_does_not_know_is_refused(tmp_path):
    folder = write_pictures(tmp_path, per_class=1)
    (folder / "7").rename(folder / "8")
    with pytest.raises(ClassificationError, match=r"output \(shape \(8, 8\)\) has no score of class 8"):
        record_activations(NETWORK, "penultimate", labelled_images(folder), tmp_path / "a.npy", device="cpu")


def test_a_file_that_is_something_else_is_refused(path, tmp_path):
    (tmp_path / "a.npz").write_bytes(path.with_suffix(".npz").read_bytes())
    np.save(tmp_path / "a.npy", np.zeros((3, 2), np.float32))
    about = read_json(path.with_suffix(".json"))
    write_json(tmp_path / "a.json", {**about, **hashes_of({"values": tmp_path / "a.npy"})})
    with pytest.raises(UnreadableFileError, match="3 images with 24 classes"):
        read_activations(tmp_path / "a.npy")


# ---- where the true class stands ----


def test_place_counts_the_classes_that_are_not_below_the_true_one(activations):
    everything, nothing = np.ones(N_CLASSES), np.zeros(N_CLASSES)
    places = arms.places_of_true_class(HEAD, activations, [everything, nothing], device="cpu", batch_size=5)
    scores = np.asarray(activations.values)
    true = scores[np.arange(24), activations.classes]
    np.testing.assert_array_equal(places[0], (scores >= true[:, None]).sum(axis=1) - 1)
    # All classes tie, and the network knows nothing.
    np.testing.assert_array_equal(places[1], N_CLASSES - 1)


def test_scores_that_are_undefined_count_against_the_network(activations):
    undefined = np.full(N_CLASSES, np.nan)
    places = arms.places_of_true_class(HEAD, activations, [undefined], device="cpu")
    np.testing.assert_array_equal(places, N_CLASSES - 1)


# ---- arms ----


def test_numbers_are_even_on_a_logarithmic_scale_and_end_with_all():
    assert arms.log_numbers(1000, 4) == [1, 10, 100, 1000] and arms.log_numbers(3, 12) == [1, 2, 3]


def test_random_sets_do_not_depend_on_the_target_and_matched_ones_vary_as_much():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 400)) * np.repeat([0.01, 1, 2, 3], 100)
    ranking, other = np.arange(400)[::-1], np.arange(400)
    one, two = (
        arms.unit_arms(order, 50, values, [], [10, 100], n_random=3, seed=1) for order in (ranking, other)
    )
    scales = [[arm.scale for arm in of if arm.competitor == "random"] for of in (one, two)]
    np.testing.assert_array_equal(*scales)
    assert len(scales[0]) == 9 and [scale.sum() for scale in scales[0]] == [10] * 3 + [50] * 3 + [100] * 3
    variance = values.var(axis=0)
    for arm in one:
        if arm.competitor == "variance" and arm.number == 50:
            assert variance[arm.scale > 0].min() > 3  # of the last hundred, as the first ranked
    assert [arm.number for arm in one if arm.final and arm.competitor == "pruned"] == [50]


def test_a_reweighted_layer_keeps_its_largest_weights_by_either_scale():
    fitted = weights([4, -9, 0, 1, 0, 0, 0, 0])
    found = [
        arm for arm in arms.unit_arms(RANKING, 3, EMBEDDING.values, [fitted], [1, 2, 8], n_random=2, seed=0)
    ]
    by = {(arm.scaled_by, arm.number): arm for arm in found if arm.competitor == "ridge"}
    assert sorted(by) == [("root", 1), ("root", 2), ("root", 3), ("weight", 1), ("weight", 2), ("weight", 3)]
    np.testing.assert_array_equal(by["root", 3].scale, [2, -3, 0, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(by["weight", 2].scale, [4, -9, 0, 0, 0, 0, 0, 0])
    assert [key for key, arm in by.items() if arm.final] == [("root", 3), ("weight", 3)]


def test_a_rescaled_layer_has_the_mean_norm_of_the_intact_one(activations):
    scale = np.random.default_rng(1).uniform(size=N_CLASSES) * 1e-6
    squares = activations.squares()
    scaled = np.asarray(activations.values, dtype=float) * scale * arms.rescaling(squares, scale)
    intact = np.linalg.norm(np.asarray(activations.values, dtype=float), axis=1).mean()
    assert np.linalg.norm(scaled, axis=1).mean() == pytest.approx(intact, rel=1e-12)
    assert arms.rescaling(squares, np.ones(N_CLASSES)) == 1
    assert arms.rescaling(squares, np.zeros(N_CLASSES)) == 1


# ---- tables ----


def test_a_set_recognises_the_classes_that_it_detects_and_no_others(activations):
    table = table_of(activations)
    pruned = rows(table, a="pruned", b=None).set_index("number")
    assert list(pruned.index) == [1, 2, 3, 5, 8] and list(pruned.index[pruned["final"]]) == [3]
    for accuracy in ("top1", "top5"):
        np.testing.assert_array_equal(pruned[accuracy], pruned.index / N_CLASSES)
    random = rows(table, a="random", b=None)
    np.testing.assert_allclose(random["top1"], random["number"] / N_CLASSES)
    assert (rows(table, a="full")["top1"] == 1).all()


def test_all_features_and_weights_of_one_are_the_intact_network(activations):
    unit = replace(UNIT, weights=[weights(np.ones(N_CLASSES))])
    table = table_of(activations, unit)
    for rescaled in (False, True):
        full = rows(table, a="full", b=None, rescaled=rescaled)[["top1", "top5"]].to_numpy()
        for competitor in ("pruned", "ridge", "random"):
            of_all = rows(table, a=competitor, b=None, rescaled=rescaled, number=N_CLASSES)
            np.testing.assert_array_equal(of_all[["top1", "top5"]], np.repeat(full, len(of_all), axis=0))


def test_the_size_of_weights_counts_only_where_the_layer_is_not_rescaled(activations):
    network = detectors()
    with torch.no_grad():
        network.module[4].bias[:] = torch.linspace(0, 0.5, N_CLASSES)
    head, w = Head(network, resolve_layer(network, "penultimate")), np.linspace(1, 2, N_CLASSES)
    settings = {"numbers": [N_CLASSES], "n_random": 2, "device": "cpu"}
    small, large = (
        accuracy_table(head, activations, [replace(UNIT, weights=[weights(size * w)])], EMBEDDING, **settings)
        for size in (1e-4, 1)
    )
    chosen = {"a": "ridge", "b": None, "scaled_by": "weight"}
    same, other = (
        [float(rows(table, **chosen, rescaled=rescaled)["top1"].iloc[0]) for table in (small, large)]
        for rescaled in (True, False)
    )
    assert same[0] == same[1]
    assert other[0] == 1 / N_CLASSES < other[1]  # only the class of the largest bias is left


def test_intervals_are_those_of_wilson_and_differences_are_paired(activations):
    unit = replace(UNIT, weights=[weights([0, 1, 0, 0, 0, 0, 0, 1])])
    table = table_of(activations, unit)
    pruned = rows(table, a="pruned", b=None, number=3).iloc[0]
    low, high = binomtest(9, 24).proportion_ci(0.95, method="wilson")
    assert (pruned["top1"], pruned["top1_low"], pruned["top1_high"]) == pytest.approx((9 / 24, low, high))
    # Pruned tells 3, 1 and 4 (three images each), the weights 1 and 7: 6 images against 3.
    against = rows(table, a="pruned", b="ridge", scaled_by="weight").iloc[0]
    assert against["top1"] == pytest.approx(3 / 24)
    assert against["top1_p"] == pytest.approx(binomtest(6, 9).pvalue)
    assert against["top1_low"] < 0 < against["top1_high"] and against["number"] == 3
    full = rows(table, a="pruned", b="full").iloc[0]
    assert full["top1"] == pytest.approx(-15 / 24) and full["top1_p"] == pytest.approx(2 * 0.5**15)
    random = rows(table, a="pruned", b="random").iloc[0]
    assert random["top1"] == pytest.approx(0) and random["top1_p"] == 1 and random["n_sets"] == 4


def test_a_domain_counts_its_own_images_only(activations):
    table = table_of(activations, replace(UNIT, domain=np.array([0, 1, 3])))
    of_domain = rows(table, images="domain", a="pruned", b=None, number=3).iloc[0]
    assert of_domain["top1"] == pytest.approx(2 / 3) and of_domain["n_images"] == 9
    with pytest.raises(ClassificationError, match=r"target 'IT': no labelled image of its 1 classes"):
        table_of(activations, replace(UNIT, domain=np.array([900])))


def test_batches_and_other_targets_change_nothing(activations):
    other = AccuracyUnit(replace(RETAINED, target="EVC", features=(6, 7)), RANKING[::-1])
    alone, together = table_of(activations), table_of(activations, UNIT, other, batch_size=24)
    pd.testing.assert_frame_equal(alone, together[together["target"] == "IT"].reset_index(drop=True))
    assert list(alone.columns) == list(ACCURACY_COLUMNS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"source": {**SOURCE, "weights_sha256": "1" * 64}}, "SHA-256 of the weights"),
        ({"source": {**SOURCE, "module": "1"}}, "another layer"),
        ({"n_features": 9}, r"number of features \(8\)"),
    ],
)
def test_sets_of_other_features_are_refused(activations, changed, message):
    with pytest.raises(RetainedSetError, match=message):
        table_of(activations, replace(UNIT, retained=replace(RETAINED, **changed)))


def test_weights_of_other_features_are_refused(activations):
    with pytest.raises(RetainedSetError, match=r"weights 'ridge' .*number of features \(8\)"):
        table_of(activations, replace(UNIT, weights=[weights(np.ones(9))]))


def test_a_unit_is_read_with_the_weights_of_its_own_target(tmp_path):
    drop = pd.DataFrame({"feature": RANKING, "rank": range(1, 9), "drop": 0.0, "fold_frequency": 0.0})
    drop["in_final"] = (drop["rank"] <= 3).astype(int)
    write_retained_set(
        tmp_path / "a_retained.tsv", RETAINED, drop.sort_values("feature")[list(RETAINED_COLUMNS)]
    )
    own, other = weights(np.ones(8)), replace(weights(np.zeros(8)), target="EVC")
    files = []
    for number, one in enumerate((other, own)):
        files.append(tmp_path / f"{number}_weights.tsv")
        write_weights(files[-1], one)
    unit = read_unit(tmp_path / "a_retained.tsv", [1, 2], files)
    np.testing.assert_array_equal(unit.ranking, RANKING)
    assert unit.retained == RETAINED and [one.target for one in unit.weights] == ["IT"]
    np.testing.assert_array_equal(unit.domain, [1, 2])


def test_an_untrained_network_of_torchvision_goes_all_the_way(tmp_path):
    """Channels of a convolution, on images of classes that it has."""
    folder = write_pictures(tmp_path / "pictures", per_class=1)
    network = build("squeezenet1_1", "random", seed=0)
    record_activations(network, "penultimate", labelled_images(folder), tmp_path / "a.npy", device="cpu")
    found = read_activations(tmp_path / "a.npy")
    assert found.values.shape == (8, 512, 13, 13) and found.n_features == 512
    head = Head(network, resolve_layer(network, "penultimate"))
    kept = np.ones(512)
    kept[100:] = 0
    places = arms.places_of_true_class(head, found, [np.ones(512), kept], device="cpu")
    with torch.inference_mode():
        zeroed = torch.from_numpy(np.asarray(found.values) * kept[:, None, None].astype(np.float32))
        for values, place in zip((torch.from_numpy(np.array(found.values)), zeroed), places, strict=True):
            scores = network.module.classifier[1:](values).flatten(1).numpy()
            true = scores[np.arange(8), found.classes]
            assert np.abs((scores >= true[:, None]).sum(axis=1) - 1 - place).max() <= 1
