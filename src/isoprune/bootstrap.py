"""Held-out scores under resampled images: computed by a unit, kept in its files, joined with those of others.

Images are resampled inside each held-out block while the selected features stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isoprune.blas import one_blas_thread
from isoprune.crossvalidation import fisher_z
from isoprune.errors import InferenceError
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.isomorphism import pairs_of
from isoprune.labels import listing
from isoprune.pruning import Procedure
from isoprune.scoring import Features, similarities_of
from isoprune.weighted import weighted_r

WEIGHTS_AT_ONCE = 2_000_000
"""Pair weights that are held at once (16 MB)."""


@dataclass(frozen=True)
class ImageBootstrap:
    """Held-out scores of a unit under resampled images: all that a unit needs to store.

    Attributes
    ----------
    labels : tuple of str
        Sorted labels of the images that were resampled.
    seed : int
    observed : dict of str to float
        Fisher z of each competitor, mean over blocks; NaN if no block has a score.
    samples : dict of str to ndarray of shape (n_bootstrap,)
        The same for each resample; resample b has the same images in every unit with these labels and seed.
    n_undefined : int
        Blocks × resamples without a score, left out of every competitor's mean.
    """

    labels: tuple[str, ...]
    seed: int
    observed: dict[str, float]
    samples: dict[str, np.ndarray]
    n_undefined: int


@one_blas_thread()
def bootstrap_images(
    values: np.ndarray,
    target: np.ndarray,
    labels: Sequence[str],
    tested: Sequence[Sequence[str]],
    sets: Mapping[str, Sequence[Sequence[Features]]],
    *,
    procedure: Procedure,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> ImageBootstrap:
    """Score resampled images inside each held-out block, with the features that were selected.

    A resample draws all images with replacement once; an image counts in its block of every repeat as often
    as it was drawn, because the repeats are about the same images. Pairs of an image with itself are dropped.
    Noise that is independent from pair to pair counts about three times, because a pair's weight is the product of
    two counts (as on resampled conditions in Schütt et al. 2023, eLife 12:e82566). Intervals over images are
    therefore wide: simulated with 30 images their variance is 1.6 times the true one without measurement noise
    and 4 times with much of it.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features), float64
    target : ndarray of shape (n_images, n_images), float64
        Target that was scored.
    labels : sequence of str
        Stimulus label of each row.
    tested : sequence of sequence of str
        Labels of the images that were scored in each block; empty for a block without a score.
    sets : mapping of str to sequence of sequence of (ndarray or callable)
        For each competitor and each block one or more sets of features, of whose scores the Fisher-z mean is taken; or
        other ways to see them, as in `isoprune.scoring.similarities_of`.
    procedure : Procedure
        As scored.
    n_bootstrap, seed : int
        Resamples follow from (seed, sorted labels) alone.

    Returns
    -------
    ImageBootstrap
    """
    order = sorted(labels)
    counts = image_counts(len(order), n_bootstrap, seed)
    row_of, column_of = ({label: i for i, label in enumerate(names)} for names in (labels, order))
    blocks: list[dict[str, np.ndarray]] = []
    for number, images in enumerate(tested):
        if not len(images):
            continue
        rows, columns = (np.array([of[label] for label in images]) for of in (row_of, column_of))
        block = pairs_of(target[np.ix_(rows, rows)])
        blocks.append(
            {
                name: _resampled_z(values[rows], of_blocks[number], block, counts[:, columns], procedure)
                for name, of_blocks in sets.items()
            }
        )
    return _mean_over_blocks(blocks, tuple(sets), tuple(order), seed, n_bootstrap)


def image_counts(n_images: int, n_bootstrap: int, seed: int) -> np.ndarray:
    """How often each image occurs in each resample, after the images as they are.

    Returns
    -------
    ndarray of shape (1 + n_bootstrap, n_images), int
        Columns are images in the sorted order of their labels, so that a resample is the same for everything on
        the same images. The first row is ones.
    """
    rng = np.random.default_rng([seed, n_images])
    drawn = rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=n_bootstrap)
    return np.vstack([np.ones(n_images, dtype=drawn.dtype), drawn])


def _mean_over_blocks(
    blocks: Sequence[Mapping[str, np.ndarray]],
    names: Sequence[str],
    labels: tuple[str, ...],
    seed: int,
    n_bootstrap: int,
) -> ImageBootstrap:
    if not blocks or not names:
        nothing = np.full(n_bootstrap, np.nan)
        return ImageBootstrap(labels, seed, dict.fromkeys(names, np.nan), dict.fromkeys(names, nothing), 0)
    z = np.array([[block[name] for block in blocks] for name in names])
    # Competitors stay paired: a block that one cannot be scored on counts for none.
    undefined = np.isnan(z).any(axis=0)
    mean = np.ma.array(z, mask=np.broadcast_to(undefined, z.shape)).mean(axis=1).filled(np.nan)
    observed = {name: float(row[0]) for name, row in zip(names, mean, strict=True)}
    samples = {name: row[1:] for name, row in zip(names, mean, strict=True)}
    return ImageBootstrap(labels, seed, observed, samples, int(undefined[:, 1:].sum()))


def _resampled_z(
    values: np.ndarray,
    sets: Sequence[Features],
    target: np.ndarray,
    counts: np.ndarray,
    procedure: Procedure,
) -> np.ndarray:
    """Fisher z of a block, mean over sets of features, for each row of image counts; shape (n_counts,)."""
    first, second = np.triu_indices(len(values), 1)
    similarities = pairs_of(similarities_of(values, sets, procedure))
    step = max(1, WEIGHTS_AT_ONCE // len(first))
    parts = []
    for start in range(0, len(counts), step):
        some = counts[start : start + step].astype(np.float64)
        weights = some[:, first] * some[:, second]
        r = weighted_r(similarities, target, weights, procedure.criterion.curve)
        parts.append(fisher_z(-r).mean(axis=0))
    return np.concatenate(parts)


def joined(one: ImageBootstrap, other: ImageBootstrap) -> ImageBootstrap:
    """Competitors of two bootstraps of the same images and resamples.

    Raises
    ------
    InferenceError
        If images, seed or number of resamples differ, or both hold a competitor.
    """
    check_same_resamples({"one": one, "other": other})
    if both := sorted(set(one.observed) & set(other.observed)):
        raise InferenceError(
            "resampled scores of a unit",
            f"{listing(both)} in two files",
            "every competitor in one of them",
            "Remove the unit's files and let them be made again: one lies in another's folder.",
        )
    observed, samples = {**one.observed, **other.observed}, {**one.samples, **other.samples}
    return ImageBootstrap(one.labels, one.seed, observed, samples, one.n_undefined + other.n_undefined)


def check_same_resamples(bootstraps: Mapping[str, ImageBootstrap]) -> None:
    """Refuse bootstraps of which a resample has not the same images in all.

    Raises
    ------
    InferenceError
        If images, seed or number of resamples differ.
    """
    images = {(one.labels, one.seed) for one in bootstraps.values()}
    sizes = {len(samples) for one in bootstraps.values() for samples in one.samples.values()}
    if len(images) > 1 or len(sizes) > 1:
        raise InferenceError(
            "interval over subjects and images",
            "subjects whose images, seed or number of resamples differ",
            "the same resampled images in every subject",
            "Compute all subjects' image bootstraps with the same settings on the same stimuli.",
        )


def write_bootstrap(path: str | Path, bootstrap: ImageBootstrap) -> None:
    """Write a unit's resampled scores as npz, in one step; a row of ``samples`` is a competitor."""
    write_arrays(
        path,
        competitors=np.array(list(bootstrap.observed)),
        observed=np.array(list(bootstrap.observed.values())),
        samples=np.array(list(bootstrap.samples.values())),
        labels=np.array(bootstrap.labels),
        seed=np.array(bootstrap.seed),
        n_undefined=np.array(bootstrap.n_undefined),
    )


def read_bootstrap(path: str | Path) -> ImageBootstrap:
    """The resampled scores that `write_bootstrap` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    names = ("competitors", "observed", "samples", "labels", "seed", "n_undefined")
    arrays = read_arrays(path, names, what="the resampled scores of a unit")
    competitors = [str(name) for name in arrays["competitors"]]
    return ImageBootstrap(
        tuple(str(label) for label in arrays["labels"]),
        int(arrays["seed"]),
        dict(zip(competitors, map(float, arrays["observed"]), strict=True)),
        dict(zip(competitors, arrays["samples"], strict=True)),
        int(arrays["n_undefined"]),
    )
