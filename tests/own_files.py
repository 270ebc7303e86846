"""A small file of every kind that isoprune writes and reads again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from examples import random_target
from isoprune.bootstrap import ImageBootstrap, read_bootstrap, write_bootstrap
from isoprune.classification.activations import read_activations
from isoprune.foldsets import FoldSets, read_fold_sets, write_fold_sets
from isoprune.io.arrays import write_arrays
from isoprune.io.embeddings import read_embedding, write_embedding
from isoprune.io.files import read_json, write_json
from isoprune.io.patterns import read_patterns, write_patterns
from isoprune.io.rdms import read_rdm, write_rdm
from isoprune.io.seals import hashes_of
from isoprune.io.tables import read_table, write_table
from isoprune.labelled import RDM, Embedding, Patterns
from isoprune.lock import _PARTS, read_lock
from isoprune.multiverse import Outcomes, Specification, read_outcomes, write_outcomes
from isoprune.nulls import Null, read_nulls, write_nulls
from isoprune.occlusion.mapped import read_mapped, write_mapped
from isoprune.occlusion.sets import MapSets, read_map_sets, write_map_sets
from isoprune.relabelled_sets import RelabelledSets, read_relabelled_sets, write_relabelled_sets
from isoprune.retained import RetainedSet, load_retained, write_retained_set
from isoprune.reweighting.fitting import Weighing
from isoprune.reweighting.folds import spaces_of_weights, write_fold_weights
from isoprune.reweighting.weights import Weights, load_weights, write_weights
from isoprune.specificity import RivalScore
from isoprune.synsets import Spaces, read_spaces, write_spaces
from isoprune.wordnet import read_similarities, write_similarities
from mapped import made

LABELS = ("a", "b", "c", "d")
SETS = FoldSets(
    LABELS,
    np.array([1, 1]),
    np.array([1, 2]),
    (np.array([0, 2]), np.array([1])),
    np.array([[True, True, False, False], [False, False, True, True]]),
    np.array([[True, True, False, False], [False, False, True, True]]),
)
RELABELLED = RelabelledSets(LABELS, SETS.held_out, np.array([[[160], [64]], [[96], [0]]], np.uint8), 3, "f00")
ABOUT = {
    "network": "vgg",
    "layer": "fc2",
    "source": {},
    "target": "IT",
    "subject": "01",
    "supervision": "own",
    "study": "mine",
    "seed": 3,
    "images": LABELS,
    "isoprune": "0.1.0",
}


def values(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def embedding(seed: int) -> Embedding:
    return Embedding(values(seed, 4, 6), LABELS, "vgg", {"kind": "embedding"})


def null(seed: int) -> dict[str, Null]:
    both = {"full": values(seed, 9), "pruned": values(seed + 1, 9)}
    observed = {name: float(one[0]) for name, one in both.items()}
    return {"images": Null(both, observed, np.zeros(9, dtype=int), 0, 2, 0, "images", "abc")}


def bootstrap(seed: int) -> ImageBootstrap:
    samples = {"full": values(seed, 9), "pruned": values(seed + 1, 9)}
    return ImageBootstrap(LABELS, 0, {name: float(one[0]) for name, one in samples.items()}, samples, 0)


def retained(seed: int) -> RetainedSet:
    about = {**ABOUT, "criterion": "pearson", "measure": "correlation", "method": "one-pass", "n_rule": "max"}
    more = {"n_features": 6, "target_sha256": "0" * 64}
    return RetainedSet(
        features=tuple(map(int, np.random.default_rng(seed).permutation(6)[:3])), **about, **more
    )


def weights(seed: int) -> Weights:
    return Weights(weights=values(seed, 6), kind="ridge", intercept=0.5, penalty=1.0, **ABOUT)


def fold_weights(path: Path, seed: int) -> None:
    scores = [{"ridge": RivalScore((Weighing("ridge", values(seed, 6), "correlation"),), {}, 0)}] * 2
    write_fold_weights(path, scores, {"ridge": weights(seed)})


def map_sets(seed: int) -> MapSets:
    held_out, n = SETS.held_out, (3, 2, 6)
    keeps = values(seed, *n) > 0
    halves = np.array([random_target(4, seed), random_target(4, seed + 1)])
    moved = np.tile(np.arange(4), (3, 1))
    of_sets = (keeps[0], keeps[1], keeps[:2], keeps)
    return MapSets(np.array(LABELS), held_out, random_target(4, seed), halves, moved, *of_sets)


def outcomes(seed: int) -> Outcomes:
    some, counts = (Specification(),), np.array([3])
    numbers = values(seed, 1, 2), values(seed, 1, 9), np.array([3.0]), counts, counts
    return Outcomes("vgg", "fc2", "IT", some, *numbers, n_features=6, n_images=4, fingerprint="abc")


def activations(path: Path, seed: int) -> None:
    np.save(path, values(seed, 5, 3).astype(np.float32))
    write_arrays(path.with_suffix(".npz"), classes=np.arange(5), names=np.array(list("abcde")))
    about = {"settings": {"spatial": "mean"}, "network": {"model": "vgg"}}
    write_json(path.with_suffix(".json"), {**about, **hashes_of({"values": path})})


def table(path: Path, seed: int) -> None:
    frame = pd.DataFrame({"subject": ["01", "02"], "r": values(seed, 2), "n": [1, 2]})
    write_table(path, frame, {"subject": "Who", "r": "Correlation", "n": "Count"})


def patterns(seed: int) -> Patterns:
    return Patterns(values(seed, 4, 3), LABELS, ("1", "1", "2", "2"), "V1", "01", {"voxels": 3}, {"seed": 0})


def similarities(path: Path, seed: int) -> None:
    write_similarities(path, ["dog.n.01", "cat.n.01"], {"path": random_target(2, seed)})


def spaces(path: Path, seed: int) -> None:
    write_spaces(path, {("vgg", "IT"): Spaces(("dog", "cat"), {"full": random_target(2, seed)[None]})})


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is written (path, seed) and read, and the endings of the files that belong to it."""

    write: Callable[[Path, int], None]
    read: Callable[[Path], Any]
    endings: tuple[str, ...] = ()

    def files(self, path: Path) -> list[Path]:
        return [path, *(path.with_suffix(ending) for ending in self.endings)]


