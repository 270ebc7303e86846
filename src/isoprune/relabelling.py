"""Relabellings of images: which image takes the place of which.

They follow from (seed, number, sorted labels) alone: relabelling b is the same for all targets, subjects and networks
on the same images, which is what makes a maximum over them a test of all at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from isoprune.errors import InferenceError
from isoprune.labels import check_labels, listing

RELABELLING_STREAM = 0x52454C41
"""Keeps the random numbers of relabellings apart from those of folds and random sets, which share the seed."""


def relabellings(
    labels: Sequence[str], n: int, *, seed: int, within: Mapping[str, str] | None = None
) -> np.ndarray:
    """Draw relabellings of the images.

    All permutations are equally likely, the identity among them: leaving it out would make the p-values of a true
    null too small.

    Parameters
    ----------
    labels : sequence of str
        Stimulus label of each row.
    n : int
        Number of relabellings. The first ones do not depend on it.
    seed : int
        0 is a seed like any other.
    within : mapping of str to str, optional
        Category of each label; images are then exchanged with images of their category only. The names of the
        categories do not matter.

    Returns
    -------
    ndarray of shape (n, n_images), int
        Row ``drawn[b, i]`` of a target takes the place of row i, so that the relabelled target is
        ``target[np.ix_(drawn[b], drawn[b])]``. Whatever the order of ``labels``, an image receives the same image.

    Raises
    ------
    InferenceError
        If a category is missing, or no category has two images.
    """
    labels = check_labels(labels, "relabellings")
    in_order = np.array(sorted(range(len(labels)), key=labels.__getitem__))
    exchangeable = _exchangeable([labels[row] for row in in_order], within)
    drawn = np.empty((n, len(labels)), dtype=np.int64)
    for b in range(n):
        rng = np.random.default_rng([seed, b, RELABELLING_STREAM])
        moved = np.arange(len(labels))
        for images in exchangeable:
            moved[images] = rng.permutation(images)
        drawn[b, in_order] = in_order[moved]
    return drawn


def _exchangeable(labels: Sequence[str], within: Mapping[str, str] | None) -> list[np.ndarray]:
    """Positions among the sorted labels that may be exchanged; groups in the order of their first label."""
    if within is None:
        return [np.arange(len(labels))]
    missing = [label for label in labels if not within.get(label)]
    if missing:
        raise InferenceError(
            "inference.exchange",
            f"no category for {len(missing)} image(s): {listing(missing)}",
            "a category for every image",
            "Name a filled column of the stimulus table, or use `exchange: images`.",
        )
    members: dict[str, list[int]] = {}
    for position, label in enumerate(labels):
        members.setdefault(within[label], []).append(position)
    if max(map(len, members.values())) < 2:
        raise InferenceError(
            "inference.exchange",
            f"{len(members)} categories of one image each",
            "categories of several images, whose labels can be exchanged",
            "Name a coarser column of the stimulus table, or use `exchange: images`.",
        )
    return [np.array(positions) for positions in members.values()]


def check_permutations(drawn: np.ndarray, n_images: int) -> np.ndarray:
    """The relabellings, if every row is a permutation of the images.

    Raises
    ------
    InferenceError
        If one is not.
    """
    drawn = np.asarray(drawn)
    if drawn.ndim != 2 or not np.array_equal(
        np.sort(drawn, axis=1), np.broadcast_to(np.arange(n_images), (*drawn.shape[:1], n_images))
    ):
        raise InferenceError(
            "relabellings",
            f"an array of shape {drawn.shape} whose rows are not all permutations",
            f"permutations of {n_images} images in its rows",
            "Draw them with isoprune.relabelling.relabellings from the labels of this unit.",
        )
    return drawn


def fingerprint_of(labels: Sequence[str], drawn: np.ndarray) -> str:
    """Hash of the sorted labels and of what each relabelling gives them; the order of rows does not matter."""
    in_order = np.array(sorted(range(len(labels)), key=labels.__getitem__))
    place = np.empty_like(in_order)
    place[in_order] = np.arange(len(labels))
    content = hashlib.sha256("\0".join(labels[row] for row in in_order).encode())
    content.update(np.ascontiguousarray(place[drawn[:, in_order]], dtype="<i8").tobytes())
    return content.hexdigest()[:16]
