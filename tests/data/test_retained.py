"""A set retained for a brain area, written, read again, and scored on people's judgments without refitting."""

import numpy as np
import pytest

import isoprune
from isoprune.embeddings import embed
from isoprune.errors import RetainedSetError
from isoprune.io.ready_rdms import read_ready_rdms
from isoprune.io.tables import image_paths, read_stimuli
from isoprune.networks import build
from isoprune.rdms import group_mean
from isoprune.retained import retained_set, write_retained_set

NETWORKS = {"mobilenetv2": "mobilenet_v2", "squeezenet": "squeezenet1_0"}


@pytest.fixture(scope="module", params=NETWORKS)
def embedding(request, data_dir):
    table = data_dir / "cichy92" / "stimuli.tsv"
    stimuli = read_stimuli(table)
    model = NETWORKS[request.param]
    network = build(model, data_dir / "weights" / f"{model}.pth")
    labels = list(stimuli["stimulus"])
    return embed(
        network, "penultimate", image_paths(stimuli, table), labels, name=request.param, device="cpu"
    )


@pytest.fixture(scope="module")
def targets(data_dir):
    """The mean RDM of IT over 15 people, and of the judgments of 16 others."""
    labels = sorted(read_stimuli(data_dir / "cichy92" / "stimuli.tsv")["stimulus"])
    files = {"IT": "cichy92/fmri_IT_RDMs.npz", "judged": "mur92/92_behavRDMs.mat"}
    found = {
        name: read_ready_rdms(data_dir / file, target=name, labels=labels) for name, file in files.items()
    }
    assert {name: len(rdms) for name, rdms in found.items()} == {"IT": 15, "judged": 16}
    return {name: group_mean(list(rdms.values()), name) for name, rdms in found.items()}


@pytest.fixture(scope="module")
def loaded(embedding, targets, tmp_path_factory):
    """The set retained for IT, by way of its files."""
    path = tmp_path_factory.mktemp("retained") / f"net-{embedding.name}_target-IT_retained.tsv"
    pruning = isoprune.prune(embedding, targets["IT"])
    write_retained_set(
        path, retained_set(pruning, embedding, targets["IT"], study="cichy92", supervision="group")
    )
    return isoprune.load_retained(path)


# Isomorphism with the judgments: all features, the set retained for IT, random sets of its size. The set of
# MobileNetV2 is better than either; that of SqueezeNet is worse than a random one: a set that is good for an area need
# not be good for the judgments of the same images.
SCORES = {"mobilenetv2": (0.530, 0.566, 0.473), "squeezenet": (0.516, 0.395, 0.442)}


def test_set_retained_for_it_is_scored_on_judgments_without_refitting(embedding, targets, loaded):
    table = isoprune.score_retained(loaded, embedding, targets["judged"])
    print("\n" + table.T.to_string())
    scores = table.set_index("competitor")
    assert scores["r"].to_numpy() == pytest.approx(SCORES[embedding.name], abs=0.01)
    assert scores.loc["pruned", "p"] == scores.loc["full", "p"] == 1 / 1000
    assert (scores.loc["pruned", "p_random"] < 0.01) == (embedding.name == "mobilenetv2")
    assert (table["n_fitted_images"] == 92).all()  # other people, another target, but the same images
    pairs = np.triu_indices(92, 1)
    kept = 1 - np.corrcoef(embedding.select(targets["judged"].labels).values[:, list(loaded.features)])
    plain = np.corrcoef(kept[pairs], targets["judged"].values[pairs])[0, 1]
    assert scores.loc["pruned", "r"] == pytest.approx(plain, abs=1e-10)


def test_features_of_another_network_are_refused_by_their_weights(data_dir, embedding, targets, loaded):
    other = next(model for name, model in NETWORKS.items() if name != embedding.name)
    table = data_dir / "cichy92" / "stimuli.tsv"
    stimuli = read_stimuli(table)[:9]
    network = build(other, data_dir / "weights" / f"{other}.pth")
    given = embed(
        network,
        "penultimate",
        image_paths(stimuli, table),
        list(stimuli["stimulus"]),
        name=embedding.name,
        device="cpu",
    )
    with pytest.raises(RetainedSetError, match=f"another network: {other}"):
        loaded.transform(given)


def test_the_target_that_ranked_the_features_is_refused(embedding, targets, loaded):
    with pytest.raises(RetainedSetError, match="the very RDM that ranked the features"):
        isoprune.score_retained(loaded, embedding, targets["IT"])