def of(make: Callable[[int], Any], write: Callable[[Path, Any], None]) -> Callable[[Path, int], None]:
    return lambda path, seed: write(path, make(seed))


KINDS = {
    "rdm.h5": Kind(of(lambda seed: RDM(random_target(4, seed), LABELS, "IT", "01"), write_rdm), read_rdm),
    "embedding.h5": Kind(of(embedding, write_embedding), read_embedding),
    "patterns.h5": Kind(of(patterns, write_patterns), read_patterns),
    "folds.tsv": Kind(table, lambda path: read_table(path, where="folds"), (".json",)),
    "facts.json": Kind(of(lambda seed: {"n": seed, "provenance": {"ä": 1.5}}, write_json), read_json),
    "sets.npz": Kind(of(lambda seed: SETS, write_fold_sets), read_fold_sets),
    "relabelled.npz": Kind(of(lambda seed: RELABELLED, write_relabelled_sets), read_relabelled_sets),
    "null.npz": Kind(of(null, write_nulls), read_nulls),
    "bootstrap.npz": Kind(of(bootstrap, write_bootstrap), read_bootstrap),
    "retained.tsv": Kind(of(retained, write_retained_set), load_retained, (".json",)),
    "desc-ridge_weights.tsv": Kind(of(weights, write_weights), load_weights, (".json",)),
    "weights.npz": Kind(
        fold_weights, lambda path: spaces_of_weights(path, embedding(0), SETS, "correlation")
    ),
    "mapsets.npz": Kind(of(map_sets, write_map_sets), read_map_sets),
    "maps.npz": Kind(of(lambda seed: made(2, seed), write_mapped), read_mapped),
    "outcomes.npz": Kind(of(outcomes, write_outcomes), read_outcomes),
    "activations.npy": Kind(activations, read_activations, (".npz", ".json")),
    "similarities.npz": Kind(similarities, read_similarities),
    "spaces.npz": Kind(spaces, read_spaces),
    "lock.json": Kind(of(lambda seed: {**dict.fromkeys(_PARTS), "seed": seed}, write_json), read_lock),
}
"""By the ending of the file's name."""


def write_own(kind: str, folder: Path, subject: str = "01", *, network: str = "vgg", seed: int = 0) -> Path:
    """Write a file of a kind under the name that the file of a unit has."""
    path = folder / f"net-{network}_target-IT_sub-{subject}_sup-own_{kind}"
    KINDS[kind].write(path, seed)
    return path
