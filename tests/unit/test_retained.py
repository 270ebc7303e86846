"""Truths about retained sets as objects."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import isoprune
from examples import random_target
from isoprune.adjustment import p_value
from isoprune.errors import (
    EmbeddingError,
    MissingFileError,
    RetainedSetError,
    TooFewImagesError,
    UnreadableFileError,
)
from isoprune.io.embeddings import write_embedding
from isoprune.io.files import read_json, write_json
from isoprune.io.tables import read_table
from isoprune.isomorphism import isomorphism, similarity
from isoprune.labelled import RDM, Embedding
from isoprune.relabelling import relabellings
from isoprune.results import retained_table
from isoprune.retained import (
    RETAINED_SCORE_COLUMNS,
    load_retained,
    retained_set,
    score_retained,
    write_retained_set,
)

LABELS = tuple(f"img_{i:02}" for i in range(24))
X = np.random.default_rng(0).lognormal(sigma=0.7, size=(60, 50))
PROVENANCE = {
    "kind": "embedding",
    "settings": {"layer": "penultimate", "spatial": "mean", "batch_size": 32},
    "network": {
        "model": "mobilenet_v2",
        "weights": "file mobilenet_v2.pth",
        "weights_sha256": "a" * 64,
        "weights_file_sha256": "b" * 64,
        "transform": {"of": "MobileNet_V2_Weights.IMAGENET1K_V1", "resize": [256], "crop": [224]},
    },
    "module": "classifier.1",
    "side": "input",
    "device": "cpu",
}
EMBEDDING = Embedding(X[:24], LABELS, "mobilenetv2", PROVENANCE)


def target(features, rows=slice(0, 24), labels=LABELS, name="IT") -> RDM:
    values = 1 - similarity(X[rows][:, features])
    np.fill_diagonal(values, 0)
    return RDM(values, labels, name)


IT = target(range(12))
PRUNING = isoprune.prune(EMBEDDING, IT)
SET = retained_set(PRUNING, EMBEDDING, IT, study="mine", supervision="group", seed=3)
OTHER_LABELS = tuple(f"photo {i}" for i in range(30))
OTHER = Embedding(X[24:54], OTHER_LABELS, "another name", PROVENANCE)
FFA = target(range(6, 18), slice(24, 54), OTHER_LABELS, "FFA")


@pytest.fixture
def path(tmp_path):
    write_retained_set(tmp_path / "IT_retained.tsv", SET)
    return tmp_path / "IT_retained.tsv"


def changed(**changes) -> Embedding:
    return replace(OTHER, provenance={**PROVENANCE, **changes})


# ------------------------------------------------------------------------------------------------- files


def test_what_is_written_is_what_is_read(path, tmp_path):
    assert load_retained(path) == SET == isoprune.load_retained(str(path))
    table = retained_table(PRUNING, np.full(50, 0.5))
    write_retained_set(tmp_path / "whole.tsv", SET, table)
    assert load_retained(tmp_path / "whole.tsv") == SET
    pd.testing.assert_frame_equal(read_table(tmp_path / "whole.tsv", where="test"), table)


def test_set_says_what_it_is_of():
    assert SET.features == tuple(PRUNING.retained)
    assert (SET.n_features, SET.network, SET.layer) == (50, "mobilenetv2", "penultimate")
    assert SET.source["weights_sha256"] == "a" * 64
    assert SET.source["transform"]["crop"] == [224]
    assert (SET.target, SET.subject, SET.supervision, SET.study, SET.seed) == (
        "IT",
        "group",
        "group",
        "mine",
        3,
    )
    assert (SET.criterion, SET.measure, SET.method) == ("pearson", "correlation", "one-pass")
    assert SET.images == LABELS
    assert SET.n_rule == "max"


def test_the_rule_for_the_number_of_features_is_kept(tmp_path):
    pruning = isoprune.prune(EMBEDDING, IT, n_rule=20)
    one = retained_set(pruning, EMBEDDING, IT, study="mine")
    write_retained_set(tmp_path / "IT_retained.tsv", one)
    assert (load_retained(tmp_path / "IT_retained.tsv").n_rule, len(one.features)) == (20, 20)


def test_table_of_another_set_is_not_written(tmp_path):
    other = isoprune.prune(EMBEDDING, random_target(24, 0))
    with pytest.raises(RetainedSetError, match="not those of the set"):
        write_retained_set(tmp_path / "a.tsv", SET, retained_table(other, np.zeros(50)))
    assert not list(tmp_path.iterdir())


def test_a_set_without_its_sidecar_is_refused(path):
    path.with_suffix(".json").unlink()
    with pytest.raises(MissingFileError, match=r"IT_retained\.json' is not a file.*copy both"):
        load_retained(path)


def test_features_changed_by_hand_are_refused(path):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1]]) + "\n")
    with pytest.raises(UnreadableFileError, match="its content is not what was written"):
        load_retained(path)


@pytest.mark.parametrize("damage", ["no entry", "no weights", "not json", "feature out of range"])
def test_a_damaged_set_is_refused(path, damage):
    sidecar = path.with_suffix(".json")
    about = read_json(sidecar)
    if damage == "no entry":
        del about["retained_set"]
    elif damage == "no weights":
        del about["retained_set"]["source"]
    elif damage == "feature out of range":
        about["retained_set"]["n_features"] = 3
    write_json(sidecar, about)
    if damage == "not json":
        sidecar.write_text("{")
    error = RetainedSetError if damage == "feature out of range" else UnreadableFileError
    with pytest.raises(error):
        load_retained(path)


# ---------------------------------------------------------------------------------------------- transform


def test_transform_keeps_the_kind_the_rows_and_the_order_of_the_set(tmp_path):
    from rsatoolbox.data import load_dataset

    expected = OTHER.values[:, list(SET.features)]
    kept = SET.transform(OTHER)
    assert kept.labels == OTHER.labels
    np.testing.assert_array_equal(kept.values, expected)
    assert kept.provenance["retained_set"]["target"] == "IT"
    np.testing.assert_array_equal(SET.transform(OTHER.values), expected)
    write_embedding(tmp_path / "other.h5", OTHER)
    dataset = SET.transform(load_dataset(str(tmp_path / "other.h5"), file_type="hdf5"))
    np.testing.assert_array_equal(dataset.measurements, expected)
    assert list(dataset.channel_descriptors["feature"]) == list(SET.features)
    assert list(dataset.obs_descriptors["stimulus"]) == list(OTHER_LABELS)


def test_network_is_known_by_its_weights_not_by_its_name():
    assert OTHER.name != SET.network
    assert SET.transform(OTHER).values.shape == (30, len(SET.features))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            changed(network={**PROVENANCE["network"], "model": "vgg19"}),
            "another network: vgg19; expected mobilenet_v2",
        ),
        (
            changed(network={**PROVENANCE["network"], "weights_sha256": "c" * 64}),
            "another SHA-256 of the weights: ccc",
        ),
        (changed(network={**PROVENANCE["network"], "transform": {}}), "another preprocessing"),
        (changed(module="features.18"), "another layer: features.18; expected classifier.1"),
        (changed(side="output"), "another side of the layer: output"),
        (
            changed(settings={"layer": "penultimate", "spatial": "flatten"}),
            "another treatment of space: flatten",
        ),
        (replace(OTHER, provenance={}), "features of 'another name', which do not say what computed them"),
        (replace(OTHER, values=OTHER.values[:, 1:]), r"array of shape \(30, 49\).*50 features in columns"),
        (OTHER.values[:, :20], r"array of shape \(30, 20\)"),
        (OTHER.values[0], r"array of shape \(50,\)"),
    ],
)
def test_features_of_something_else_are_refused(given, said):
    with pytest.raises(RetainedSetError, match=said) as error:
        SET.transform(given)
    assert "model" not in error.value.remedy
    assert "mobilenet" in error.value.remedy


def test_dataset_of_another_network_is_refused(tmp_path):
    from rsatoolbox.data import load_dataset

    write_embedding(tmp_path / "e.h5", changed(module="features.18"))
    with pytest.raises(RetainedSetError, match=r"another layer: features\.18"):
        SET.transform(load_dataset(str(tmp_path / "e.h5"), file_type="hdf5"))


def test_features_that_something_else_made_are_known_by_name_and_by_the_names_of_features():
    named = {"kind": "imported embedding", "feature_names": [f"f{i}" for i in range(50)]}
    fitted = replace(EMBEDDING, name="mine", provenance=named)
    mine = retained_set(PRUNING, fitted, IT, study="mine")
    assert mine.layer == "file"
    assert mine.transform(replace(OTHER, name="mine", provenance={})).values.shape[1] == len(SET.features)
    swapped = {**named, "feature_names": named["feature_names"][::-1]}
    with pytest.raises(RetainedSetError, match="SHA-256 of the features' names"):
        mine.transform(replace(OTHER, name="mine", provenance=swapped))


# ------------------------------------------------------------------------------------------------ scoring


def scores(*arguments, **settings) -> pd.DataFrame:
    table = score_retained(*arguments, **{"n_relabellings": 49, "n_random": 60, **settings})
    assert list(table.columns) == list(RETAINED_SCORE_COLUMNS)
    return table.set_index("competitor")


def test_scores_are_those_of_the_features_as_they_are():
    table = scores(SET, OTHER, FFA)
    for competitor, values in (("full", OTHER.values), ("pruned", SET.transform(OTHER).values)):
        assert table.loc[competitor, "r"] == pytest.approx(isomorphism(values, FFA.values), abs=1e-12)
    assert table.loc[["full", "pruned", "random"], "n_retained"].tolist() == [50, *[len(SET.features)] * 2]
    assert (table["n_fitted_images"] == 0).all()
    assert table[["from_target", "to_target", "from_study"]].drop_duplicates().to_numpy().tolist() == [
        ["IT", "FFA", "mine"]
    ]


def test_null_relabels_the_target_and_fits_nothing():
    table = scores(SET, OTHER, FFA, seed=4)
    order = sorted(range(30), key=OTHER_LABELS.__getitem__)
    kept, wanted = OTHER.values[order][:, list(SET.features)], FFA.values[np.ix_(order, order)]
    drawn = relabellings([OTHER_LABELS[row] for row in order], 49, seed=4)
    null = [isomorphism(kept, wanted[np.ix_(one, one)]) for one in drawn]
    assert table.loc["pruned", "p"] == p_value(isomorphism(kept, wanted), np.array(null))


def test_unrelated_target_is_declared_as_often_as_chance_says():
    p, place = [], []
    for number in range(80):
        table = scores(
            SET, OTHER, RDM(random_target(30, number), OTHER_LABELS, "noise"), n_relabellings=19, n_random=19
        )
        p.append(table.loc["pruned", "p"])
        place.append(table.loc["pruned", "rank"])
    # Uniform on 1/20 … 1: mean .525, standard error .032.
    assert abs(np.mean(p) - 0.525) < 0.1
    assert abs(np.mean(place) / 20 - 0.525) < 0.1
    assert np.mean(np.array(p) <= 0.1) < 0.2


def test_order_of_images_changes_no_bit():
    turned = np.random.default_rng(1).permutation(30)
    shuffled = tuple(OTHER_LABELS[i] for i in turned)
    assert scores(SET, OTHER.select(shuffled), FFA.select(shuffled[::-1])).equals(scores(SET, OTHER, FFA))


def test_other_features_than_the_retained_do_not_enter_the_pruned_score():
    values = OTHER.values.copy()
    others = [feature for feature in range(50) if feature not in SET.features]
    values[:, others] = np.random.default_rng(0).uniform(size=(30, len(others)))
    one, other = scores(SET, OTHER, FFA), scores(SET, replace(OTHER, values=values), FFA)
    assert one.loc["pruned", "r"] == other.loc["pruned", "r"]
    assert one.loc["pruned", "p"] == other.loc["pruned", "p"]
    assert one.loc["full", "r"] != other.loc["full", "r"]


def test_image_that_is_constant_under_the_set_leaves_every_score_and_is_counted():
    values = OTHER.values.copy()
    values[7, list(SET.features)] = 0
    table = scores(SET, replace(OTHER, values=values), FFA)
    rows = [row for row in range(30) if row != 7]
    expected = isomorphism(values[rows], FFA.values[np.ix_(rows, rows)])
    assert table.loc["full", "r"] == pytest.approx(expected, abs=1e-12)
    assert (table["n_images"] == 29).all() and (table["n_constant"] == 1).all()


def test_exchange_within_categories_uses_its_own_null():
    category = {label: "ab"[i % 2] for i, label in enumerate(OTHER_LABELS)}
    table = score_retained(SET, OTHER, FFA, n_relabellings=9, n_random=9, within=category)
    assert table.loc[1, "p"] == 1 / 10


def test_target_that_ranked_the_features_is_refused_even_under_another_name():
    with pytest.raises(RetainedSetError, match=r"the very RDM that ranked the features.*cross_validate"):
        score_retained(SET, EMBEDDING, replace(IT, target="renamed"))
    with pytest.raises(RetainedSetError, match="the very RDM that ranked the features"):
        score_retained(SET, EMBEDDING, replace(IT.select(LABELS[::-1]), target="renamed"))


def test_same_target_of_someone_else_on_the_fitted_images_needs_another_name():
    again = target(range(10))
    with pytest.raises(RetainedSetError, match=r"'IT' with 24 of the images.*give the target another name"):
        score_retained(SET, EMBEDDING, again)
    table = scores(SET, EMBEDDING, replace(again, target="ITagain"))
    assert (table["n_fitted_images"] == 24).all()


def test_same_target_on_other_images_is_scored():
    assert scores(SET, OTHER, target(range(12), slice(24, 54), OTHER_LABELS)).loc["pruned", "r"] > 0.5


def test_features_of_another_network_are_not_scored():
    with pytest.raises(RetainedSetError, match="another layer"):
        score_retained(SET, changed(module="features.18"), FFA)


def test_too_few_images_that_vary_are_refused():
    values = OTHER.values.copy()
    values[2:, list(SET.features)] = 0
    with pytest.raises(TooFewImagesError, match="2 of 30 images vary under its"):
        score_retained(SET, replace(OTHER, values=values), FFA)


def test_size_at_which_no_random_set_varies_is_refused():
    small = replace(SET, features=SET.features[:2])
    # Every image has one of the two features alone, so that they are the only two under which all images vary.
    values = np.zeros((30, 50))
    values[range(30), [small.features[i % 2] for i in range(30)]] = np.arange(1, 31)
    with pytest.raises(EmbeddingError, match="random sets of 2 features leave an image constant"):
        score_retained(small, replace(OTHER, values=values), FFA, n_relabellings=2, n_random=40)
