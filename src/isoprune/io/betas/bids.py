"""Betas in a BIDS-derivatives folder: found by the entities in their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from isoprune.errors import BetasError, MissingFileError
from isoprune.io.betas.images import nifti_volumes
from isoprune.io.betas.nifti import open_nifti
from isoprune.io.betas.runs import (
    PlannedRun,
    Settings,
    assembled,
    chosen_runs,
    counting_order,
    filled,
    required,
)
from isoprune.io.betas.tables import read_conditions
from isoprune.io.volumes import BetaRun
from isoprune.labels import listing

SUFFIXES = ("statmap", "betas")
_IMAGES = (".nii", ".nii.gz")
_CONDITION = ("contrast", "desc")
_ENTITY = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9+.]+)")


@dataclass(frozen=True)
class BidsFile:
    """A file and what its name says.

    Attributes
    ----------
    path : Path
    entities : dict of str to str
        ``sub-01_run-2_…`` is ``{'sub': '01', 'run': '2', …}``.
    suffix : str
        Last part of the name, without a hyphen.
    extension : str
        From the first dot after the suffix.
    """

    path: Path
    entities: Mapping[str, str]
    suffix: str
    extension: str


def parse_name(path: Path) -> BidsFile | None:
    """What a file's name says, or None if it is no BIDS name.

    Parameters
    ----------
    path : path
        Such as ``sub-01_task-view_run-1_space-T1w_stat-effect_statmap.nii.gz``.
    """
    *parts, last = path.name.split("_")
    suffix, dot, extension = last.partition(".")
    entities = [_ENTITY.fullmatch(part) for part in parts]
    if not entities or not all(entities) or not suffix.isalnum():
        return None
    pairs = {match[1]: match[2] for match in entities}
    return BidsFile(path, pairs, suffix, dot + extension) if len(pairs) == len(parts) else None


def named_images(folder: Path, suffixes: Iterable[str]) -> list[BidsFile]:
    """The NIfTI images with BIDS names in a folder and all below it, of some suffixes; sorted by path."""
    parsed = [file for path in sorted(folder.rglob("*-*")) if path.is_file() and (file := parse_name(path))]
    return [file for file in parsed if file.suffix in suffixes and file.extension in _IMAGES]


def differing_entities(images: Iterable[BidsFile]) -> dict[str, set[str | None]]:
    """Entities by which images differ beyond subject, session, run and condition, and their values."""
    images = list(images)
    expected = {"sub", "ses", "run", _condition_entity(images)}
    names = dict.fromkeys(name for image in images for name in image.entities if name not in expected)
    values = {name: {image.entities.get(name) for image in images} for name in names}
    return {name: found for name, found in values.items() if len(found) > 1}


def bids_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """Images of a subject that the settings choose, and the tables beside them; found by their names.

    Raises
    ------
    MissingFileError, BetasError, UnknownNameError
        As `bids_runs`, where names suffice to see it.
    """
    files: list[Path] = []
    for images in _by_run(settings, subject, root).values():
        tables = _tables_beside(images, settings, root)
        files += [*(image.path for image in images), *tables]
    return list(dict.fromkeys(files))


def bids_runs(settings: Settings, subject: str, root: Path) -> list[BetaRun]:
    """Runs of a subject from a BIDS-derivatives folder.

    Images end with ``_statmap`` or ``_betas``; `entities` chooses among them (``{stat: effect, space: T1w}``).
    Runs differ by ``ses`` and ``run`` only, and are called by the one that there is, or ``ses01run2``.
    A run is one 4-D image with a table beside it (``_conditions.tsv``, or the image's own name with
    ``.tsv``), or one image a condition, which ``contrast-`` or else ``desc-`` names.

    Raises
    ------
    MissingFileError
        If nothing fits, with what there is.
    BetasError
        If several images fit where one is expected, or an image has no table and no condition in its name.
    UnknownNameError
        If a run that the setting `runs` names is not there.
    UnreadableFileError, LabelError, GridError
        If images and tables are damaged or do not belong together.
    """
    return [
        assembled(_planned(label, images, settings, root), open_nifti)
        for label, images in _by_run(settings, subject, root).items()
    ]


def _by_run(settings: Settings, subject: str, root: Path) -> dict[str, list[BidsFile]]:
    folder = filled(required(settings, "folder"), root, subject=subject)
    images = _chosen_images(folder, subject, settings.get("entities") or {})
    _refuse_ambiguity(images, folder)
    found: dict[str, list[BidsFile]] = {}
    for image in images:
        found.setdefault(_run_label(image), []).append(image)
    chosen = chosen_runs(sorted(found, key=counting_order), settings.get("runs"), str(folder))
    return {label: found[known] for label, known in chosen.items()}


def _chosen_images(folder: Path, subject: str, entities: Mapping[str, str]) -> list[BidsFile]:
    if not folder.is_dir():
        remedy = "Name the derivatives folder by `betas.folder`."
        raise MissingFileError("betas.folder", f"'{folder}' is not a folder", "a folder that exists", remedy)
    images = named_images(folder, SUFFIXES)
    own = [file for file in images if file.entities.get("sub") == subject]
    if not own:
        subjects = dict.fromkeys(file.entities.get("sub", "") for file in images)
        raise MissingFileError(
            str(folder),
            f"no image of subject '{subject}' that ends with {' or '.join(f'_{name}' for name in SUFFIXES)}",
            "sub-<label>_…_statmap.nii.gz or …_betas.nii.gz",
            f"There are images of: {listing(subjects) or 'nobody'}.",
        )
    chosen = [
        file for file in own if all(file.entities.get(name) == value for name, value in entities.items())
    ]
    if not chosen:
        asked = ", ".join(f"{name}-{value}" for name, value in entities.items())
        raise MissingFileError(
            str(folder),
            f"none of {len(own)} images of subject '{subject}' has {asked}",
            "images with the entities that `betas.entities` names",
            f"There is {_values(own)}.",
        )
    return chosen


def _values(images: Iterable[BidsFile], names: Iterable[str] | None = None) -> str:
    """Which values the entities of some images have, in words."""
    found: dict[str, dict[str, None]] = {}
    for image in images:
        for name, value in image.entities.items():
            if name != "sub":
                found.setdefault(name, {})[value] = None
    names = found if names is None else names
    return "; ".join(f"{name}: {listing(found.get(name, ['nothing']))}" for name in names)


def _run_label(image: BidsFile) -> str:
    parts = {name: image.entities[name] for name in ("ses", "run") if name in image.entities}
    if len(parts) == 2:
        return "".join(f"{name}{value}" for name, value in parts.items())
    return next(iter(parts.values()), "1")


def _condition_entity(images: Iterable[BidsFile]) -> str | None:
    """The entity that tells conditions apart: `contrast` where there is one, else `desc`."""
    return next((name for name in _CONDITION if any(name in image.entities for image in images)), None)


def _refuse_ambiguity(images: list[BidsFile], folder: Path) -> None:
    """Images of a run may differ by condition only, and runs by session and run only."""
    open_names = list(differing_entities(images))
    kinds = {(image.suffix, image.extension) for image in images}
    if open_names:
        raise BetasError(
            str(folder),
            f"{len(images)} images that differ in {_values(images, open_names)}",
            "one image of each run and condition",
            f"Choose by `betas.entities`, for example {{{open_names[0]}: …}}.",
        )
    if len(kinds) > 1:
        raise BetasError(
            str(folder),
            f"images of several kinds: {listing(sorted(suffix + extension for suffix, extension in kinds))}",
            "one kind",
            "Move the others to a folder of their own.",
        )
    places = Counter((_run_label(image), image.entities.get(_condition_entity(images))) for image in images)
    twice = [place for place, count in places.items() if count > 1]
    if twice:
        run, condition = twice[0]
        same = [
            i.path for i in images if (_run_label(i), i.entities.get(_condition_entity(images))) == twice[0]
        ]
        raise BetasError(
            str(folder),
            f"several images of run '{run}'{f' and condition {condition}' if condition else ''}: {listing(same)}",
            "one image of each run and condition",
            "Move the others to a folder of their own.",
        )


def _tables_beside(images: list[BidsFile], settings: Settings, root: Path) -> list[Path]:
    """Tables that name the conditions of a run's single image."""
    if len(images) > 1:
        return []
    image = images[0]
    if settings.get("conditions") is not None:
        words = {"subject": image.entities["sub"], "run": _run_label(image)}
        return [filled(settings["conditions"], root, **words)]
    beside = [file for path in sorted(image.path.parent.iterdir()) if (file := parse_name(path))]
    return [
        file.path
        for file in beside
        if file.extension == ".tsv"
        and file.suffix in ("conditions", image.suffix)
        and all(image.entities.get(name) == value for name, value in file.entities.items())
    ]


