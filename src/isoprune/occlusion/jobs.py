"""Which images of a study are mapped, how they are divided between jobs, and where the masks of their objects are."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isoprune.errors import OcclusionError
from isoprune.io.files import existing
from isoprune.labels import choose

if TYPE_CHECKING:
    import pandas as pd

MASK = "mask"
"""Column of the stimulus table with pictures that are black where the object is not."""


def chosen_images(labels: Sequence[str], images: Sequence[str] | int | str) -> list[str]:
    """The images that maps are made of.

    Parameters
    ----------
    labels : sequence of str
        Of the stimulus table, in its order.
    images : sequence of str, int or "all"
        Labels; or a number of images, spread evenly over the table.

    Returns
    -------
    list of str
        Labels, in the order of the table.

    Raises
    ------
    UnknownNameError
        If there is no such image.
    OcclusionError
        If there are fewer images than asked for.
    """
    if images == "all":
        return list(labels)
    if isinstance(images, int):
        if images > len(labels):
            raise OcclusionError(
                "heatmaps.images",
                f"{images} images of {len(labels)}",
                f"at most {len(labels)}",
                "Lower the number, or write `all`.",
            )
        return [labels[place] for place in np.linspace(0, len(labels) - 1, images).round().astype(int)]
    wanted = {choose(label, labels, what="image", where="heatmaps.images") for label in images}
    return [label for label in labels if label in wanted]


def n_jobs(n_images: int, per_job: int) -> int:
    """Jobs that the images of a network are divided between."""
    return ceil(n_images / per_job)


def of_job(images: Sequence[str], job: int, jobs: int) -> list[str]:
    """The images of one of several jobs, numbered from 1."""
    return [str(label) for label in np.array_split(np.array(images, dtype=object), jobs)[job - 1]]


def mask_paths(stimuli: pd.DataFrame, table: str | Path) -> dict[str, Path]:
    """The mask of each image's object, where the stimulus table names one.

    Parameters
    ----------
    stimuli : DataFrame
    table : path
        The stimulus table; masks are relative to its folder, as images are.

    Returns
    -------
    dict of str to Path
        By stimulus label; empty without a column ``mask``.

    Raises
    ------
    MissingFileError
        If a mask is not there.
    """
    if MASK not in stimuli:
        return {}
    named = stimuli[stimuli[MASK].notna()]
    remedy = "Correct the path, or leave the cell empty."
    return {
        label: existing(Path(table).parent / file, where=f"mask of stimulus '{label}'", remedy=remedy)
        for label, file in zip(named["stimulus"], named[MASK], strict=True)
    }
