"""Similarity spaces at the level of synsets: of all images, and of each block of held-out images.

Images of one synset are exemplars of it: the dissimilarity of two synsets is the mean over all pairs of their
exemplars, and pairs of the same synset are never scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from isoprune.foldsets import FoldSets
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.io.tables import read_table
from isoprune.isomorphism import dissimilarity, pairs_of
from isoprune.labelled import RDM, Embedding
from isoprune.wordnet import MIN_SYNSETS, read_similarities

HUMAN = "human"
"""The competitor that is the target's own RDM."""

N_RANDOM = 80
"""Random sets of features of the retained number, over all blocks."""

RANDOM_STREAM = 0x574E
"""Keeps the draws of random sets apart from those of relabellings."""


@dataclass(frozen=True)
class Spaces:
    """The spaces of competitors over the same synsets.

    Attributes
    ----------
    synsets : tuple of str
        Sorted.
    rdms : dict of str to ndarray of shape (n_sets, n_synsets, n_synsets)
        Dissimilarities by competitor; several sets only of random ones. The diagonal is not used.
    """

    synsets: tuple[str, ...]
    rdms: dict[str, np.ndarray]


@dataclass(frozen=True)
class WordNet:
    """What is known of WordNet without reading it again.

    Attributes
    ----------
    of_stimulus : mapping of str to str
        Synset of every stimulus that has one.
    synsets : sequence of str
    similarities : mapping of str to ndarray of shape (n_synsets, n_synsets)
        By measure, in the order of ``synsets``.
    """

    of_stimulus: Mapping[str, str]
    synsets: Sequence[str]
    similarities: Mapping[str, np.ndarray]
    place: Mapping[str, int] = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "place", {name: place for place, name in enumerate(self.synsets)})

    def square(self, measure: str, synsets: Sequence[str]) -> np.ndarray:
        """Similarities of some synsets, (n_synsets, n_synsets)."""
        places = [self.place[name] for name in synsets]
        return self.similarities[measure][np.ix_(places, places)]

    def pairs(self, synsets: Sequence[str]) -> dict[str, np.ndarray]:
        """Similarities of the pairs of some synsets by measure, (n_pairs,)."""
        return {measure: pairs_of(self.square(measure, synsets)) for measure in self.similarities}


def read_wordnet(synsets: str | Path, similarities: str | Path) -> WordNet:
    """What the rule that reads WordNet left: the table of synsets, and their similarities.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If either is not there, or something else.
    """
    table = read_table(synsets, where="synsets of the stimuli").dropna(subset="synset")
    return WordNet(
        dict(zip(table["stimulus"].astype(str), table["synset"], strict=True)),
        *read_similarities(similarities),
    )


def write_spaces(path: str | Path, spaces: Mapping[tuple[str, str], Spaces]) -> None:
    """Write the spaces of units, by network and target, as npz; competitors of several sets are left out."""
    arrays = {}
    for (network, target), of_unit in spaces.items():
        unit = f"{network}_{target}"
        arrays[f"{unit}_synsets"] = np.array(of_unit.synsets)
        single = {name: rdms[0] for name, rdms in of_unit.rdms.items() if len(rdms) == 1}
        arrays |= {f"{unit}_rdm_{name}": rdm for name, rdm in single.items()}
    write_arrays(path, **arrays)