def _planned(label: str, images: list[BidsFile], settings: Settings, root: Path) -> PlannedRun:
    tables = _tables_beside(images, settings, root)
    if len(tables) > 1:
        raise BetasError(
            str(images[0].path),
            f"{len(tables)} tables that fit it: {listing(path.name for path in tables)}",
            "one table of conditions",
            "Keep one, or name it by `betas.conditions`.",
        )
    if tables:
        column = settings.get("condition_column") or "condition"
        names = tuple(read_conditions(tables[0], column=column)["condition"])
        return PlannedRun(label, (images[0].path,), names, len(names), tables=(tables[0],))
    entity = _condition_entity(images)
    unnamed = [image.path for image in images if entity is None or entity not in image.entities]
    n_volumes = nifti_volumes(images[0].path).n_volumes
    if unnamed or n_volumes != 1:
        raise BetasError(
            str((unnamed or [images[0].path])[0]),
            f"an image of {n_volumes} volume(s), with no table beside it"
            + ("" if entity else " and no condition in its name"),
            "a table `…_conditions.tsv` beside a 4-D image, or images of one volume with `contrast-<condition>`",
            "Put the table beside the image, or name it by `betas.conditions`.",
        )
    images = sorted(images, key=lambda image: counting_order(image.entities[entity]))
    paths, names = zip(*((image.path, image.entities[entity]) for image in images), strict=True)
    return PlannedRun(label, paths, names, len(names))
