"""From features of occluded images to maps of the isomorphism.

The score of a version of image t (intact, or occluded somewhere) is the correlation of its dissimilarities to all other
images, 1 − Pearson r over a set of features, with the target's row t. Heat is the score of the intact image minus that
of the occluded one: where it is positive, the occluded region carries the isomorphism. Every set and target is read
from the same occluded features, which are computed once and never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from isoprune.errors import OcclusionError
from isoprune.isomorphism import CONSTANT_RDM, standardised_pairs
from isoprune.labelled import CONSTANT_IMAGE, constant_images
from isoprune.labels import choose
from isoprune.occlusion.windows import Windows
from isoprune.pruning import one_blas_thread

SCORES = ("r", "r2")
"""Signed correlation of an image's row, or its square as published."""

COMBINATIONS = ("mean", "largest")
"""How the maps of several window sizes become one: their mean, or at each cell the value of largest magnitude."""


class Occluded(Protocol):
    """What gives features of occluded images; `isoprune.occlusion.engine.OccludedNetwork` does."""

    def intact(self, image: Any) -> np.ndarray:
        """Features of the image as it is, shape (n_features,)."""

    def embed(
        self, image: Any, boxes: np.ndarray, value: float, *, shape: str
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Numbers of boxes, and the features of the image with each of them occluded."""


@dataclass(frozen=True)
class Question:
    """What is asked of an image: sets of features, and rows of targets.

    Attributes
    ----------
    sets : sequence of ndarray of int
        Each gives maps; the mean over sets is kept.
    rows : ndarray of shape (n_rows, n_others)
        Dissimilarities of the image to all others under each target; each gives a map.
    """

    sets: Sequence[np.ndarray]
    rows: np.ndarray


@dataclass(frozen=True)
class Answer:
    """Maps of a question.

    Attributes
    ----------
    heat : ndarray of shape (n_rows, n_grid_rows, n_grid_columns), float64
        Score of the intact minus that of the occluded image (dimensionless), combined over window sizes; NaN where
        no set has a score.
    intact : ndarray of shape (n_rows,), float64
        Score of the intact image, mean over sets and sizes (without a border all sizes have the same).
    """

    heat: np.ndarray
    intact: np.ndarray


@dataclass(frozen=True)
class Reading:
    """How maps are read from features; the attributes are the settings of the same names.

    Attributes
    ----------
    score : {"r", "r2"}
    combine : {"mean", "largest"}
    value : float
        What windows are filled with, in units of the normalised input; 0 is the mean colour of its preprocessing.
    shape : {"square", "disc"}
    """

    score: str = "r"
    combine: str = "mean"
    value: float = 0.0
    shape: str = "square"

    def __post_init__(self):
        choose(self.score, SCORES, what="score", where="heatmaps.score")
        choose(self.combine, COMBINATIONS, what="way to combine sizes", where="heatmaps.combine")


def answer(
    occluded: Occluded,
    image: Any,
    windows: Windows,
    others: np.ndarray,
    questions: Sequence[Question],
    reading: Reading,
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """Occlude an image once and answer every question about it.

    Parameters
    ----------
    occluded : Occluded
        Gives features of occluded images.
    image : tensor of shape (3, height, width)
        The network's input.
    windows : Windows
        Over an input of this shape.
    others : ndarray of shape (n_others, n_features)
        Features of all other images, intact.
    questions : sequence of Question
    reading : Reading
    threads : int
        Sets of features that are read at the same time; changes no bit of the result.
    progress : callable, optional
        Called with the number of windows done and of all windows.

    Returns
    -------
    list of Answer
        One for each question.

    Raises
    ------
    OcclusionError
        If the image has another shape than the windows are for.
    """
    if tuple(image.shape[-2:]) != windows.shape:
        raise OcclusionError(
            "occlusion maps",
            f"an image of {image.shape[-2]} × {image.shape[-1]} px",
            f"{windows.shape[0]} × {windows.shape[1]} px, the size that the windows are for",
            "Give all images of a network one size; its own preprocessing does.",
        )
    n_cells = windows.grid[0] * windows.grid[1]
    of_sizes = []
    for number, size in enumerate(windows.sizes):
        versions = np.empty((others.shape[1], 1 + n_cells))
        with_border = bordered(image, windows.padding(size))
        versions[:, 0] = occluded.intact(with_border)
        done = number * n_cells
        for cells, features in occluded.embed(
            with_border, windows.boxes(size), reading.value, shape=reading.shape
        ):
            versions[:, 1 + cells] = features.T
            done += len(cells)
            if progress:
                progress(done, len(windows.sizes) * n_cells)
        of_sizes.append(_heat_of_all(versions, others, questions, reading, threads))
    return [
        Answer(
            combined(np.array([heat for heat, _ in of_question]), reading.combine).reshape(-1, *windows.grid),
            np.mean([intact for _, intact in of_question], axis=0),
        )
        for of_question in zip(*of_sizes, strict=True)
    ]


def bordered(image: Any, width: int) -> Any:
    """The image with a border of zeros; the same object without one."""
    if not width:
        return image
    from torch.nn.functional import pad

    return pad(image, (width,) * 4)


def _heat_of_all(
    versions: np.ndarray, others: np.ndarray, questions: Sequence[Question], reading: Reading, threads: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each question, heat (n_rows, n_cells) and score of the intact image (n_rows,): means over its sets."""

    def read(features: np.ndarray, rows: np.ndarray) -> np.ndarray:
        r = row_isomorphism(versions, others, features, rows)
        return r if reading.score == "r" else r**2

    with one_blas_thread(), ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        waiting = [
            [pool.submit(read, features, question.rows) for features in question.sets]
            for question in questions
        ]
        found = [[one.result() for one in of_question] for of_question in waiting]
    n_versions = versions.shape[1]
    return [
        _mean_over_sets(np.reshape(scores, (-1, len(question.rows), n_versions)))
        for scores, question in zip(found, questions, strict=True)
    ]


def _mean_over_sets(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return mean_of_defined(scores[:, :, :1] - scores[:, :, 1:]), mean_of_defined(scores[:, :, 0])


def mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is defined; NaN where nothing is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=0)
    return np.where(count > 0, np.where(defined, values, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def combined(heat: np.ndarray, combine: str) -> np.ndarray:
    """One map of the maps of several window sizes.

    Parameters
    ----------
    heat : ndarray of shape (n_sizes, ...)
    combine : {"mean", "largest"}
        ``largest`` keeps the sign of the value of largest magnitude; of two with the same, the positive one.

    Returns
    -------
    ndarray of shape (...)
        NaN where any size is undefined.
    """
    if combine == "mean":
        return heat.mean(axis=0)
    low, high = heat.min(axis=0), heat.max(axis=0)
    return np.where(np.abs(low) > np.abs(high), low, high)


def row_isomorphism(
    versions: np.ndarray, others: np.ndarray, features: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Correlation of the dissimilarities of versions of an image to all other images with rows of targets.

    The other images are centred over features and brought to one norm, then centred over images. Their product with a
    version is then its similarity to each, up to the version's norm, which a correlation over images does not see.

    Parameters
    ----------
    versions : ndarray of shape (n_all_features, n_versions), float64
    others : ndarray of shape (n_others, n_all_features), float64
        An image that is constant under the set is left out, here and in the rows.
    features : ndarray of int
        The set of features.
    rows : ndarray of shape (n_rows, n_others)
        Dissimilarities.

    Returns
    -------
    ndarray of shape (n_rows, n_versions), float64
        Signed correlation, −1 … 1; NaN where a version is constant under the set, or a row or all similarities are.
    """
    some = others[:, features]
    there = ~constant_images(some)
    if there.sum() < 2:
        return np.full((len(rows), versions.shape[1]), np.nan)
    some = some[there] - some[there].mean(axis=1, keepdims=True)
    some /= np.sqrt((some**2).sum(axis=1, keepdims=True))
    some -= some.mean(axis=0)
    own = versions[features]
    squares = np.einsum("kb,kb->b", own, own)
    spread = squares - own.sum(axis=0) ** 2 / len(features)
    similar = some @ own
    strength = np.einsum("jb,jb->b", similar, similar)
    undefined = (spread <= CONSTANT_IMAGE * squares) | (strength <= CONSTANT_RDM * len(some) * spread)
    # Row by row: in one product of matrices, the last bits of a row may depend on which other rows there are.
    agreement = np.array([row @ similar for row in standardised_pairs(rows[:, there])])
    return -agreement / np.sqrt(np.where(undefined, np.nan, strength))
