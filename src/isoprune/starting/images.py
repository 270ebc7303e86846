"""The stimulus table of a folder of images, and how measured conditions are found among its labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from isoprune.classification.images import IMAGE_FILES
from isoprune.errors import LabelError, MissingFileError
from isoprune.io.betas.runs import counting_order
from isoprune.labels import check_labels, listing, nearest

if TYPE_CHECKING:
    import pandas as pd


def stimuli_of_folder(folder: Path) -> pd.DataFrame:
    """A row for each image of a folder.

    Parameters
    ----------
    folder : Path
        Images, perhaps in a folder for each category.

    Returns
    -------
    DataFrame
        Columns ``stimulus`` (name of the file without its ending; with its folders where that is not unique),
        ``file`` (relative to the folder) and, where there are folders in it, ``category``. Sorted as people count.

    Raises
    ------
    MissingFileError
        If there is no such folder, or no image in it.
    LabelError
        If two images have one name.
    """
    import pandas as pd

    if not folder.is_dir():
        raise MissingFileError("--images", f"'{folder}' is not a folder", "a folder of images", "Correct it.")
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in IMAGE_FILES]
    paths = sorted(
        (path for path in paths if not path.name.startswith(".")), key=lambda one: counting_order(str(one))
    )
    if not paths:
        expected = f"files that end with {listing(IMAGE_FILES, most=10)}"
        raise MissingFileError("--images", f"no image in '{folder}'", expected, "Name the folder of images.")
    twice = {stem for stem, count in Counter(path.stem for path in paths).items() if count > 1}
    labels = ["_".join(path.with_suffix("").parts) if path.stem in twice else path.stem for path in paths]
    table = {
        "stimulus": check_labels(labels, f"images in '{folder}'"),
        "file": [path.as_posix() for path in paths],
    }
    categories = [path.parts[0] if len(path.parts) > 1 else None for path in paths]
    return pd.DataFrame(table | ({"category": categories} if any(categories) else {}))


def named_by_conditions(
    stimuli: pd.DataFrame, conditions: Iterable[str], where: str
) -> tuple[pd.DataFrame, list[str]]:
    """The images that conditions show, called as the conditions are.

    Parameters
    ----------
    stimuli : DataFrame
        As `stimuli_of_folder` gives it.
    conditions : iterable of str
        Names of conditions. Each means the image of this name, or else the only one that has the same letters and
        digits, whatever their case: ``Dog1`` is ``dog_1``.
    where : str
        Where the conditions come from, for the error message.

    Returns
    -------
    stimuli : DataFrame
        Rows of the images that are shown.
    others : list of str
        Conditions that no image is called like.

    Raises
    ------
    LabelError
        If no condition is called like an image.
    """
    labels = list(stimuli["stimulus"])
    plain = Counter(map(_plain, labels))
    by_plain = {_plain(label): label for label in labels if plain[_plain(label)] == 1}
    condition_of, others = {}, []
    for condition in dict.fromkeys(conditions):
        label = condition if condition in labels else by_plain.get(_plain(condition))
        if label is None or label in condition_of:
            others.append(condition)
        else:
            condition_of[label] = condition
    if not condition_of:
        hint = nearest(others[0], labels) if others else None
        raise LabelError(
            where,
            f"none of its {len(others)} conditions is called like an image: {listing(others)}",
            f"names of images, such as {listing(labels, most=3)}",
            f"Call the images as the conditions are{f' (is {hint!r} meant?)' if hint else ''}.",
        )
    shown = stimuli[stimuli["stimulus"].isin(condition_of)].reset_index(drop=True)
    return shown.assign(stimulus=[condition_of[label] for label in shown["stimulus"]]), others


def _plain(label: str) -> str:
    return re.sub(r"[\W_]", "", label).lower()
