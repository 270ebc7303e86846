"""The stimulus table in use: its images checked, its labels in the order that an unlabelled file follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isoprune.errors import IsopruneError, LabelError, UnreadableFileError
from isoprune.io.tables import image_paths, read_stimuli
from isoprune.labels import check_labels, choose, listing
from isoprune.provenance import sha256_of_file

if TYPE_CHECKING:
    import pandas as pd

STIMULUS_COLUMNS = {
    "stimulus": "Label that identifies the image everywhere.",
    "file": "Image file, relative to the folder of the user's stimulus table.",
    "category": "Category of the image.",
    "group": "Group of images that belong together (for grouped folds).",
    "synset": "WordNet synset of what the image shows.",
    "set": "Stimulus set.",
    "sha256": "SHA-256 of the image file.",
}


def checked_stimuli(
    path: str | Path,
    rows: Sequence[Mapping[str, str]] | None = None,
    *,
    with_images: bool,
    folder: str | Path | None = None,
) -> pd.DataFrame:
    """The stimulus table, with the SHA-256 of every image where images are used.

    Parameters
    ----------
    path : path
        The user's table.
    rows : sequence of mapping, optional
        Its rows, where they stand in the settings and there is no such file.
    with_images : bool
        Whether the images are shown to a network.
    folder : path, optional
        What image files are relative to; by default the folder of the table.

    Returns
    -------
    DataFrame
        Rows and columns in the user's order; column ``sha256`` added last if ``with_images``.

    Raises
    ------
    LabelError, UnreadableFileError, MissingFileError
        If the table or an image is not as it should be.
    """
    stimuli = stimuli_of_rows(rows) if rows else read_stimuli(path)
    if not with_images:
        return stimuli
    return stimuli.assign(sha256=[sha256_of_file(image) for image in image_paths(stimuli, path, folder)])


def stimuli_of_rows(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """The stimulus table whose rows stand in the settings.

    Raises
    ------
    LabelError
        If a row has no label, or two have the same.
    """
    import pandas as pd

    check_labels([row.get("stimulus", "") for row in rows], "stimuli.rows")
    return pd.DataFrame([dict(row) for row in rows])


def column_of(stimuli: pd.DataFrame, column: str) -> dict[str, str]:
    """A column of the stimulus table by stimulus label; empty cells are left out.

    Raises
    ------
    UnknownNameError
        If there is no such column, with those that exist.
    """
    choose(column, stimuli.columns, what="column", where="stimuli.table")
    filled = stimuli[stimuli[column].notna()]
    return dict(zip(filled["stimulus"], filled[column].astype(str), strict=True))


def stimuli_of_set(stimuli: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """The rows of a stimulus set, or all rows for None.

    Raises
    ------
    UnknownNameError
        If the table has no column ``set``, or no such set in it.
    """
    if name is None:
        return stimuli
    of_image = column_of(stimuli, "set")
    choose(name, dict.fromkeys(of_image.values()), what="stimulus set", where="stimuli.table, column 'set'")
    return stimuli[stimuli["set"] == name].reset_index(drop=True)


def stimuli_with(stimuli: pd.DataFrame, labels: Iterable[str]) -> pd.DataFrame:
    """The rows of some images, in the order of the table.

    Raises
    ------
    LabelError
        If a label has no row.
    """
    wanted = set(labels)
    if lacking := sorted(wanted - set(stimuli["stimulus"])):
        raise LabelError(
            "stimulus table",
            f"no row for {len(lacking)} image(s): {listing(lacking)}",
            "a row for every image of the target",
            "Add the images to the table, or correct their labels.",
        )
    return stimuli[stimuli["stimulus"].isin(wanted)].reset_index(drop=True)


DEFAULT_CATEGORIES = "category"
"""Column that holds the categories of the images unless another is named."""


def categories_of(
    stimuli: pd.DataFrame, column: str | None = None, setting: str = "inference.categories"
) -> dict[str, str] | None:
    """Category of each image, for scores and exchanges within categories.

    Parameters
    ----------
    stimuli : DataFrame
    column : str, optional
        Column that was asked for; without one, `DEFAULT_CATEGORIES` is taken where it can be used.
    setting : str
        What asked for it, for the error message.

    Returns
    -------
    dict of str to str, or None
        None where no column was asked for and there is no usable one.

    Raises
    ------
    UnknownNameError, LabelError
        If the column that was asked for does not exist, has empty cells, or no or only categories of one image.
    """
    name = column or DEFAULT_CATEGORIES
    if column is None and name not in stimuli:
        return None
    of_image = column_of(stimuli, name)
    sizes = Counter(of_image.values())
    problem = None
    if len(of_image) < len(stimuli):
        problem = f"no category for {len(stimuli) - len(of_image)} image(s)"
    elif len(sizes) < 2:
        problem = "one category for all images"
    elif max(sizes.values()) < 3:
        problem = f"{len(sizes)} categories of at most {max(sizes.values())} images"
    if problem is None:
        return of_image
    if column is None:
        return None
    raise LabelError(
        f"stimuli.table, column '{column}' ({setting})",
        problem,
        "two or more categories, a category for every image, and three or more images in one of them",
        "Fill the column, or name another.",
    )


def labels_that_rank(
    stimuli: pd.DataFrame,
    columns: Sequence[str] | None,
    categories: str | None,
    *,
    of_set: bool = False,
) -> dict[str, dict[str, str]]:
    """Columns of the stimulus table whose categories rank features, with the category of each image.

    Parameters
    ----------
    stimuli : DataFrame
    columns : sequence of str, optional
        Those that were asked for; without, the column of the categories, where there is a usable one.
    categories : str, optional
        The setting `inference.categories`.
    of_set : bool
        Whether these are the images of one of several stimulus sets: columns that say nothing of them, because they
        are about another set, are left out.

    Raises
    ------
    UnknownNameError, LabelError
        As `categories_of`, of columns that were asked for.
    """
    if columns and of_set:
        columns = [column for column in columns if _is_usable(stimuli, column)]
    if columns is None:
        of_image = categories_of(stimuli, categories)
        return {} if of_image is None else {categories or DEFAULT_CATEGORIES: of_image}
    return {column: categories_of(stimuli, column, "specificity.labels") for column in columns}


def _is_usable(stimuli: pd.DataFrame, column: str) -> bool:
    try:
        return categories_of(stimuli, column) is not None
    except LabelError:
        return False


NO_CATEGORIES = ("stimulus", "file", "sha256", "synset", "set", "mask")
"""Columns of the stimulus table that are not looked at unless they are asked for."""

MIN_IN_CATEGORY = 3
"""Fewest images in a category, and outside it, that a difference is tested for."""


def category_columns(
    stimuli: pd.DataFrame, asked: Sequence[str] | None = None, *, of_set: bool = False
) -> dict[str, dict[str, str]]:
    """Columns of the stimulus table that sort the images into categories.

    Parameters
    ----------
    stimuli : DataFrame
        Rows of the images in question.
    asked : sequence of str, optional
        Columns that were asked for. Without, all whose every category has three images or more.
    of_set : bool
        Whether these are the images of one of several stimulus sets: columns that say nothing of them are left out.

    Returns
    -------
    dict of str to (dict of str to str)
        Category of each image, by column.

    Raises
    ------
    UnknownNameError, LabelError
        As `categories_of`, of columns that were asked for.
    """
    found = {}
    for column in [one for one in stimuli.columns if one not in NO_CATEGORIES] if asked is None else asked:
        try:
            of_image = categories_of(stimuli, column, "features.columns")
        except IsopruneError:
            if asked is None or (of_set and column in stimuli):
                continue
            raise
        if asked is not None or min(Counter(of_image.values()).values()) >= MIN_IN_CATEGORY:
            found[column] = of_image
    return found


def check_category_columns(
    stimuli: pd.DataFrame, asked: Sequence[str] | None, sets: Sequence[str | None]
) -> None:
    """Check that each column that was asked for sorts the images of at least one stimulus set into categories.

    Raises
    ------
    UnknownNameError, LabelError
        As `category_columns`.
    """
    images_of_sets = [stimuli_of_set(stimuli, name) for name in sets]
    for column in asked or ():
        if not any(category_columns(images, [column], of_set=True) for images in images_of_sets):
            category_columns(images_of_sets[0], [column])


def check_columns(
    stimuli: pd.DataFrame,
    *,
    groups: str | None,
    categories: str | None,
    exchange: str,
    labels: Sequence[str] | None,
    sets: Sequence[str | None] = (None,),
) -> None:
    """Check that the stimulus table has every column that the settings name, so that no job has to find out.

    Parameters
    ----------
    stimuli : DataFrame
    groups, categories, exchange, labels
        Settings `crossvalidation.column`, `inference.categories`, `inference.exchange`, `specificity.labels`.
    sets : sequence of str or None
        The stimulus sets of the targets; None stands for all images.

    Raises
    ------
    UnknownNameError, LabelError
        If a column does not exist, or does not hold what it is asked for; labels need to do so in one of the sets.
    """
    if groups:
        column_of(stimuli, groups)
    images_of_sets = [stimuli_of_set(stimuli, name) for name in sets]
    for images in images_of_sets:
        if categories_of(images, categories) is None and exchange == "within":
            raise LabelError(
                "inference.exchange",
                f"`within`, but the stimulus table has no usable column '{DEFAULT_CATEGORIES}'",
                "a category for every image",
                "Name the column in `inference.categories`, or use `exchange: images`.",
            )
    for column in labels or ():
        if not any(_is_usable(images, column) for images in images_of_sets):
            categories_of(images_of_sets[0], column, "specificity.labels")


def labels_in_order(setting: str, stimuli: Sequence[str], path: str | Path | None = None) -> list[str] | None:
    """The stimulus labels of a file's rows, as the setting ``labels`` says.

    Parameters
    ----------
    setting : str
        ``file``, ``table``, ``sorted``, or the name of a text file with one label a line.
    stimuli : sequence of str
        Labels in the order of the stimulus table.
    path : path, optional
        The text file, where the setting names one.

    Returns
    -------
    list of str, or None
        None where the labels stand in the file itself.

    Raises
    ------
    UnreadableFileError
        If the text file is not UTF-8.
    LabelError
        If it repeats a label or lists none.
    """
    if setting == "file":
        return None
    if setting == "table":
        return list(stimuli)
    if setting == "sorted":
        return sorted(stimuli)
    try:
        lines = Path(path or setting).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as problem:
        raise UnreadableFileError(
            str(path), "it is not UTF-8 text", "a text file with one label a line", "Save it as plain text."
        ) from problem
    labels = [line.strip() for line in lines if line.strip()]
    if not labels:
        raise LabelError(str(path), f"it lists no label ({listing(lines)})", "one label a line", "Fill it.")
    return list(check_labels(labels, str(path)))
