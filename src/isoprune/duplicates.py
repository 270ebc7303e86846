"""Images that are nearly the same: a held-out one that has its copy among the training images is not new.

Another compression, size or a mirrored copy of an image takes part in selection under another label, so that scores on
it are optimistic. Images are compared as pictures, before any network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from isoprune.appearance import pixels_of
from isoprune.folds import Fold, make_folds
from isoprune.io.tables import image_paths
from isoprune.stimuli import column_of, stimuli_of_set

NEARLY_ONE = 0.95
"""Correlation of pixels from which two images are nearly the same.

Other compressions and sizes of one image lie above; different pictures of the studies `cichy92` and `peterson` lie
at .82 at most.
"""

DUPLICATE_COLUMNS = {
    "stimulus_1": "First image, the one whose label sorts first.",
    "stimulus_2": "Second image.",
    "r": "Pearson correlation of their sRGB pixels (largest centred square, 64 × 64), −1 … 1.",
    "mirrored": "1 if it is the mirrored second image that is so like the first, else 0.",
    "n_apart": "Folds × repeats in which one is held out while the other takes part in the selection.",
    "n_folds": "Number of folds × repeats.",
}


def near_duplicates(images: Mapping[str, str | Path], folds: Sequence[Fold]) -> pd.DataFrame:
    """Pairs of images that are nearly the same.

    Parameters
    ----------
    images : mapping of str to path
        Image file of each label.
    folds : sequence of Fold
        Over these labels.

    Returns
    -------
    DataFrame
        A row a pair, columns as `DUPLICATE_COLUMNS`; the most alike first. Images of one colour are left out.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If an image cannot be read.
    """
    labels = sorted(images)
    pixels = pixels_of([images[label] for label in labels], labels)
    plain = _correlations(pixels, pixels)
    mirrored = _correlations(pixels, pixels[:, :, ::-1])
    r = np.fmax(plain, mirrored)
    tests = [set(fold.test) for fold in folds]
    held_out = np.array([[label in test for label in labels] for test in tests])
    rows = [
        {
            "stimulus_1": labels[one],
            "stimulus_2": labels[other],
            "r": float(r[one, other]),
            "mirrored": int(not plain[one, other] >= mirrored[one, other]),
            "n_apart": int((held_out[:, one] != held_out[:, other]).sum()),
            "n_folds": len(folds),
        }
        for one, other in np.argwhere(np.triu(r >= NEARLY_ONE, 1))
    ]
    table = pd.DataFrame(rows, columns=list(DUPLICATE_COLUMNS))
    return table.sort_values("r", ascending=False, kind="stable", ignore_index=True)


def duplicates_of_study(
    stimuli: pd.DataFrame,
    images_from: str | Path,
    sets: Sequence[str | None],
    crossvalidation: Mapping[str, Any],
    seed: int,
) -> pd.DataFrame:
    """Pairs of a study's images that are nearly the same, within every stimulus set.

    Parameters
    ----------
    stimuli : DataFrame
        The stimulus table.
    images_from : path
        The user's table, whose folder images are relative to.
    sets : sequence of str or None
        Stimulus sets of the targets; None stands for all images.
    crossvalidation : mapping
        The settings of that name.
    seed : int
        Seed of the study.

    Returns
    -------
    DataFrame
        As `near_duplicates`.
    """
    column, tables = crossvalidation["column"], []
    for name in sets:
        some = stimuli_of_set(stimuli, name)
        labels = list(some["stimulus"])
        folds = make_folds(
            labels,
            **{key: crossvalidation[key] for key in ("folds", "n_splits", "n_repeats")},
            seed=seed,
            groups=column_of(some, column) if column else None,
        )
        tables.append(near_duplicates(dict(zip(labels, image_paths(some, images_from), strict=True)), folds))
    return pd.concat(tables, ignore_index=True)


def _correlations(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Correlation of each picture with each other one, (n_images, n_images); NaN where one has a single colour."""
    standard = []
    for one in (pictures, others):
        flat = one.reshape(len(one), -1)
        centred = flat - flat.mean(axis=1, keepdims=True)
        norm = np.sqrt((centred**2).sum(axis=1, keepdims=True))
        standard.append(centred / np.where(norm == 0, np.nan, norm))
    return standard[0] @ standard[1].T
