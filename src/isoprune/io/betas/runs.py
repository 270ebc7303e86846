"""From paths with placeholders and tables of conditions to the runs of a subject."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from glob import escape, glob
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np

from isoprune.errors import BetasError, ConfigError, MissingFileError, UnknownNameError
from isoprune.io.betas.tables import read_conditions, volumes_by_run
from isoprune.io.betas.volumes import Volumes, picked
from isoprune.io.volumes import BetaRun
from isoprune.labels import choose, listing, nearest

Settings = Mapping[str, Any]
HEMISPHERES = ("L", "R")


@dataclass(frozen=True)
class PlannedRun:
    """What a run consists of, before any image is opened.

    Attributes
    ----------
    label : str
    images : tuple of Path
    conditions : tuple of str
        Condition of each of the run's volumes.
    n_rows : int
        Volumes that the images must hold together.
    rows : ndarray of int, or None
        Which of them are the run's; None for all.
    tables : tuple of Path
        Tables that the above was read from.
    """

    label: str
    images: tuple[Path, ...]
    conditions: tuple[str, ...]
    n_rows: int
    rows: np.ndarray | None = None
    tables: tuple[Path, ...] = ()


def placeholders(pattern: str | None) -> set[str]:
    """Names of the placeholders in a path."""
    return {name for _, name, _, _ in Formatter().parse(pattern or "") if name}


def filled(pattern: str, root: Path, **words: str) -> Path:
    """The path that a pattern stands for, relative to ``root`` unless absolute."""
    return Path(root) / pattern.format(**words)


def required(settings: Settings, key: str) -> Any:
    """A setting that the format of the betas cannot do without.

    Raises
    ------
    ConfigError
        If it is not given.
    """
    value = settings.get(key)
    if value is None:
        raise ConfigError(
            f"betas.{key}",
            "it is missing",
            f"a value, since the betas are of the format {settings.get('format', 'nifti')}",
            f"Give '{key}' in the block `betas`.",
        )
    return value


def matching(pattern: str, name: str, root: Path, **words: str) -> dict[str, Path]:
    """The files that fit a pattern, by the text that stands where the placeholder ``name`` is.

    Parameters
    ----------
    pattern : str
        A path with the placeholder ``name`` and perhaps others.
    name : str
        The placeholder to read off the files.
    root : path
        Folder that the pattern is relative to.
    **words : str
        Text of the other placeholders.

    Returns
    -------
    dict of str to Path
        Sorted as people count: ``img_2`` before ``img_10``. Empty if there is no such file.
    """
    shape, expression = [], []
    for literal, field, _, _ in Formatter().parse(str(Path(root) / pattern)):
        shape.append(escape(literal))
        expression.append(re.escape(literal))
        if field == name:
            first = f"(?P<{name}>[^/]+)" not in expression
            shape.append("*")
            expression.append(f"(?P<{name}>[^/]+)" if first else f"(?P={name})")
        elif field is not None:
            shape.append(escape(words[field]))
            expression.append(re.escape(words[field]))
    whole = re.compile("".join(expression))
    # Not Path.glob, which takes no absolute pattern.
    paths = glob("".join(shape))  # noqa: PTH207
    found = [match for path in paths if (match := whole.fullmatch(path))]
    return {
        match[name]: Path(match[0]) for match in sorted(found, key=lambda match: counting_order(match[name]))
    }


def counting_order(text: str) -> tuple:
    """A key that sorts the numbers inside of texts as numbers."""
    pieces = re.split(r"(\d+)", text)
    return tuple((int(piece), piece) if place % 2 else (0, piece) for place, piece in enumerate(pieces))


def chosen_runs(found: Iterable[str], wanted: Sequence[str] | None, where: str) -> dict[str, str]:
    """The runs to use: label in the settings → label in the files.

    Parameters
    ----------
    found : iterable of str
        Labels that there are.
    wanted : sequence of str, or None
        The setting `runs`; None for all.
    where : str
        The table or folder, for the error message.

    Returns
    -------
    dict of str to str
        A label of digits also means the label of the same number: ``01`` is ``1`` where there is no ``01``.

    Raises
    ------
    UnknownNameError
        If a run that is wanted is not there, or two are the same.
    """
    found = list(found)
    if wanted is None:
        return {label: label for label in found}
    numbers = {int(label): label for label in found if label.isdecimal()}
    chosen = {}
    for label in wanted:
        same_number = numbers.get(int(label)) if label.isdecimal() else None
        known = label if label in found else same_number
        chosen[label] = known or choose(label, found, what="run", where=where)
    if len(set(chosen.values())) < len(chosen):
        raise UnknownNameError(
            where,
            f"the runs {listing(chosen)} are not all different",
            f"one of: {listing(found)}",
            "Name each run once in the setting `betas.runs`.",
        )
    return chosen


def planned_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """Files that `planned_runs` and the reading of its runs depend on; none of them is opened here."""
    pattern, table = required(settings, "images"), settings.get("conditions")
    files: list[Path] = []
    for run in settings.get("runs") or ("",):
        words = {"subject": subject, "run": run}
        if "condition" in placeholders(pattern):
            files += matching(pattern, "condition", root, **words).values()
        else:
            files += _images(settings, pattern, root, words)
        if table is not None:
            files.append(filled(table, root, **words))
    return list(dict.fromkeys(files))


def planned_runs(settings: Settings, subject: str, root: Path) -> list[PlannedRun]:
    """Which images and which conditions the runs of a subject have, from names of files and tables alone.

    Parameters
    ----------
    settings : mapping
        The block `betas`: `images`, `conditions` or `volumes`, `runs`, `condition_column`, `run_column`.
    subject : str
    root : path
        Folder that paths are relative to.

    Returns
    -------
    list of PlannedRun
        In the order of the setting `runs`, else of the table.

    Raises
    ------
    MissingFileError, UnreadableFileError, BetasError, LabelError
        If a table is not there or faulty, or no file fits a pattern.
    UnknownNameError
        If a table lacks a run.
    """
    pattern = required(settings, "images")
    if "run" not in placeholders(pattern):
        return _runs_of_one_table(settings, pattern, subject, root)
    return [
        _run_with_its_own_files(settings, pattern, label, {"subject": subject, "run": label}, root)
        for label in required(settings, "runs")
    ]


def _run_with_its_own_files(
    settings: Settings, pattern: str, label: str, words: Mapping[str, str], root: Path
) -> PlannedRun:
    names, tables = _conditions(settings, root, words)
    if "condition" in placeholders(pattern):
        images = _image_of_each(pattern, names, root, words, tables)
        return PlannedRun(label, tuple(images.values()), tuple(images), len(images), tables=tables)
    if names is None:
        required(settings, "conditions")
    return PlannedRun(label, tuple(_images(settings, pattern, root, words)), names, len(names), tables=tables)


def _runs_of_one_table(settings: Settings, pattern: str, subject: str, root: Path) -> list[PlannedRun]:
    """Runs that share their images, and whose table says which volume is of which run."""
    labels, column = settings.get("runs"), settings.get("run_column") or "run"
    words = {"subject": subject, "run": ""}
    single = labels[0] if labels is not None and len(labels) == 1 else "1"
    if settings.get("conditions") is None:
        return [_run_with_its_own_files(settings, pattern, single, words, root)]
    path = filled(settings["conditions"], root, **words)
    table = _table(settings, path)
    if column not in table.columns and (labels is None or len(labels) == 1) and column == "run":
        return [_run_with_its_own_files(settings, pattern, single, words, root)]
    rows = volumes_by_run(table, column, path)
    names = np.array(table["condition"], dtype=object)
    plans = []
    for label, known in chosen_runs(rows, labels, f"{path}, column '{column}'").items():
        chosen = tuple(names[rows[known]])
        if "condition" in placeholders(pattern):
            images = tuple(_image_of_each(pattern, chosen, root, words, (path,))[name] for name in chosen)
            plans.append(PlannedRun(label, images, chosen, len(chosen), tables=(path,)))
        else:
            images = tuple(_images(settings, pattern, root, words))
            plans.append(PlannedRun(label, images, chosen, len(names), rows[known], (path,)))
    return plans


def _table(settings: Settings, path: Path):
    return read_conditions(path, column=settings.get("condition_column") or "condition")


def _conditions(
    settings: Settings, root: Path, words: Mapping[str, str]
) -> tuple[tuple[str, ...] | None, tuple[Path, ...]]:
    if settings.get("volumes") is not None:
        return tuple(settings["volumes"]), ()
    if settings.get("conditions") is None:
        return None, ()
    path = filled(settings["conditions"], root, **words)
    return tuple(_table(settings, path)["condition"]), (path,)


def _images(settings: Settings, pattern: str, root: Path, words: Mapping[str, str]) -> list[Path]:
    if "hemisphere" not in placeholders(pattern):
        return [filled(pattern, root, **words)]
    return [
        filled(pattern, root, hemisphere=hemisphere, **words)
        for hemisphere in settings.get("hemispheres") or HEMISPHERES
    ]


def _image_of_each(
    pattern: str, names: Sequence[str] | None, root: Path, words: Mapping[str, str], tables: tuple[Path, ...]
) -> dict[str, Path]:
    found = matching(pattern, "condition", root, **words)
    if names is None:
        if found:
            return found
        raise MissingFileError(
            "betas.images",
            f"no file is called like '{filled(pattern, root, condition='*', **words)}'",
            "an image for each condition",
            "Correct the path; {condition} stands for the condition's name.",
        )
    missing = [name for name in names if name not in found]
    if missing:
        path, hint = filled(pattern, root, condition=missing[0], **words), nearest(missing[0], found)
        others = f" (nor have {len(missing) - 1} other conditions an image)" if len(missing) > 1 else ""
        raise MissingFileError(
            str(tables[0]) if tables else "betas.volumes",
            f"condition '{missing[0]}' has no image: '{path}' is not a file{others}",
            "an image for each condition",
            f"Is '{hint}' meant?" if hint else f"There are images of: {listing(found) or 'nothing'}.",
        )
    return {name: found[name] for name in names}


def assembled(plan: PlannedRun, open_images: Callable[[tuple[Path, ...]], Volumes]) -> BetaRun:
    """A run whose images are opened, after checking that they hold a volume for each row.

    Parameters
    ----------
    plan : PlannedRun
    open_images : callable
        Opens the images of a run as ``Volumes``.

    Returns
    -------
    BetaRun

    Raises
    ------
    BetasError
        If there are more or fewer volumes than rows.
    """
    volumes = open_images(plan.images)
    if volumes.n_volumes != plan.n_rows:
        others = f" and {len(plan.images) - 1} more" if len(plan.images) > 1 else ""
        raise BetasError(
            f"{plan.images[0]}{others}",
            f"{volumes.n_volumes} volumes, and {plan.n_rows} rows in the table of conditions",
            "one row a volume",
            "Check that image and table are of the same run.",
        )
    read = volumes.read if plan.rows is None else picked(volumes.read, plan.rows)
    return BetaRun(plan.label, plan.conditions, volumes.grid, read, (*volumes.files, *plan.tables))