def read_spaces(path: str | Path) -> dict[tuple[str, str], Spaces]:
    """Spaces that `write_spaces` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    found: dict[tuple[str, str], Spaces] = {}
    for key, array in read_arrays(path, what="spaces of synsets").items():
        network, target, what, *name = key.split("_", 3)
        if what == "synsets":
            found[network, target] = Spaces(tuple(map(str, array)), {})
        else:
            found[network, target].rdms[name[0]] = array[None]
    return found


def mean_over_exemplars(rdm: np.ndarray, synsets: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """RDMs of synsets from RDMs of images: the mean over all pairs of two synsets' exemplars.

    Parameters
    ----------
    rdm : ndarray of shape (..., n_images, n_images)
    synsets : sequence of str
        Synset of each image.

    Returns
    -------
    synsets : tuple of str
        Each once, sorted.
    rdm : ndarray of shape (..., n_synsets, n_synsets)
        Zero on the diagonal, of which no pair is scored.
    """
    names, of_image = np.unique(np.array(synsets, dtype=str), return_inverse=True)
    member = (of_image == np.arange(len(names))[:, None]).astype(np.float64)
    member /= member.sum(axis=1, keepdims=True)
    mean = member @ rdm @ member.T
    mean[..., range(len(names)), range(len(names))] = 0
    return tuple(map(str, names)), mean


def spaces_of_all_images(
    embedding: Embedding,
    target: RDM,
    sets: FoldSets,
    final: np.ndarray,
    of_stimulus: Mapping[str, str],
    *,
    measure: str = "correlation",
    seed: int = 0,
    more: Mapping[str, RDM] | None = None,
) -> Spaces:
    """The spaces of all images that have a synset: human, full, pruned (the final set), random.

    Parameters
    ----------
    embedding : Embedding
    target : RDM
    sets : FoldSets
        Of the unit; its images are used.
    final : ndarray of int
        The set fitted on all images.
    of_stimulus : mapping of str to str
        Synset of each image that has one.
    measure : {"correlation", "cosine", "euclidean"}
        First-order measure of the embedding's RDMs.
    seed : int
        Of the random sets.
    more : mapping of str to RDM, optional
        Further competitors by name, say reweighted embeddings.

    Returns
    -------
    Spaces
    """
    images = [label for label in sets.labels if label in of_stimulus]
    rng = np.random.default_rng([seed, RANDOM_STREAM])
    given = {name: rdm.subset(images).values for name, rdm in (more or {}).items()}
    return _spaces(embedding, target, images, final, of_stimulus, measure, rng, N_RANDOM, given)


def spaces_of_held_out_images(
    embedding: Embedding,
    target: RDM,
    sets: FoldSets,
    of_stimulus: Mapping[str, str],
    *,
    measure: str = "correlation",
    seed: int = 0,
    more: Mapping[str, Sequence[RDM]] | None = None,
) -> list[Spaces]:
    """The spaces of every scored block's images that have a synset; blocks of fewer than four synsets are left out.

    Parameters
    ----------
    embedding, target, sets, of_stimulus, measure, seed
        As in `spaces_of_all_images`; ``pruned`` is the set that the fold's training images retained.
    more : mapping of str to sequence of RDM, optional
        Further competitors: an RDM for each scored block, of at least its images.

    Returns
    -------
    list of Spaces
    """
    retained = [features for features, images in zip(sets.retained, sets.tested, strict=True) if images.any()]
    blocks = sets.scored_blocks()
    found = []
    for number, (fold, features) in enumerate(zip(blocks, retained, strict=True)):
        images = [label for label in fold.test if label in of_stimulus]
        if len({of_stimulus[label] for label in images}) < MIN_SYNSETS:
            continue
        rng = np.random.default_rng([seed, RANDOM_STREAM, fold.repeat, fold.fold])
        given = {name: rdms[number].subset(images).values for name, rdms in (more or {}).items()}
        n_random = max(1, N_RANDOM // len(blocks))
        found.append(_spaces(embedding, target, images, features, of_stimulus, measure, rng, n_random, given))
    return found


def _spaces(
    embedding: Embedding,
    target: RDM,
    images: Sequence[str],
    retained: np.ndarray,
    of_stimulus: Mapping[str, str],
    measure: str,
    rng: np.random.Generator,
    n_random: int,
    more: Mapping[str, np.ndarray],
) -> Spaces:
    values = embedding.subset(images).values.astype(np.float64)
    whole = embedding.whole(retained)
    drawn = (rng.choice(whole, len(retained), replace=False) for _ in range(n_random))
    of_images = {
        HUMAN: target.subset(images).values[None],
        "full": dissimilarity(values[:, whole], measure)[None],
        "pruned": dissimilarity(values[:, np.sort(retained)], measure)[None],
        "random": np.array([dissimilarity(values[:, np.sort(one)], measure) for one in drawn]),
        **{name: rdm[None] for name, rdm in more.items()},
    }
    synsets = [of_stimulus[label] for label in images]
    names, _ = mean_over_exemplars(of_images[HUMAN], synsets)
    return Spaces(names, {name: mean_over_exemplars(rdms, synsets)[1] for name, rdms in of_images.items()})
